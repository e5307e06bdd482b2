"""The outbox: messages to phones are written with the act that causes them, sealed, and sent once it is committed."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import BoundedSemaphore

from django.db import close_old_connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import gateways
from accounts.models import SmsMessage
from accounts.sealing import SealBroken

logger = logging.getLogger(__name__)

_SLOTS = 4
_QUEUE = 64
_pool = ThreadPoolExecutor(max_workers=_SLOTS, thread_name_prefix="sms")
_room = BoundedSemaphore(_QUEUE)

FIRST_PAUSE = timedelta(seconds=20)
LONGEST_PAUSE = timedelta(minutes=10)
"""Pauses double up to this; a message is given up when it would come too late to be of use."""


def queue(to: str, text: str, *, useful_for: timedelta) -> SmsMessage:
    """Put a message into the outbox, in the caller's transaction, and send it when that is committed.

    After `useful_for` it isn't sent any more: a code that has expired helps nobody.
    """
    message = SmsMessage.objects.create(to=to, text=text, useful_until=timezone.now() + useful_for)
    transaction.on_commit(lambda: _dispatch(message.pk))
    return message


def _dispatch(pk: int) -> None:
    """Send now where it is quick; else by one of a few threads, and when they are all busy leave it to `send_sms`."""
    if gateways.sender().is_quick:
        deliver(pk)
    elif _room.acquire(blocking=False):
        _pool.submit(_deliver_in_thread, pk)


def _deliver_in_thread(pk: int) -> None:
    try:
        deliver(pk)
    except Exception:  # nobody waits for this thread: what it meets must be in the log
        logger.exception("sending a message failed")
    finally:
        close_old_connections()
        _room.release()


def deliver(pk: int) -> bool:
    """Try to send one waiting message; whether it went. Only one process at a time tries the same message."""
    now = timezone.now()
    claimed = SmsMessage.objects.filter(
        pk=pk, sent_at__isnull=True, given_up_at__isnull=True, next_try_at__lte=now
    ).update(tries=F("tries") + 1, next_try_at=now + FIRST_PAUSE)
    if not claimed:
        return False
    try:
        message = SmsMessage.objects.get(pk=pk)
    except SealBroken:
        logger.exception("message %s can't be opened and is given up", pk)
        _close(pk, given_up_at=now)
        return False
    if message.useful_until <= now:
        _close(pk, given_up_at=now)
        return False
    try:
        if message.to:  # a decoy goes to nobody
            gateways.sender().send(message.to, message.text)
    except gateways.NotSent as error:
        logger.warning("message %s not sent at try %s: %s", message.uid, message.tries, error)
        again = timezone.now() + min(FIRST_PAUSE * 2 ** min(message.tries, 10), LONGEST_PAUSE)
        if again >= message.useful_until:
            _close(pk, given_up_at=timezone.now())
        else:
            SmsMessage.objects.filter(pk=pk).update(next_try_at=again)
        return False
    _close(pk, sent_at=timezone.now())
    return True


def _close(pk: int, **ended: object) -> None:
    """Number and words are wiped with the end."""
    SmsMessage.objects.filter(pk=pk).update(to="", text="", **ended)


def waiting() -> list[int]:
    """The messages whose next try is due, oldest first."""
    due = SmsMessage.objects.filter(Q(next_try_at__lte=timezone.now()), sent_at__isnull=True, given_up_at__isnull=True)
    return list(due.order_by("next_try_at").values_list("pk", flat=True))
