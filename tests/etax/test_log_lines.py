"""A line of the log: JSON in a real bureau, one line whatever it says, and nothing in it that nobody may read."""

import json
import logging

import pytest

from etax.json_logs import JsonLineFormatter
from etax.logs import LineFormatter, RequestIdFilter, redacted, request_id
from tests.etax import in_production

NASTY = ["a\r\nb", "\x1b[31mred", '"}],{"', "\u2028", "\x00", "名\u202e称", "\ud800"]


def line_of(message: str, *args: object, formatter: logging.Formatter | None = None, **more: object) -> str:
    record = logging.LogRecord("etax.test", logging.WARNING, "x.py", 1, message, args, None)
    record.__dict__.update(more)
    RequestIdFilter().filter(record)
    return (formatter or JsonLineFormatter()).format(record)


@pytest.mark.rule("LOG-05", "LOG-06")
def test_a_line_is_json_with_moment_level_logger_request_and_message():
    request_id.set("a" * 32)
    told = json.loads(line_of("message %s", "甲", page="login", status=200))
    assert told.pop("at").endswith("+00:00")
    assert told == {
        "level": "WARNING",
        "logger": "etax.test",
        "request_id": "a" * 32,
        "message": "message 甲",
        "page": "login",
        "status": 200,
    }


@pytest.mark.rule("LOG-06")
@pytest.mark.parametrize(
    "nasty", ["a\r\nb", "\x1b[31mred", '"}],{"', "\u2028", "\x00", "名\u202e称", "\ud800"], ids=repr
)
@pytest.mark.parametrize("formatter", [JsonLineFormatter(), LineFormatter("{levelname} {message}", style="{")])
def test_whatever_it_says_it_is_one_line(nasty, formatter):
    line = line_of("said %s", nasty, formatter=formatter)
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line


@pytest.mark.rule("LOG-05", "D27")
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("to 13812345678 now", "to 138****5678 now"),
        ("给13812345678发送", "给138****5678发送"),
        ("210102199509090018", "2101**********0018"),
        ("id=21010219950909001X.", "id=2101**********001X."),
        ("password=Siyuan-2026-ok&x=1", "password=***&x=1"),
        ('{"password": "Siyuan-2026-ok", "x": 1}', '{"password": ***", "x": 1}'),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("sms code: 482915", "sms code: ***"),
        ("https://user:secret@gateway.example/send", "https://user:***@gateway.example/send"),
        ("postgres://etax:pw@10.0.0.1/etax", "postgres://etax:***@10.0.0.1/etax"),
    ],
)
def test_what_nobody_may_read_is_left_out(written, read):
    assert redacted(written) == read


@pytest.mark.rule("LOG-05")
@pytest.mark.parametrize(
    "harmless",
    [
        "2026-11-26T23:15:31.137+00:00",
        "3f13812345678abc13912345678901234",
        "550e8400-e29b-41d4-a716-446655440000",
        "91210103MA0HC00240",
        "status 200 in 1234 ms",
        "1381234567",
    ],
)
def test_what_is_no_secret_stays(harmless):
    assert redacted(harmless) == harmless


@pytest.mark.rule("LOG-05")
def test_a_traceback_is_within_the_line_and_redacted():
    try:
        raise ValueError("phone 13812345678, password=Siyuan-2026-ok")
    except ValueError as error:
        line = line_of("failed", exc_info=(type(error), error, error.__traceback__))
    assert "\n" not in line
    assert "138****5678" in json.loads(line)["exc_info"]
    assert "Siyuan" not in line


@pytest.mark.rule("LOG-05", "CFG-01")
def test_in_production_every_request_is_a_line_of_json_under_the_pages_name():
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'etax.settings'\n"
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('collectstatic', verbosity=0, interactive=False)\n"
        "from django.test import Client\n"
        "ask = Client(SERVER_NAME='portal.example', REMOTE_ADDR='192.0.2.77')\n"
        "ask.get('/agreement/?canary=13812345678', secure=True)"
    )
    done = in_production.run(["-W", "ignore", "-c", code])
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    (line,) = [each for each in lines if each["logger"] == "etax.requests"]
    assert (line["page"], line["method"], line["status"], line["ip"]) == ("agreement", "GET", 200, "192.0.*.*")
    assert "canary" not in done.stderr
