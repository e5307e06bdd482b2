"""One machine for the run, installed by the commands of docs/operation.md. `make installed` asks for it."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.deploy.node import make_certificate
from tests.faults.servers import SmsGateway
from tests.installed.machine import Machine
from tests.rehearse.page import commands

GATEWAY = "/srv/gateway"
UNIT = f"""[Unit]
Description=A stand-in for the SMS gateway
[Service]
WorkingDirectory=/opt/etax
ExecStart=/usr/bin/python3 -m tests.faults.gateway 8443 {GATEWAY}
[Install]
WantedBy=multi-user.target
"""
PASSWORDS = "-c \"ALTER ROLE etax PASSWORD 'portal-2026'\" -c \"ALTER ROLE etax_owner PASSWORD 'owner-2026'\""


@pytest.fixture(autouse=True)
def own_folder() -> None:
    """The portal under test is another machine's: nothing of this one's settings is changed."""


class Gateway(SmsGateway):
    """The stand-in, as a service of the machine inside."""

    def _start(self) -> None:
        self.port = 8443


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """The node, with the demo world in it."""
    if not os.environ.get("TEST_INSTALLS"):
        pytest.skip("makes a Debian of its own, which takes minutes and root: `make installed`")
    folder = Path(tempfile.mkdtemp(prefix="etax-installed-"))
    made = Machine(folder)
    try:
        install(made)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def gateway(machine: Machine) -> Gateway:
    """The messages that left the portal."""
    assert isinstance(machine.gateway, Gateway)
    return machine.gateway


def install(machine: Machine) -> None:
    """From nothing to a node that serves, by the page's own commands."""
    machine.debootstrap()
    machine.inside(f"apt-get update -qq\n{commands('packages')}")
    machine.trust_as_here()
    # Where it was unpacked another server had the usual port.
    machine.inside("sed -i 's/^port = .*/port = 5432/' /etc/postgresql/15/main/postgresql.conf")
    machine.put_release()
    machine.inside(commands("release"))
    machine.gateway = Gateway(machine.root / GATEWAY[1:])
    fill_in(machine, machine.gateway)
    machine.start()
    machine.run(f"{commands('roles')}\npsql -qd postgres {PASSWORDS}", user="postgres")
    machine.run(commands("tables"))
    machine.run(commands("record"), user="postgres")
    machine.run(commands("start"))
    machine.run("etax-manage shell --verbosity 0 -c 'from etax import demo; demo.load()'")


def fill_in(machine: Machine, gateway: Gateway) -> None:
    """What the page leaves to whoever installs: settings, the owner's, certificate, Redis's password."""
    values = {
        "SECRET_KEY": settings.SECRET_KEY,
        "SEALING_KEYS": ",".join(settings.SEALING_KEYS),
        "LOOKUP_KEYS": ",".join(settings.LOOKUP_KEYS),
        "DATABASE_URL": "postgres://etax:portal-2026@127.0.0.1:5432/etax",
        "CACHE_URL": "redis://:cache-2026@127.0.0.1:6379/0",
        "SMS_URL": "https://user:secret@127.0.0.1:8443/send",
        "SOCIAL_INSURANCE_SECRET": "s" * 40,
    }
    env = machine.root / "etc/etax/env"
    text = env.read_text()
    for name, value in values.items():
        text, found = re.subn(rf"^{name}=.*$", lambda _, line=f"{name}={value}": line, text, flags=re.MULTILINE)
        assert found == 1, name
    env.write_text(f"{text}SSL_CERT_FILE=/etc/etax/gateway.pem\n")
    owner = "DATABASE_URL=postgres://etax_owner:owner-2026@127.0.0.1:5432/etax\n"
    (machine.root / "etc/etax/owner.env").write_text(owner)
    shutil.copy(gateway.certificate, machine.root / "etc/etax/gateway.pem")
    (machine.root / "etc/systemd/system/gateway.service").write_text(UNIT)
    make_certificate(machine.root / "etc/etax")
    machine.inside("echo 'requirepass cache-2026' >> /etc/redis/redis.conf")
    machine.inside("chmod 0755 /srv/gateway && systemctl enable --quiet gateway")
