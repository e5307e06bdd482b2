"""The command `manage.py retire_record`."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import chain
from accounts.actor import Actor


class Command(BaseCommand):
    """Deletes one whole month of the record, older than 180 days, sealed and checked; its digests stay."""

    help = "Delete a month of the record whose time is over. Run it as the database's owner, after export_record."

    def add_arguments(self, parser: CommandParser) -> None:
        """The month, as 2026-01."""
        parser.add_argument("month", help="YYYY-MM")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many entries went. Raises CommandError in words where the month can't go."""
        try:
            month = datetime.strptime(options["month"], "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
        except ValueError as error:
            raise CommandError("a month is written 2026-01") from error
        try:
            gone = chain.retire(month, by=Actor())
        except ValidationError as refusal:
            raise CommandError(refusal.messages[0]) from refusal
        self.stdout.write(f"retired: {gone}")
