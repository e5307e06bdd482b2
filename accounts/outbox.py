"""The outbox: messages to phones are written with the act that causes them, sealed, and sent once it is committed.

A few threads of each web process make the first try, so that no page waits for a gateway (F7); whatever they have no
room for, and whatever is to be tried again, `manage.py send_sms` takes up.
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import timedelta
from threading import BoundedSemaphore

from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts import channels, gateways, throttles
from accounts.gateways import Declined, MaybeSent, Message, NotSent, Sender
from accounts.models import SmsMessage
from accounts.models.messages import NOTICE, Outcome, SmsCode
from accounts.sealing import SealBroken

logger = logging.getLogger(__name__)

_SLOTS = 4
_QUEUE = 64
_pool = ThreadPoolExecutor(max_workers=_SLOTS, thread_name_prefix="sms")
_room = BoundedSemaphore(_QUEUE)

FIRST_PAUSE = timedelta(seconds=20)
LONGEST_PAUSE = timedelta(minutes=10)
"""Pauses double up to this; a message is given up when it would come too late to be of use."""
MOST_MAYBE_SENT = 2
"""A try of which nobody knows what became of it is made once more, and never a third time (F8)."""
_BATCH = 500


def queue(to: str, text: str, *, useful_for: timedelta) -> SmsMessage:
    """Put a notice into the outbox, in the caller's transaction, and send it when that is committed.

    After `useful_for` it isn't sent any more.
    """
    return _put(SmsMessage(to=to, text=text, kind=NOTICE, useful_until=timezone.now() + useful_for))


def queue_code(
    to: str, text: str, *, code: str, row: SmsCode, counts: Sequence[throttles.Count], useful_for: timedelta
) -> SmsMessage:
    """Put a code into the outbox: `row` says whether it is still good, `counts` is given back if it can't be sent."""
    keys = throttles.keys(*counts) if to else []
    until = timezone.now() + useful_for
    return _put(SmsMessage(to=to, text=text, code=code, kind=row.purpose, of_code=row, counts=keys, useful_until=until))


def _put(message: SmsMessage) -> SmsMessage:
    message.save(force_insert=True)
    transaction.on_commit(lambda: _dispatch(message))
    return message


def is_open() -> bool:
    """Whether a code that is asked for now can be taken on: not while every gateway is down (F9)."""
    return channels.can_take_more(gateways.senders())


def _dispatch(message: SmsMessage) -> None:
    """Send now where it is quick; else by one of a few threads, and when they are all busy leave it to `send_sms`."""
    if gateways.sender().is_quick:
        deliver(message.pk, message)
    elif _room.acquire(blocking=False):
        _pool.submit(_deliver_in_thread, message.pk).add_done_callback(lambda _done: _room.release())


def _deliver_in_thread(pk: int) -> bool:
    try:
        return deliver(pk)
    except Exception:  # nobody waits for this thread: what it meets must be in the log
        logger.exception("sending a message failed")
        return False
    finally:
        close_old_connections()


def deliver(pk: int, message: SmsMessage | None = None) -> bool:
    """Try to send one waiting message; whether it went. Only one process at a time tries the same message.

    It is read anew unless it is given: it was put into the outbox just now, and this is its first try.
    """
    now = timezone.now()
    senders = gateways.senders()
    claimed = SmsMessage.objects.filter(channels.waiting(), pk=pk, next_try_at__lte=now).update(
        tries=F("tries") + 1, maybe_sent=F("maybe_sent") + 1, next_try_at=now + _longest_try(senders)
    )
    if not claimed:
        return False
    if message is not None:
        message.tries = message.maybe_sent = 1
    try:
        message = message or SmsMessage.objects.select_related("of_code").get(pk=pk)
    except SealBroken:
        logger.exception("message %s can't be opened and is given up", pk)
        _close(pk, given_up_at=now)
        return False
    if _is_of_no_use(message):
        _give_up(message)
        return False
    try:
        by = _hand_over(message, senders) if message.to else ""  # a decoy goes to nobody
    except NotSent as refusal:
        _after(message, refusal)
        return False
    _close(pk, sent_at=timezone.now(), sent_by=by)
    return True


def _longest_try(senders: Sequence[Sender]) -> timedelta:
    """How long one try may take, so that nobody else takes it for one that a killed process left."""
    return max(FIRST_PAUSE, timedelta(seconds=3 * settings.SMS_TIMEOUT_SECONDS * len(senders)))


