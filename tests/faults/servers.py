"""The servers behind the portal, each a process of the rig's own on the loopback: PostgreSQL, Redis, an SMS gateway."""

import datetime as dt
import glob
import ipaddress
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import psycopg
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.faults.children import Child, free_port, give_back, run, wait_until

OWNER = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root: its files and processes then belong to its own account."""
PORTAL_ROLE = "portal"


def _binary(name: str) -> str:
    # Debian's own place first: what it has on the path asks which cluster is meant.
    debians = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)
    found = debians[0] if debians else shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} is not installed")
    return os.path.realpath(found)


class Cluster:
    """A PostgreSQL cluster made for this run, durable as a real one."""

    def __init__(self, folder: Path, *, env: dict[str, str] | None = None) -> None:
        self.folder, self.port, self.env = folder, free_port(), {"PATH": os.environ["PATH"], **(env or {})}
        self.data, self.log = folder / "data", folder / "postgres.log"
        folder.mkdir(parents=True, exist_ok=True)
        self._own(folder)
        initdb = [_binary("initdb"), "-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        run([*initdb, "--locale=C.UTF-8", "--no-sync"], user=OWNER, cwd=folder, env=self.env)
        self.log.touch()
        self.start()

    def adopt(self, folder: Path, data: Path) -> None:
        """Take over a data directory that was restored, on a port of its own, and recover it to its end."""
        self.folder, self.data, self.port, self.log = folder, data, free_port(), folder / "restored.log"
        self.env = {"PATH": os.environ["PATH"]}
        self.start()
        wait_until(lambda: not self.sql("SELECT pg_is_in_recovery()")[0][0], 60, "recovery has ended")

    @staticmethod
    def _own(path: Path) -> None:
        if OWNER:
            shutil.chown(path, OWNER)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(self.port)}
        options |= {"max_connections": "60", "shared_buffers": "64MB", "log_min_messages": "warning"}
        command = [_binary("postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.child = Child(command, self.log, user=OWNER, cwd=self.folder, env=self.env)
        wait_until(self._answers, 60, "PostgreSQL answers")

    def _answers(self) -> bool:
        assert self.child.lives, self.child.last_words()
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop_at_once(self) -> None:
        """As `pg_ctl -m immediate stop`: no checkpoint, no good-bye."""
        self.child.end(signal.SIGQUIT)

    def kill(self) -> None:
        """`kill -9` of the postmaster; its children notice and go, so that it can be started again."""
        family = self.child.family()
        self.child.process.kill()
        self.child.process.wait(10)
        wait_until(lambda: not any(each.is_running() for each in family[1:]), 30, "the backends are gone")

    def freeze(self) -> None:
        """SIGSTOP to all of it."""
        self.child.signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to all of it."""
        self.child.signal_all(signal.SIGCONT)

    def close(self) -> None:
        """End it; its folder goes with the run's."""
        self.child.end(signal.SIGINT)
        give_back(self.port)

    # --- As its owner, past the proxy ---------------------------------------------------------------------------------

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of the database's owner, which commits each statement."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True, connect_timeout=5
        )

    def sql(self, statement: str, *values: object, database: str = "postgres") -> list[tuple]:
        """What a statement answers; empty where it answers nothing."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def make(self, name: str, *, template: str = "template1", more: str = "") -> None:
        """A new database."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {more}')

    def drop(self, name: str) -> None:
        """A database less."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def url(self, database: str, *, port: int = 0, role: str = "postgres") -> str:
        """Its address, as settings name it."""
        return f"postgres://{role}@127.0.0.1:{port or self.port}/{database}"


class Redis:
    """A Redis server made for this run, which keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.child = Child(command, self.folder / "redis.log", cwd=self.folder)
        self.child.wait_for(self.port)

    def client(self) -> redis.Redis:
        """A client past the proxy."""
        return redis.Redis(port=self.port, socket_timeout=5)

    def stop(self) -> None:
        """End it."""
        self.child.end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP."""
        self.child.signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.child.signal_all(signal.SIGCONT)

    def close(self) -> None:
        """End it for good."""
        self.child.end(signal.SIGTERM)
        give_back(self.port)


class SmsGateway:
    """The stand-in of the SMS gateway (`gateway.py`), with a certificate made for this run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._certify()
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "tests.faults.gateway", str(self.port), str(self.folder)]
        self.child = Child(command, self.folder / "gateway.log")
        self.child.wait_for(self.port)

    @property
    def certificate(self) -> Path:
        """Whom the portal trusts."""
        return self.folder / "cert.pem"

    def _certify(self) -> None:
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sms")])
        now = dt.datetime.now(dt.UTC)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=9)).not_valid_after(now + dt.timedelta(days=9))
        builder = builder.add_extension(names, critical=False).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / "key.pem").write_bytes(secret)

    def behave(self, mode: str) -> None:
        """`ok`, `refuse`, `drop` or `late`, from the next message on."""
        (self.folder / "mode").write_text(mode)

    def forget(self) -> None:
        """Begin a new list of messages."""
        (self.folder / "sms.jsonl").write_text("")
        self.behave("ok")

    def lines(self, phone: str = "") -> list[dict]:
        """What came in, oldest first; all of it, or for one phone."""
        path = self.folder / "sms.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if not phone or line["to"] == phone]

    def code(self, phone: str, *, after: int = 0, seconds: float = 10) -> str:
        """The newest code on this phone, once one came after the first `after` messages; notices have none."""

        def codes() -> list[str]:
            return re.findall(r"(?<!\d)\d{6}(?!\d)", " ".join(line["text"] for line in self.lines(phone)[after:]))

        wait_until(lambda: bool(codes()), seconds, f"a code to {phone}")
        return codes()[-1]

    def close(self) -> None:
        """End it."""
        self.child.end()
        give_back(self.port)
