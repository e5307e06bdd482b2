"""Sealing the record in blocks, checking it, and retiring whole months when their time is over (LOG-03, LOG-04)."""

import calendar
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, partitions, sealing, triggers
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, RecordBlock

SHORTEST_KEPT = timedelta(days=180)
"""The record is kept at least so long (网络安全法, article 21)."""
_BLOCK = 1_000
_LAG = timedelta(minutes=10)  # a transaction with an earlier number may still be under way
_SEQ, _HASH = 8, 16
_FIELDS = (
    *("seq", "at", "kind", "result", "reason", "person_id", "taxpayer_id", "via_id", "target_id"),
    *("proof", "ip", "request_id", "details"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the record: `what` is "changed", "missing", "slipped_in" or "chain_broken"."""

    what: str
    seq: int


def _hash_of(row: tuple[Any, ...], key: str) -> bytes:
    """A keyed hash of all that an entry says; moments as UTC, so that every database tells the same."""
    values = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in row]
    text = json.dumps(values, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return bytes.fromhex(sealing.hash_under(key, text))[:_HASH]


def _month_of(moment: datetime) -> date:
    return timezone.localdate(moment).replace(day=1)


def _digest(block: RecordBlock, before: str) -> str:
    parts = (before, str(block.month), str(block.first_seq), str(block.last_seq), bytes(block.entries).hex())
    return sealing.hash_under(block.key, "|".join(parts))


def _last_block() -> RecordBlock | None:
    return RecordBlock.objects.select_for_update().order_by("-first_seq").first()


def seal_entries() -> int:
    """Seal all entries older than ten minutes that no block holds yet; returns how many. Run it every night.

    Raises IntegrityError, and seals nothing twice, where another run is at the same entries.
    """
    sealed = 0
    while True:
        with transaction.atomic():
            count = _seal_block(_last_block())
        if not count:
            return sealed
        sealed += count


def _seal_block(last: RecordBlock | None) -> int:
    older = AuditEntry.objects.filter(seq__gt=last.last_seq if last else 0).order_by("seq")
    rows: list[tuple[Any, ...]] = []
    month, young = None, timezone.now() - _LAG
    for row in older.values_list(*_FIELDS)[:_BLOCK]:
        at = row[1]
        month = month or _month_of(at)
        if at > young or _month_of(at) > month:
            break
        rows.append(row)
    if not rows or month is None:
        return 0
    key = sealing.current_key()
    packed = b"".join(row[0].to_bytes(_SEQ) + _hash_of(row, key) for row in rows)
    block = RecordBlock(month=month, first_seq=rows[0][0], last_seq=rows[-1][0], entries=packed, key=key)
    block.digest = _digest(block, last.digest if last else "")
    block.save(force_insert=True)
    return len(rows)


def head() -> str:
    """The newest block's digest: the anchor. Whoever keeps it elsewhere can later tell that blocks were cut off."""
    newest = RecordBlock.objects.order_by("-first_seq").first()
    return newest.digest if newest else ""


def verify(*, anchor: str = "") -> Iterator[Finding]:
    """Everything that is wrong with the sealed part of the record, the oldest first (F26).

    With an `anchor`, a digest that was printed before, a chain that no longer contains it is broken at its end.
    """
    before, found_anchor = "", not anchor
    for block in RecordBlock.objects.order_by("first_seq").iterator(chunk_size=50):
        if block.digest != _digest(block, before):
            yield Finding("chain_broken", block.first_seq)
        before = block.digest
        found_anchor = found_anchor or block.digest == anchor
        if block.retired_at is None:
            yield from _wrong_in(block)
    if not found_anchor:
        yield Finding("chain_broken", RecordBlock.objects.aggregate(last=Max("last_seq"))["last"] or 0)


def _wrong_in(block: RecordBlock) -> Iterator[Finding]:
    packed, step = bytes(block.entries), _SEQ + _HASH
    pieces = [packed[start : start + step] for start in range(0, len(packed), step)]
    known = {int.from_bytes(piece[:_SEQ]): piece[_SEQ:] for piece in pieces}
    rows = AuditEntry.objects.filter(seq__range=(block.first_seq, block.last_seq)).values_list(*_FIELDS)
    there = {int(row[0]): row for row in rows}
    for seq in sorted(known.keys() | there.keys()):
        if seq not in there:
            yield Finding("missing", seq)
        elif seq not in known:
            yield Finding("slipped_in", seq)
        elif _hash_of(there[seq], block.key) != known[seq]:
            yield Finding("changed", seq)


def _end_of(month: date) -> date:
    """The first day after this month."""
    return month + timedelta(days=calendar.monthrange(month.year, month.month)[1])


def retire(month: date, *, by: Actor) -> int:
    """Delete the entries of a whole month whose 180 days are over; its blocks stay as anchors. Returns how many.

    The database's owner alone may: the portal's own role can't lift the triggers. Recorded in the same transaction.
    Raises ValidationError `too_young`, `not_sealed` for a month without blocks, `damaged` for one that doesn't verify.
    """
    month = month.replace(day=1)
    if timezone.localdate() - _end_of(month) < SHORTEST_KEPT:
        raise ValidationError(_("日志至少保留180天。"), code="too_young")
    with transaction.atomic():
        blocks = list(
            RecordBlock.objects.select_for_update().filter(month=month, retired_at__isnull=True).order_by("first_seq")
        )
        if not blocks:
            raise ValidationError(_("该月没有已封存的日志。"), code="not_sealed")
        if any(finding for block in blocks for finding in _wrong_in(block)):
            raise ValidationError(_("该月日志校验不通过，不能清理。"), code="damaged")
        with triggers.lifted(connection):
            if not partitions.drop_month(month, blocks[0].first_seq, blocks[-1].last_seq, _between(blocks)):
                for block in blocks:
                    _delete(block)
        gone = sum(len(block.entries) // (_SEQ + _HASH) for block in blocks)  # as was just checked, all were there
        RecordBlock.objects.filter(pk__in=[block.pk for block in blocks]).update(retired_at=timezone.now())
        audit.record(Kind.RECORD_RETIRED, by=by, month=str(month), count=gone, digest=blocks[-1].digest)
    return gone


def _between(blocks: list[RecordBlock]) -> list[tuple[int, int]]:
    """The numbers that other months' blocks hold among these: a clock went back while they were written."""
    among = RecordBlock.objects.filter(first_seq__range=(blocks[0].first_seq, blocks[-1].last_seq))
    return list(among.exclude(pk__in=[block.pk for block in blocks]).values_list("first_seq", "last_seq"))


def due() -> list[date]:
    """The months whose time is over and whose entries are still there, oldest first."""
    months = RecordBlock.objects.filter(retired_at__isnull=True).order_by("month").values_list("month", flat=True)
    return [month for month in months.distinct() if timezone.localdate() - _end_of(month) >= SHORTEST_KEPT]


def _delete(block: RecordBlock) -> None:
    entries = AuditEntry.objects.filter(seq__range=(block.first_seq, block.last_seq))
    entries._raw_delete(entries.db)  # nothing points at an entry, and reading millions first would help nobody
