"""Figures for Prometheus: each is counted where it happens, under words of our own, and shown on this machine alone."""

import signal
import subprocess
import sys
import urllib.request
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone
from prometheus_client import REGISTRY, generate_latest

from accounts.models import SmsMessage
from accounts.models.messages import SmsChannel
from etax import figures
from etax.management.commands import serve_metrics
from tests import deploy_check


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.mark.rule("REL-01")
def test_requests_are_counted_by_page_and_status_and_never_by_what_was_typed(visitor):
    page = {"page": "login", "method": "GET", "status": "200"}
    before, nowhere = value("etax_requests_total", **page), {"page": "none", "method": "GET", "status": "404"}
    missed, timed = value("etax_requests_total", **nowhere), value("etax_request_seconds_count", page="login")
    visitor.get(reverse("login"), {"next": "/canary/"})
    visitor.get("/canary-19900000001/")
    visitor.generic("CANARY", "/login/")
    assert value("etax_requests_total", **page) == before + 1
    assert value("etax_requests_total", **nowhere) == missed + 1
    assert value("etax_request_seconds_count", page="login") == timed + 2
    assert b"anary" not in generate_latest(REGISTRY)
    assert b"19900000001" not in generate_latest(REGISTRY)


@pytest.mark.rule("REL-01", "LOG-01")
def test_sign_ins_are_counted_by_result_and_proof(visitor):
    wrong = {"kind": "enterprise_password", "result": "refused", "proof": ""}
    right = {"kind": "sign_in", "result": "done", "proof": "enterprise_password"}
    refused, done = value("etax_record_entries_total", **wrong), value("etax_record_entries_total", **right)
    visitor.give_enterprise_password("HC", password="Wrong-2026-ok")
    assert value("etax_record_entries_total", **wrong) == refused + 1
    visitor.sign_in_by_password("HC", "钱思远")
    assert value("etax_record_entries_total", **right) == done + 1


@pytest.mark.rule("REL-01", "F1")
def test_what_goes_wrong_is_counted_by_what_it_was(visitor):
    before = value("etax_troubles_total", what="database")
    monkeypatch = pytest.MonkeyPatch()

    def refuse(*_args, **_kwargs):
        raise OperationalError("gone")

    visitor.get("/login/")
    visitor.raise_request_exception = False
    monkeypatch.setattr(connection, "cursor", refuse)
    visitor.cookies["session"] = "a" * 32
    answer = visitor.get("/")
    monkeypatch.undo()
    assert answer.status_code == 503
    assert value("etax_troubles_total", what="database") == before + 1


@pytest.mark.rule("REL-01", "PW-03")
def test_waiting_for_a_hash_slot_is_timed_and_whoever_waits_is_counted_down_again(visitor):
    before = value("etax_slot_wait_seconds_count", what="slots")
    visitor.give_enterprise_password("HC")
    assert value("etax_slot_wait_seconds_count", what="slots") > before
    assert value("etax_slot_waiting", what="slots") == 0


@pytest.mark.rule("REL-01", "F7")
def test_the_outbox_and_the_gateways_are_asked_of_the_database(world):
    later = timezone.now() + timedelta(hours=1)
    message = SmsMessage.objects.create(to="19900000001", text="x", useful_until=later)
    SmsMessage.objects.filter(pk=message.pk).update(next_try_at=timezone.now() - timedelta(seconds=90))
    SmsChannel.objects.create(name="main", open_until=later)
    SmsChannel.objects.create(name="other")
    shown = figures.registry(of_workers=False)
    assert shown.get_sample_value("etax_database_answers") == 1
    assert shown.get_sample_value("etax_sms_waiting") == 1
    assert shown.get_sample_value("etax_sms_oldest_seconds") >= 90
    assert shown.get_sample_value("etax_sms_gateway_open", {"gateway": "main"}) == 1
    assert shown.get_sample_value("etax_sms_gateway_open", {"gateway": "other"}) == 0


@pytest.mark.rule("REL-01", "F1")
def test_a_database_that_does_not_answer_is_a_figure_as_well(world):
    monkeypatch = pytest.MonkeyPatch()

    def refuse(*_args, **_kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", refuse)
    told = generate_latest(figures.registry(of_workers=False)).decode()
    monkeypatch.undo()
    assert "etax_database_answers 0.0" in told


@pytest.mark.rule("CFG-05")
def test_figures_are_served_on_this_machine_alone_in_a_process_of_their_own(tmp_path):
    env = {"PATH": "/usr/bin:/bin", "VAR_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "manage.py", "serve_metrics", "--port", "0"]
    serving = subprocess.Popen(command, cwd=deploy_check.ROOT, env=env, stdout=subprocess.PIPE, text=True)
    try:
        address = serving.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert "etax_database_answers" in answer.read().decode()
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 0
    assert serve_metrics.ADDRESS == "127.0.0.1"
