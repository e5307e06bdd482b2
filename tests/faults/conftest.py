"""The rig's fixtures, its limits of time, and its table.

Faults are run only where they are asked for (`make faults`, or `pytest -m fault`): the usual run leaves them out.
"""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stack import Bureau, Portal

FULL = os.environ.get("FAULTS") == "full"
LONGEST = 1800 if FULL else 300
"""Seconds that one fault may take before it is called off."""
_rows: list[dict[str, str]] = []


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the faults out unless they are asked for by their mark."""
    return None if "fault" in (config.getoption("markexpr") or "") else True


@pytest.fixture(autouse=True)
def own_folder() -> None:
    """The portal of the rig is another process: nothing of this one's settings is changed for a test."""


@pytest.fixture(scope="session")
def bureau() -> Iterator[Bureau]:
    """The servers of this run, in a folder that PostgreSQL's own account can enter as well."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("the rig was ended", 143))  # so that all it started goes too
    with tempfile.TemporaryDirectory(prefix="etax-faults-", ignore_cleanup_errors=True) as folder:
        bureau = Bureau(Path(folder))
        try:
            yield bureau
        finally:
            bureau.close()


@pytest.fixture
def portal(bureau: Bureau) -> Iterator[Portal]:
    """A portal of three workers with a database of its own."""
    with bureau.open() as portal:
        yield portal


@pytest.fixture
def seen(request: pytest.FixtureRequest):
    """Write down a figure for the table: `seen(acts=500)`."""

    def note(**figures: object) -> None:
        request.node.user_properties.extend((name, str(value)) for name, value in figures.items())

    return note


@pytest.fixture(autouse=True)
def bounded(request: pytest.FixtureRequest) -> Iterator[None]:
    """No fault lasts for ever."""
    mark = request.node.get_closest_marker("fault")
    longest = max(LONGEST, mark.kwargs.get("seconds", 0))

    def call_off(*_: object) -> None:
        raise TimeoutError(f"the fault was called off after {longest} s")

    before = signal.signal(signal.SIGALRM, call_off)
    signal.alarm(longest)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k F04` find a fault by its number."""
    item.extra_keyword_matches.add(f"F{_number(item):02}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of the table."""
    items.sort(key=_number)


def _number(item: pytest.Item) -> int:
    mark = next((each for each in item.iter_markers("fault") if each.args), None)
    return int(mark.args[0][1:]) if mark else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Remember what the table says of it."""
    report = yield
    mark = next((each for each in item.iter_markers("fault") if each.args), None)
    if mark and (report.when == "call" or report.failed or report.skipped):
        figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in item.user_properties)
        told = figures if report.passed else f"{_why(report)} {figures}".strip()
        row = {"fault": mark.args[0], "expected": mark.args[1], "seen": told, "verdict": report.outcome.upper()}
        _rows.append({**row, "seconds": f"{report.duration:.0f}"})
    return report


def _why(report: pytest.TestReport) -> str:
    if report.skipped:
        return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else "skipped"
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr)[:300].replace("\n", " ")


def _lines_of(row: dict[str, str]) -> tuple[str, str]:
    head = f"{row['fault']:4} {row['verdict']:8} {row['seconds']:>4} s  {row['expected']}"
    return head, f"     seen: {row['seen']}"


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Write the table as far as it is known: a run that is broken off has it too."""
    with contextlib.suppress(KeyError), open(os.environ["FAULTS_REPORT"], "w", encoding="utf-8") as file:
        file.write(f"run of {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {'full' if FULL else 'short'}\n\n")
        file.write("| fault | expected | seen | verdict | s |\n|---|---|---|---|---|\n")
        file.writelines("| " + " | ".join(row[key].replace("|", "/") for key in row) + " |\n" for row in _rows)


def pytest_terminal_summary(terminalreporter) -> None:
    """The table: fault, expected, seen, verdict."""
    if _rows:
        terminalreporter.section("faults")
    for row in _rows:
        for line in _lines_of(row):
            terminalreporter.write_line(line)
