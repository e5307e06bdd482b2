"""A web node as it is deployed, on loopback: the real nginx.conf and gunicorn.conf.py on a test's paths and ports."""

import contextlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import deploy_check

DEPLOY = deploy_check.ROOT / "deploy"
PORTAL, BUREAU = "portal.example", "bureau.example"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass
class Node:
    """nginx, gunicorn, and where they listen."""

    folder: Path
    http: int
    https: int
    workers: int
    gunicorn: subprocess.Popen | None = None

    def ask(self, path: str, method: str = "GET", *, host: str = PORTAL, body: bytes = b"", **headers: str) -> Answer:
        """One request by https, with a connection of its own."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask_with(path, method, host=host, body=body, headers=names)

    def ask_with(
        self, path: str, method: str = "GET", *, host: str = PORTAL, body: bytes = b"", headers: Mapping[str, str]
    ) -> Answer:
        """As `ask`, for header names that are no identifiers."""
        raw = socket.create_connection(("127.0.0.1", self.https), timeout=40)
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "fullchain.pem"))
        connection = http.client.HTTPSConnection(host, timeout=40)
        connection.sock = context.wrap_socket(raw, server_hostname=host)
        connection.request(method, path, body=body or None, headers={"Host": host, **headers})
        got = connection.getresponse()
        answer = Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        connection.close()
        return answer

    def ask_plainly(self, path: str, host: str = PORTAL) -> Answer:
        """One request by http."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        connection.request("GET", path, headers={"Host": host})
        got = connection.getresponse()
        answer = Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        connection.close()
        return answer


def nginx_conf(folder: Path, http: int, https: int, workers: int) -> Path:
    """The real configuration, its places and ports changed; each change must have something to change."""
    shutil.copytree(DEPLOY, folder / "deploy")
    changes = {
        "user www-data;": "user root;",
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "/var/log/nginx": str(folder),
        "/run/nginx-body": str(folder / "body"),
        "listen 80": f"listen 127.0.0.1:{http}",
        "listen 443": f"listen 127.0.0.1:{https}",
        "/etc/etax/tls": str(folder / "tls"),
        "/etc/etax/deploy": str(folder / "deploy"),
        "/var/lib/etax": str(folder),
        "127.0.0.1:8000": f"127.0.0.1:{workers}",
        "worker_processes auto": "worker_processes 1",
    }
    unused = set(changes)
    for path in (folder / "deploy").glob("*.conf"):
        if path.name == "gunicorn.conf.py":
            continue
        text = path.read_text()
        for old, new in changes.items():
            unused -= {old} if old in text else set()
            text = text.replace(old, new)
        path.write_text(text)
    assert not unused, unused
    return folder / "deploy" / "nginx.conf"


def make_certificate(folder: Path) -> None:
    """A certificate for both names, signed by itself."""
    (folder / "tls").mkdir(exist_ok=True)
    names = f"subjectAltName=DNS:{PORTAL},DNS:{BUREAU}"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={PORTAL}", "-addext", names]
    command += ["-keyout", str(folder / "tls" / "key.pem"), "-out", str(folder / "tls" / "fullchain.pem")]
    subprocess.run(command, check=True, capture_output=True)


def environment(folder: Path, workers: int) -> dict[str, str]:
    """A bureau's settings, as a worker gets them."""
    settings = deploy_check.environment(str(folder)) | {
        "ALLOWED_HOSTS": f"{PORTAL},{BUREAU}",
        "BUREAU_HOSTS": BUREAU,
        "TRUSTED_PROXIES": "1",
        "STATIC_ROOT": str(folder / "static"),
        "WEB_BIND": f"127.0.0.1:{workers}",
        "WEB_WORKERS": "2",
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        "CACHE_URL": os.environ.get("CACHE_URL", "redis://127.0.0.1:6379"),
    }
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(deploy_check.ROOT), **settings}


def python(env: Mapping[str, str], *command: str) -> str:
    """What a program of ours prints; it must end well."""
    done = subprocess.run(
        [sys.executable, *command], cwd=deploy_check.ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def manage(node: Node, *command: str, **changed: str) -> str:
    """What a command of the portal prints on this node."""
    env = environment(node.folder, node.workers) | changed | _same_keys(node.folder)
    return python(env, "manage.py", *command)


_keys: dict[Path, dict[str, str]] = {}


def _same_keys(folder: Path) -> dict[str, str]:
    """`deploy_check` makes up new keys at every call; a node keeps its own."""
    names = ("SECRET_KEY", "SEALING_KEYS", "LOOKUP_KEYS", "SOCIAL_INSURANCE_SECRET")
    if folder not in _keys:
        fresh = deploy_check.environment(str(folder))
        _keys[folder] = {name: fresh[name] for name in names}
    return _keys[folder]


def start_gunicorn(node: Node) -> None:
    """Start the workers and wait until one answers."""
    log = (node.folder / "gunicorn.log").open("ab")
    command = [sys.executable, "-m", "gunicorn", "-c", str(DEPLOY / "gunicorn.conf.py"), "etax.wsgi"]
    env = environment(node.folder, node.workers) | _same_keys(node.folder)
    node.gunicorn = subprocess.Popen(command, cwd=deploy_check.ROOT, env=env, stdout=log, stderr=log)
    wait_for(node.workers)


def stop_gunicorn(node: Node) -> int:
    """End the workers as systemd does; the status that they ended with."""
    assert node.gunicorn
    node.gunicorn.terminate()
    return node.gunicorn.wait(30)


def wait_for(port: int) -> None:
    """Until something listens there."""
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on {port}")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Node]:
    """A node with an empty portal, stopped afterwards."""
    node = Node(folder, free_port(), free_port(), free_port())
    make_certificate(folder)
    conf = nginx_conf(folder, node.http, node.https, node.workers)
    manage(node, "migrate", "--verbosity", "0")
    manage(node, "compilemessages", "--verbosity", "0")
    manage(node, "collectstatic", "--no-input", "--verbosity", "0")
    manage(node, "nginx_pages", str(folder / "pages"))
    nginx = ["nginx", "-e", str(folder / "early.log"), "-p", str(folder), "-c", str(conf)]
    subprocess.run([*nginx, "-t"], check=True, capture_output=True)
    serving = subprocess.Popen([*nginx, "-g", "daemon off;"])
    try:
        start_gunicorn(node)
        wait_for(node.https)
        yield node
        if node.gunicorn and node.gunicorn.poll() is None:
            stop_gunicorn(node)
    finally:
        if node.gunicorn and node.gunicorn.poll() is None:
            node.gunicorn.kill()
        serving.terminate()
        serving.wait(10)
