"""Counting of tries in the database, atomically and by its own clock, so that counts hold whatever else dies (D13)."""

import math
import operator
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import chain
from typing import Any

from django.db import connection, transaction
from django.db.models import CharField, F, Q
from django.db.models.functions import Now

from accounts import sealing
from accounts.composed import Composed, Given
from accounts.limits import Limit
from accounts.models import Throttle

Count = tuple[Limit, str]
"""A limit and whom it counts for."""


def unreadable(typed: str) -> str:
    """A word to count by for what a visitor typed: it may be his password, in the wrong box (LOG-05)."""
    return sealing.keyed_hash(sealing.purpose_key("throttle"), typed)


def _key(limit: Limit, subject: str) -> str:
    return f"{limit.name}:{subject}"[:160]


# One statement counts, or with an increment of 0 only locks: it makes the rows that are missing, locks all of them in
# the order given, begins anew those whose time is over, and tells how they stand, by the database's own clock.
_COUNT = """
INSERT INTO accounts_throttle AS t ("key", "count", resets_at, used_at) VALUES {rows}
ON CONFLICT ("key") DO UPDATE SET
  "count" = EXCLUDED."count" + CASE WHEN {over} THEN 0 ELSE t."count" END,
  resets_at = CASE WHEN {over} OR t.resets_at IS NULL THEN EXCLUDED.resets_at ELSE t.resets_at END,
  blocked_until = CASE WHEN {over} THEN NULL ELSE t.blocked_until END,
  used_at = EXCLUDED.used_at
RETURNING id, "key", "count", resets_at, blocked_until, used_at
"""
_OVER = "(t.resets_at <= EXCLUDED.used_at OR t.blocked_until <= EXCLUDED.used_at)"
_ROW = {
    "postgresql": (
        "(%s, %s, STATEMENT_TIMESTAMP() + %s::double precision * INTERVAL '1 second', STATEMENT_TIMESTAMP())"
    ),
    "sqlite": (
        "(%s, %s, STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', %s || ' seconds'),"
        " STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW'))"
    ),
}


def _count(rows: Mapping[str, tuple[int, timedelta | None]]) -> dict[str, Throttle]:
    """Add so much to the count of each key, which starts anew after so long; the rows afterwards, locked.

    `used_at` of each is the database's time.
    """
    values = [(key, more, period.total_seconds() if period else None) for key, (more, period) in rows.items()]
    sql = _COUNT.format(rows=", ".join([_ROW[connection.vendor]] * len(values)), over=_OVER)
    return {row.key: row for row in Throttle.objects.raw(sql, list(chain.from_iterable(values)))}


def _seconds_until(end: datetime | None, now: datetime) -> int:
    """Whole seconds, at least 1 where it lies ahead; else 0."""
    return max(1, math.ceil((end - now).total_seconds())) if end is not None and end > now else 0


def _seconds_left(row: Throttle, limit: Limit, now: datetime) -> int:
    """How long the subject must wait; 0 where it needn't."""
    blocked = _seconds_until(row.blocked_until, now)
    if blocked or limit.block is not None or row.count < limit.count:
        return blocked
    return _seconds_until(row.resets_at, now)


@transaction.atomic
def take(*counts: Count, lock: Count | None = None) -> tuple[Limit, int] | None:
    """Take one from each count, or from none: then the limit in the way that lasts longest, and its seconds.

    `lock` is a count that is locked first, and not changed: whatever holds it goes one after another until the end
    of the caller's transaction.
    """
    locked: dict[str, tuple[int, timedelta | None]] = {_key(*lock): (0, None)} if lock else {}
    limits = {_key(limit, subject): limit for limit, subject in counts}
    rows = _count(locked | {key: (1, limits[key].period) for key in sorted(limits)})
    over = [(limit, rows[key]) for key, limit in limits.items() if rows[key].count > limit.count]
    waits = [(limit, _seconds_until(row.resets_at, row.used_at)) for limit, row in over]
    if waits:
        transaction.set_rollback(True)
    return max(waits, key=operator.itemgetter(1), default=None)


@dataclass(frozen=True, slots=True)
class Held:
    """How a locked count stands: what was counted, and the seconds to wait, 0 where there is no need."""

    count: int
    seconds: int


def hold(limit: Limit, subjects: Iterable[str]) -> dict[str, Held]:
    """Lock these counts until the end of the caller's transaction, and tell how they stand."""
    keys = {_key(limit, subject): subject for subject in sorted(subjects)}
    rows = _count(dict.fromkeys(keys, (0, None)))
    return {
        subject: Held(rows[key].count, _seconds_left(rows[key], limit, rows[key].used_at))
        for key, subject in keys.items()
    }


