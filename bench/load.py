"""How much the portal bears: `python bench/load.py [--size quick|full] [--report]`.

A PostgreSQL cluster and a Redis of its own, gunicorn with sync workers as deploy/ runs them, a stand-in of the SMS
gateway, visitors who sign in as people do (`load_visitor`), and a world of 10³ to 10⁶ taxpayers (`load_world`). What is
measured:

- whole sign-ins a second at each door, several visitors at once, and the statements that one costs;
- the password step alone, as a share of the hashes that all cores make in the same minute (at least 80 %);
- seconds of processor, of workers, PostgreSQL and Redis together, that a sign-in by SMS costs outside hashing, beside
  django-allauth's sign-in by password and code (`peer/`), in turn with it: at most as much, and for one request at most
  0.6 of one of its requests;
- every request against the smallest world and against the larger ones in turn: at most 1.1 times as long;
- a hundred people at once: every request within 2.5 s (p95), at most 350 MB; a thousand at once: no error but 503 with
  Retry-After.

Machines are rarely alone. Whatever is compared is measured in turn, round by round, and a ratio is the median of the
rounds' own; beside it stands how far they spread. `--report` writes docs/benchmarks.md and its pictures.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from load_servers import WORKERS, Database, Server
from load_visitor import JOURNEYS, Phones, Timings, Visitor, WrongAnswer, by_agency, by_password, by_sms

from tests.faults.children import free_port
from tests.faults.servers import Redis

SIZES = {"quick": (1_000, 10_000), "full": (1_000, 100_000, 1_000_000)}
ROUNDS, BLOCK = (7, 8) if os.environ.get("SIZE") == "full" else (3, 4)
CORES = os.cpu_count() or 1
PAGES = {
    "login": "/login/",
    "home": "/",
    "staff": "/staff/",
    "record": "/staff/operations/",
}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them doesn't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median_and_spread(values: Sequence[float]) -> dict[str, float]:
    """The median of the rounds, and the lowest and highest of them."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def _hash_for(seconds: float) -> int:
    from accounts.hashers import Argon2idHasher

    hasher, made, end = Argon2idHasher(), 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        hasher.encode("a password of usual length", "0123456789abcdef")
        made += 1
    return made


def hashes_a_second(seconds: float = 3.0) -> float:
    """How many hashes all cores of the machine make together."""
    with multiprocessing.Pool(CORES) as pool:
        return sum(pool.map(_hash_for, [seconds] * CORES)) / seconds


def cpu_of_a_hash(count: int = 20) -> float:
    """Seconds of processor that one hash costs."""
    from accounts.hashers import Argon2idHasher

    hasher, begun = Argon2idHasher(), time.process_time()
    for _ in range(count):
        hasher.encode("a password of usual length", "0123456789abcdef")
    return (time.process_time() - begun) / count