def _is_of_no_use(message: SmsMessage) -> bool:
    """Whether it comes too late, may have arrived twice already, or carries a code that is used, replaced or dead."""
    is_dead = message.of_code is not None and message.of_code.closed_at is not None
    return is_dead or message.useful_until <= timezone.now() or message.maybe_sent > MOST_MAYBE_SENT


def _hand_over(message: SmsMessage, senders: Sequence[Sender]) -> str:
    """Hand it to the first sender that takes it; the name of that one.

    Raises `MaybeSent` where nobody knows, and nobody else is asked: it might arrive twice. Raises `NotSent` where none
    takes it, the one that leaves most hope. One that has left us in doubt about this message before is asked last.
    """
    if senders[0].is_quick:
        senders[0].send(_message(message))
        return senders[0].name
    outlook = channels.look(senders)
    if not outlook.is_within_budget:
        raise NotSent("the day's budget is used up")
    able = [each for each in senders if each.carries(_message(message))]
    refusals: list[NotSent] = []
    for sender in sorted(able, key=lambda each: each.name == message.sent_by):
        refusal = _ask(sender, message, is_calm=sender.name in outlook.calm)
        if refusal is None:
            return sender.name
        refusals.append(refusal)
    raise min(refusals, key=_is_final, default=Declined("no gateway has a template for it"))


def _is_final(refusal: NotSent) -> bool:
    return isinstance(refusal, Declined) and refusal.forever


def _message(message: SmsMessage) -> Message:
    return Message(message.to, message.text, message.kind, message.code)


def _ask(sender: Sender, message: SmsMessage, *, is_calm: bool) -> NotSent | None:
    """Hand the message to this sender, and tell breaker and figures what came of it; why it didn't take it.

    Raises `MaybeSent` where nobody knows.
    """
    if not is_calm and not channels.may_try(sender.name):
        return NotSent("its breaker is open")
    try:
        sender.send(_message(message))
    except MaybeSent:
        SmsMessage.objects.filter(pk=message.pk).update(sent_by=sender.name)
        channels.failed(sender.name, Outcome.MAYBE_SENT)
        raise
    except Declined as refusal:
        channels.worked(sender.name, Outcome.DECLINED, was_calm=is_calm)
        return refusal
    except NotSent as refusal:
        channels.failed(sender.name, Outcome.FAILED)
        return refusal
    channels.worked(sender.name, Outcome.SENT, was_calm=is_calm)
    return None


def _after(message: SmsMessage, refusal: NotSent) -> None:
    """When to try again, if that is of use; what a code took from its limits is given back once it is in doubt."""
    logger.warning("message %s not sent at try %s: %s", message.uid, message.tries, refusal)
    maybe_sent = message.maybe_sent if isinstance(refusal, MaybeSent) else message.maybe_sent - 1
    again = timezone.now() + min(FIRST_PAUSE * 2 ** min(message.tries, 10), LONGEST_PAUSE)
    if _is_final(refusal) or maybe_sent >= MOST_MAYBE_SENT or again >= message.useful_until:
        _give_up(message)
        return
    throttles.give_back_keys(message.counts)
    SmsMessage.objects.filter(pk=message.pk).update(next_try_at=again, maybe_sent=maybe_sent, counts=[])


def _give_up(message: SmsMessage) -> None:
    throttles.give_back_keys(message.counts)
    _close(message.pk, given_up_at=timezone.now())


def _close(pk: int, **ended: object) -> None:
    """Number, words and code are wiped with the end."""
    SmsMessage.objects.filter(pk=pk).update(to="", text="", code="", counts=[], **ended)


def waiting() -> list[int]:
    """The messages whose next try is due, oldest first, as many as are worth taking up at once."""
    due = SmsMessage.objects.filter(channels.waiting(), next_try_at__lte=timezone.now())
    return list(due.order_by("next_try_at").values_list("pk", flat=True)[:_BATCH])


def deliver_all(stop: threading.Event, *, every: float) -> None:
    """Send what is due, in as many threads as a web process has, and look again `every` so many seconds, until told."""
    while not stop.is_set():
        tries: list[Future[bool]] = [_pool.submit(_deliver_in_thread, pk) for pk in waiting()]
        wait_for(tries)
        close_old_connections()
        stop.wait(every)


def tidy(older_than: timedelta) -> int:
    """Delete messages that were closed long ago, of which only the figures are of use; returns how many."""
    old = SmsMessage.objects.filter(created_at__lt=Now() - older_than).exclude(channels.waiting())
    return old.delete()[0]
