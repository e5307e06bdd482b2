"""The 扣缴客户端's check of a 申报密码, held against its document (M111, M112, M126, M127, M130, D24)."""

import base64
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from accounts import passwords, throttles
from accounts.audit import Kind
from accounts.limits import DECLARATION, DECLARATION_CLIENT
from accounts.models import Throttle
from staff import declaration_clients
from staff.models import DeclarationPassword
from staff.services import declaration
from tests import cast
from tests.staff.acting import entries

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = yaml.safe_load((ROOT / "docs" / "declaration-api.yaml").read_text())
ADDRESS = "/api/v1/declaration-password/check"
SECRET, FIRST, OWN = "s3cret-of-the-client-long-enough", "Tk7hGw3nPq", "Shenbao-2026-ok"
UNKNOWN = "91210103MA0HC00241"

pytestmark = pytest.mark.usefixtures("world", "known_client")


@pytest.fixture
def known_client(settings) -> None:
    settings.DECLARATION_CLIENTS = [f"kehuduan:{declaration_clients.hash_of(SECRET)}", "other:" + "0" * 64]


def basic(name: str = "kehuduan", secret: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def ask(
    body: object, *, authorization: str | None = None, content_type: str = "application/json", method: str = "POST"
):
    """One request, and its answer held against the document."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": basic() if authorization is None else authorization}
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    answer = client.generic(method, ADDRESS, raw, content_type=content_type, headers=headers)
    assert faults_of(answer) == []
    return answer


def check(password: str, taxpayer: str = "") -> str:
    body = {"taxpayer": taxpayer or cast.CODES["HC"], "password": password}
    assert faults(body, schema("Question")) == []
    return ask(body).json()["result"]


# --- A reader of the document, as far as it goes ----------------------------------------------------------------------


def schema(name: str) -> dict[str, Any]:
    return DOCUMENT["components"]["schemas"][name]


def faults_of(answer) -> list[str]:
    """What in this answer isn't as the document says."""
    said = DOCUMENT["paths"][ADDRESS]["post"]["responses"].get(str(answer.status_code))
    if said is None:
        return [f"status {answer.status_code} isn't in the document"]
    wanted = [name for name, header in said.get("headers", {}).items() if header.get("required")]
    missing = [name for name in wanted if name not in answer.headers]
    content = said["content"].get(answer.headers["Content-Type"])
    if content is None:
        return [*missing, f"type {answer.headers['Content-Type']} isn't in the document"]
    return [*missing, *faults(answer.json(), content["schema"])]


TYPES = {"object": dict, "string": str, "integer": int}


def faults(value: Any, rule: dict[str, Any], where: str = "") -> list[str]:
    """What in this value breaks its schema: the words of JSON Schema that the document uses."""
    if "$ref" in rule:
        return faults(value, schema(rule["$ref"].rpartition("/")[2]), where)
    unknown = rule.keys() - {
        "type", "properties", "required", "additionalProperties", "enum", "const", "pattern", "description",
        "minLength", "maxLength", "minimum", "maximum",
    }  # fmt: skip
    assert not unknown, f"this reader doesn't know {unknown}"
    if not isinstance(value, TYPES[rule["type"]]) or isinstance(value, bool):
        return [f"{where} is no {rule['type']}"]
    found = []
    if rule["type"] == "object":
        found += [f"{where}.{name} is missing" for name in rule["required"] if name not in value]
        found += [f"{where}.{name} is unknown" for name in value if name not in rule["properties"]]
        for name, inner in value.items():
            found += faults(inner, rule["properties"][name], f"{where}.{name}") if name in rule["properties"] else []
        return found
    if rule["type"] == "string":
        good = rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", 10**6)
        good = good and ("pattern" not in rule or re.search(rule["pattern"], value))
    else:
        good = rule.get("minimum", value) <= value <= rule.get("maximum", value)
    good = good and value in rule.get("enum", [value]) and value == rule.get("const", value)
    return [] if good else [f"{where} isn't as the document says: {value!r}"]


def test_the_reader_sees_faults():
    assert faults({"result": "right"}, schema("Answer")) == [".message is missing"]
    assert faults({"result": "maybe", "message": "x"}, schema("Answer"))
    assert faults([], schema("Answer"))


def test_the_document_names_the_address_and_every_answer_there_is():
    assert list(DOCUMENT["paths"]) == [ADDRESS] == [reverse("staff:declaration_api")]
    told = {*schema("Answer")["properties"]["result"]["enum"], schema("Locked")["properties"]["result"]["const"]}
    assert told == set(declaration.Answer.values)
    assert DOCUMENT["openapi"].startswith("3.1.")


# --- What is answered -------------------------------------------------------------------------------------------------


def with_first(key: str = "HC") -> DeclarationPassword:
    return DeclarationPassword.objects.create(taxpayer=cast.taxpayer(key), first=FIRST)


def with_own(key: str = "HC") -> DeclarationPassword:
    credential = passwords.store(None, passwords.hash_new(OWN))
    return DeclarationPassword.objects.create(taxpayer=cast.taxpayer(key), credential=credential)


@pytest.mark.rule("M112", "M130", "D24")
def test_the_first_one_is_right_and_is_to_be_changed():
    with_first()
    assert check(FIRST) == "temporary"
    assert check(FIRST.lower()) == "wrong"


@pytest.mark.rule("M126", "M127", "D24", "PW-06")
def test_ones_own_is_right_in_either_width_and_the_old_first_is_not():
    with_own()
    assert check(OWN) == "right"
    assert check("Ｓｈｅｎｂａｏ-2026-ok") == "right"
    assert check(FIRST) == "wrong"


@pytest.mark.rule("M111", "D3")
def test_without_one_the_client_is_told_so_exactly_as_for_a_taxpayer_that_does_not_exist():
    answers = [ask({"taxpayer": code, "password": "whatever"}) for code in (cast.CODES["HC"], UNKNOWN)]
    assert [answer.json()["result"] for answer in answers] == ["none", "none"]
    assert answers[0].content == answers[1].content
    assert "还没有申报密码" in answers[0].json()["message"]
    assert "请用其他方式登录" in answers[0].json()["message"]


@pytest.mark.rule("D3", "FLOW-09")
def test_every_answer_costs_one_hash_whoever_is_asked_for(monkeypatch):
    with_own("MH")
    with_first("HC")
    asked = []
    real = passwords.check
    monkeypatch.setattr(passwords, "check", lambda *given: asked.append(1) or real(*given))
    for code in (cast.CODES["MH"], cast.CODES["HC"], cast.CODES["YF"], UNKNOWN):
        ask({"taxpayer": code, "password": "wrong"})
    assert len(asked) == 4


@pytest.mark.rule("D13", "VAL-02")
@pytest.mark.parametrize("code", [UNKNOWN, ""])
def test_five_wrong_ones_lock_the_taxpayer_known_or_not_and_the_right_one_waits(code):
    with_own()
    ways = [
        "91210103MA0HC0024{}",
        " 9121-0103-MA0HC-0024{} ",
        "91210103ma0hc0024{}",
        "９1210103MA0HC0024{}",
        "91210103MA0HC0024{}",
    ]
    for way in ways:
        assert check("wrong", way.format(1 if code else 0)) in ("wrong", "none")
    locked = ask({"taxpayer": code or cast.CODES["HC"], "password": OWN})
    assert (locked.status_code, locked.json()["result"]) == (429, "locked")
    assert "已锁定10分钟" in locked.json()["message"]
    assert locked["Retry-After"] == str(locked.json()["retry_after"])
    assert 590 <= locked.json()["retry_after"] <= 600


@pytest.mark.rule("D13")
def test_a_right_one_starts_the_count_anew():
    with_own()
    for _each in range(4):
        assert check("wrong") == "wrong"
    assert check(OWN) == "right"
    assert not Throttle.objects.filter(key__startswith="declaration:").exists()


@pytest.mark.rule("D24")
def test_a_client_that_asks_too_often_waits():
    Throttle.objects.create(key="declaration_client:kehuduan", count=DECLARATION_CLIENT.count)
    throttles.take((DECLARATION_CLIENT, "kehuduan"))
    Throttle.objects.filter(key="declaration_client:kehuduan").update(count=DECLARATION_CLIENT.count)
    answer = ask({"taxpayer": cast.CODES["HC"], "password": "x"})
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:etax:problem:too-many-requests")
    assert not entries(Kind.DECLARATION_PASSWORD_CHECKED)


@pytest.mark.rule("D28", "LOG-01", "LOG-05")
def test_each_check_is_one_entry_without_the_password():
    with_own()
    for password in (OWN, "wrong-canary"):
        check(password)
    check("wrong-canary", UNKNOWN)
    right, wrong, unknown = entries(Kind.DECLARATION_PASSWORD_CHECKED)
    assert (right.result, right.taxpayer, right.details) == (
        "done", cast.taxpayer("HC"), {"client": "kehuduan", "answer": "right"},
    )  # fmt: skip
    assert (wrong.reason, wrong.reason_in_words) == ("declaration_wrong", "申报密码错误")
    assert (unknown.reason, unknown.taxpayer) == ("declaration_none", None)
    assert "canary" not in str([entry.details for entry in entries(Kind.DECLARATION_PASSWORD_CHECKED)])


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.rule("D24")
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !",
        basic(secret="wrong"),
        basic(name="other"),
        basic(name=""),
        "Bearer " + SECRET,
        "Basic " + "A" * 900,
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        basic(name="other", secret=""),
    ],
)
def test_without_name_and_secret_nothing_is_judged(header):
    with_own()
    answer = ask({"taxpayer": cast.CODES["HC"], "password": OWN}, authorization=header)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:etax:problem:unauthorised")
    assert answer["WWW-Authenticate"].startswith("Basic ")
    assert not entries(Kind.DECLARATION_PASSWORD_CHECKED)


