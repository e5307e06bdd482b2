"""Many real threads doing one thing at the same moment, each with a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

T = TypeVar("T")
AT_ONCE = 40


def at_once(times: int, act: Callable[[int], T]) -> list[T]:
    """What `act(0)` to `act(times - 1)` returned; up to forty of them start together behind a barrier."""
    workers = min(times, AT_ONCE)
    gate = threading.Barrier(workers, timeout=30)
    passed = threading.local()

    def run(number: int) -> T:
        if not getattr(passed, "gate", False):
            passed.gate = True
            gate.wait()
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(run, range(times)))
