"""变更税务登记: what a firm asks the bureau to change in its register of people, and the scans that come with it."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.constraints import in_order, not_empty, one_of
from accounts.fields import LookupHashField, SealedTextField
from accounts.models import Person, Taxpayer
from accounts.numbers import IdType, mask_email, mask_id_number, mask_name, mask_phone
from realname.models.posts import Post


class ChangeKind(models.TextChoices):
    """What can be asked for (D25)."""

    CLERK_ADDED = "clerk_added", _("办税人员信息：增加")
    CLERK_ENDED = "clerk_ended", _("办税人员信息：终止")
    PHONES_CHANGED = "phones_changed", _("办税人员信息：修改电话")
    FINANCE_CHANGED = "finance_changed", _("财务负责人变更")


class ChangeOutcome(models.TextChoices):
    """What an officer decided."""

    APPROVED = "approved", _("已批准")
    RETURNED = "returned", _("已退回")


class ChangeState(models.TextChoices):
    """How a request stands; derived from its dates, never stored."""

    PENDING = "pending", _("待审核")
    APPROVED = "approved", _("已批准")
    RETURNED = "returned", _("已退回")
    WITHDRAWN = "withdrawn", _("已撤消")


_BRINGS_SOMEBODY = (ChangeKind.CLERK_ADDED, ChangeKind.FINANCE_CHANGED)
_OPEN = Q(withdrawn_at__isnull=True) & ~Q(outcome=ChangeOutcome.APPROVED)


class ChangeRequestQuerySet(models.QuerySet["ChangeRequest"]):
    """Ways of choosing requests."""

    def open(self) -> "ChangeRequestQuerySet":
        """Those that stand in the way of another: pending, or returned and not yet withdrawn (M143)."""
        return self.filter(_OPEN)

    def pending(self) -> "ChangeRequestQuerySet":
        """Those that wait for an officer."""
        return self.filter(withdrawn_at__isnull=True, decided_at__isnull=True)

    def returned(self) -> "ChangeRequestQuerySet":
        """Those that wait for the firm to withdraw them and send them again (M143)."""
        return self.filter(withdrawn_at__isnull=True, outcome=ChangeOutcome.RETURNED)


class ChangeRequest(models.Model):
    """变更税务登记: one change that a firm asks for and an officer approves or returns with a reason (D25).

    `post` is what is ended, changed or replaced. The columns of a person and of phones say what the register shall
    hold afterwards; one that is empty was left out of the form and stays as it is (M140).
    """

    Kind = ChangeKind
    Outcome = ChangeOutcome
    State = ChangeState

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    taxpayer = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="change_requests")
    kind = models.CharField(max_length=16, choices=ChangeKind.choices)
    post = models.ForeignKey(Post, on_delete=models.PROTECT, null=True, blank=True, related_name="change_requests")
    name = models.CharField(_("姓名"), max_length=100, blank=True, default="")
    id_type = models.CharField(_("身份证件种类"), max_length=16, choices=IdType.choices, blank=True, default="")
    id_number = SealedTextField(_("身份证件号码"), blank=True, default="")
    id_number_hash = LookupHashField(of="id_number")
    mobile = SealedTextField(_("移动电话"), blank=True, default="")
    landline = SealedTextField(_("固定电话"), blank=True, default="")
    email = SealedTextField(_("电子邮箱"), blank=True, default="")
    submitted_at = models.DateTimeField(default=timezone.now)
    submitted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    outcome = models.CharField(max_length=16, choices=ChangeOutcome.choices, blank=True, default="")
    reason = models.CharField(max_length=200, blank=True, default="")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = ChangeRequestQuerySet.as_manager()

    class Meta:
        constraints = (
            one_of("kind", ChangeKind, name="change_request_kind_is_known"),
            models.CheckConstraint(
                condition=Q(id_type__in=["", *IdType.values]), name="change_request_id_type_is_known"
            ),
            models.CheckConstraint(
                condition=Q(outcome="", decided_at__isnull=True, decided_by__isnull=True)
                | Q(outcome__in=ChangeOutcome.values, decided_at__isnull=False, decided_by__isnull=False),
                name="change_request_decided_by_somebody_with_an_outcome",
            ),
            models.CheckConstraint(
                condition=~Q(outcome=ChangeOutcome.RETURNED) | ~Q(reason=""),
                name="change_request_returned_with_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(outcome=ChangeOutcome.APPROVED) | Q(withdrawn_at__isnull=True),
                name="change_request_approved_is_not_withdrawn",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=_BRINGS_SOMEBODY) | Q(post__isnull=False), name="change_request_names_its_post"
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=_BRINGS_SOMEBODY)
                | (~Q(name="") & ~Q(id_type="") & ~Q(id_number="") & ~Q(mobile="")),
                name="change_request_names_whom_it_brings",
            ),
            in_order("submitted_at", "decided_at", name="change_request_submitted_before_decided"),
            in_order("submitted_at", "withdrawn_at", name="change_request_submitted_before_withdrawn"),
            models.UniqueConstraint(
                "taxpayer",
                condition=_OPEN & Q(kind=ChangeKind.FINANCE_CHANGED),
                name="one_open_finance_change_per_taxpayer",
            ),
            models.UniqueConstraint(
                "taxpayer",
                "id_type",
                "id_number_hash",
                condition=_OPEN & Q(kind=ChangeKind.CLERK_ADDED),
                name="one_open_addition_per_taxpayer_and_document",
            ),
            models.UniqueConstraint(
                "post",
                condition=_OPEN & Q(kind__in=[ChangeKind.CLERK_ENDED, ChangeKind.PHONES_CHANGED]),
                name="one_open_change_per_post",
            ),
        )
        indexes = (
            models.Index("taxpayer", F("id").desc(), name="change_request_of_taxpayer"),
            models.Index(
                fields=("id",),
                condition=Q(withdrawn_at__isnull=True, decided_at__isnull=True),
                name="change_request_pending",
            ),
        )

    def __str__(self) -> str:
        return f"change request {self.uid}"

    @property
    def state(self) -> ChangeState:
        """How it stands now."""
        if self.withdrawn_at is not None:
            return ChangeState.WITHDRAWN
        return ChangeState(self.outcome) if self.outcome else ChangeState.PENDING

    @property
    def masked_subject(self) -> str:
        """Whom it is about, masked (D27): who shall come, or whose post it is."""
        if self.name:
            return mask_name(self.name)
        return self.post.person.masked_name if self.post else ""

    @property
    def masked_id_number(self) -> str:
        """2101**********0042 (D27)."""
        return mask_id_number(self.id_number)

    @property
    def masked_mobile(self) -> str:
        """138****1234 (D27)."""
        return mask_phone(self.mobile)

    @property
    def masked_landline(self) -> str:
        """As `masked_mobile`, for what stands in 【固定电话】."""
        return mask_phone(self.landline)

    @property
    def masked_email(self) -> str:
        """w****@example.cn."""
        return mask_email(self.email)


class ChangeScan(models.Model):
    """A scan that came with a request: a JPEG made anew from its pixels, sealed (M141, FIL-04)."""

    ROTATION_BATCH = 20

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request = models.ForeignKey(ChangeRequest, on_delete=models.CASCADE, related_name="scans")
    content = SealedTextField()
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (not_empty("content", name="change_scan_has_content"),)

    def __str__(self) -> str:
        return f"scan {self.uid}"