GOOD = {"taxpayer": cast.CODES["HC"], "password": "x"}
BAD = [
    (b" ", "not-json"),
    (b"{", "not-json"),
    (b"\xff\xfe", "not-json"),
    (b"[" * 4000, "not-json"),
    (b'{"taxpayer": ' + b"9" * 4000 + b"}", "members"),
    ([], "members"),
    ("text", "members"),
    (None, "members"),
    (1, "members"),
    ([GOOD], "members"),
    ({}, "members"),
    ({"taxpayer": GOOD["taxpayer"]}, "members"),
    ({**GOOD, "is_right": True}, "members"),
    ({**GOOD, "password": ["x"]}, "not-text"),
    ({**GOOD, "password": {"x": 1}}, "not-text"),
    ({**GOOD, "password": None}, "not-text"),
    ({**GOOD, "password": 111111}, "not-text"),
    ({**GOOD, "password": True}, "not-text"),
    ({**GOOD, "password": "a\0b"}, "not-text"),
    (b'{"taxpayer": "91210103MA0HC00240", "password": "\\ud800"}', "not-text"),
    (b'{"taxpayer": "91210103MA0HC00240", "password": NaN}', "not-text"),
    ({**GOOD, "password": ""}, "password"),
    ({**GOOD, "password": "x" * 129}, "password"),
    ({**GOOD, "taxpayer": ""}, "taxpayer"),
    ({**GOOD, "taxpayer": "9" * 61}, "taxpayer"),
    ({**GOOD, "taxpayer": "<script>alert(1)</script>"}, "taxpayer"),
    (b'{"taxpayer": "91210103MA0HC00240", "taxpayer": "91210103MA0HC00240", "password": "x"}', "repeated-member"),
]


