"""The files that a node is deployed with fit the portal and each other."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests import deploy_check
from tests.deploy.node import DEPLOY
from tests.rehearse.page import commands

UNITS = sorted((DEPLOY / "systemd").iterdir(), key=lambda path: path.name)
EXAMPLE = (DEPLOY / ".env.example").read_text()


def settings_read() -> set[str]:
    """The names that the settings and gunicorn take from the environment."""
    code = (deploy_check.ROOT / "etax" / "settings.py").read_text() + (DEPLOY / "gunicorn.conf.py").read_text()
    return set(re.findall(r'env(?:iron)?\.\w+\(\s*"([A-Z_]+)"', code)) - {"DJANGO_SETTINGS_MODULE"}


@pytest.mark.rule("CFG-01")
def test_the_example_names_every_setting_and_no_other():
    named = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert named - {"DATABASE_PASSWORD", "CACHE_PASSWORD"} == settings_read()


@pytest.mark.rule("CFG-01")
def test_the_example_holds_no_secret_that_somebody_could_leave_in():
    for name in ("SECRET_KEY", "SEALING_KEYS", "LOOKUP_KEYS", "SOCIAL_INSURANCE_SECRET"):
        assert re.search(rf"^{name}=$", EXAMPLE, re.MULTILINE)
    env = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    done = deploy_check.run(**env)
    assert done.returncode != 0
    assert "SECRET_KEY is missing or weak" in done.stderr


@pytest.mark.rule("CFG-01")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_names_commands_that_there_are_and_systemd_understands_it(unit):
    text = unit.read_text()
    for command in re.findall(r"manage\.py ([a-z_]+)", text):
        found = list(deploy_check.ROOT.glob(f"*/management/commands/{command}.py"))
        assert found or command == "check", command
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service") in UNITS
    if shutil.which("systemd-analyze"):
        told = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False).stderr
        faults = [line for line in told.splitlines() if unit.name in line and "/opt/etax" not in line]
        assert faults == []


@pytest.mark.rule("CFG-01")
def test_every_service_runs_as_nobody_special_and_may_write_little():
    for unit in UNITS:
        if unit.suffix == ".service":
            text = unit.read_text()
            owns = unit.stem in ("etax-partition-record", "etax-retire-record")
            for line in (
                "User=etax-owner" if owns else "User=etax",
                "NoNewPrivileges=yes",
                "ProtectSystem=strict",
                "CapabilityBoundingSet=",
            ):
                assert f"\n{line}\n" in text, (unit.name, line)


@pytest.mark.rule("CFG-01", "FIL-04")
def test_nginx_comes_through_the_portals_folder_to_the_static_files_and_lists_nothing():
    kept = {unit.stem: unit.read_text() for unit in UNITS if "\nStateDirectory=etax\n" in unit.read_text()}
    assert {"etax-web", "etax-sms", "etax-tidy", "etax-metrics"} <= kept.keys()
    for name, text in kept.items():
        assert "\nStateDirectoryMode=0751\n" in text, name
    assert "install -d -o etax -g etax -m 0751 /var/lib/etax\n" in commands("release")
    assert "-m 0751 /var/lib/etax " in (DEPLOY / "Dockerfile").read_text()


@pytest.mark.rule("CFG-01", "CRY-01")
def test_the_image_takes_no_settings_and_no_private_key_with_it():
    left_out = (deploy_check.ROOT / ".dockerignore").read_text().split()
    compose = (DEPLOY / "compose.yaml").read_text()
    assert "env_file: .env" in compose, "deploy/.env"
    assert "- ./tls:" in compose, "deploy/tls"
    assert {"**/.env", "deploy/tls"} <= set(left_out)
    assert "- .:" not in compose  # nginx, which everybody talks to, would have the settings before it


@pytest.mark.rule("CFG-01")
def test_the_compose_file_has_no_secret_and_opens_nginx_alone():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"nginx"}
    for service in services.values():
        for value in (service.get("environment") or {}).values():
            assert "PASSWORD" not in str(value) or "${" in str(value)
    for name in ("web", "messages", "prepare"):
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["read_only"] is True
