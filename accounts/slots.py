"""Slots: so many costly things at once on this machine and no more: hashes (PW-03, F19, F20), pictures (FIL-05)."""

import fcntl
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

from accounts import metrics

_waiting_room = threading.BoundedSemaphore(settings.HASH_QUEUE)
_picture_room = threading.BoundedSemaphore(settings.HASH_QUEUE)
_PICTURES_AT_ONCE = 2
_turn = itertools.count()
_PAUSE = 0.005


class Busy(Exception):
    """More people are waiting for a slot than the machine can serve; come back in `retry_after` seconds."""

    retry_after = 2


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of the machine's hash slots. Raises `Busy` when the queue is full or the wait too long.

    A slot is a locked file under `VAR_DIR/slots`, so that all worker processes share them and a killed one gives its
    slot back by dying.
    """
    with _held("slots", settings.HASH_SLOTS, _waiting_room):
        yield


@contextmanager
def picture_slot() -> Iterator[None]:
    """As `slot`, for decoding an uploaded picture: two at once (FIL-05)."""
    with _held("picture-slots", _PICTURES_AT_ONCE, _picture_room):
        yield


@contextmanager
def _held(folder: str, count: int, room: threading.BoundedSemaphore) -> Iterator[None]:
    if not room.acquire(blocking=False):
        raise Busy
    began = time.monotonic()
    metrics.WAITING.labels(folder).inc()
    try:
        handle = _lock_one(Path(settings.VAR_DIR) / folder, count, began + settings.HASH_WAIT_SECONDS)
        metrics.SLOT_SECONDS.labels(folder).observe(time.monotonic() - began)
        try:
            yield
        finally:
            handle.close()
    finally:
        metrics.WAITING.labels(folder).dec()
        room.release()


def _lock_one(folder: Path, count: int, deadline: float) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    first = next(_turn)
    while True:
        for number in range(count):
            handle = open(folder / str((first + number) % count), "ab")  # noqa: SIM115 - held by the caller
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.close()
            else:
                return handle
        if time.monotonic() > deadline:
            raise Busy
        time.sleep(_PAUSE)
