"""Figures for Prometheus, counted where the thing happens; without its package (the embedded default) nothing is.

Labels are words of our own alone, never what a visitor typed: a figure for each word that somebody makes up would
fill the memory, and tell his word to everybody who reads figures.
"""

import os
from pathlib import Path
from typing import Any, Protocol

_FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _FOLDER:  # where the workers of one node put their figures together
    Path(_FOLDER).mkdir(parents=True, exist_ok=True)

try:
    import prometheus_client as _client
except ImportError:  # pragma: no cover - the embedded default
    _client = None  # type: ignore[assignment]  # the type is the module's


class Figure(Protocol):
    """What is counted, as far as we use it."""

    def labels(self, *values: str) -> "Figure": ...
    def inc(self, amount: float = 1) -> None: ...
    def dec(self, amount: float = 1) -> None: ...
    def observe(self, amount: float) -> None: ...


class _Nothing:
    """Counts nothing."""

    def labels(self, *values: str) -> "_Nothing":
        return self

    def inc(self, amount: float = 1) -> None:
        """Nothing."""

    dec = observe = inc


def _figure(kind: str, name: str, meaning: str, labels: tuple[str, ...] = (), **more: Any) -> Figure:
    if _client is None:
        return _Nothing()  # type: ignore[unreachable]  # where types are checked the package is there
    figure: Figure = getattr(_client, kind)(name, meaning, labels, **more)
    return figure


_TIMES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = _figure("Counter", "etax_requests", "Requests answered", ("page", "method", "status"))
SECONDS = _figure("Histogram", "etax_request_seconds", "Time a request took", ("page",), buckets=_TIMES)
ENTRIES = _figure("Counter", "etax_record_entries", "Entries of the record", ("kind", "result", "proof"))
TROUBLES = _figure("Counter", "etax_troubles", "Requests that could not be served as they should", ("what",))
"""`database`, `cache`, `busy` (hash slots), `throttled`, `fault` (500)."""
SLOT_SECONDS = _figure("Histogram", "etax_slot_wait_seconds", "Time waited for a slot", ("what",), buckets=_TIMES)
WAITING = _figure(
    "Gauge", "etax_slot_waiting", "Who waits for a slot or holds one", ("what",), multiprocess_mode="livesum"
)
