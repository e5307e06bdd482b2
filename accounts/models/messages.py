"""SMS codes, and the outbox of messages to phones."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.constraints import in_order, not_empty, one_of
from accounts.fields import SealedTextField
from accounts.models.people import Person


class Purpose(models.TextChoices):
    """What an SMS code is for; a code for one purpose is worth nothing for another (D14, OTP-07)."""

    SIGN_IN = "sign_in", _("登录电子税务局")
    CHANGE_PASSWORD = "change_password", _("修改密码")
    STEP_UP = "step_up", _("身份验证")
    PERSON_SIGN_IN = "person_sign_in", _("登录自然人账户")
    FORGOTTEN = "forgotten", _("找回密码")
    REGISTER = "register", _("注册自然人账户")
    PHONE_CHANGE = "phone_change", _("变更手机号码")
    COLLECTION = "collection", _("实名采集")
    COUNTER_COLLECTION = "counter_collection", _("实名采集")
    SWITCH_CAPACITY = "switch_capacity", _("切换身份")
    OFFICER_SIGN_IN = "officer_sign_in", _("登录税务人员后台")
    DECLARATION_PASSWORD = "declaration_password", _("查看或重置申报密码")


FOR_STRANGERS = frozenset({Purpose.PERSON_SIGN_IN, Purpose.FORGOTTEN, Purpose.REGISTER, Purpose.COLLECTION})
"""What can be asked for without any password: counted apart, so that a stranger can't use up who has one (D14)."""


class SmsCode(models.Model):
    """One code of six digits, kept as a keyed hash (D14, OTP-08).

    Without a person it proves a phone alone (实名采集, D26), or is a decoy: asked for by who claimed to be somebody he
    isn't, and the same work to make.

    `bound_to` is a hash of the taxpayer, the flow and the phone it belongs to. It is open until `closed_at`: used,
    replaced by a newer one, or tried wrong five times. Its life is measured by the database's clock.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, blank=True, related_name="sms_codes")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    bound_to = models.CharField(max_length=64)
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        # All that were asked for by who names nobody stand under no person: without this the next would be looked for
        # among all of them, which takes longer than where somebody is named, and tells so.
        indexes = (
            models.Index(
                "bound_to", condition=Q(person__isnull=True, closed_at__isnull=True), name="open_code_of_nobody"
            ),
        )
        constraints = (
            one_of("purpose", Purpose, name="sms_code_purpose_is_known"),
            not_empty("code_hash", name="sms_code_is_hashed"),
            models.UniqueConstraint(
                "person", "purpose", condition=Q(closed_at__isnull=True), name="one_open_code_per_person_and_purpose"
            ),
            in_order("created_at", "expires_at", name="sms_code_created_before_it_expires"),
            in_order("created_at", "closed_at", name="sms_code_created_before_closed"),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(closed_at__isnull=False, closed_at=F("used_at")),
                name="sms_code_used_is_closed",
            ),
        )

    def __str__(self) -> str:
        return f"{self.purpose} code {self.pk}"


NOTICE = "notice"
"""The kind of a message that tells somebody of an act; a code's kind is its purpose."""


class SmsMessage(models.Model):
    """A message on its way to a phone; number, words and code are sealed, and wiped once it is sent.

    Without a number it is a decoy: handled as any other, and sent to nobody. `maybe_sent` counts the tries of which
    nobody knows whether they reached the phone: one that is under way, that a killed process left, that a gateway
    never answered (F8). `counts` are the keys of the limits that it took from, to be given back if it fails.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, default=NOTICE)
    of_code = models.ForeignKey(SmsCode, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages")
    to = SealedTextField(blank=True, default="")
    text = SealedTextField(blank=True, default="")
    code = SealedTextField(blank=True, default="")
    counts = models.JSONField(blank=True, default=list)
    created_at = models.DateTimeField(default=timezone.now)
    useful_until = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    maybe_sent = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    sent_by = models.CharField(max_length=40, blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=[*Purpose.values, NOTICE]), name="sms_message_kind_is_known"),
            models.CheckConstraint(
                condition=(Q(sent_at__isnull=True) & Q(given_up_at__isnull=True))
                | (Q(to="") & Q(text="") & Q(code="")),
                name="sms_message_is_wiped_when_done",
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) | Q(given_up_at__isnull=True), name="sms_message_sent_or_given_up"
            ),
            in_order("created_at", "useful_until", name="sms_message_useful_after_created"),
        )
        indexes = (
            models.Index(
                fields=("next_try_at",),
                condition=Q(sent_at__isnull=True, given_up_at__isnull=True),
                name="sms_message_waiting",
            ),
            models.Index(fields=("created_at",), name="sms_message_by_age"),
        )

    def __str__(self) -> str:
        return f"message {self.uid}"


class SmsChannel(models.Model):
    """What the circuit breaker knows of one sender, for all processes together (F7, F8).

    Closed without `open_until`; open until then; after that one process at a time may try (half open).
    """

    name = models.CharField(max_length=40, unique=True)
    failures = models.PositiveSmallIntegerField(default=0)
    counted_from = models.DateTimeField(null=True, blank=True)
    open_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (not_empty("name", name="sms_channel_has_a_name"),)

    def __str__(self) -> str:
        return self.name


class Outcome(models.TextChoices):
    """What became of handing one message to one sender."""

    SENT = "sent", _("已提交")
    DECLINED = "declined", _("被拒收")
    FAILED = "failed", _("通道故障")
    MAYBE_SENT = "maybe_sent", _("结果不明")


class SmsTally(models.Model):
    """How often, on one day, a sender had one outcome: the delivery figures, kept when the messages are gone."""

    day = models.DateField()
    channel = models.CharField(max_length=40)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (
            one_of("outcome", Outcome, name="sms_tally_outcome_is_known"),
            models.UniqueConstraint(fields=("day", "channel", "outcome"), name="one_sms_tally_per_day_and_outcome"),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.channel} {self.outcome}: {self.count}"
