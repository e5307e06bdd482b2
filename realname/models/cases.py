"""非本人任职: somebody says that a firm uses his name without him (MisuseCase)."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.constraints import in_order, not_empty
from accounts.fields import SealedTextField
from accounts.models import Person, Taxpayer


class Outcome(models.TextChoices):
    """What the bureau found."""

    UPHELD = "upheld", _("属实：确非本人任职")
    REJECTED = "rejected", _("不属实：任职恢复使用")


class MisuseCaseQuerySet(models.QuerySet["MisuseCase"]):
    """Ways of choosing cases."""

    def undecided(self) -> "MisuseCaseQuerySet":
        """Those that the bureau has still to decide."""
        return self.filter(decided_at__isnull=True)

    def blocking(self, *, since: F | models.OuterRef) -> "MisuseCaseQuerySet":
        """Those that block a post which began on the day `since`.

        An undecided one blocks every post; an upheld one those that began up to its decision, should an import open
        them again. A post that the register begins later is a new matter, which may be reported anew.
        """
        return self.filter(Q(decided_at__isnull=True) | Q(outcome=Outcome.UPHELD, decided_at__date__gte=since))


class MisuseCase(models.Model):
    """非本人任职: a person's report that a taxpayer uses his name without him, and what the bureau decided (D35)."""

    Outcome = Outcome

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    taxpayer = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="misuse_cases")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="misuse_cases")
    statement = SealedTextField(_("情况说明"))
    reported_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True, default="")
    decision = models.CharField(_("核实意见"), max_length=500, blank=True, default="")

    objects = MisuseCaseQuerySet.as_manager()

    class Meta:
        constraints = (
            not_empty("statement", name="misuse_case_has_a_statement"),
            models.CheckConstraint(condition=Q(outcome__in=["", *Outcome.values]), name="misuse_case_outcome_is_known"),
            in_order("reported_at", "decided_at", name="misuse_case_decided_after_reported"),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, decided_by__isnull=True, outcome="")
                | (Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(outcome="")),
                name="misuse_case_decided_by_somebody_with_an_outcome",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("person")),
                name="misuse_case_not_decided_by_its_own_person",
            ),
            models.UniqueConstraint(
                "taxpayer",
                "person",
                condition=Q(decided_at__isnull=True),
                name="one_open_misuse_case_per_person_and_taxpayer",
            ),
        )
        indexes = (
            models.Index("person", "taxpayer", name="misuse_case_of_person"),
            models.Index(
                fields=("reported_at",), condition=Q(decided_at__isnull=True), name="misuse_case_undecided_oldest"
            ),
        )

    def __str__(self) -> str:
        return f"misuse case {self.uid}"

    @property
    def state(self) -> str:
        """Where the case stands, in words."""
        return str(Outcome(self.outcome).label) if self.outcome else str(_("税务机关核实中"))
