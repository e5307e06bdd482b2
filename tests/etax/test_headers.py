"""The headers of every kind of answer, compared as a whole: none is missing, none is there that nobody asked for."""

import fcntl
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as portal
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path, reverse
from django.utils import timezone

from accounts import browsers
from etax import urls
from staff.services import opening
from tests import cast
from tests.etax import in_production, officers
from tests.visitor import Visitor

POLICY = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'"},
    "media-src": {"'self'"},
    "connect-src": {"'self'"},
    "font-src": {"'self'"},
    "base-uri": {"'none'"},
    "object-src": {"'none'"},
    "frame-ancestors": {"'none'"},
    "form-action": {"'self'"},
}
EVERYWHERE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
    ),
}
UNCACHED = EVERYWHERE | {"Cache-Control": "no-store"}
PAGE = UNCACHED | {"Content-Type": "text/html; charset=utf-8"}
JSON = UNCACHED | {"Content-Type": "application/json"}
STATIC = EVERYWHERE | {"Content-Type": 'text/css; charset="utf-8"'}

# The same module is the address book of the test of 500: the portal's own, and one page that fails.
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500


@login_not_required
def failing(request):
    raise RuntimeError("on purpose")


urlpatterns = [*urls.urlpatterns, path("failing/", failing)]


def policy_of(text: str) -> dict[str, set[str]]:
    """A Content-Security-Policy by directive."""
    directives = [directive.split() for directive in text.split(";")]
    return {name: set(sources) for name, *sources in directives}


def headers_of(response) -> dict[str, object]:
    """The headers, those whose value is this answer's own taken out after a look at them."""
    headers = dict(response.headers)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    assert headers.pop("Content-Length", str(len(body))) == str(len(body))
    assert re.fullmatch(r"[0-9a-f]{32}", headers.pop("X-Request-ID"))
    assert headers.pop("Vary", "Cookie") == "Cookie"
    headers["Content-Security-Policy"] = policy_of(headers.get("Content-Security-Policy", "missing"))
    return headers


def expected(headers: dict[str, str], **more: str) -> dict[str, object]:
    return headers | {"Content-Security-Policy": POLICY} | {name.replace("_", "-"): v for name, v in more.items()}


def too_many_pictures(visitor: Visitor) -> HttpResponse:
    where = reverse("accounts:picture", args=["no-token"])
    with time_machine.travel(timezone.now(), tick=False):  # all in one minute
        return next(answer for answer in (visitor.get(where) for _ in range(40)) if answer.status_code == 429)


def stale(visitor: Visitor) -> HttpResponse:
    return visitor.post(reverse("accounts:acknowledge"), {"capacity": "another"})


def busy(visitor: Visitor) -> HttpResponse:
    """A sign-in while every hash slot of the machine is held."""
    folder = Path(portal.VAR_DIR) / "slots"
    folder.mkdir(exist_ok=True)
    held = [(folder / str(number)).open("ab") for number in range(portal.HASH_SLOTS)]
    try:
        for slot in held:
            fcntl.flock(slot, fcntl.LOCK_EX)
        return visitor.give_enterprise_password("HC")
    finally:
        for slot in held:
            slot.close()


def signed_out(visitor: Visitor) -> HttpResponse:
    visitor.sign_in_by_password("HC", "钱思远")
    return visitor.post(reverse("sign_out"))


def signed_in(visitor: Visitor) -> Visitor:
    visitor.sign_in_by_password("HC", "钱思远")
    return visitor


def a_picture(visitor: Visitor, name: str) -> HttpResponse:
    return visitor.get(reverse(name, args=[visitor.token(reverse("login"))]))


def without_token(visitor: Visitor) -> HttpResponse:
    return Client(enforce_csrf_checks=True).post(reverse("login"))


def with_old_ticket(visitor: Visitor) -> HttpResponse:
    return visitor.post(reverse("redeem_ticket"), {"ticket": "old"}, headers={"authorization": "Bearer " + "s" * 40})


def as_officer(visitor: Visitor) -> Visitor:
    with override_settings(SMS_URL=f"file://{visitor.messages}", DEBUG=True):
        return officers.sign_in(visitor)


def certificate(visitor: Visitor) -> HttpResponse:
    """The answer to a reset at the counter, of a firm that has nobody to be told."""
    firm = cast.taxpayer("CG")
    data = {"handler": "李经办", "papers": ["statement", "handler_id"], "version": opening.version_of(firm)}
    answer = as_officer(visitor).post(reverse("bureau:reset_password", args=[firm.uid]), data)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    del answer.headers["Content-Disposition"]
    return answer


