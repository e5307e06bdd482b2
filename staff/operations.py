"""历史办税操作查询 and 日志管理: a taxpayer's own record, and a person's, filtered (D28)."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import AuditEntry, Person, Taxpayer

PAGE_SIZE = 20


def entries_of(taxpayer: Taxpayer, filters: dict[str, Any]) -> QuerySet[AuditEntry]:
    """The taxpayer's entries that match the cleaned filters of `OperationsFilterForm`."""
    entries = AuditEntry.objects.filter(taxpayer=taxpayer).select_related("person", "target", "via")
    if filters.get("name"):
        entries = entries.filter(Q(person__name=filters["name"]) | Q(target__name=filters["name"]))
    return _filtered(entries, filters)


def entries_about(person: Person, filters: dict[str, Any]) -> QuerySet[AuditEntry]:
    """What this person did, and what was done to him, that match the cleaned filters of `RecordFilterForm`."""
    entries = AuditEntry.objects.filter(Q(person=person) | Q(target=person))
    return _filtered(entries.select_related("person", "target", "taxpayer", "via"), filters)


def _filtered(entries: QuerySet[AuditEntry], filters: dict[str, Any]) -> QuerySet[AuditEntry]:
    if filters.get("kind"):
        entries = entries.filter(kind=filters["kind"])
    if filters.get("result"):
        entries = entries.filter(result=filters["result"])
    if filters.get("since"):
        entries = entries.filter(at__gte=_midnight(filters["since"]))
    if filters.get("until"):
        entries = entries.filter(at__lt=_midnight(filters["until"] + timedelta(days=1)))
    return entries


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
