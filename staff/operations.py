"""历史办税操作查询: a taxpayer's own record, filtered, and page by key (D28, D33)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import AuditEntry, Taxpayer

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the record, newest first; `newer` and `older` are the keys to go on from, or None at an end."""

    entries: list[AuditEntry]
    newer: int | None
    older: int | None


def entries_of(taxpayer: Taxpayer, filters: dict[str, Any]) -> QuerySet[AuditEntry]:
    """The taxpayer's entries that match the cleaned filters of `OperationsFilterForm`."""
    entries = AuditEntry.objects.filter(taxpayer=taxpayer).select_related("person", "target", "via")
    if filters.get("kind"):
        entries = entries.filter(kind=filters["kind"])
    if filters.get("result"):
        entries = entries.filter(result=filters["result"])
    if filters.get("name"):
        entries = entries.filter(Q(person__name=filters["name"]) | Q(target__name=filters["name"]))
    if filters.get("since"):
        entries = entries.filter(at__gte=_midnight(filters["since"]))
    if filters.get("until"):
        entries = entries.filter(at__lt=_midnight(filters["until"] + timedelta(days=1)))
    return entries


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def page_of(entries: QuerySet[AuditEntry], *, before: int | None = None, after: int | None = None) -> Page:
    """The page that ends before one key, or begins after another, or the newest; no counting, no offset (D33)."""
    if after is not None:
        rows = list(entries.filter(seq__gt=after).order_by("seq")[: PAGE_SIZE + 1])
        more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE][::-1]
        return Page(rows, rows[0].seq if more and rows else None, rows[-1].seq if rows else None)
    if before is not None:
        entries = entries.filter(seq__lt=before)
    rows = list(entries.order_by("-seq")[: PAGE_SIZE + 1])
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    newer = rows[0].seq if rows and before is not None else None
    return Page(rows, newer, rows[-1].seq if more else None)
