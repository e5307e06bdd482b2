"""The command `manage.py export_record`."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import QuerySet

from accounts.models import AuditEntry

_FIELDS = ("kind", "result", "reason", "proof", "ip", "request_id", "details")


def entries_after(seq: int) -> QuerySet[AuditEntry]:
    """The entries with a greater number, oldest first, with people and firms."""
    related = ("person", "taxpayer", "via", "target")
    return AuditEntry.objects.filter(seq__gt=seq).select_related(*related).order_by("seq")


def as_line(entry: AuditEntry) -> str:
    """One entry as a line of JSON: people by their public ids, firms by number; nothing that must be masked."""
    people = {name: str(person.uid) if person else None for name, person in _people(entry)}
    firms = {name: firm.code if firm else None for name, firm in (("taxpayer", entry.taxpayer), ("via", entry.via))}
    rest = {name: getattr(entry, name) for name in _FIELDS}
    return json.dumps({"seq": entry.seq, "at": entry.at.isoformat(), **people, **firms, **rest}, ensure_ascii=True)


def _people(entry: AuditEntry) -> tuple[tuple[str, Any], ...]:
    return ("person", entry.person), ("target", entry.target)


class Command(BaseCommand):
    """Ships the record to another system: each entry one line, whatever it says (LOG-06)."""

    help = "Print the record as JSON Lines, from one entry on."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--after`: the last number that was shipped before."""
        parser.add_argument("--after", type=int, default=0, help="print entries with a greater seq")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the entries, oldest first, a thousand in memory at most."""
        for entry in entries_after(options["after"]).iterator(chunk_size=1_000):
            self.stdout.write(as_line(entry))
