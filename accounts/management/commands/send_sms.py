"""The command `manage.py send_sms`."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import outbox


class Command(BaseCommand):
    """Sends the messages whose next try is due: run it every minute, or once with `--loop`."""

    help = "Send the waiting messages of the outbox whose next try is due."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--loop`, and how often it looks."""
        parser.add_argument("--loop", action="store_true", help="go on until SIGTERM, as a service")
        parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many went and how many wait on."""
        if options["loop"]:
            stop = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            outbox.deliver_all(stop, every=options["every"])
            return
        due = outbox.waiting()
        sent = sum(outbox.deliver(pk) for pk in due)
        self.stdout.write(f"{sent} sent, {len(due) - sent} not sent")
