"""Sign-ins: who is in, as whom, and what proved it."""

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.constraints import in_order, one_of
from accounts.models.credentials import Credential
from accounts.models.people import Person, Taxpayer
from accounts.user_agents import in_words

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=8)


class Proof(models.TextChoices):
    """What proved who somebody is (D15)."""

    ENTERPRISE_SMS = "enterprise_sms", _("企业密码+短信验证码")
    ENTERPRISE_PASSWORD = "enterprise_password", _("企业密码+个人登录密码")
    ENTERPRISE_RESET = "enterprise_reset", _("企业密码+重置状态")
    PERSON_PASSWORD = "person_password", _("自然人登录密码")
    PERSON_SMS = "person_sms", _("实名手机短信验证码")
    OFFICER_SMS = "officer_sms", _("税务人员密码+短信验证码")


class EndReason(models.TextChoices):
    """Why a sign-in ended: told to its owner on the next page."""

    SIGNED_OUT = "signed_out", _("您已退出登录。")
    IDLE = "idle", _("您已超过15分钟没有操作，为了安全已自动退出，请重新登录。")
    LONGEST = "longest", _("本次登录已满8小时，为了安全已自动退出，请重新登录。")
    REPLACED = "replaced", _("您已在本浏览器重新登录。")
    ENDED_BY_OWNER = "ended_by_owner", _("您在另一处结束了本次登录。如果不是您本人所为，请尽快修改密码。")
    ENDED_BY_LEAD = "ended_by_lead", _("法定代表人（业主）或财务负责人结束了本次登录。")
    PASSWORD_CHANGED = "password_changed", _("本次登录所用的密码已变更，请用新密码重新登录。")
    PASSWORD_RESET = (
        "password_reset",
        _("您的个人登录密码已被重置。请重新登录，并在24小时内修改密码，旧密码为111111。"),
    )
    REMOVED = "removed", _("您已不是该企业的办税人员。如需继续办税，请联系法定代表人（业主）或财务负责人重新添加。")
    SWITCHED = "switched", _("您已切换身份，请在切换后的页面继续办理。")
    LEFT = "left", _("您已解除在该企业的任职，本次登录已结束。")
    ENDED_BY_BUREAU = "ended_by_bureau", _("税务机关结束了本次登录。如有疑问，请联系税务机关前台。")
    CAPACITY_LOST = "capacity_lost", _("您的办税身份已变更，请重新登录。")


LOSSES = frozenset(
    {
        EndReason.REMOVED,
        EndReason.LEFT,
        EndReason.CAPACITY_LOST,
        EndReason.ENDED_BY_LEAD,
        EndReason.PASSWORD_RESET,
        EndReason.PASSWORD_CHANGED,
    }
)
"""What ends somebody's sign-ins for one taxpayer, and not what proved him elsewhere (D16)."""


class SignIn(models.Model):
    """One sign-in in one browser, from the last step of a door to its end (D16).

    It remembers which versions of which passwords proved it, and when a code to the phone last did (`code_at`).
    Who switches his capacity goes on under a new row that began when the first did; `origin` is that first one, from
    the last step of a door, on whose proof the others rest.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sign_ins")
    taxpayer = models.ForeignKey(Taxpayer, on_delete=models.CASCADE, null=True, blank=True, related_name="sign_ins")
    proof = models.CharField(max_length=24, choices=Proof.choices)
    enterprise_credential = models.ForeignKey(
        Credential, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    enterprise_version = models.PositiveIntegerField(default=0)
    personal_credential = models.ForeignKey(
        Credential, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    personal_version = models.PositiveIntegerField(default=0)
    code_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.CharField(max_length=24, choices=EndReason.choices, blank=True, default="")
    ip = models.GenericIPAddressField(null=True, blank=True)
    browser = models.CharField(max_length=200, blank=True, default="")
    told_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    origin = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="later")

    class Meta:
        constraints = (
            one_of("proof", Proof, name="sign_in_proof_is_known"),
            models.CheckConstraint(
                condition=Q(ended_because__in=["", *EndReason.values]), name="sign_in_end_reason_is_known"
            ),
            in_order("started_at", "ended_at", name="sign_in_ends_after_it_started"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_because="")
                | (Q(ended_at__isnull=False) & ~Q(ended_because="")),
                name="sign_in_end_has_a_reason",
            ),
        )
        indexes = (
            models.Index("person", "taxpayer", models.F("started_at").desc(), name="sign_in_latest"),
            models.Index(fields=("person",), condition=Q(ended_at__isnull=True), name="sign_in_live_of_person"),
            models.Index(fields=("taxpayer",), condition=Q(ended_at__isnull=True), name="sign_in_live_of_taxpayer"),
        )

    def __str__(self) -> str:
        return f"sign-in {self.uid}"

    @property
    def browser_in_words(self) -> str:
        """Edge（Windows）."""
        return in_words(self.browser)

    def why_over(self) -> EndReason | None:
        """Why this sign-in must end now, though nobody ended it: time, or what it rests on is gone (D16)."""
        late = self._why_late()
        if late is not None:
            return late
        if self._rests_on_changed_password or (self.origin is not None and self.origin._rests_on_changed_password):
            return EndReason.PASSWORD_CHANGED
        return self._why_origin_is_over()

    def _why_late(self) -> EndReason | None:
        now = timezone.now()
        if now - self.started_at >= LONGEST:
            return EndReason.LONGEST
        return EndReason.IDLE if now - self.seen_at >= IDLE else None

    def _why_origin_is_over(self) -> EndReason | None:
        """Why the sign-in that this one rests on no longer holds: it was ended for more than being switched from."""
        if self.origin is None or self.origin.ended_because in ("", EndReason.SWITCHED):
            return None
        return EndReason(self.origin.ended_because)

    @property
    def rests_on_another(self) -> bool:
        """Whether another capacity than this one proved the session: losing this one doesn't end it (D16)."""
        return self.origin is not None and self.origin.taxpayer_id != self.taxpayer_id

    @property
    def lost_because(self) -> EndReason | None:
        """Why only the capacity that was switched to is lost, while what proved the session still holds (D16).

        Such a session goes on for no taxpayer; None where it goes on as it is, or is over altogether.
        """
        if not self.rests_on_another or self._is_over_anyway:
            return None
        if self.ended_at is None:
            return EndReason.PASSWORD_CHANGED if self._enterprise_has_changed else None
        if self.ended_because == EndReason.PASSWORD_CHANGED and self.taxpayer_id is None:
            return None  # his own password: what it proved is over wherever he had switched
        return EndReason(self.ended_because) if self.ended_because in LOSSES else None

    @property
    def _is_over_anyway(self) -> bool:
        """Whether time, or what proved the session, ends it whatever capacity it has now."""
        is_unproven = self._personal_has_changed or (self.origin is not None and self.origin._rests_on_changed_password)
        return is_unproven or self._why_late() is not None or self._why_origin_is_over() is not None

    @property
    def _enterprise_has_changed(self) -> bool:
        return self._changed(self.enterprise_credential, self.enterprise_version)

    @property
    def _personal_has_changed(self) -> bool:
        return self._changed(self.personal_credential, self.personal_version)

    @property
    def _rests_on_changed_password(self) -> bool:
        return self._enterprise_has_changed or self._personal_has_changed

    @staticmethod
    def _changed(credential: Credential | None, version: int) -> bool:
        # A version without its credential: the password is gone altogether.
        return bool(version) and (credential is None or credential.version != version)