LIST = "bureau:accounts_taxpayer_changelist"
NEW_PICTURE = "/picture/new/ordinary-login/"
KINDS: dict[str, tuple[int, dict[str, object], Callable[[Visitor], HttpResponse]]] = {
    "page": (200, expected(PAGE), lambda v: v.get(reverse("login"))),
    "page of one signed in": (200, expected(PAGE), lambda v: signed_in(v).get(reverse("home"))),
    "page of an officer": (200, expected(PAGE), lambda v: as_officer(v).get(reverse("bureau:index"))),
    "list of an officer": (200, expected(PAGE), lambda v: as_officer(v).get(reverse(LIST))),
    "no back office": (404, expected(PAGE), lambda v: signed_in(v).get(reverse("bureau:index"))),
    "certificate": (200, expected(UNCACHED, Content_Type="application/pdf"), certificate),
    "picture": (200, expected(UNCACHED, Content_Type="image/png"), lambda v: a_picture(v, "accounts:picture")),
    "sound": (200, expected(UNCACHED, Content_Type="audio/wav"), lambda v: a_picture(v, "accounts:sound")),
    "json": (200, expected(JSON), lambda v: v.get(NEW_PICTURE)),
    "json 401": (401, expected(JSON), lambda v: v.post(reverse("redeem_ticket"))),
    "json 410": (410, expected(JSON), with_old_ticket),
    "missing slash": (301, expected(PAGE, Location="/login/"), lambda v: v.get("/login")),
    "sign in first": (302, expected(PAGE, Location="/login/?next=/"), lambda v: v.get(reverse("home"))),
    "signed out": (302, expected(PAGE, Location="/login/", Clear_Site_Data='"cache"'), signed_out),
    "form with errors": (400, expected(PAGE), lambda v: v.post(reverse("login"), {"code": ""})),
    "foreign host": (400, expected(PAGE), lambda v: v.get(reverse("login"), headers={"host": "evil.example"})),
    "broken form": (400, expected(PAGE), lambda v: v.post(reverse("login"), b"x", content_type="multipart/form-data")),
    "stale token": (403, expected(PAGE), without_token),
    "missing page": (404, expected(PAGE), lambda v: v.get("/nowhere/")),
    "forged picture": (404, expected(PAGE), lambda v: v.get(reverse("accounts:picture", args=["forged"]))),
    "missing static file": (404, expected(PAGE), lambda v: v.get("/static/nowhere.css")),
    "wrong method": (405, expected(PAGE, Allow="POST"), lambda v: v.get(reverse("sign_out"))),
    "stale form": (409, expected(PAGE), stale),
    "too many": (429, expected(PAGE, Retry_After="60"), too_many_pictures),
    "error": (500, expected(PAGE), lambda v: v.get("/failing/")),
    "busy": (503, expected(PAGE, Retry_After="2"), busy),
    "static file": (200, expected(STATIC), lambda v: v.get("/static/css/base.css")),
}


@pytest.mark.rule("CFG-02", "CFG-03", "CFG-05")
@pytest.mark.parametrize("debug", [True, False], ids=["debug", "no debug"])
@pytest.mark.parametrize("kind", KINDS)
def test_this_answer_has_exactly_these_headers(visitor, settings, kind, debug):
    status, headers, ask = KINDS[kind]
    settings.DEBUG, settings.ROOT_URLCONF = debug, __name__
    settings.HASH_WAIT_SECONDS, settings.SOCIAL_INSURANCE_SECRET = 0, "s" * 40
    settings.SMS_URL = "https://gateway.invalid/send"
    visitor.raise_request_exception = False
    answer = ask(visitor)
    assert answer.status_code == status
    got = headers_of(answer)
    if kind == "static file":  # whose age is the file's own
        assert got.pop("Last-Modified")
        assert got.pop("ETag")
        assert got.pop("Cache-Control") == f"max-age={0 if debug else 60}, public"
    assert got == headers


@pytest.mark.rule("CFG-02")
def test_a_file_that_the_browser_has_already_is_not_sent_again_and_keeps_its_headers(visitor):
    etag = visitor.get("/static/css/base.css").headers["ETag"]
    answer = visitor.get("/static/css/base.css", headers={"if-none-match": etag})
    assert answer.status_code == 304
    got = headers_of(answer)
    assert {name: got.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert got["Content-Security-Policy"] == POLICY


@pytest.mark.rule("CFG-02")
def test_a_visitor_cannot_choose_the_number_of_his_request(visitor):
    answer = visitor.get(reverse("login"), headers={"x-request-id": "chosen"})
    other = visitor.get(reverse("login"), headers={"x-request-id": "chosen"})
    numbers = {answer.headers["X-Request-ID"], other.headers["X-Request-ID"]}
    assert len(numbers) == 2
    assert "chosen" not in numbers


@pytest.mark.rule("D17", "CFG-03")
def test_no_page_asks_for_what_the_policy_forbids(visitor):
    signed_in(visitor)
    addresses = ["home", "agreement", "accounts:sign_ins", "staff:operations", "staff:step_up", "simulated_phone"]
    pages = [visitor.get(reverse(name)).content.decode() for name in addresses]
    pages.append(visitor.post("/nowhere/").content.decode())
    for page in pages:
        assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)|<style|\sstyle=|\son[a-z]+=|javascript:", page)
        assert not re.search(r'(?:src|action)="(?!/|\?|")', page)


