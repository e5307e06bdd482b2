"""历史办税操作查询 and 日志管理: a taxpayer's own record, and a person's, filtered (D28)."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from io import StringIO
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEntry, Person, Taxpayer
from staff.told import lines_of

PAGE_SIZE = 20
EXPORTED = 10_000
"""Entries in one export at most, the newest."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


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


def csv_of(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """The entries as lines of CSV for a spreadsheet, in its columns' words; no cell is a formula (LOG-07)."""
    columns = (
        _("时间"),
        _("操作"),
        _("人员"),
        _("对象"),
        _("结果"),
        _("原因"),
        _("验证方式"),
        _("网络地址"),
        _("说明"),
    )
    yield "\ufeff" + _csv_line(map(str, columns))  # the mark by which spreadsheets know UTF-8
    for entry in entries:
        cells = (
            timezone.localtime(entry.at).strftime("%Y-%m-%d %H:%M:%S"),
            entry.get_kind_display(),
            entry.person.masked_name if entry.person else "",
            entry.target.masked_name if entry.target else "",
            entry.get_result_display(),
            entry.reason_in_words,
            entry.proof_in_words,
            entry.ip or "",
            str(_("；")).join(lines_of(entry)),
        )
        yield _csv_line(map(str, cells))


def _csv_line(cells: Iterable[str]) -> str:
    line = StringIO()
    csv.writer(line).writerow(["'" + cell if cell.startswith(_FORMULA) else cell for cell in cells])
    return line.getvalue()


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
