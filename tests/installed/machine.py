"""A Debian of its own with systemd, in a folder: what docs/operation.md says is installed there, and started.

Its network is its own and leads nowhere; a visitor of the test comes in by a socket that is made inside.
"""

import ctypes
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.node import PORTAL
from tests.faults.browser import Browser
from tests.faults.children import ROOT, Child, run, wait_until
from tests.faults.servers import SmsGateway

BASE = "systemd,systemd-sysv,dbus,iproute2,openssl,procps"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CLONE_NEWNET = 0x40000000


class Machine:
    """The folder, and what runs in it once it was started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self.child: Child | None = None
        self.gateway: SmsGateway | None = None

    # --- Before it starts ---------------------------------------------------------------------------------------------

    def debootstrap(self) -> None:
        """A small Debian 12, with what the tests look at it by."""
        run(["debootstrap", "--variant=minbase", f"--include={BASE}", "bookworm", str(self.root)], seconds=900)
        (self.root / "etc" / "hostname").write_text("node\n")
        shutil.copy("/etc/resolv.conf", self.root / "etc")

    def trust_as_here(self) -> None:
        """Python's packages come by the way that this machine has, which may end at a proxy of its own."""
        shutil.copy(CERTIFICATES, self.root / CERTIFICATES.relative_to("/"))

    def put_release(self) -> None:
        """The project's files as they are committed or about to be, without what a test or a developer made."""
        listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"])
        for name in filter(None, listed.splitlines()):
            if (ROOT / name).is_file():
                target = self.root / "opt" / "etax" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)

    def inside(self, script: str) -> str:
        """What a script prints before anything was started there, with this machine's network."""
        whole = {"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"}
        return run(["chroot", str(self.root), "bash", "-euo", "pipefail", "-c", script], env=whole, seconds=900)

    # --- Started ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start its systemd and wait until everything that starts by itself has."""
        apart = ["--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe"]
        command = ["systemd-nspawn", "-D", str(self.root), *apart]
        self.child = Child(command, self.folder / "console.log", env={**os.environ, **_cgroups()})
        wait_until(lambda: self.first_process, 30, "the machine starts")
        wait_until(lambda: self.state() in ("running", "degraded"), 90, "everything has started", every=0.5)

    @property
    def first_process(self) -> int:
        """The id, out here, of its first process; 0 where there is none."""
        assert self.child
        for process in self.child.family()[1:]:
            if process.name() == "systemd":
                return process.pid
        return 0

    def state(self) -> str:
        """What systemd says of the whole."""
        asked = [*self._enter(), "systemctl", "is-system-running"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()

    def run(self, script: str, *, user: str = "root") -> str:
        """What a script prints there. AssertionError, with its words, when a command of it fails."""
        as_whom = [] if user == "root" else ["runuser", "-u", user, "--"]
        shell = ["bash", "-euo", "pipefail", "-c", script]
        return run([*self._enter(), "env", "-i", f"PATH={PATH}", *as_whom, *shell], seconds=300)

    def _enter(self) -> list[str]:
        return ["nsenter", "-t", str(self.first_process), "-m", "-u", "-i", "-n", "-p", "--"]

    def restart(self) -> None:
        """The whole machine, as after a new kernel: what runs it ends with it, and is started again."""
        assert self.child
        self.run("systemctl reboot")
        wait_until(lambda: not self.child.lives, 60, "everything has ended")
        self.start()

    def stop(self) -> None:
        """End it and everything in it, and whatever was mounted there when its making was broken off."""
        if self.child:
            self.child.end(signal.SIGTERM, 30)
        mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for place in reversed(mounted):
            if place.startswith(f"{self.root}/"):
                run(["umount", "-l", place])

    # --- Who comes to it ----------------------------------------------------------------------------------------------

    def browser(self, host: str = PORTAL) -> "BrowserInside":
        """A browser that nobody has used. All come from the machine itself: nginx tells the portal so."""
        return BrowserInside(443, host, "127.0.0.1", certificate=self.root / "etc/etax/tls/fullchain.pem", machine=self)

    def connect(self, port: int) -> socket.socket:
        """A connection to a port of its loopback, made by a thread that went into its network for that."""
        made: list[socket.socket | OSError] = []

        def go_in_and_connect() -> None:
            with open(f"/proc/{self.first_process}/ns/net") as network:
                if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET):
                    made.append(OSError(ctypes.get_errno(), "setns"))
                    return
            try:
                made.append(socket.create_connection(("127.0.0.1", port), timeout=60))
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=go_in_and_connect)  # ends, and its network with it
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]


def _cgroups() -> Mapping[str, str]:
    """Where this machine's control groups are of the older kind, those of the machine inside must be as well."""
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    return {} if unified else {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "0"}


@dataclass(slots=True, kw_only=True)
class BrowserInside(Browser):
    """A browser on the machine itself, by https through nginx."""

    certificate: Path
    machine: Machine

    def connection(self) -> http.client.HTTPConnection:
        """By TLS, with the certificate that nginx shows checked."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        connection = http.client.HTTPSConnection(self.host, timeout=self.timeout)
        connection.sock = context.wrap_socket(self.machine.connect(self.port), server_hostname=self.host)
        return connection
