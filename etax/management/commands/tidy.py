"""The command `manage.py tidy`."""

from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts import outbox, pictures, sms, throttles
from agencies.services import engagements
from etax.sso import visits
from realname import photos
from staff import handover

_KEPT = timedelta(days=1)
_MESSAGES_KEPT = timedelta(days=7)
_COUNTS_KEPT = timedelta(days=30)


class Command(BaseCommand):
    """Deletes what binds nobody any more, and ends overdue engagements: run it every hour.

    The record is never touched.
    """

    help = "Delete expired sessions, picture marks, codes, messages, counts, tickets and photos."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many of each kind went, and how many photos have lost their file."""
        gone = {
            "sessions": Session.objects.filter(expire_date__lt=timezone.now()).delete()[0],
            "pictures": pictures.tidy(),
            "codes": sms.tidy(_KEPT),
            "messages": outbox.tidy(_MESSAGES_KEPT),
            "counts": throttles.tidy(_COUNTS_KEPT),
            "tickets": handover.tidy(),
            "visits": visits.tidy(),
            **photos.tidy(),
            "engagements": engagements.end_overdue(),
        }
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in gone.items()))
