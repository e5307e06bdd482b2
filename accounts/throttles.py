"""Counting of tries in the database, atomically and by its own clock, so that counts hold whatever else dies (D13)."""

import math
import operator
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import reduce

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts import sealing
from accounts.limits import Limit
from accounts.models import Throttle

Count = tuple[Limit, str]
"""A limit and whom it counts for."""


def unreadable(typed: str) -> str:
    """A word to count by for what a visitor typed: it may be his password, in the wrong box (LOG-05)."""
    return sealing.keyed_hash(sealing.purpose_key("throttle"), typed)


def _key(limit: Limit, subject: str) -> str:
    return f"{limit.name}:{subject}"[:160]


def _locked(counts: Iterable[Count]) -> tuple[dict[str, Throttle], datetime]:
    """The rows of these counts, made where missing and locked in one order, and the database's time."""
    keys = sorted({_key(limit, subject) for limit, subject in counts})
    rows: list[Throttle] = []
    while len(rows) < len(keys):  # once more where another process has just deleted one of them
        Throttle.objects.bulk_create([Throttle(key=key) for key in keys], ignore_conflicts=True)
        rows = list(
            Throttle.objects.select_for_update(no_key=True).annotate(now=Now()).filter(key__in=keys).order_by("key")
        )
    now: datetime = rows[0].now  # type: ignore[attr-defined]  # the annotation above
    for row in rows:
        row.used_at = now
        if row.resets_at is not None and row.resets_at <= now:
            row.count, row.resets_at = 0, None
        if row.blocked_until is not None and row.blocked_until <= now:
            row.count, row.resets_at, row.blocked_until = 0, None, None
    return {row.key: row for row in rows}, now


def _save(rows: Iterable[Throttle]) -> None:
    Throttle.objects.bulk_update(rows, ["count", "resets_at", "blocked_until", "used_at"])


def _count_one(row: Throttle, limit: Limit, now: datetime) -> None:
    row.count += 1
    if row.resets_at is None and limit.period is not None:
        row.resets_at = now + limit.period
    if row.count >= limit.count and limit.block is not None:
        row.blocked_until = now + limit.block


def _seconds_left(row: Throttle, limit: Limit, now: datetime) -> int:
    """How long the subject must wait, in whole seconds, at least 1 where it must; 0 where it needn't."""
    if row.blocked_until is not None and row.blocked_until > now:
        return max(1, math.ceil((row.blocked_until - now).total_seconds()))
    if limit.block is None and row.count >= limit.count and row.resets_at is not None and row.resets_at > now:
        return max(1, math.ceil((row.resets_at - now).total_seconds()))
    return 0


@transaction.atomic
def take(*counts: Count) -> tuple[Limit, int] | None:
    """Take one from each count, or from none: then the limit in the way that lasts longest, and its seconds."""
    rows, now = _locked(counts)
    waits = [(limit, _seconds_left(rows[_key(limit, subject)], limit, now)) for limit, subject in counts]
    limit, longest = max(waits, key=lambda pair: pair[1])
    if longest:
        return limit, longest
    for limit, subject in counts:
        _count_one(rows[_key(limit, subject)], limit, now)
    _save(rows.values())
    return None


@transaction.atomic
def fail(limit: Limit, subject: str) -> int:
    """Count a failure; how many there are now. A subject that is blocked already isn't blocked for longer."""
    rows, now = _locked([(limit, subject)])
    row = rows[_key(limit, subject)]
    if row.blocked_until is None:
        _count_one(row, limit, now)
        _save([row])
    return row.count


def wait(limit: Limit, subject: str) -> int:
    """Seconds until this subject may try again; 0 where it may now."""
    row = Throttle.objects.annotate(now=Now()).filter(key=_key(limit, subject)).first()
    if row is None:
        return 0
    now: datetime = row.now
    return _seconds_left(row, limit, now)


@transaction.atomic
def succeed(limit: Limit, subject: str) -> bool:
    """Start the count anew: somebody succeeded. False, and nothing is changed, while the subject is blocked.

    A right answer among many wrong ones at once is so worth nothing once the last allowed wrong one is counted.
    """
    row = Throttle.objects.select_for_update(no_key=True).annotate(now=Now()).filter(key=_key(limit, subject)).first()
    if row is None:
        return True
    now: datetime = row.now
    if row.blocked_until is not None and row.blocked_until > now:
        return False
    row.delete()
    return True


def release(limit: Limit, subject: str) -> None:
    """Forget count and block: what they guarded has been set anew by who proved himself otherwise."""
    Throttle.objects.filter(key=_key(limit, subject)).delete()


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
