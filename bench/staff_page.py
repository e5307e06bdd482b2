"""How fast 企业人员维护 opens: `python bench/staff_page.py [--database postgres]`.

Three firms with 100, 1,000 and 10,000 staff stand in a new database: SQLite in a temporary folder, or a temporary
database of the PostgreSQL server on 127.0.0.1. In each a legal representative signs in by real requests and opens pages
of twenty rows: the first, one deep in the list, a search by the beginning of a name, the frozen ones.

For comparison Django's own changelist of the largest firm's rows is opened, with the same columns, in three forms
(`staff_page_admin`). The goal is set against the first and against it alone:

* `simple` is the changelist that Django's admin gives who asks for these columns: related people are selected, each
  other column is a method that asks for itself, so every row costs queries. That is what the goal's "Django admin's own
  changelist" means here: what stands there before somebody writes the queries by hand. Much of the difference is those.
* `tuned` asks for no single row. It borrows the portal's own queries (`staff.members.rich`) to do so, and so isn't the
  admin's own any more: beside it one sees what is left, the admin's templates against the portal's. It is shown with
  its ratio, and no goal is set for it; `--against tuned` judges by it.
* `bare` is the tuned one behind Django's own middlewares instead of the portal's: what the portal's checks of every
  request cost. Shown as well.

All pages are asked for in turn, round by round, in one process; a ratio is the median of the rounds' own ratios, so
that a machine that slows down meanwhile slows down both sides. Wall time includes the database server, CPU time is this
process's. The search for one name or state among all is shown, but no goal is set for it.

Goals: a page of 10,000 staff takes at most 1.15 times that of 100, in the same number of queries; the first page takes
at most half the time of the changelist (the simple one, unless `--against` names another).
"""

import argparse
import functools
import gc
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from import_register import on_server

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- staff page -->", "<!-- end of staff page -->"
SERVER = "postgres://postgres@127.0.0.1:5432"
SIZES = (100, 1_000, 10_000)
FEWEST_ROUNDS, LONGEST_RUN_SECONDS = 30, 300
FLATTEST, SMALLEST_SHARE = 1.15, 0.5
FIRST, ADMIN = "first page", {form: f"admin, {form}" for form in ("simple", "tuned", "bare")}
JUDGED = (FIRST, "deep in the list", "name 张", "frozen")
ROW = re.compile(rb'href="/staff/members/[0-9a-f-]{36}/remove/|class="action-select"')
"""A clerk's row of the portal, which can be removed, or one of the admin's; leads have none of these."""


@dataclass(slots=True)
class Page:
    """One address of one firm, asked for over and over; times are milliseconds."""

    kind: str
    size: int
    get: Callable[[], Any]
    queries: int = 0
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def open(self) -> None:
        """Ask for it once, and note how long it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        response = self.get()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if response.status_code != 200:
            sys.exit(f"{self.kind} of {self.size}: status {response.status_code}")
        self.wall.append(wall * 1000)
        self.cpu.append(cpu * 1000)

    def warm_up(self, rows: int) -> None:
        """Ask for it a few times, count its queries, and make sure that it has its rows."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        for _ in range(2):
            self.get()
        with CaptureQueriesContext(connection) as queries:
            response = self.get()
        self.queries = len(queries)
        found = len(ROW.findall(response.content))
        if response.status_code != 200 or found != rows:
            sys.exit(f"{self.kind} of {self.size}: status {response.status_code}, {found} rows instead of {rows}")


