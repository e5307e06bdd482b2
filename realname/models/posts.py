"""税务登记人员: who works where, by the tax register (Post)."""

from datetime import date

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import numbers
from accounts.composed import Given
from accounts.constraints import in_order, one_of
from accounts.fields import SealedTextField
from accounts.models import Person, Taxpayer


class Position(models.TextChoices):
    """In what position the tax register knows somebody: said here and nowhere else (D31)."""

    LEGAL_REP = "legal_rep", _("法定代表人（业主）")
    FINANCE = "finance", _("财务负责人")
    CLERK = "clerk", _("办税员")


LEADS = (Position.LEGAL_REP, Position.FINANCE)


class PostQuerySet(models.QuerySet["Post"]):
    """Ways of choosing posts."""

    def open(self) -> "PostQuerySet":
        """The posts that the register holds today."""
        return self.held_on(timezone.localdate())

    def held_on(self, day: date | Given) -> "PostQuerySet":
        """The posts that the register holds on this day.

        A taxpayer has one legal representative and one finance officer: where the end of one lies in the future and
        another has already begun, the one who began last is it (D20, D31).
        """
        held = Q(Q(until__isnull=True) | Q(until__gt=day), since__lte=day)
        began_later = Q(since__gt=OuterRef("since")) | Q(since=OuterRef("since"), pk__gt=OuterRef("pk"))
        place = {"taxpayer": OuterRef("taxpayer"), "position": OuterRef("position")}
        successors = Post.objects.filter(held, began_later, **place)
        return self.filter(held).exclude(Q(position__in=LEADS) & Exists(successors))


class Post(models.Model):
    """税务登记人员: the tax register says that a person holds a position at a taxpayer.

    From the day `since` on; on the day `until` it is over, so that who was replaced today is out today (D20).
    `mobile` is the register's 【移动电话】 and `landline` its 【固定电话】, as they were typed there (M91, M92).
    `linked_at` is when the person confirmed it (关联, M15, D18).
    """

    taxpayer = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="posts")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="posts")
    position = models.CharField(max_length=16, choices=Position.choices)
    mobile = SealedTextField(_("移动电话"), blank=True, default="")
    landline = SealedTextField(_("固定电话"), blank=True, default="")
    since = models.DateField()
    until = models.DateField(null=True, blank=True)
    linked_at = models.DateTimeField(null=True, blank=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        constraints = (
            one_of("position", Position, name="post_position_is_known"),
            in_order("since", "until", name="post_since_before_until"),
            models.UniqueConstraint(
                "taxpayer", "person", "position", "since", name="post_known_by_taxpayer_person_position_since"
            ),
            models.UniqueConstraint(
                "taxpayer",
                condition=Q(position=Position.LEGAL_REP, until__isnull=True),
                name="one_open_legal_rep_per_taxpayer",
            ),
            models.UniqueConstraint(
                "taxpayer",
                condition=Q(position=Position.FINANCE, until__isnull=True),
                name="one_open_finance_officer_per_taxpayer",
            ),
            models.UniqueConstraint(
                "taxpayer",
                "person",
                condition=Q(position=Position.CLERK, until__isnull=True),
                name="one_open_clerk_post_per_person_and_taxpayer",
            ),
        )
        indexes = (models.Index("taxpayer", "position", name="post_of_taxpayer_by_position"),)

    def __str__(self) -> str:
        return f"{self.get_position_display()} {self.person_id} @ {self.taxpayer_id}"

    @property
    def is_linked(self) -> bool:
        """Whether the person is linked with the taxpayer: the legal representative needs no confirming (D18)."""
        return self.linked_at is not None or self.position == Position.LEGAL_REP

    @property
    def masked_mobile(self) -> str:
        """138****1234, whatever stands in 【移动电话】 (D27)."""
        return numbers.mask_phone(self.mobile)

    @property
    def masked_landline(self) -> str:
        """As `masked_mobile`, for 【固定电话】."""
        return numbers.mask_phone(self.landline)

    @property
    def landline_is_mobile(self) -> bool:
        """Whether a mobile number was typed into 【固定电话】 (M92)."""
        return numbers.is_mobile(numbers.fold(self.landline))
