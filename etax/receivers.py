"""What the portal does when something happens on the floors below, which know nothing of it."""

from typing import Any
from uuid import UUID

from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import SignIn
from agencies.signals import client_changed
from etax.models import SystemVisit


@receiver(client_changed)
def end_visits(sender: object, *, sign_in: SignIn | None, engagement: UUID | None, **_more: Any) -> None:
    """Whoever acts for another now, or for the agency itself, is in no system for whom he acted before (SES-05)."""
    there = SystemVisit.objects.filter(sign_in=sign_in, left_at__isnull=True).exclude(engagement=engagement)
    there.update(left_at=Greatest(Value(timezone.now()), F("started_at")))
