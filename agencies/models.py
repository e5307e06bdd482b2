"""代理机构认定: which agency may act for which client."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.constraints import in_order
from accounts.models import Person, Taxpayer
from staff.models import Identity


class Engagement(models.Model):
    """A client lets an agency act for it, from `valid_from` until `valid_until`, with one identity's functions (D23).

    Proposed by the agency, it is open once recognised (认定) and not ended. `handlers` are who may use it.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    agency = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="engagements_as_agency")
    client = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="engagements_as_client")
    identity = models.ForeignKey(Identity, on_delete=models.PROTECT, null=True, blank=True, related_name="engagements")
    handlers = models.ManyToManyField(Person, blank=True, related_name="handled_engagements")
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)
    proposed_at = models.DateTimeField(default=timezone.now)
    recognised_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(agency=F("client")), name="engagement_is_between_two"),
            models.UniqueConstraint(
                "agency", "client", condition=Q(ended_at__isnull=True), name="one_open_engagement_per_pair"
            ),
            models.CheckConstraint(
                condition=Q(recognised_at__isnull=True) | Q(identity__isnull=False, valid_from__isnull=False),
                name="engagement_recognised_lends_an_identity",
            ),
            in_order("valid_from", "valid_until", name="engagement_valid_from_before_until"),
            in_order("proposed_at", "recognised_at", name="engagement_proposed_before_recognised"),
            in_order("proposed_at", "ended_at", name="engagement_proposed_before_ended"),
        )

    def __str__(self) -> str:
        return f"engagement {self.uid}"