@contextmanager
def portal(database: str) -> Iterator[None]:
    """Django, set up for the benchmark with a new migrated database; database and folder are removed afterwards."""
    name = f"etax_bench_{os.getpid()}_staff"
    with tempfile.TemporaryDirectory(prefix="etax-bench-") as folder:
        url = f"{SERVER}/{name}" if database == "postgres" else f"sqlite:///{folder}/db.sqlite3"
        if database == "postgres":
            on_server(f"{SERVER}/postgres", f'CREATE DATABASE "{name}"')
        try:
            set_up(folder, url)
            yield
        finally:
            if database == "postgres":
                on_server(f"{SERVER}/postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def set_up(folder: str, url: str) -> None:
    """Start Django with the benchmark's settings, make the tables and gather the static files."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"DJANGO_SETTINGS_MODULE": "staff_page_settings", "VAR_DIR": folder, "DATABASE_URL": url}
    os.environ |= {"DEBUG": "1", "HTTPS": "0", "CACHE_URL": "", "SMS_URL": f"file://{folder}/sms.jsonl"}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)


def pages() -> list[Page]:
    """All pages to be opened in one round: each kind for all firms in a row, the changelists for the last."""
    import staff_page_world as world

    firms = world.build(SIZES)
    admin = world.signed_in_admin()
    found = []
    for firm in firms:
        portal = world.signed_in(firm)
        addresses = {
            FIRST: "",
            "deep in the list": f"before={firm.key_at(0.75)}",
            "name 张": "name=张",
            "frozen": "state=frozen",
            "one rare name": f"name={world.RARE_NAME}",
            "one expired": "state=expired",
        }
        for kind, query in addresses.items():
            found.append(Page(kind, firm.size, functools.partial(portal.get, f"/staff/?{query}")))
    rows = f"staff/membership/?taxpayer__id__exact={firm.taxpayer.pk}&removed_at__isnull=True"
    for form, client, site in (("simple", portal, "simple"), ("tuned", portal, "tuned"), ("bare", admin, "tuned")):
        found.append(Page(ADMIN[form], firm.size, functools.partial(client.get, f"/admin/{site}/{rows}")))
    kinds = [FIRST, *ADMIN.values(), *addresses]
    return sorted(found, key=lambda page: kinds.index(page.kind))


def measure(found: list[Page], rounds: int, deadline: float) -> int:
    """Open all pages in turn, round by round, until there are enough rounds or no time is left; how many there were."""
    for page in found:
        page.warm_up(rows=1 if page.kind.startswith("one ") else 20)
    gc.collect()
    gc.freeze()
    for done in range(rounds):
        if time.monotonic() > deadline:
            return done
        gc.collect()
        gc.disable()
        for page in found:
            page.open()
        gc.enable()
    return rounds


def ratio(page: Page, other: Page, clock: str) -> float:
    """How many times as long as the other it took, in the median round."""
    pairs = zip(getattr(page, clock), getattr(other, clock), strict=True)
    return statistics.median(mine / others for mine, others in pairs)


def spread(times: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(times, n=4)
    return f"{middle:6.1f} ({low:5.1f} - {high:6.1f})"


def show(found: list[Page]) -> None:
    """A line for each page: its times, then the ratios of wall / CPU time to the smallest firm and to the admins."""
    by_name = {(page.kind, page.size): page for page in found}
    heads = [f"to {SIZES[0]}", *(f"to {form}" for form in ADMIN)]
    titles = "  ".join(f"{head:>11}" for head in heads)
    print(f"{'page':<17} {'staff':>6} {'queries':>7}  {'wall ms, quartiles':<24} {'CPU ms, quartiles':<24} {titles}")
    for page in found:
        small = by_name.get((page.kind, SIZES[0]), page)
        others = [small, *(by_name[kind, SIZES[-1]] for kind in ADMIN.values())]
        ratios = "  ".join(f"{ratio(page, each, 'wall'):4.2f} / {ratio(page, each, 'cpu'):4.2f}" for each in others)
        print(
            f"{page.kind:<17} {page.size:>6,} {page.queries:>7}  "
            f"{spread(page.wall):<24} {spread(page.cpu):<24} {ratios}"
        )


def judge(found: list[Page], admin: str) -> bool:
    """Whether every goal is met, by wall time and by CPU time; each that is missed is told."""
    by_name = {(page.kind, page.size): page for page in found}
    missed = []
    for clock in ("wall", "cpu"):
        for kind in JUDGED:
            times = ratio(by_name[kind, SIZES[-1]], by_name[kind, SIZES[0]], clock)
            if times > FLATTEST:
                missed.append(f"{kind}: {SIZES[-1]:,} staff take {times:.2f} times as long as {SIZES[0]} ({clock})")
        share = ratio(by_name[FIRST, SIZES[-1]], by_name[admin, SIZES[-1]], clock)
        if share > SMALLEST_SHARE:
            missed.append(f"{FIRST} of {SIZES[-1]:,}: {share:.2f} of the time of {admin!r} ({clock})")
    for kind in JUDGED:
        counts = {by_name[kind, size].queries for size in SIZES}
        if len(counts) > 1:
            missed.append(f"{kind}: the number of queries depends on the staff: {sorted(counts)}")
    print("\n".join(f"MISSED: {each}" for each in missed) or "all goals are met")
    return not missed


def write_table(found: list[Page], rounds: int, database: str) -> None:
    """Put what was found between the marks of docs/benchmarks.md."""
    by_name = {(page.kind, page.size): page for page in found}
    lines = [
        f"{rounds} rounds, {database}.",
        "",
        "| page | staff | queries | wall, ms | processor, ms | to 100 staff | to `simple` | to `tuned` | to `bare` |",
        f"|{' --- |' * 9}",
    ]
    for page in found:
        others = [by_name.get((page.kind, SIZES[0]), page), *(by_name[kind, SIZES[-1]] for kind in ADMIN.values())]
        ratios = (f"{ratio(page, each, 'wall'):.2f}" for each in others)
        times = (f"{statistics.median(each):.1f}" for each in (page.wall, page.cpu))
        lines.append("| " + " | ".join([page.kind, f"{page.size:,}", str(page.queries), *times, *ratios]) + " |")
    text = DOCS.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCS.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=40, help=f"at least {FEWEST_ROUNDS} (%(default)s)")
    parser.add_argument("--against", choices=tuple(ADMIN), default="simple", help="the changelist of the second goal")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    if options.rounds < FEWEST_ROUNDS:
        parser.error(f"--rounds must be at least {FEWEST_ROUNDS}")
    return options


def main() -> int:
    """0 when every goal is met."""
    options = arguments()
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the database goes even then
    with portal(options.database):
        found = pages()
        print(f"{options.database}: set up in {time.monotonic() - started:.0f} s, ", end="", flush=True)
        rounds = measure(found, options.rounds, started + LONGEST_RUN_SECONDS)
        print(f"{rounds} rounds, {time.monotonic() - started:.0f} s altogether")
        if rounds < FEWEST_ROUNDS:
            sys.exit(f"too slow to measure: {FEWEST_ROUNDS} rounds do not fit in {LONGEST_RUN_SECONDS} s")
        show(found)
        if options.docs:
            write_table(found, rounds, options.database)
        return 0 if judge(found, ADMIN[options.against]) else 1


if __name__ == "__main__":
    sys.exit(main())
