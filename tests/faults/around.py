"""What the rig puts around a portal: a cap on its memory, and nginx in front of it."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.browser import Browser
from tests.faults.children import Child, free_port, give_back

_GROUPS = Path("/sys/fs/cgroup")
_NGINX = """
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_header_timeout 10s;
  client_body_timeout 10s;
  send_timeout 10s;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = /alive {{ default_type text/plain; return 200 "alive"; }}
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_read_timeout 30s;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """A group of processes that together may use so much memory and no more."""

    folder: Path
    is_old: bool

    @property
    def peak(self) -> int:
        """The most that they used, in bytes."""
        return int((self.folder / ("memory.max_usage_in_bytes" if self.is_old else "memory.peak")).read_text())

    @property
    def own(self) -> int:
        """What they use now without the files that the system keeps for them, in bytes."""
        words = (self.folder / "memory.stat").read_text().split()
        return int(words[words.index("total_rss" if self.is_old else "anon") + 1])

    @property
    def killed(self) -> int:
        """How many were killed for memory."""
        words = (self.folder / ("memory.oom_control" if self.is_old else "memory.events")).read_text().split()
        return int(words[words.index("oom_kill") + 1])

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command is run under to belong to it from its first byte."""
        return ("sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh")


@contextlib.contextmanager
def memory_cap(megabytes: int) -> Iterator[Memory]:
    """A group under the kernel's cap. OSError where the machine lets nobody make one."""
    is_old = (_GROUPS / "memory").is_dir()
    folder = (_GROUPS / "memory" if is_old else _GROUPS) / f"etax-faults-{os.getpid()}"
    folder.mkdir()
    try:
        cap = folder / ("memory.limit_in_bytes" if is_old else "memory.max")
        cap.write_text(str(megabytes * 1024 * 1024))
        yield Memory(folder, is_old)
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


@dataclass(frozen=True, slots=True)
class Front:
    """Nginx before the portal."""

    port: int
    host: str

    def browser(self) -> Browser:
        """A browser that comes through it."""
        return Browser(self.port, self.host, "10.8.0.1")


@contextlib.contextmanager
def nginx(folder: Path, upstream: int, host: str) -> Iterator[Front]:
    """Nginx before this port. RuntimeError where it isn't installed."""
    if shutil.which("nginx") is None and not Path("/usr/sbin/nginx").exists():
        raise RuntimeError("nginx is not installed")
    folder.mkdir()
    port = free_port()
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port, upstream=upstream))
    command = [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    child = Child([*command, "-g", "daemon off;"], folder / "nginx.log")
    try:
        child.wait_for(port)
        yield Front(port, host)
    finally:
        child.end()
        give_back(port)
