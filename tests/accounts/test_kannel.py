"""A real Kannel with its fake SMSC, from Debian's packages: a code asked for in the portal arrives at a phone."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from accounts import gateways, outbox, sms
from accounts.gateways import Message, NotSent
from accounts.models import SmsMessage
from accounts.models.messages import Purpose
from accounts.sms import Binding

FAKE_SMSC = "/usr/lib/kannel/test/fakesmsc"
BOXES = [shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("bearerbox", "smsbox")]
IS_HERE = all(BOXES) and Path(FAKE_SMSC).exists()

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not IS_HERE and not os.environ.get("TEST_EXPECTS_KANNEL"),
        reason="there is no Kannel here: `make kannel` installs it",
    ),
]

CONFIGURATION = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"

group = smsc
smsc = fake
smsc-id = FAKE
port = {smsc}
connect-allow-ip = "127.0.0.1"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
sendsms-interface = 127.0.0.1
global-sender = 12366

group = sendsms-user
username = bureau
password = {password}
concatenation = true
max-messages = 5
user-deny-ip = "*.*.*.*"
user-allow-ip = "127.0.0.1"
"""
PASSWORD = "geheim-7"


def free_ports(count: int) -> list[int]:
    """So many ports on which nobody listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def until(is_so: Callable[[], object], what: str) -> object:
    """Wait until it is so."""
    for _ in range(300):
        if found := is_so():
            return found
        time.sleep(0.05)
    raise AssertionError(what)


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


class Kannel:
    """Bearerbox, smsbox and the fake SMSC, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("admin", "boxes", "smsc", "http")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        (folder / "kannel.conf").write_text(CONFIGURATION.format(**self.ports, password=PASSWORD))
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Each when the one before it is there."""
        self._run("bearerbox", [BOXES[0], "kannel.conf"])
        until(lambda: listens(self.ports["boxes"]) and listens(self.ports["smsc"]), "bearerbox didn't start")
        asks = ["-H", "127.0.0.1", "-r", str(self.ports["smsc"]), "-i", "0.01", "-m", "1", "12366 12366 text hello"]
        self._run("phone", [FAKE_SMSC, *asks])
        self._run("smsbox", [BOXES[1], "kannel.conf"])
        until(lambda: listens(self.ports["http"]), "smsbox didn't start")

    def _run(self, name: str, command: list[str | None]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running.append(subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log))

    def stop(self) -> None:
        """The last one first."""
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    @property
    def url(self) -> str:
        return f"http://bureau:{PASSWORD}@127.0.0.1:{self.ports['http']}/cgi-bin/sendsms"

    def arrived(self, to: str) -> list[str]:
        """The texts that reached this phone: the fake SMSC prints them as quoted UTF-16."""
        log = (self.folder / "phone.log").read_text(errors="replace")
        quoted = re.findall(rf"<12366 {to} ucs-2 (?:\S+ )?(\S+)>", log)
        return [unquote_to_bytes(text.replace("+", " ")).decode("utf-16-be") for text in quoted]


@pytest.fixture(scope="module")
def kannel(tmp_path_factory) -> Iterator[Kannel]:
    """A running Kannel."""
    server = Kannel(tmp_path_factory.mktemp("kannel"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.mark.rule("D14", "OTP-13", "M20")
def test_a_code_asked_for_arrives_at_the_phone_through_kannel(kannel, settings, person, by):
    settings.SMS_URL = kannel.url
    binding = Binding(person=person, purpose=Purpose.PERSON_SIGN_IN, taxpayer=None, login="a" * 32, phone="13800001234")
    sms.send_code(binding, by=by)
    row = SmsMessage.objects.get()
    assert outbox.deliver(row.pk) is True
    (text,) = until(lambda: kannel.arrived("13800001234"), "nothing arrived")
    assert text.startswith("【辽宁省电子税务局】验证码")
    assert "请勿转发" in text
    sms.check_code(binding, re.search(r"\d{6}", text)[0], by=by)
    row.refresh_from_db()
    assert row.sent_by == f"http 127.0.0.1:{kannel.ports['http']}"


def test_kannel_refuses_a_wrong_password_and_that_is_a_failure_of_the_gateway(kannel, settings):
    settings.SMS_URL = kannel.url.replace(PASSWORD, "wrong")
    with pytest.raises(NotSent, match="status 403") as caught:
        gateways.sender().send(Message("13800001234", "x"))
    assert type(caught.value) is NotSent


def test_kannel_declines_a_message_without_a_number(kannel, settings):
    settings.SMS_URL = kannel.url
    with pytest.raises(gateways.Declined, match="status 400"):
        gateways.sender().send(Message("", "x"))