@pytest.mark.rule("VAL-03", "VAL-04")
@pytest.mark.parametrize(("body", "code"), BAD, ids=range(len(BAD)))
def test_what_is_no_question_is_refused_in_words_and_counts_nowhere(body, code):
    answer = ask(body)
    assert (answer.status_code, answer.json()["type"]) == (400, f"urn:etax:problem:{code}")
    assert answer.json()["status"] == 400
    assert answer.json()["detail"].endswith("。")
    assert not Throttle.objects.filter(key__startswith=f"{DECLARATION.name}:").exists()


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("size", [4097, 100_000, 300_000])
def test_a_huge_body_is_too_large(size):
    assert ask(b'"' + b"x" * (size - 2) + b'"').status_code == 413


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
def test_another_type_is_refused(kind):
    assert ask(b"taxpayer=x&password=y", content_type=kind).status_code in (400, 415)


@pytest.mark.rule("CFG-06")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_told_so_as_problem_details(method):
    answer = ask(b"", method=method)
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


@pytest.mark.rule("CFG-06")
def test_an_address_that_is_none_answers_in_json_too():
    answer = Client().get("/api/v9/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert faults(answer.json(), schema("Problem")) == []


@pytest.mark.rule("PW-03")
def test_while_the_machine_is_busy_the_client_is_told_to_come_back(monkeypatch):
    def busy(*_given):
        raise passwords.slots.Busy

    monkeypatch.setattr(passwords, "check", busy)
    answer = ask({"taxpayer": cast.CODES["HC"], "password": "x"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


@pytest.mark.rule("M126", "M127")
def test_the_stand_in_asks_a_running_portal(live_portal, capsys):
    script = importlib.util.spec_from_file_location("declaration_client", ROOT / "bench" / "declaration_client.py")
    client = importlib.util.module_from_spec(script)
    script.loader.exec_module(client)
    said = {
        password: client.asked(live_portal, "kehuduan", SECRET, cast.CODES["HC"], password)
        for password in (FIRST, "wrong")
    }
    assert {password: body["result"] for password, (_status, body) in said.items()} == {
        FIRST: "temporary",
        "wrong": "wrong",
    }
    assert client.asked(live_portal, "kehuduan", "wrong", cast.CODES["HC"], FIRST)[0] == 401


@pytest.fixture
def live_portal(committed_world, live_server):
    with_first()
    return live_server.url