class Bench:
    """The servers of one run and what was found."""

    def __init__(self, folder: Path, size: str, file: Path | None) -> None:
        self.folder, self.size, self.file, self.found = folder, size, file, dict[str, Any]()
        self.keys, self.gateway, self.phones = folder / "keys", free_port(), Phones()
        self.database, self.redis = Database(folder / "postgres"), Redis(folder / "redis")
        self.people: dict[str, dict[bool, list[Any]]] = {}

    def keep(self) -> None:
        """Write down what was found so far; a long run may be broken off."""
        self.found["machine"] = {"cores": CORES, "load": os.getloadavg(), "at": time.strftime("%Y-%m-%d")}
        text = json.dumps(self.found, ensure_ascii=False, indent=1)
        if self.file is None:
            print(text)
        else:
            self.file.write_text(text + "\n", encoding="utf-8")

    def close(self) -> None:
        """End the servers."""
        self.redis.close()
        self.database.close()

    def server(self, name: str) -> Server:
        """A server for the database of this name."""
        return Server(self.folder, self.database, self.redis, name, gateway=self.gateway, keys=self.keys)

    def build(self) -> None:
        """The databases: one migrated, the worlds copied from it and filled; the peer's."""
        import load_world

        self.database.make("empty")
        portal = self.server("empty")
        portal.manage("migrate", "--verbosity", "0")
        portal.manage("collectstatic", "--no-input", "--verbosity", "0")
        for size in SIZES[self.size]:
            begun, name = time.perf_counter(), f"world_{size}"
            self.database.make(name, template="empty")
            self.database.sql("CREATE EXTENSION pg_stat_statements", database=name)
            with self.database.connect(name) as connection:
                load_world.fill(connection, size)
                doors = {agencies: load_world.actors(connection, agencies=agencies) for agencies in (False, True)}
            self.people[name] = doors
            print(f"{size:,} taxpayers made in {time.perf_counter() - begun:.0f} s", flush=True)
        self.database.sql("CREATE EXTENSION pg_stat_statements")
        self.database.make("peer")
        from tests.faults.children import run

        run([sys.executable, "-m", "peer.fill", "400"], env=self.server("peer").env)

    def forget_limits(self, name: str) -> None:
        """As if all limits' times were over: one phone gets but five codes an hour."""
        self.database.sql("TRUNCATE accounts_throttle", database=name)

    # --- What is measured ---------------------------------------------------------------------------------------------

    async def doors(self, http: aiohttp.ClientSession) -> None:
        """Whole sign-ins a second at each door, and the statements of one."""
        count = 16 if self.size == "quick" else 120
        name = f"world_{SIZES[self.size][0]}"
        server = self.server(name)
        server.start()
        try:
            await self._share_of_the_bound(http, server, count)
            await self._make_browsers_known(http, server, 2 + count)
            for door, journey in JOURNEYS.items():
                self.forget_limits(name)
                people = self.people[name]["代理" in door]
                timings = Timings()
                before = self.database.statements(name)
                await journey(Visitor(http, server.port, Timings()), people[1], self.phones)
                queries = self.database.statements(name) - before
                begun = time.perf_counter()
                todo = [(journey, Visitor(http, server.port, timings), each) for each in people[2 : 2 + count]]
                await self._at_once(todo, 2 * CORES)
                rate = count / (time.perf_counter() - begun)
                self.found.setdefault("doors", {})[door] = {
                    "a_second": rate,
                    "queries": queries,
                    "requests": timings.requests / count,
                }
                print(f"{door}: {rate:.1f} a second, {queries} statements", flush=True)
            await self._pages(http, server)
        finally:
            server.stop()

    async def _at_once(self, todo: Sequence[tuple[Any, Visitor, Any]], most: int) -> list[BaseException]:
        """All these journeys, so many at the same time; what went wrong."""
        room, wrong = asyncio.Semaphore(most), list[BaseException]()

        async def go(journey: Callable[..., Awaitable[None]], visitor: Visitor, actor: Any) -> None:
            async with room:
                try:
                    await journey(visitor, actor, self.phones)
                except (WrongAnswer, aiohttp.ClientError, TimeoutError) as error:
                    wrong.append(error)

        await asyncio.gather(*(go(*each) for each in todo))
        return wrong

    async def _make_browsers_known(self, http: aiohttp.ClientSession, server: Server, count: int) -> None:
        """So many people of either kind sign in: with a new browser each would cost one message more."""
        self.forget_limits(server.name)
        for agencies, journey in ((False, by_password), (True, by_agency)):
            people = self.people[server.name][agencies][:count]
            await self._at_once([(journey, Visitor(http, server.port, Timings()), each) for each in people], 2 * CORES)

    async def _share_of_the_bound(self, http: aiohttp.ClientSession, server: Server, count: int) -> None:
        """The password step alone: every visitor has opened the page, then all send it."""
        from accounts import pictures

        shares, rates, bounds = [], [], []
        for _ in range(3):
            self.forget_limits(server.name)
            visitors = []
            for actor in self.people[server.name][False][:count]:
                visitor = Visitor(http, server.port, Timings())
                await visitor.ask("open login", "/login/")
                visitors.append((visitor, actor))
            bound = await asyncio.to_thread(hashes_a_second)

            async def send(visitor: Visitor, actor: Any, _phones: Phones) -> None:
                given = {"captcha": pictures.answer(visitor.hidden["captcha_token"]), "agreement": "on"}
                given |= {"code": actor.code, "password": "Enterprise-2026-ok"}
                await visitor.lead("enterprise password", "/login/", given, "/login/enterprise/person/")

            begun = time.perf_counter()
            wrong = await self._at_once([(send, visitor, actor) for visitor, actor in visitors], 2 * WORKERS)
            rate = (len(visitors) - len(wrong)) / (time.perf_counter() - begun)
            shares.append(rate / bound)
            rates.append(rate)
            bounds.append(bound)
        self.found["bound"] = {
            "share": median_and_spread(shares),
            "rate": median_and_spread(rates),
            "hashes": median_and_spread(bounds),
        }
        print(f"password step: {100 * statistics.median(shares):.0f} % of the bound", flush=True)

    async def _pages(self, http: aiohttp.ClientSession, server: Server) -> None:
        """Milliseconds of some pages, one visitor after the other."""
        timings = Timings()
        for actor in self.people[server.name][False][-5:]:
            visitor = Visitor(http, server.port, Timings())
            await by_sms(visitor, actor, self.phones)  # by password the staff page would ask for a code first
            visitor.timings = timings
            for _ in range(30):
                for page, path in PAGES.items():
                    await visitor.see(page, path)
        self.found["pages"] = {
            page: [1000 * percentile(times, share) for share in (0.5, 0.95, 0.99)]
            for page, times in timings.seconds.items()
        }

    async def against_the_peer(self, http: aiohttp.ClientSession) -> None:
        """Processor of a sign-in by SMS, and of the peer's by password and code, in turn."""
        name = f"world_{SIZES[self.size][0]}"
        portal, peer = self.server(name), self.server("peer")
        portal.start(
            workers=1
        )  # so that each page is warm after the first round: what a cold one costs isn't the matter
        peer.start(workers=1)
        rows: dict[str, list[float]] = {"portal": [], "peer": [], "portal, a request": [], "peer, a request": []}
        ratios, of_a_request = [], []
        try:
            for number in range(ROUNDS + 1):
                self.forget_limits(name)
                own, own_requests = await self._block(portal, self._portal_block(http, portal))
                its, its_requests = await self._block(peer, self._peer_block(http, peer, number))
                if number == 0:
                    continue  # the first round warms up
                for key, value in (("portal", own), ("peer", its)):
                    rows[key].append(1000 * value / BLOCK)
                rows["portal, a request"].append(1000 * own / own_requests)
                rows["peer, a request"].append(1000 * its / its_requests)
                ratios.append(own / its)
                of_a_request.append((own / own_requests) / (its / its_requests))
        finally:
            portal.stop()
            peer.stop()
        self.found["peer"] = {
            "milliseconds": {key: median_and_spread(values) for key, values in rows.items()},
            "ratio": median_and_spread(ratios),
            "ratio_of_a_request": median_and_spread(of_a_request),
            "requests": [own_requests / BLOCK, its_requests / BLOCK],
        }
        print(f"against the peer: {statistics.median(ratios):.2f}, a request {statistics.median(of_a_request):.2f}")

    async def _block(self, server: Server, journeys: Awaitable[Timings]) -> tuple[float, int]:
        """Seconds of processor outside hashing of a block of sign-ins, and how many requests it took."""
        hashing = cpu_of_a_hash()
        before = server.cpu()
        timings = await journeys
        await asyncio.sleep(0.5)  # what is sent after the answer belongs to it
        spent = server.cpu() - before
        hashing = (hashing + cpu_of_a_hash()) / 2
        return spent - BLOCK * hashing, timings.requests

    async def _portal_block(self, http: aiohttp.ClientSession, server: Server) -> Timings:
        """The same people each time, who in the first round, which isn't counted, made their browsers known."""
        timings = Timings()
        for actor in self.people[server.name][False][:BLOCK]:
            await by_sms(Visitor(http, server.port, timings), actor, self.phones)
        return timings

    async def _peer_block(self, http: aiohttp.ClientSession, server: Server, number: int) -> Timings:
        timings, mail = Timings(), Path(server.env["PEER_MAIL"])
        for each in range(BLOCK):
            visitor, login = Visitor(http, server.port, timings), "/accounts/login/"
            await visitor.ask("open login", login)
            given = {"login": f"somebody{number * BLOCK + each}", "password": "Personal-2026-ok"}
            confirm = "/accounts/login/code/confirm/"
            await visitor.lead("password", login, given, confirm)
            await visitor.ask("open the code page", confirm)
            visitor.hidden = {"csrfmiddlewaretoken": visitor.hidden["csrfmiddlewaretoken"]}  # other forms have others
            code = await asyncio.to_thread(_newest_code, mail)
            await visitor.lead("give the code", confirm, {"code": code}, "/")
            await visitor.ask("open home", "/")
        return timings

    async def by_size(self, http: aiohttp.ClientSession) -> None:
        """Every request against the smallest world and the larger ones, in turn."""
        servers = {size: self.server(f"world_{size}") for size in SIZES[self.size]}
        for server in servers.values():
            server.start(workers=2)
        rounds: list[dict[int, dict[str, float]]] = []
        scanned = self._rows_scanned(max(servers))
        try:
            rounds += [await self._round(http, servers, number) for number in range(ROUNDS + 1)]
        finally:
            for server in servers.values():
                server.stop()
        warm, first = rounds[1:], SIZES[self.size][0]
        self.found["sizes"] = {
            size: {
                request: {
                    "milliseconds": statistics.median(each[size][request] for each in warm),
                    "ratio": median_and_spread([each[size][request] / each[first][request] for each in warm]),
                }
                for request in warm[0][first]
            }
            for size in servers
        }
        self._measure_tables(max(servers), scanned)

    async def _round(
        self, http: aiohttp.ClientSession, servers: dict[int, Server], number: int
    ) -> dict[int, dict[str, float]]:
        """Milliseconds of each request in each world, the median of a block of tours."""
        timings = {size: Timings() for size in servers}
        for server in servers.values():
            self.forget_limits(server.name)
        for each in range(BLOCK):
            for size, server in servers.items():
                await self._tour(http, server, timings[size], number * BLOCK + each)
        return {
            size: {request: 1000 * statistics.median(times) for request, times in found.seconds.items()}
            for size, found in timings.items()
        }

    def _rows_scanned(self, size: int) -> dict[str, int]:
        """How many rows of each table were read one after another so far, because no index led to them."""
        read = "SELECT relname, seq_tup_read FROM pg_stat_user_tables"
        return dict(self.database.sql(read, database=f"world_{size}"))

    def _measure_tables(self, size: int, scanned: dict[str, int]) -> None:
        """Rows and bytes of the tables that grow, and how many rows all the requests read without an index."""
        counted = """SELECT relname, reltuples::bigint, pg_total_relation_size(oid) FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= %s ORDER BY 3 DESC"""
        name, since = f"world_{size}", self._rows_scanned(size)
        self.database.sql("ANALYZE", database=name)
        rows = self.database.sql(counted, size // 2, database=name)
        self.found["tables"] = [list(row) for row in rows]
        read = {row[0]: since.get(row[0], 0) - scanned.get(row[0], 0) for row in rows}
        self.found["scanned"] = {"size": size, "rows": {name: count for name, count in read.items() if count}}

    async def _tour(self, http: aiohttp.ClientSession, server: Server, timings: Timings, number: int) -> None:
        people = self.people[server.name][False]
        visitor = Visitor(http, server.port, timings)
        await by_sms(visitor, people[number % len(people)], self.phones)
        for page, path in PAGES.items():
            if page not in ("login", "home"):
                await visitor.see(page, path)

    async def crowds(self, http: aiohttp.ClientSession) -> None:
        """A hundred people at once, then a thousand, by password."""
        name = f"world_{SIZES[self.size][0]}"
        server = self.server(name)
        server.start()
        try:
            for size in (100,) if self.size == "quick" else (100, 1_000):
                self.forget_limits(name)
                people, timings = self.people[name][False], Timings()
                todo = [
                    (by_password, Visitor(http, server.port, timings), people[n % len(people)]) for n in range(size)
                ]
                watched = asyncio.create_task(self._most_memory(server))
                begun = time.perf_counter()
                wrong = await self._at_once(todo, size)
                took = time.perf_counter() - begun
                watched.cancel()
                self.found.setdefault("crowds", {})[size] = {
                    "seconds": took,
                    "p95": {key: percentile(times, 0.95) for key, times in timings.seconds.items()},
                    "statuses": dict(timings.statuses),
                    "wrong": [f"{type(each).__name__} {each}" for each in wrong][:5],
                    "failed": len(wrong),
                    "megabytes": self.peak,
                }
                print(f"{size} at once: {took:.0f} s, {dict(timings.statuses)}, {len(wrong)} wrong, {self.peak:.0f} MB")
        finally:
            server.stop()

    async def _most_memory(self, server: Server) -> None:
        self.peak = 0.0
        while True:
            self.peak = max(self.peak, await asyncio.to_thread(server.megabytes))
            await asyncio.sleep(0.5)

    async def run(self, only: Sequence[str]) -> None:
        """All of it, or only these parts."""
        await self.phones.listen(self.gateway)
        limits = aiohttp.TCPConnector(limit=0, force_close=True)
        jar, patience = aiohttp.DummyCookieJar(), aiohttp.ClientTimeout(total=300)
        async with aiohttp.ClientSession(connector=limits, cookie_jar=jar, timeout=patience) as http:
            parts = {"peer": self.against_the_peer, "sizes": self.by_size, "doors": self.doors, "crowds": self.crowds}
            for part in only or parts:
                await parts[part](http)
                self.keep()


def _newest_code(folder: Path) -> str:
    """The code of allauth stands on a line of its own; each message is a file, which is taken away."""
    file = max(folder.iterdir(), key=lambda each: each.stat().st_mtime_ns)
    text = file.read_text().split("\n\n", 1)[1]
    file.unlink()
    return re.findall(r"^([A-Z0-9]{3,8}(?:-[A-Z0-9]{2,8})?)$", text, re.MULTILINE)[0]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default=os.environ.get("SIZE") or "quick")
    parser.add_argument("--only", action="append", default=[], choices=("peer", "sizes", "doors", "crowds"))
    parser.add_argument("--json", type=Path, help="where to keep what was found, for load_report.py")
    return parser.parse_args()


def main() -> None:
    """Measure, print, keep."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="etax-load-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "keys").mkdir()
        os.environ |= {"DJANGO_SETTINGS_MODULE": "load_settings", "VAR_DIR": str(folder / "keys"), "DEBUG": "1"}
        os.environ |= {"CACHE_URL": "redis://127.0.0.1:1/0", "HTTPS": "0"}
        import django

        django.setup()
        bench = Bench(folder, options.size, options.json)
        try:
            bench.build()
            asyncio.run(bench.run(options.only))
        finally:
            bench.close()


if __name__ == "__main__":
    main()
