"""Whether time tells who exists (FLOW-09, RST-01): `python bench/enumeration.py [--database postgres] [--pairs 600]`.

A server of its own is started on the loopback, with settings as a bureau has them, behind a proxy's header: every try
comes from an address of its own and at an account of its own, so that no limit is touched or loosened. At each door
known and unknown accounts are tried in pairs, in random order, all doors in turn, so that a machine that slows down
slows down both sides of every door. What is timed is the answer to the form, picture code solved, password wrong.

Beside the wall time stands the CPU time of the server's own thread, which other work on the machine disturbs less.

A door gives nothing away when the medians differ by at most 3 ms and nobody who sees one answer can tell better than by
tossing a coin: the area under the curve of a classifier by time (Mann-Whitney) lies between 0.45 and 0.55.
"""

import argparse
import http.client
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlencode

from import_register import on_server

ROOT = Path(__file__).resolve().parent.parent
SERVER = "postgres://postgres@127.0.0.1:5432"
WIDEST_GAP_MS, LOWEST_AUC, HIGHEST_AUC = 3.0, 0.45, 0.55
WARM_UP = 15
HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|captcha_token)" value="([^"]+)"')


@dataclass(slots=True)
class Times:
    """Milliseconds, of the known and of the unknown accounts."""

    known: list[float] = field(default_factory=list)
    unknown: list[float] = field(default_factory=list)

    @property
    def gap(self) -> float:
        """Median of the known less median of the unknown, in milliseconds."""
        return statistics.median(self.known) - statistics.median(self.unknown)

    @property
    def is_fine(self) -> bool:
        """Whether they tell nothing."""
        return abs(self.gap) <= WIDEST_GAP_MS and LOWEST_AUC <= self.auc <= HIGHEST_AUC

    @property
    def auc(self) -> float:
        """How often a known account's answer takes longer than an unknown one's; a half says nothing."""
        known, unknown = self.known, self.unknown
        ranked = sorted([(each, 1) for each in known] + [(each, 0) for each in unknown])
        ranks = sum(rank for rank, (_time, is_known) in enumerate(ranked, 1) if is_known)
        return (ranks - len(known) * (len(known) + 1) / 2) / (len(known) * len(unknown))


@dataclass(slots=True)
class Door:
    """One form, what is typed into it about a subject, and how long its answers took."""

    name: str
    path: str
    typed: Callable[..., dict[str, str]]
    status: int
    wall: Times = field(default_factory=Times)
    cpu: Times = field(default_factory=Times)


def doors(wrong: str) -> list[Door]:
    """Every form that could tell who exists."""
    agreed = {"agreement": "on"}
    return [
        Door("普通登录", "/login/", lambda s: {"code": s.code, "password": wrong, **agreed}, 400),
        Door("快捷登录", "/login/enterprise/quick/", lambda s: {"code": s.code, "password": wrong}, 400),
        Door("代理机构登录", "/login/agency/", lambda s: {"code": s.agency_code, "password": wrong, **agreed}, 400),
        Door("自然人登录", "/login/person/", lambda s: {"username": s.username, "password": wrong, **agreed}, 400),
        Door("自然人短信登录", "/login/person/sms/", lambda s: {"username": s.sms_username, **agreed}, 302),
        Door("找回企业密码", "/forgotten/enterprise/", lambda s: {"code": s.code, "phone": s.lead_phone}, 302),
        Door("找回自然人密码", "/forgotten/person/", lambda s: {"username": s.username, "phone": s.owner_phone}, 302),
        Door(
            "注册",
            "/register/",
            lambda s: {
                "name": s.name,
                "id_type": "resident",
                "id_number": s.id_number,
                "phone": s.free_phone,
                **agreed,
            },
            302,
        ),
    ]


def free_port() -> int:
    """A port of the loopback that nobody listens at now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def child(role: str, port: int) -> Iterator[int]:
    """A process of its own that runs this file in another role; once it listens its id is given."""
    command = [sys.executable, __file__, "--role", role, "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            sys.exit(f"the {role} did not start")
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


class _Gateway(BaseHTTPRequestHandler):
    """Takes every message and throws it away."""

    def do_GET(self) -> None:
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def run_gateway(port: int) -> None:
    """The SMS gateway."""
    HTTPServer(("127.0.0.1", port), _Gateway).serve_forever()


def run_server(port: int) -> None:
    """The portal, one request at a time, as one sync worker."""
    set_up()
    from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer
    from django.core.wsgi import get_wsgi_application

    server = WSGIServer(("127.0.0.1", port), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    server.serve_forever()


def set_up() -> None:
    """Start Django; the settings are found in the environment."""
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()


@contextmanager
def portal(database: str, pairs: int) -> Iterator[tuple[int, int]]:
    """The portal's port and process; database, folder and processes are gone afterwards."""
    name = f"etax_bench_{os.getpid()}_enumeration"
    gateway, port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="etax-bench-") as folder:
        url = f"{SERVER}/{name}" if database == "postgres" else f"sqlite:///{folder}/db.sqlite3"
        os.environ |= {"DJANGO_SETTINGS_MODULE": "enumeration_settings", "VAR_DIR": folder, "DATABASE_URL": url}
        os.environ |= {"DEBUG": "1", "HTTPS": "0", "CACHE_URL": "", "LOG_LEVEL": "ERROR"}
        os.environ["BENCH_GATEWAY"] = f"http://bench:bench@127.0.0.1:{gateway}/"
        if database == "postgres":
            on_server(f"{SERVER}/postgres", f'CREATE DATABASE "{name}"')
        try:
            fill(pairs)
            with child("gateway", gateway), child("server", port) as process:
                yield port, process
        finally:
            if database == "postgres":
                on_server(f"{SERVER}/postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def fill(pairs: int) -> None:
    """Tables, static files, and everybody who exists."""
    set_up()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    import enumeration_world

    enumeration_world.build(pairs)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    connection.close()


class Stranger:
    """A browser that nobody has used, at an address that nobody has."""

    def __init__(self, port: int, process: int, number: int) -> None:
        self.port, self.schedule = port, Path(f"/proc/{process}/schedstat")
        self.headers = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        """Status and text of the answer; cookies are kept."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, path, body or None, {**self.headers, **form, "Connection": "close"})
        answer = connection.getresponse()
        text = answer.read().decode()
        cookies = [value.partition(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
        connection.close()
        if cookies:
            self.headers["Cookie"] = "; ".join(cookies)
        return answer.status, text

    def _cpu(self) -> float:
        """Milliseconds that the server's main thread has run so far."""
        return int(self.schedule.read_text().split()[0]) / 1e6

    def attempt(self, door: Door, typed: dict[str, str]) -> tuple[float, float]:
        """Milliseconds until the door's answer to this form is there, and how many of them the server worked."""
        from accounts import pictures

        _status, page = self.ask("GET", door.path)
        hidden = {name: unescape(value) for name, value in HIDDEN.findall(page)}
        form = urlencode({**typed, **hidden, "captcha": pictures.answer(hidden["captcha_token"])})
        worked, before = self._cpu(), time.perf_counter()
        status, text = self.ask("POST", door.path, form)
        after, done = time.perf_counter(), self._cpu()
        if status != door.status:
            sys.exit(f"{door.name}: {status} instead of {door.status}\n{re.sub('<[^>]+>', '', text)}")
        return (after - before) * 1000, done - worked


def measure(port: int, process: int, found: list[Door], pairs: int) -> None:
    """All doors in turn, one pair at each, known and unknown in random order; the first pairs warm up."""
    from enumeration_world import NOBODYS, subject

    order, visitors = random.Random(1), iter(range(1, 1 << 24))
    for serial in range(1, pairs + WARM_UP + 1):
        sides = (subject(serial), subject(NOBODYS + serial))
        for door in found:
            for side in order.sample((0, 1), 2):
                stranger = Stranger(port, process, next(visitors))
                wall, cpu = stranger.attempt(door, door.typed(sides[side]))
                if serial > WARM_UP:
                    (door.wall.unknown if side else door.wall.known).append(wall)
                    (door.cpu.unknown if side else door.cpu.known).append(cpu)


def show(found: list[Door]) -> bool:
    """Two lines for each door; whether all of them are within the goals, by wall time."""
    print(f"{'door':<16} {'ms of':<5} {'known, quartiles':<26} {'unknown, quartiles':<26} {'gap':>7} {'AUC':>6}")
    for door in found:
        for clock, times in (("wall", door.wall), ("CPU", door.cpu)):
            width = 16 - sum(ord(character) > 255 for character in door.name)
            print(
                f"{door.name:<{width}} {clock:<5} {spread(times.known):<26} {spread(times.unknown):<26} "
                f"{times.gap:>7.2f} {times.auc:>6.3f}{'' if times.is_fine else '  MISSED'}"
            )
    return all(door.wall.is_fine for door in found)


def spread(times: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(times, n=4)
    return f"{middle:7.2f} ({low:6.2f} - {high:7.2f})"


def main() -> int:
    """0 when no door tells who exists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--pairs", type=int, default=600, help="at each door (%(default)s)")
    parser.add_argument("--role", choices=("bench", "server", "gateway"), default="bench", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "gateway":
        run_gateway(options.port)
    if options.role == "server":
        run_server(options.port)
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes and the database go even then
    with portal(options.database, options.pairs + WARM_UP) as (port, process):
        import enumeration_world

        found = doors(enumeration_world.WRONG)
        measure(port, process, found, options.pairs)
    print(f"{options.database}: {options.pairs} pairs at each door in {time.monotonic() - started:.0f} s")
    return 0 if show(found) else 1


if __name__ == "__main__":
    sys.exit(main())
