"""`manage.py demo`: load the demo world, or what of it is missing."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from etax import demo

SHOWN = 5
NOUNS = {"collections": "real-name collections"}


class Command(BaseCommand):
    """Load the demo world; on a seeded database it makes what is missing and overwrites nothing."""

    help = "Load the demo world: makes what is missing, overwrites nothing. Refuses to run where DEBUG is off."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, say what was made, and show how to sign in. Raises CommandError where DEBUG is off."""
        if not settings.DEBUG:
            raise CommandError("DEBUG is off: the demo world, whose passwords everybody knows, is not loaded here.")
        self.stdout.write(summary(demo.load()))
        self.stdout.write("Signing in (door | taxpayer number, enterprise password | who | how):")
        for row in demo.DOORS[:SHOWN]:
            self.stdout.write(f"  {sign_in_line(row)}")


def summary(made: demo.Counts) -> str:
    """What a load made, in words."""
    if not made.total:
        return "The demo world was all there: nothing was made, nothing overwritten."
    parts = (f"{count} {NOUNS.get(name, name)}" for name, count in asdict(made).items() if count)
    return f"The demo world: made {', '.join(parts)}; nothing overwritten."


def sign_in_line(row: demo.Door) -> str:
    """A line of the sign-in table with everything one types at that door."""
    firm = demo.FIRM_OF_KEY.get(row.firm)
    members = {member.name: member for member in demo.MEMBERS if member.firm == row.firm}
    people = [demo.HUMAN_OF_NAME[name] for name in row.names]
    how = row.how.format(
        personal=" / ".join(members[name].password for name in row.names if name in members),
        natural=" / ".join(human.password for human in people),
        username=" / ".join(human.username for human in people),
        phone=" / ".join(human.phone for human in people),
    )
    enterprise = f"{firm.code}, {firm.password}" if firm else "-"
    return f"{row.door} | {enterprise} | {' / '.join(row.names)} | {how}"
