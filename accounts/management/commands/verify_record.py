"""The command `manage.py verify_record`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import chain


class Command(BaseCommand):
    """Checks every sealed entry of the record, and names those that were changed, taken away or slipped in."""

    help = "Check the record against its chain."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--anchor`: a digest that `seal_record` printed before; without it nobody sees that the end was cut off."""
        parser.add_argument("--anchor", default="", help="a digest printed by seal_record")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each finding. Raises CommandError where there is any."""
        findings = 0
        for finding in chain.verify(anchor=options["anchor"]):
            self.stdout.write(f"{finding.what} {finding.seq}")
            findings += 1
        if findings:
            raise CommandError(f"the record is damaged in {findings} places")
        self.stdout.write("the record is whole")
