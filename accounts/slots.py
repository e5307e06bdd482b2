"""Hash slots: at most as many password hashes at once on this machine as it has cores (PW-03, F19, F20)."""

import fcntl
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

_waiting_room = threading.BoundedSemaphore(settings.HASH_QUEUE)
_turn = itertools.count()
_PAUSE = 0.005


class Busy(Exception):
    """More people are waiting for a hash slot than the machine can serve; come back in `retry_after` seconds."""

    retry_after = 2


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of the machine's hash slots. Raises `Busy` when the queue is full or the wait too long.

    A slot is a locked file under `VAR_DIR/slots`, so that all worker processes share them and a killed one gives its
    slot back by dying.
    """
    if not _waiting_room.acquire(blocking=False):
        raise Busy
    try:
        handle = _lock_one(time.monotonic() + settings.HASH_WAIT_SECONDS)
        try:
            yield
        finally:
            handle.close()
    finally:
        _waiting_room.release()


def _lock_one(deadline: float) -> IO[bytes]:
    folder = Path(settings.VAR_DIR) / "slots"
    folder.mkdir(parents=True, exist_ok=True)
    first = next(_turn)
    while True:
        for number in range(settings.HASH_SLOTS):
            handle = open(folder / str((first + number) % settings.HASH_SLOTS), "ab")  # noqa: SIM115 - held by the caller
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.close()
            else:
                return handle
        if time.monotonic() > deadline:
            raise Busy
        time.sleep(_PAUSE)