@pytest.mark.rule("SES-01", "D13")
def test_the_cookies_of_a_sign_in_are_out_of_reach_of_scripts_and_of_other_sites(visitor):
    signed_in(visitor)
    assert set(visitor.cookies) == {"csrf", "session", "browser"}
    for name, cookie in visitor.cookies.items():
        given = {key: value for key, value in cookie.items() if value}
        given.pop("expires", None)
        age = {"csrf": portal.CSRF_COOKIE_AGE, "browser": browsers.COOKIE_AGE}.get(name)
        wanted = {"httponly": True, "samesite": "Lax", "path": "/"} | ({"max-age": age} if age else {})
        assert given == wanted, name
        assert len(cookie.OutputString()) < 4096, name
    assert re.fullmatch(r"[0-9a-z]{32}", visitor.cookies["session"].value)  # 36^32 is more than 2^128


@pytest.mark.rule("SES-01", "D13")
def test_the_browsers_cookie_stays_small_however_many_accounts_have_used_it(visitor, rf):
    request = rf.get("/")
    for number in range(200):
        response = HttpResponse()
        browsers.remember(request, response, [f"taxpayer:{number}", f"member:{number}"])
        request.COOKIES = {"browser": response.cookies["browser"].value}
    assert len(response.cookies["browser"].OutputString()) < 4096
    assert len(signing.loads(request.COOKIES["browser"], salt="known-browser")["a"]) == 40


@pytest.fixture(scope="module")
def production() -> dict[str, dict]:
    """What a real bureau's portal answers, in a process of its own with its own settings."""
    return in_production.answers()


@pytest.mark.rule("SES-01")
def test_in_production_the_cookies_are_bound_to_this_host_and_to_https(production):
    cookies = production["sign-in"]["cookies"]
    assert set(cookies) == {"__Host-session", "__Host-csrf", "__Host-browser"}
    for name, cookie in cookies.items():
        cookie.pop("expires", None)
        cookie.pop("max-age", None)
        assert cookie == {"httponly": True, "samesite": "Lax", "path": "/", "secure": True}, name


HSTS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload"}


@pytest.mark.rule("CFG-01", "CFG-02", "D17")
@pytest.mark.parametrize(
    ("kind", "status", "headers"),
    [
        ("page", 200, PAGE),
        ("home", 200, PAGE),
        ("missing page", 404, PAGE),
        ("demo page", 404, PAGE),
        ("wrong method", 405, PAGE | {"Allow": "POST"}),
        ("foreign host", 400, PAGE),
        ("static file", 200, STATIC | {"Cache-Control": "max-age=315360000, public, immutable"}),
    ],
)
def test_in_production_the_headers_are_these(production, kind, status, headers):
    answer = production[kind]
    got = {name: value for name, value in answer["headers"].items() if name not in ("Vary", "X-Request-ID")}
    for own in ("Content-Length", "Last-Modified", "ETag"):
        got.pop(own, None)
    got["Content-Security-Policy"] = policy_of(got.get("Content-Security-Policy", "missing"))
    allowed = POLICY | {"form-action": {"'self'", "https://insurance.example"}}
    assert answer["status"] == status
    assert got == headers | HSTS | {"Content-Security-Policy": allowed}


@pytest.mark.rule("CFG-02")
def test_in_production_a_foreign_host_without_https_is_refused_with_all_headers_or_led_to_the_portal(production):
    answer = production["foreign host without https"]
    assert "evil.example" not in str(answer)
    if answer["status"] == 301:
        assert answer["headers"]["Location"] == "https://portal.example/login/"
    else:
        assert answer["status"] == 400
        assert {name: answer["headers"].get(name) for name in UNCACHED} == UNCACHED
        assert "Content-Security-Policy" in answer["headers"]


@pytest.mark.rule("CFG-01")
def test_in_production_http_leads_to_https(production):
    answer = production["without https"]
    assert answer["status"] == 301
    assert answer["headers"]["Location"] == "https://portal.example/login/"


@pytest.mark.rule("OTP-11", "CFG-05")
def test_in_production_no_page_speaks_of_the_demo(production):
    assert "演示环境" in Client().get(reverse("agreement")).content.decode()
    assert "演示环境" not in json.dumps(production, ensure_ascii=False)
    assert cast.PHONES["钱思远"] not in json.dumps(production)
