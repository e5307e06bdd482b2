"""The circuit breaker before each SMS gateway, the day's budget and the delivery figures, for all processes together.

Five failures within thirty seconds open it: for thirty seconds nobody asks that gateway. Then one message is let
through; it closes the breaker, or opens it for as long again. All of it lives in the database, by its clock.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import (
    Case,
    CharField,
    DateField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from accounts.composed import Composed, Given
from accounts.gateways import Sender
from accounts.models.messages import Outcome, SmsChannel, SmsMessage, SmsTally

MOST_FAILURES = 5
WINDOW = timedelta(seconds=30)
OPEN_FOR = timedelta(seconds=30)
MOST_WAITING = 10_000
"""With so many messages waiting no new code is taken on: it would come too late, and the queue is bounded (F9)."""

_COUNTED = (Outcome.SENT, Outcome.MAYBE_SENT)
"""What the day's budget pays for."""


def know(senders: Iterable[Sender]) -> None:
    """Make the rows of these senders where they are missing."""
    SmsChannel.objects.bulk_create([SmsChannel(name=each.name) for each in senders], ignore_conflicts=True)


def may_try(name: str) -> bool:
    """Whether this sender may be asked now; of all that ask while the breaker is half open, one may."""
    channel = SmsChannel.objects.filter(name=name)
    if channel.filter(open_until__isnull=True).exists():
        return True
    return bool(channel.filter(open_until__lte=Now()).update(open_until=Now() + OPEN_FOR))


def worked(name: str, outcome: Outcome, *, was_calm: bool = False) -> None:
    """The gateway answered: the breaker closes, and counts anew, unless there was nothing to count."""
    if not was_calm:
        SmsChannel.objects.filter(name=name).update(failures=0, counted_from=None, open_until=None)
    tally(name, outcome)


def failed(name: str, outcome: Outcome) -> None:
    """The gateway failed: the fifth time in thirty seconds, and each time that a half-open breaker asked, it opens."""
    is_old = Q(counted_from__isnull=True) | Q(counted_from__lte=Now() - WINDOW)
    with transaction.atomic():
        row = SmsChannel.objects.filter(name=name)
        row.update(
            failures=Case(When(is_old, then=Value(1)), default=F("failures") + 1),
            counted_from=Case(When(is_old, then=Now()), default=F("counted_from")),
        )
        opens = Q(failures__gte=MOST_FAILURES) | Q(open_until__isnull=False)
        row.filter(opens).update(failures=0, counted_from=None, open_until=Now() + OPEN_FOR)
    tally(name, outcome)


def tally(name: str, outcome: Outcome) -> None:
    """Count one more of this outcome for the sender today."""
    today = {"day": timezone.localdate(), "channel": name, "outcome": outcome}
    if not SmsTally.objects.filter(**today).update(count=F("count") + 1):
        SmsTally.objects.bulk_create([SmsTally(**today)], ignore_conflicts=True)
        SmsTally.objects.filter(**today).update(count=F("count") + 1)


def _used_on(day: Given) -> Subquery:
    """How many messages of all senders went on that day, or may have gone."""
    tallies = SmsTally.objects.filter(day=day, outcome__in=_COUNTED)
    return Subquery(tallies.order_by().values("day").annotate(all=Sum("count")).values("all"))


_Channels = QuerySet[Any, Any]


def _ask(question: Callable[[_Channels], _Channels], names: Collection[str]) -> list[Any]:
    """The answer for these senders' rows, the day's use with each as `used`."""
    given = {f"name{number}": name for number, name in enumerate(sorted(names))}
    return _composed(question, len(given)).ask(today=timezone.localdate(), **given)


@lru_cache
def _composed(question: Callable[[_Channels], _Channels], senders: int) -> Composed[Any]:
    """The question for so many senders: which ones there are is a setting."""
    names = [Given(f"name{number}", CharField()) for number in range(senders)]
    used = Coalesce(_used_on(Given("today", DateField())), 0)
    return Composed(lambda: question(SmsChannel.objects.filter(name__in=names).annotate(used=used)))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a message can expect: the senders that nothing is held against, and whether the day's budget allows it."""

    calm: frozenset[str]
    is_within_budget: bool


def _state(channels: _Channels) -> _Channels:
    return channels.values_list("name", "failures", "open_until", "used")


def look(senders: Collection[Sender]) -> Outlook:
    """How these senders stand, and the day's budget for messages of every kind (OTP-12): one query."""
    names = {each.name for each in senders}
    found = _ask(_state, names)
    if len(found) < len(names):
        know(senders)
        return look(senders)
    calm = frozenset(name for name, failures, open_until, _used in found if not failures and open_until is None)
    return Outlook(calm, all(used < settings.SMS_DAILY_BUDGET for *_channel, used in found))


def waiting() -> Q:
    """The condition for a message that is neither sent nor given up."""
    return Q(sent_at__isnull=True, given_up_at__isnull=True)


def can_take_more(senders: Collection[Sender]) -> bool:
    """Whether a code asked for now has a chance: a sender that may be asked, room in the queue, money for the day."""
    if any(each.is_quick for each in senders):
        return True
    rows = _ask(_room, {each.name for each in senders})
    open_ones = sum(is_open for is_open, _full, _used in rows)
    no_room = any(full or used >= settings.SMS_DAILY_BUDGET for _open, full, used in rows)
    return open_ones < len(senders) and not no_room


def _room(channels: _Channels) -> _Channels:
    too_long = SmsMessage.objects.filter(waiting()).order_by("next_try_at")[MOST_WAITING : MOST_WAITING + 1]
    known: _Channels = channels.annotate(
        is_open=Exists(SmsChannel.objects.filter(pk=OuterRef("pk"), open_until__gt=Now())),
        queue_is_full=Exists(too_long),
    )
    return known.values_list("is_open", "queue_is_full", "used")


@dataclass(frozen=True, slots=True)
class Figure:
    """How one sender did on one day, by outcome."""

    day: date
    channel: str
    sent: int
    declined: int
    failed: int
    maybe_sent: int

    @property
    def share_sent(self) -> float:
        """The share of its tries that the gateway took, from 0 to 1."""
        return self.sent / ((self.sent + self.declined + self.failed + self.maybe_sent) or 1)


def figures(days: int) -> list[Figure]:
    """The delivery figures of the last days, today's among them, newest first."""
    since = timezone.localdate() - timedelta(days=days - 1)
    counts: dict[tuple[date, str], dict[str, int]] = {}
    for row in SmsTally.objects.filter(day__gte=since):
        counts.setdefault((row.day, row.channel), {})[row.outcome] = row.count
    whole = {outcome.value: 0 for outcome in Outcome}
    return [
        Figure(day=day, channel=channel, **{**whole, **counts[day, channel]})
        for day, channel in sorted(counts, key=lambda key: (-key[0].toordinal(), key[1]))
    ]


def open_channels() -> list[str]:
    """The senders whose breaker is open now."""
    return sorted(SmsChannel.objects.filter(open_until__gt=Now()).values_list("name", flat=True))
