"""历史办税操作查询: a taxpayer's own record, filtered (D28)."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import AuditEntry, Taxpayer

PAGE_SIZE = 20


def entries_of(taxpayer: Taxpayer, filters: dict[str, Any]) -> QuerySet[AuditEntry]:
    """The taxpayer's entries that match the cleaned filters of `OperationsFilterForm`."""
    return matching(AuditEntry.objects.filter(taxpayer=taxpayer), filters)


def matching(entries: QuerySet[AuditEntry], filters: dict[str, Any]) -> QuerySet[AuditEntry]:
    """Those of the entries that match the cleaned filters, with the people they name."""
    entries = entries.select_related("person", "target", "via")
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
