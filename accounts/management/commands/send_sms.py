"""The command `manage.py send_sms`."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import outbox


class Command(BaseCommand):
    """Sends the messages whose next try is due: run it every minute."""

    help = "Send the waiting messages of the outbox whose next try is due."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many went and how many wait on."""
        due = outbox.waiting()
        sent = sum(outbox.deliver(pk) for pk in due)
        self.stdout.write(f"{sent} sent, {len(due) - sent} not sent")
