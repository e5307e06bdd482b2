"""Many who ask at once, or one after another, and how many the run can bear."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.faults.browser import Answer, NoAnswer


def count(short: int, full: int) -> int:
    """How often: the short run's count, or the table's own with FAULTS=full."""
    return full if os.environ.get("FAULTS") == "full" else short


def at_once(times: int, act: Callable[[int], Any]) -> list[Any]:
    """What `act(0)` to `act(times - 1)` answered, all started together; `NoAnswer` stands for itself."""
    gate = threading.Barrier(times, timeout=60)

    def run(number: int) -> Any:
        gate.wait()
        try:
            return act(number)
        except NoAnswer as error:
            return error

    with ThreadPoolExecutor(max_workers=times) as pool:
        return list(pool.map(run, range(times)))


def ask_in_a_loop(asks: Sequence[Callable[[], Answer]], *, seconds: float) -> list[Answer]:
    """What each of these answers, asked again and again side by side for so long."""
    until = time.monotonic() + seconds

    def run(ask: Callable[[], Answer]) -> list[Answer]:
        answers = []
        while time.monotonic() < until:
            answers.append(ask())
            time.sleep(0.1)
        return answers

    with ThreadPoolExecutor(max_workers=len(asks)) as pool:
        return [answer for each in pool.map(run, asks) for answer in each]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share stays under."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]
