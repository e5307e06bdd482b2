"""The provider's addresses take any input, and every answer of theirs has the portal's headers and no others."""

import base64
from urllib.parse import quote_from_bytes

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from etax.sso import clients
from staff.functions import System
from tests.etax import naughty
from tests.etax.test_bad_input import FINE, Attack, post
from tests.etax.test_headers import JSON, PAGE, expected, headers_of
from tests.visitor import Visitor, words

BACK = "https://invoice.example/back"
ASKED = {
    "response_type": "code",
    "client_id": "invoice",
    "redirect_uri": BACK,
    "scope": "openid",
    "state": "a-state-of-its-own",
    "nonce": "a-nonce-of-its-own",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
GIVEN = {
    "grant_type": "authorization_code",
    "code": "nobody-was-given-this",
    "redirect_uri": BACK,
    "client_id": "invoice",
    "client_secret": "s3cret-" * 6,
    "code_verifier": "v" * 43,
}
VALUES = naughty.some(5)
KEYS = JSON | {"Cache-Control": "public, max-age=3600, stale-while-revalidate=3600, stale-if-error=3600"}
AUTHORISE, TOKEN, USER_INFO = (reverse(f"oauth2_provider:{name}") for name in ("authorize", "token", "user-info"))


@pytest.fixture(autouse=True)
def system(visitor, settings) -> None:
    """A system that is known to the portal."""
    settings.DEBUG, settings.SMS_URL = False, "https://gateway.invalid/send"
    clients.connect(
        System.INVOICE,
        redirects=[BACK],
        logout_url="https://invoice.example/logout",
        client_id=GIVEN["client_id"],
        secret=GIVEN["client_secret"],
    )


def asking(**changed: bytes) -> str:
    fields = {name: value.encode() for name, value in ASKED.items()} | changed
    return f"{AUTHORISE}?{naughty.urlencoded(fields).decode()}"


class Asking(Attack):
    """An attack after which the browser may be led back to the system that is known, and nowhere else."""

    def _fault(self, ask, value, fine, then) -> str:
        fault = super()._fault(ask, value, fine, then)
        answer = ask(self.client, value)
        led_back = answer.headers.get("Location", "").startswith((f"{BACK}?", f"{BACK}#"))
        return "" if led_back and fault == "it leads elsewhere" else fault


@pytest.mark.rule("REL-01", "CFG-05")
@pytest.mark.parametrize("name", ASKED)
def test_whatever_a_system_asks_is_refused_cleanly_or_led_back_to_the_system(visitor, name):
    visitor.sign_in_by_password("HC", "钱思远")
    attack = Asking(visitor)
    attack.each(VALUES, lambda client, value: client.get(asking(**{name: value})), undo=True)
    assert attack.faults == {}


@pytest.mark.rule("REL-01", "CFG-05")
@pytest.mark.parametrize("name", GIVEN)
def test_whatever_is_given_for_a_token_is_refused_cleanly(visitor, name):
    attack = Attack(Visitor(visitor.messages))
    fields = {key: value.encode() for key, value in GIVEN.items()}
    refused = [status for status in FINE if status >= 400]
    attack.each(VALUES, lambda client, value: post(client, TOKEN, fields | {name: value}), fine=refused)
    attack.end()


def as_name(value: bytes) -> str:
    """The value as the name of a system, with a secret."""
    return base64.b64encode(quote_from_bytes(value).encode() + b":secret").decode()


def as_secret(value: bytes) -> str:
    """The value as the secret of the system that is known."""
    return base64.b64encode(b"invoice:" + value).decode()


@pytest.mark.rule("REL-01", "SES-05")
@pytest.mark.parametrize("scheme", ["", "Bearer ", "Basic "])
def test_whatever_stands_in_the_header_that_proves_a_system_it_is_refused_cleanly(visitor, scheme):
    attack = Attack(Visitor(visitor.messages))
    refused = [status for status in FINE if status >= 400]
    fields = {key: value.encode() for key, value in GIVEN.items() if not key.startswith("client")}
    encoded = (naughty.header, lambda value: base64.b64encode(value).decode(), as_name, as_secret)
    for encode in encoded:

        def info(client, value, encode=encode):
            return client.get(USER_INFO, headers={"authorization": scheme + encode(value)})

        def token(client, value, encode=encode):
            return post(client, TOKEN, fields, headers={"authorization": scheme + encode(value)})

        attack.each(VALUES, info, fine=refused)
        attack.each(VALUES, token, fine=refused)
    attack.end()


def told(name: str):
    return lambda visitor: visitor.get(reverse(f"oauth2_provider:{name}"))


KINDS = {
    "what the provider says of itself": (200, JSON, set(), told("oidc-connect-discovery-info")),
    "the same by its other name": (200, JSON, set(), told("oauth-server-metadata")),
    "its keys": (200, KEYS, {"Access-Control-Allow-Origin"}, told("jwks-info")),
    "no token": (401, JSON, {"WWW-Authenticate"}, lambda v: v.get(USER_INFO)),
    "a wrong code": (400, JSON, {"Pragma"}, lambda v: v.post(TOKEN, GIVEN)),
    "an unknown system": (
        401,
        JSON,
        {"WWW-Authenticate"},
        lambda v: v.post(TOKEN, GIVEN | {"client_id": "nobody"}),
    ),
    "not a form": (405, PAGE, {"Allow"}, lambda v: v.get(TOKEN)),
    "nobody asks": (302, PAGE, {"Location"}, lambda v: v.get(asking())),
    "an unknown system asks": (400, PAGE, set(), lambda v: inside(v).get(asking(client_id=b"nobody"))),
    "an address that is not its own": (400, PAGE, set(), lambda v: inside(v).get(asking(redirect_uri=b"https://a.b/"))),
}


def inside(visitor: Visitor) -> Visitor:
    visitor.sign_in_by_password("HC", "钱思远")
    return visitor


@pytest.mark.rule("CFG-02", "CFG-03")
@pytest.mark.parametrize("kind", KINDS)
def test_each_answer_of_the_provider_has_exactly_these_headers(visitor, kind):
    status, headers, own, ask = KINDS[kind]
    answer = ask(visitor)
    assert answer.status_code == status
    got = headers_of(answer)
    assert {name: got.pop(name) for name in own}.keys() == set(own)
    assert got == expected(headers)


@pytest.mark.rule("CFG-02", "CFG-03")
def test_the_way_back_into_a_system_has_the_portals_headers_too(visitor):
    answer = inside(visitor).get(asking())
    assert answer.status_code == 302
    got = headers_of(answer)
    assert got.pop("Location").startswith(f"{BACK}?code=")
    assert got == expected(PAGE)
    assert AuditEntry.objects.filter(kind="downstream_entered").count() <= 1


ODD = (
    b"",
    b" ",
    b"none",
    b"none login",
    b"create",
    b"login create",
    b"-1",
    b"1e9",
    b"9" * 400,
    b"https://[::1",
    b"https://[x]/",
    b"//[",
    b"http://a:99999/",
    b"null",
    b"[]",
    b'{"id_token": 1}',
    b'"\\ud800"',
    b"[" * 5000,
    b"a.b.c",
    b"eyJhbGciOiJub25lIn0.e30.",
    b"eyJhbGciOiJSUzI1NiJ9.WzFd.AA",
    b"eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOjF9.AA",
    "１２".encode(),
    b"\xff",
    b"%",
    b"a\x00b",
)
NAMES = (
    *("prompt", "max_age", "id_token_hint", "claims", "resource", "request", "request_uri", "registration", "display"),
    *("ui_locales", "login_hint", "acr_values", "response_mode", "approval_prompt", "access_token", "client", "user"),
    *("visit", "scopes", "credentials", "redirect_uri", "client_id", "response_type", "scope", "next", "grant_type"),
)


@pytest.mark.rule("REL-01", "VAL-03")
@pytest.mark.parametrize("is_in", [True, False], ids=["signed in", "a visitor"])
@pytest.mark.parametrize("name", NAMES)
def test_no_parameter_that_openid_knows_or_not_breaks_the_way_into_a_system(visitor, name, is_in):
    if is_in:
        visitor.sign_in_by_password("HC", "钱思远")
    attack = Asking(visitor)
    attack.each(ODD, lambda client, value: client.get(asking(**{name: value})), undo=True)
    attack.each(
        ODD,
        lambda client, value: client.get(asking(prompt=b"none", **({name: value} if name != "prompt" else {}))),
        undo=True,
    )
    attack.each(
        ODD, lambda client, value: client.get(asking() + "&" + naughty.urlencoded({name: value}).decode()), undo=True
    )
    assert attack.faults == {}


@pytest.mark.rule("REL-01", "VAL-03")
@pytest.mark.parametrize("name", [*NAMES, "device_code", "refresh_token", "username", "audience"])
def test_no_parameter_breaks_the_addresses_that_a_system_asks(visitor, name):
    attack = Attack(Visitor(visitor.messages))
    fields = {key: value.encode() for key, value in GIVEN.items()}
    refused = [status for status in FINE if status >= 400]
    attack.each(ODD, lambda client, value: post(client, TOKEN, fields | {name: value}), fine=refused)
    attack.each(ODD, lambda client, value: post(client, USER_INFO, {name: value}), fine=refused)
    attack.each(
        ODD, lambda client, value: client.get(f"{USER_INFO}?{naughty.urlencoded({name: value}).decode()}"), fine=refused
    )
    attack.end()


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("value", [b"https://[::1", b"https://[x]/", b"https://api.example/", b""])
def test_a_resource_which_the_portal_has_none_of_is_refused_as_what_it_cannot_read(visitor, value):
    answer = inside(visitor).get(asking(resource=value))
    assert answer.status_code == 400
    assert "请求无法识别" in words(answer)
