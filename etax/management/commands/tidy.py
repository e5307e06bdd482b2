"""The command `manage.py tidy`."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import outbox, pictures, sms, throttles
from agencies.services import engagements
from etax.sso import visits
from realname import photos
from staff import handover

logger = logging.getLogger(__name__)

_KEPT = timedelta(days=1)
_MESSAGES_KEPT = timedelta(days=7)
_COUNTS_KEPT = timedelta(days=30)


_KINDS: dict[str, Callable[[], int | dict[str, int]]] = {
    "sessions": lambda: Session.objects.filter(expire_date__lt=timezone.now()).delete()[0],
    "pictures": pictures.tidy,
    "codes": lambda: sms.tidy(_KEPT),
    "messages": lambda: outbox.tidy(_MESSAGES_KEPT),
    "counts": lambda: throttles.tidy(_COUNTS_KEPT),
    "tickets": handover.tidy,
    "visits": visits.tidy,
    "photos": photos.tidy,
    "engagements": engagements.end_overdue,
}


class Command(BaseCommand):
    """Deletes what binds nobody any more, and ends overdue engagements: run it every hour.

    The record is never touched.
    """

    help = "Delete expired sessions, picture marks, codes, messages, counts, tickets and photos."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many of each kind went, and how many photos have lost their file.

        Where one kind can't be tidied, a store of photos that doesn't answer, the others are all the same. Raises
        CommandError, which names it, at the end.
        """
        gone: dict[str, int] = {}
        failed: list[str] = []
        for name, tidy in _KINDS.items():
            try:
                count = tidy()
            except Exception:  # whatever it is: it is in the log, and the next kind's turn
                logger.exception("%s could not be tidied", name)
                failed.append(name)
            else:
                gone |= count if isinstance(count, dict) else {name: count}
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in gone.items()))
        if failed:
            raise CommandError(f"could not be tidied: {', '.join(failed)}")
