"""The whole portal as a bureau runs it, on the loopback.

Gunicorn with sync workers and DEBUG off; the rig's proxies stand before PostgreSQL, Redis and the SMS gateway.
The portal gets the keys of the process that runs the rig, so that the rig can read a picture's answer.
"""

import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
from django.conf import settings

from tests import cast
from tests.faults import around
from tests.faults.browser import Browser, NoAnswer
from tests.faults.children import ROOT, Child, free_port, give_back, run, wait_until
from tests.faults.crowd import at_once
from tests.faults.proxy import Proxy
from tests.faults.servers import PORTAL_ROLE, Cluster, Redis, SmsGateway

HOST = "portal.example"
TEMPLATE = "world"
CLERKS = 24
RECORD = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'accounts\\_auditentry%'"
"""The record's table, and the parts of it where it lies in parts."""


class Bureau:
    """The servers, started once for a run, and a template of the database with the world in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        with contextlib.ExitStack() as begun:
            self.cluster = Cluster(folder / "postgres")
            begun.callback(self.cluster.close)
            self.redis = Redis(folder / "redis")
            begun.callback(self.redis.close)
            self.gateway = SmsGateway(folder / "sms")
            begun.callback(self.gateway.close)
            self._build()
            self._ending = begun.pop_all()

    def close(self) -> None:
        """End the servers."""
        self._ending.close()

    def _build(self) -> None:
        self.cluster.make(TEMPLATE)
        self.cluster.sql(f"CREATE ROLE {PORTAL_ROLE} LOGIN")
        owner = {**self.environment(), "DEBUG": "on", "DATABASE_URL": self.cluster.url(TEMPLATE)}
        run([sys.executable, "-m", "tests.faults.world", str(CLERKS)], env=owner)
        self.grant(TEMPLATE)
        run([sys.executable, "manage.py", "collectstatic", "--no-input", "-v0"], env=self.environment())

    def grant(self, database: str) -> None:
        """The portal's own role: everything but to change the record."""
        for rights in ("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES", "USAGE ON ALL SEQUENCES"):
            self.cluster.sql(f"GRANT {rights} IN SCHEMA public TO {PORTAL_ROLE}", database=database)
        for (part,) in self.cluster.sql(RECORD, database=database):
            self.cluster.sql(f"REVOKE UPDATE, DELETE ON {part} FROM {PORTAL_ROLE}", database=database)

    def environment(self) -> dict[str, str]:
        """A complete production environment; `Portal` names its own database, Redis and gateway."""
        return {
            "PATH": os.environ["PATH"],
            "DEBUG": "off",
            "SECRET_KEY": settings.SECRET_KEY,
            "SEALING_KEYS": ",".join(settings.SEALING_KEYS),
            "LOOKUP_KEYS": ",".join(settings.LOOKUP_KEYS),
            "ALLOWED_HOSTS": HOST,
            "TRUSTED_PROXIES": "1",
            "DATABASE_URL": self.cluster.url(TEMPLATE, role=PORTAL_ROLE),
            "CACHE_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "SMS_URL": f"https://user:secret@127.0.0.1:{self.gateway.port}/send",
            "SSL_CERT_FILE": str(self.gateway.certificate),
            "SOCIAL_INSURANCE_URL": "https://insurance.example/enter",
            "SOCIAL_INSURANCE_SECRET": "s" * 40,
            "VAR_DIR": str(self.folder / "var"),
            "STATIC_ROOT": str(self.folder / "static"),
            "PYTHONUNBUFFERED": "1",
        }

    @contextlib.contextmanager
    def open(self, *, workers: int = 3, database: str = "", **env: str) -> Iterator["Portal"]:
        """A portal with a database of its own, gone afterwards with its processes and proxies."""
        name = database or f"portal_{secrets.token_hex(4)}"
        if not database:
            self.cluster.make(name, template=TEMPLATE)
        self.gateway.forget()
        self.redis.client().flushall()
        portal = Portal(self, name, env)
        try:
            portal.start(workers=workers)
            yield portal
        finally:
            portal.close()
            self.cluster.thaw()
            if not database:
                self.cluster.drop(name)


