"""What the tests of the accounts floor share: a person, a firm, a visitor, and eyes for the database and argon2."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.db import connection

from accounts import sms
from accounts.actor import Actor
from accounts.hashers import Argon2idHasher
from accounts.models import Person, Taxpayer
from accounts.numbers import IdType
from accounts.sms import Binding


class Gateway(ThreadingHTTPServer):
    """A real HTTP gateway on a free port of the loopback; it answers as told, and keeps what it was asked.

    While `slow` is cleared it doesn't answer; `asked` is set by the first call.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.status = 202
        self.calls: list[str] = []
        self.asked, self.slow = threading.Event(), threading.Event()
        self.slow.set()

    @property
    def url(self) -> str:
        """The address, with a user name and a password that must be quoted."""
        return f"http://bureau%40ln:geheim%2F7@127.0.0.1:{self.server_port}/cgi-bin/sendsms"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.calls.append(self.path)
        self.server.asked.set()
        self.server.slow.wait(10)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(settings) -> Iterator[Gateway]:
    """The gateway that SMS_URL names."""
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.SMS_URL = server.url
    yield server
    server.slow.set()
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def person(db) -> Person:
    """Somebody whom the demo world doesn't know; the number is an example of GB 11643."""
    return Person.objects.create(
        name="王小明", id_type=IdType.RESIDENT, id_number="11010519491231002X", phone="13800001234"
    )


@pytest.fixture
def other_person(db) -> Person:
    """Somebody else who shares the first one's phone."""
    return Person.objects.create(
        name="李小红", id_type=IdType.RESIDENT, id_number="34052419800101001X", phone="13800001234"
    )


@pytest.fixture
def firm(db) -> Taxpayer:
    """A firm that the demo world doesn't know; the number is a real one."""
    return Taxpayer.objects.create(code="91110000600037341L", name="测试有限公司")


@pytest.fixture
def by() -> Actor:
    """A visitor from an address of his own."""
    return Actor(ip="192.0.2.1", request_id="f" * 32, browser="pytest")


@pytest.fixture
def stored(db) -> Callable[[], str]:
    """Everything that the database holds, as one text: to look for what must not be there."""

    def read() -> str:
        texts = []
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                texts += [f"{table}: {row}" for row in cursor.fetchall()]
        return "\n".join(texts)

    return read


@pytest.fixture
def argon2_runs(monkeypatch) -> list[str]:
    """Grows by a word for every run of argon2, which still runs: `encode` makes a hash, `verify` judges one."""
    runs: list[str] = []
    encode, verify = Argon2idHasher.encode, Argon2idHasher.verify

    def counted_encode(*args, **kwargs):
        runs.append("encode")
        return encode(*args, **kwargs)

    def counted_verify(*args, **kwargs):
        runs.append("verify")
        return verify(*args, **kwargs)

    monkeypatch.setattr(Argon2idHasher, "encode", counted_encode)
    monkeypatch.setattr(Argon2idHasher, "verify", counted_verify)
    return runs


@pytest.fixture
def outgoing(own_folder: Path) -> Callable[[], list[dict]]:
    """The messages that went to the file, oldest first."""

    def read() -> list[dict]:
        file = own_folder / "sms.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    return read


@pytest.fixture
def send(by, outgoing, django_capture_on_commit_callbacks) -> Iterator[Callable[[Binding], str]]:
    """Send a code as after a commit; gives the digits that the phone shows."""

    def sent(binding: Binding) -> str:
        with django_capture_on_commit_callbacks(execute=True):
            sms.send_code(binding, by=by)
        return re.search(r"\d{6}", outgoing()[-1]["text"])[0]

    return sent
