"""The command `manage.py retire_record`."""

from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import chain
from accounts.actor import Actor


class Command(BaseCommand):
    """Deletes one whole month of the record, older than 180 days, sealed and checked; its digests stay."""

    help = "Delete a month of the record whose time is over. Run it as the database's owner, after export_record."

    def add_arguments(self, parser: CommandParser) -> None:
        """The month, as 2026-01, or all that are due."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("month", nargs="?", help="YYYY-MM")
        which.add_argument("--due", action="store_true", help="every month whose 180 days are over")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many entries went. Raises CommandError in words where a month can't go."""
        months = chain.due() if options["due"] else [_month(options["month"])]
        gone = 0
        for month in months:
            try:
                gone += chain.retire(month, by=Actor())
            except ValidationError as refusal:
                raise CommandError(f"{month:%Y-%m}: {refusal.messages[0]}") from refusal
        self.stdout.write(f"retired: {gone}")


def _month(written: str) -> date:
    try:
        return datetime.strptime(written, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError as error:
        raise CommandError("a month is written 2026-01") from error