class Portal:
    """One running portal: its processes, the proxies behind it, and its database past them."""

    def __init__(self, bureau: Bureau, database: str, env: dict[str, str]) -> None:
        self.bureau, self.database = bureau, database
        self.cluster, self.redis, self.gateway = bureau.cluster, bureau.redis, bureau.gateway
        self.to_database, self.to_redis = Proxy(self.cluster.port), Proxy(self.redis.port)
        self.to_gateway = Proxy(self.gateway.port)
        self.port = free_port()
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=2048)
        self.folder = bureau.folder / database
        self.folder.mkdir()
        self.log_file = self.folder / "portal.log"
        self.env = {
            **bureau.environment(),
            "DATABASE_URL": self.cluster.url(database, port=self.to_database.port, role=PORTAL_ROLE),
            "CACHE_URL": f"redis://127.0.0.1:{self.to_redis.port}/0",
            "SMS_URL": f"https://user:secret@127.0.0.1:{self.to_gateway.port}/send",
            "VAR_DIR": str(self.folder / "var"),
            "PHOTO_ROOT": str(self.folder / "photos"),
            **env,
        }
        self.child: Child | None = None
        self.preload = True
        self._addresses = 0

    # --- Processes ---------------------------------------------------------------------------------------------------

    def start(self, *, workers: int = 3, under: tuple[str, ...] = (), cwd: Path = ROOT, **env: str) -> None:
        """Start its workers, and wait until they answer. The socket is the rig's, as it would be systemd's.

        With `preload` they are forked from one that has loaded everything, which is what the rig would wait for most.
        """
        served = "tests.faults.shifted" if "FAULTS_CLOCK" in self.env else "etax.wsgi"
        conf = ["-c", "deploy/gunicorn.conf.py"] if cwd == ROOT else []
        bind = ["--bind", f"fd://{self.socket.fileno()}", "--workers", str(workers)]
        command = [*under, sys.executable, "-m", "gunicorn", *conf, served, *bind, "--no-control-socket"]
        command += ["--preload"] if self.preload else []
        fds = (self.socket.fileno(),)
        self.child = Child(command, self.log_file, env={**self.env, **env}, fds=fds, cwd=cwd)
        wait_until(self._has_started, 120, "the portal answers")
        at_once(3 * workers, lambda _number: self.browser().try_get("/login/"))  # a worker's first page takes longer

    def _has_started(self) -> bool:
        assert self.child is not None
        assert self.child.lives, self.child.last_words()
        return self.browser(timeout=30).try_get("/help/") == 200

    def restart(self, number: int = signal.SIGTERM, *, workers: int = 3, **env: str) -> None:
        """As `systemctl restart`: the old ones finish, new ones start; who comes meanwhile waits at the socket."""
        self.stop(number)
        self.start(workers=workers, **env)

    def reload(self) -> None:
        """As `systemctl reload`: new workers take over one by one."""
        assert self.child is not None
        before = set(self.workers)
        self.child.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not before & set(self.workers), 30, "all workers are new")

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20) -> None:
        """End its workers."""
        if self.child is not None:
            self.child.end(number, seconds)

    def close(self) -> None:
        """End everything of it."""
        self.stop()
        for proxy in (self.to_database, self.to_redis, self.to_gateway):
            proxy.close()
        self.socket.close()
        give_back(self.port)

    @property
    def workers(self) -> list[int]:
        """The ids of its workers."""
        assert self.child is not None
        return sorted(self.child.workers())

    def kill_the_busy(self) -> None:
        """`kill -9` of the workers that have a request in hand."""
        for worker in self.workers:
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                held = psutil.Process(worker).net_connections("tcp")
                if any(each.laddr.port == self.port and each.status == "ESTABLISHED" for each in held):
                    os.kill(worker, signal.SIGKILL)

    @property
    def log(self) -> str:
        """All that it wrote."""
        return self.log_file.read_text(errors="replace")

    def manage(self, *command: str, **env: str) -> str:
        """What one of its commands prints."""
        return run([sys.executable, "manage.py", *command], env={**self.env, **env})

    @contextlib.contextmanager
    def capped(self, megabytes: int, *, workers: int = 2) -> Iterator[around.Memory]:
        """The portal started anew with no more memory than this, all its workers together."""
        self.stop()
        self.preload = False
        with around.memory_cap(megabytes) as memory:
            self.start(workers=workers, under=memory.prefix)
            try:
                yield memory
            finally:
                self.stop()

    @contextlib.contextmanager
    def behind_nginx(self) -> Iterator[around.Front]:
        """The portal with nginx before it."""
        with around.nginx(self.folder / "nginx", self.port, HOST) as front:
            yield front

    # --- Who asks it, and what it holds -------------------------------------------------------------------------------

    def browser(self, *, timeout: float = 60, address: str = "") -> Browser:
        """A browser that nobody has used, at an address that nobody has, unless one is given."""
        self._addresses += 1
        address = address or f"10.1.{self._addresses >> 8 & 255}.{self._addresses & 255}"
        return Browser(self.port, HOST, address, timeout=timeout)

    def sql(self, statement: str, *values: object) -> list[tuple]:
        """What a statement answers, past the portal and the proxy."""
        return self.cluster.sql(statement, *values, database=self.database)

    def scalar(self, statement: str, *values: object) -> object:
        """The one value that it answers."""
        return self.sql(statement, *values)[0][0]

    def officer(self) -> Browser:
        """The reviewer, signed in to the back office."""
        name, browser = "高明远", self.browser()
        given = {"username": cast.USERNAMES[name], "password": cast.NATURAL_PASSWORDS[name]}
        first = browser.post_with_picture("/bureau/login/", given)
        assert first.status == 302, first.words
        code = self.gateway.code(cast.PHONES[name])
        assert browser.post(first.location, {"code": code}).status == 302
        return browser

    def readiness(self) -> int:
        """The status of /readyz."""
        return self.browser().get("/readyz").status

    def heals(self, seconds: float) -> float:
        """Wait until somebody gets past the first door again; after how many seconds he did."""
        return wait_until(self._lets_somebody_in, seconds, "the portal heals")

    def _lets_somebody_in(self) -> bool:
        with contextlib.suppress(NoAnswer):
            return self.browser(timeout=5).give_enterprise_password().status == 302
        return False
