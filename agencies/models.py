"""代理机构认定: which agency may act for which client, by whom, and since when."""

import uuid
from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.composed import Given
from accounts.constraints import in_order, not_empty
from accounts.models import Person, Taxpayer
from staff.models import Identity


class EndReason(models.TextChoices):
    """Why an engagement, or a request for one, is over."""

    DECLINED = "declined", _("已拒绝")
    WITHDRAWN = "withdrawn", _("已撤回")
    CANCELLED = "cancelled", _("已取消")
    EXPIRED = "expired", _("已到期")
    AGENCY_GONE = "agency_gone", _("代理机构已注销")


class State(models.TextChoices):
    """What an engagement is today: derived from its dates, for lists and their filters."""

    PENDING = "pending", _("待确认")
    RECOGNISED = "recognised", _("已认定")
    NOT_YET = "not_yet", _("未生效")
    DECLINED = "declined", _("已拒绝")
    WITHDRAWN = "withdrawn", _("已撤回")
    CANCELLED = "cancelled", _("已取消")
    EXPIRED = "expired", _("已到期")
    AGENCY_GONE = "agency_gone", _("代理机构已注销")


class ClientGroup(models.Model):
    """委托企业分组: an agency's own name for some of its clients, so that who serves many finds them."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    agency = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="client_groups")
    name = models.CharField(_("分组名称"), max_length=50)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            not_empty("name", name="client_group_has_a_name"),
            models.UniqueConstraint("agency", "name", name="client_group_name_once_per_agency"),
        )

    def __str__(self) -> str:
        return self.name


_PENDING = Q(ended_at__isnull=True, recognised_at__isnull=True)


class EngagementQuerySet(models.QuerySet["Engagement"]):
    """Ways of choosing engagements."""

    def open(self) -> "EngagementQuerySet":
        """Those, requests among them, that nobody has ended."""
        return self.filter(ended_at__isnull=True)

    def recognised(self) -> "EngagementQuerySet":
        """The open ones that the client has recognised, whatever their dates say."""
        return self.open().filter(recognised_at__isnull=False)

    def overdue(self) -> "EngagementQuerySet":
        """The recognised ones whose last day has passed."""
        return self.recognised().filter(valid_until__lt=timezone.localdate())

    def pending(self) -> "EngagementQuerySet":
        """The requests that wait for the client's answer."""
        return self.filter(_PENDING)

    def ending_within(self, first: date | Given, last: date | Given) -> "EngagementQuerySet":
        """The recognised ones whose last day is one of these."""
        return self.recognised().filter(valid_until__gte=first, valid_until__lte=last)

    def in_state(self, state: State) -> "EngagementQuerySet":
        """Those that are this today; said a second time by `Engagement.state`."""
        today = timezone.localdate()
        over = Q(ended_at__isnull=True, recognised_at__isnull=False, valid_until__lt=today)
        chosen = {
            State.PENDING: _PENDING,
            State.NOT_YET: Q(ended_at__isnull=True, recognised_at__isnull=False, valid_from__gt=today),
            State.RECOGNISED: Q(ended_at__isnull=True, recognised_at__isnull=False, valid_from__lte=today) & ~over,
            State.EXPIRED: over | Q(ended_because=EndReason.EXPIRED),
        }
        return self.filter(chosen.get(state, Q(ended_because=state.value)))


class Engagement(models.Model):
    """A client lets an agency act for it, from `valid_from` to `valid_until`, with one identity's functions (D23).

    Asked for by the agency (`proposed_by`) or begun by the client itself, it is usable once recognised (认定), from its
    first day through its last, until it is ended. Only an open one holds the identity: what an ended one had lent is
    kept in words (`lent_name`, `lent_functions`), so that it keeps nobody from deleting the identity.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    agency = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="engagements_as_agency")
    client = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="engagements_as_client")
    identity = models.ForeignKey(Identity, on_delete=models.PROTECT, null=True, blank=True, related_name="engagements")
    group = models.ForeignKey(
        ClientGroup,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="engagements",
        verbose_name=_("分组"),
    )
    handlers = models.ManyToManyField(
        Person,
        through="Handler",
        through_fields=("engagement", "person"),
        blank=True,
        related_name="handled_engagements",
    )
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)
    proposed_at = models.DateTimeField(default=timezone.now)
    proposed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    recognised_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.CharField(max_length=16, choices=EndReason.choices, blank=True, default="")
    note = models.CharField(_("说明"), max_length=100, blank=True, default="")
    lent_name = models.CharField(max_length=50, blank=True, default="")
    lent_functions = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = EngagementQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(agency=F("client")), name="engagement_is_between_two"),
            models.UniqueConstraint(
                "agency", "client", condition=Q(ended_at__isnull=True), name="one_open_engagement_per_pair"
            ),
            models.CheckConstraint(
                condition=Q(recognised_at__isnull=True)
                | Q(ended_at__isnull=False)
                | Q(identity__isnull=False, valid_from__isnull=False),
                name="engagement_open_and_recognised_lends_an_identity",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(identity__isnull=True), name="engagement_ended_holds_no_identity"
            ),
            models.CheckConstraint(
                condition=Q(ended_because__in=["", *EndReason.values]), name="engagement_end_reason_is_known"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_because="")
                | (Q(ended_at__isnull=False) & ~Q(ended_because="")),
                name="engagement_end_has_a_reason",
            ),
            in_order("valid_from", "valid_until", name="engagement_valid_from_before_until"),
            in_order("proposed_at", "recognised_at", name="engagement_proposed_before_recognised"),
            in_order("proposed_at", "ended_at", name="engagement_proposed_before_ended"),
            in_order("recognised_at", "ended_at", name="engagement_recognised_before_ended"),
        )
        indexes = (
            models.Index("agency", F("id").desc(), name="engagement_of_agency"),
            models.Index("client", F("id").desc(), name="engagement_of_client"),
            models.Index(
                fields=("agency", "valid_until"),
                condition=Q(ended_at__isnull=True, recognised_at__isnull=False),
                name="engagement_by_last_day",
            ),
        )

    def __str__(self) -> str:
        return f"engagement {self.uid}"

    @property
    def state(self) -> State:
        """What it is today."""
        if self.ended_because:
            return State(self.ended_because)
        if self.recognised_at is None:
            return State.PENDING
        today = timezone.localdate()
        if self.valid_until is not None and self.valid_until < today:
            return State.EXPIRED
        return State.NOT_YET if self.valid_from is not None and self.valid_from > today else State.RECOGNISED

    @property
    def is_usable(self) -> bool:
        """Whether somebody may act by it today."""
        return self.state == State.RECOGNISED


class Handler(models.Model):
    """代办人员: a person whom the agency has named to act for one client, and who named him when."""

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="namings")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    named_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    named_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint("engagement", "person", name="handler_named_once_per_engagement"),)
        indexes = (models.Index("person", F("engagement").desc(), name="handler_of_engagements"),)

    def __str__(self) -> str:
        return f"handler {self.pk}"