@transaction.atomic(savepoint=False)
def fail(limit: Limit, subject: str) -> int:
    """Count a failure; how many there are now. A subject that is blocked already isn't blocked for longer."""
    key = _key(limit, subject)
    row = _count({key: (0, None)})[key]
    if row.blocked_until is not None:
        return row.count
    row.count += 1
    if row.resets_at is None and limit.period is not None:
        row.resets_at = row.used_at + limit.period
    if row.count >= limit.count and limit.block is not None:
        row.blocked_until = row.used_at + limit.block
    row.save(update_fields=["count", "resets_at", "blocked_until"])
    return row.count


# The count's row with the database's time as `now`; the key is unique.
_ROW_OF = Composed(lambda: Throttle.objects.annotate(now=Now()).filter(key=Given("key", CharField())))
_LOCKED_ROW_OF = Composed(
    lambda: Throttle.objects.select_for_update(no_key=True).annotate(now=Now()).filter(key=Given("key", CharField()))
)


def look(limit: Limit, subject: str) -> Held:
    """How a count stands, without locking it."""
    row: Any = _ROW_OF.first(key=_key(limit, subject))
    return Held(row.count, _seconds_left(row, limit, row.now)) if row is not None else Held(0, 0)


def wait(limit: Limit, subject: str) -> int:
    """Seconds until this subject may try again; 0 where it may now."""
    return look(limit, subject).seconds


@transaction.atomic(savepoint=False)
def forgive(limit: Limit, subject: str) -> int | None:
    """Start the count anew: somebody succeeded. How many failures were forgotten; None, and nothing, while blocked.

    A right answer among many wrong ones at once is so worth nothing once the last allowed wrong one is counted.
    """
    row: Any = _LOCKED_ROW_OF.first(key=_key(limit, subject))
    if row is None:
        return 0
    now: datetime = row.now
    if row.blocked_until is not None and row.blocked_until > now:
        return None
    row.delete()
    return int(row.count)


def succeed(limit: Limit, subject: str) -> bool:
    """As `forgive`; whether the subject wasn't blocked."""
    return forgive(limit, subject) is not None


def release(limit: Limit, *subjects: str) -> None:
    """Forget counts and blocks: what they guarded has been set anew by who proved himself otherwise."""
    Throttle.objects.filter(key__in=[_key(limit, subject) for subject in subjects]).delete()


def _everywhere(limit: Limit, subject: str) -> Q:
    """The subject's own count, and those in browsers of its own (`accounts.browsers`)."""
    key = _key(limit, subject)
    return Q(key=key) | Q(key__startswith=f"{key}@")


def release_everywhere(limit: Limit, subject: str) -> None:
    """As `release`, for the subject's counts in browsers of its own as well."""
    Throttle.objects.filter(_everywhere(limit, subject)).delete()


def longest_wait(counts: Collection[Count]) -> int:
    """Seconds until the last of these may be tried again, in whichever browser it lasts longest; 0 where all may."""
    wanted = reduce(operator.or_, (_everywhere(limit, subject) for limit, subject in counts))
    limits = {limit.name: limit for limit, _subject in counts}
    rows = Throttle.objects.annotate(now=Now()).filter(wanted)
    return max((_seconds_left(row, limits[row.key.partition(":")[0]], row.now) for row in rows), default=0)


def give_back(limit: Limit, subject: str) -> None:
    """Give back one that was taken: it was used well (a tax hall behind one address is not blocked)."""
    Throttle.objects.filter(key=_key(limit, subject), count__gt=0).update(count=F("count") - 1)


def keys(*counts: Count) -> list[str]:
    """The names of these counts, to be kept by what may have to give them back."""
    return [_key(limit, subject) for limit, subject in counts]


def give_back_keys(names: Collection[str]) -> None:
    """Give back one of each of these counts: what they were taken for has failed, and not by its owner's fault."""
    if names:
        Throttle.objects.filter(key__in=names, count__gt=0).update(count=F("count") - 1)


def tidy(older_than: timedelta) -> int:
    """Delete counts that nobody has touched for so long, and that block nobody; returns how many."""
    old = Throttle.objects.filter(used_at__lt=Now() - older_than)
    return old.exclude(blocked_until__gt=Now()).exclude(resets_at__gt=Now()).delete()[0]
