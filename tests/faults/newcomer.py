"""The embedded default as a newcomer has it: SQLite in a folder, DEBUG on, and nothing else."""

import contextlib
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.faults.browser import Browser
from tests.faults.children import Child, free_port, give_back, run, wait_until
from tests.faults.stack import Bureau

HOST = "127.0.0.1"
CLERKS = 4


class Newcomer:
    """The portal with DEBUG on and SQLite, in as many processes as a test asks for."""

    def __init__(self, folder: Path, database: Path, processes: int) -> None:
        self.folder, self.database, self.port = folder, database, free_port()
        self.socket = socket.create_server((HOST, self.port), backlog=512)
        bind, fds = ["--bind", f"fd://{self.socket.fileno()}"], (self.socket.fileno(),)
        command = [sys.executable, "-m", "gunicorn", "etax.wsgi", *bind, "--workers", str(processes), "--timeout", "60"]
        self.child = Child(command, folder / "portal.log", env=environment(folder, database), fds=fds)
        wait_until(lambda: self.browser().try_get("/help/") == 200, 60, "the portal answers")
        self._addresses = 0

    def browser(self) -> Browser:
        """A browser that nobody has used, at an address that nobody has."""
        self._addresses = getattr(self, "_addresses", 0) + 1
        return Browser(self.port, HOST, f"10.2.{self._addresses >> 8 & 255}.{self._addresses & 255}")

    @property
    def log(self) -> str:
        """All that it wrote."""
        return (self.folder / "portal.log").read_text(errors="replace")

    def sql(self, statement: str) -> list[tuple]:
        """What a statement answers, past the portal."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as connection:
            return connection.execute(statement).fetchall()

    def integrity(self) -> str:
        """What SQLite itself says of its file."""
        return str(self.sql("PRAGMA integrity_check")[0][0])

    def close(self) -> None:
        """End it."""
        self.child.end(signal.SIGTERM, 20)
        self.socket.close()
        give_back(self.port)


def environment(folder: Path, database: Path) -> dict[str, str]:
    """The embedded default's, with the keys of the process that runs the rig."""
    from django.conf import settings

    keys = {"SEALING_KEYS": ",".join(settings.SEALING_KEYS), "LOOKUP_KEYS": ",".join(settings.LOOKUP_KEYS)}
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "SECRET_KEY": settings.SECRET_KEY,
        **keys,
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{database}",
        "TRUSTED_PROXIES": "1",
        "LOG_LEVEL": "WARNING",
    }


def template(bureau: Bureau) -> Path:
    """The demo world in a SQLite file, made once for a run."""
    folder = bureau.folder / "newcomer"
    database = folder / "world.sqlite3"
    if not database.exists():
        folder.mkdir()
        run([sys.executable, "-m", "tests.faults.world", str(CLERKS)], env=environment(folder, database))
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database


@contextlib.contextmanager
def sqlite_world(bureau: Bureau, disk: Path, *, processes: int = 1) -> Iterator[Newcomer]:
    """The embedded default, its database on this disk and everything else beside the run's other files."""
    database = disk / "db.sqlite3"
    shutil.copy(template(bureau), database)
    folder = bureau.folder / f"newcomer-{disk.name}"
    folder.mkdir()
    newcomer = Newcomer(folder, database, processes)
    try:
        yield newcomer
    finally:
        newcomer.close()
