"""Processes that the rig starts, and ends by their own ids: whatever else runs on the machine is left alone."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
_GIVEN: set[int] = set()
_DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


def free_port() -> int:
    """A port of the loopback that nobody listens at now, and that wasn't given before."""
    low, high = map(int, os.environ.get("FAULTS_PORTS", "0-0").split("-"))
    for candidate in range(low, high + 1) if low else [0] * 100:
        with socket.socket() as found, suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that were closed don't count
            found.bind(("127.0.0.1", candidate))
            port = int(found.getsockname()[1])
            if port not in _GIVEN:
                _GIVEN.add(port)
                return port
    raise RuntimeError("no port is free")


def give_back(*ports: int) -> None:
    """These ports may be given again."""
    _GIVEN.difference_update(ports)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as knock:
        knock.settimeout(0.5)
        return knock.connect_ex((host, port)) == 0


def wait_until(met, seconds: float, what: str, *, every: float = 0.05) -> float:
    """Wait until `met()` is true; after how many seconds it was. AssertionError when it takes longer."""
    begun = time.monotonic()
    while not met():
        assert time.monotonic() - begun < seconds, f"{what}: not within {seconds} s"
        time.sleep(every)
    return time.monotonic() - begun


class Child:
    """One process of ours with all it starts, its words in a file. It dies with the rig, however that ends."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: Path = ROOT,
        fds: Sequence[int] = (),
    ) -> None:
        self.name, self.command, self.log = command[0], [*_DIES_WITH_US, *command], log
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                user=user,
                pass_fds=fds,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    @property
    def lives(self) -> bool:
        """Whether it runs still."""
        return self.process.poll() is None

    def family(self) -> list[psutil.Process]:
        """The process and everything that it started."""
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.pid)
            return [own, *own.children(recursive=True)]
        return []

    def workers(self) -> list[int]:
        """The ids of what it started."""
        return [each.pid for each in self.family()[1:]]

    def signal_all(self, number: int) -> None:
        """Send a signal to the process and everything that it started."""
        for each in self.family():
            with suppress(psutil.NoSuchProcess):
                each.send_signal(number)

    def wait_for(self, port: int, seconds: float = 30) -> None:
        """Wait until it listens. AssertionError, with its last words, when it doesn't."""
        begun = time.monotonic()
        while not listens(port):
            assert self.lives, f"{self.name} ended: {self.last_words()}"
            assert time.monotonic() - begun < seconds, f"{self.name} doesn't listen: {self.last_words()}"
            time.sleep(0.05)

    def last_words(self, count: int = 3000) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-count:]

    def end(self, number: int = signal.SIGTERM, seconds: float = 10) -> None:
        """End it; what doesn't go in time is killed, with all it started."""
        family = self.family()
        self.signal_all(signal.SIGCONT)
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        for each in family[1:]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None, user: str | None = None, **options) -> str:
    """A command to its end: what it printed. AssertionError, with its words, when it fails."""
    done = subprocess.run(
        list(command),
        env=env,
        user=user,
        cwd=options.pop("cwd", ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=options.pop("seconds", 120),
        **options,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}"
    return done.stdout


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A disk of a few megabytes, in memory. RuntimeError where mounting isn't allowed."""
    folder = Path(tempfile.mkdtemp(prefix="etax-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    try:
        if mounted.returncode:
            raise RuntimeError(f"no small disk: {mounted.stderr.decode()}")
        yield folder
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", "-l", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def fill(folder: Path, *, leave: int = 0) -> Path:
    """Fill the folder's disk but for `leave` bytes, with one file that can be taken away again."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            free = os.statvfs(folder)
            room = free.f_bavail * free.f_frsize - leave
            if room <= 0:
                break
            file.write(b"\0" * min(room, 65536))
    return filler
