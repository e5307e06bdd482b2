"""The portal with another clock than its machine's: `gunicorn tests.faults.shifted` instead of `etax.wsgi`.

The file that FAULTS_CLOCK names holds the seconds between the two, and is read anew for every request. Only what tells
the time is shifted; what measures it (`time.monotonic`) is not, as when a real clock is set.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

from etax.wsgi import application as portal

_journeys = contextlib.ExitStack()


def _set_clock(seconds: int) -> None:
    """Shift the clock of this whole process: the threads that send messages go on after the answer."""
    _journeys.close()
    _journeys.enter_context(time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True))


def application(environ: Mapping[str, object], start_response: Callable[..., object]) -> Iterable[bytes]:
    """The portal's answer, made at the shifted time."""
    _set_clock(int(Path(os.environ["FAULTS_CLOCK"]).read_text()))
    return list(portal(environ, start_response))
