"""What a system may ask of a sign-in: that nothing is shown, that it is young, whose it is."""

import json
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from jwcrypto import jwk, jwt
from oauth2_provider.models import Application

from accounts.limits import STEP_UP_LIFE
from accounts.models import AuditEntry, Credential, SignIn
from accounts.signins import IDLE
from etax.models import SystemVisit
from etax.sso import clients
from staff import functions
from staff.functions import System
from staff.models import Membership
from tests import cast
from tests.agencies.acting import enter
from tests.agencies.acting import sign_in as sign_in_at_agency
from tests.etax.test_sso_input import ASKED, BACK, asking
from tests.visitor import words


@pytest.fixture(autouse=True)
def system(visitor) -> None:
    """A system that is known to the portal."""
    clients.connect(System.INVOICE, redirects=[BACK], logout_url="", client_id="invoice", secret="s3cret-" * 6)


def ask(visitor, **changed):
    return visitor.get(asking(**{name: value.encode() for name, value in changed.items()}))


def told(answer) -> dict:
    """What the system learns from the address to which the browser is led back."""
    assert answer.status_code == 302, words(answer)
    assert answer.headers["Location"].startswith(f"{BACK}?"), answer.headers["Location"]
    said = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    assert said.pop("state") == ASKED["state"]
    assert said.pop("iss").endswith("/sso")
    return said


def is_let_in(answer) -> bool:
    return list(told(answer)) == ["code"]


def older(**by) -> None:
    """The sign-in began so much earlier."""
    SignIn.objects.update(started_at=timezone.now() - timedelta(**by))


# Silently


@pytest.mark.rule("D16")
def test_who_is_signed_in_is_let_in_silently(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    assert is_let_in(ask(visitor, prompt="none"))
    assert AuditEntry.objects.filter(kind="downstream_entered").count() == 1


def test_who_is_not_signed_in_is_led_back_to_the_system_and_not_to_the_door(visitor):
    assert told(ask(visitor, prompt="none")) == {"error": "login_required"}
    assert ask(visitor).headers["Location"].startswith("/login/")


@pytest.mark.rule("SES-03")
def test_whose_sign_in_has_just_ended_is_led_back_as_well(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    SignIn.objects.update(seen_at=timezone.now() - IDLE)
    assert told(ask(visitor, prompt="none")) == {"error": "login_required"}


@pytest.mark.rule("D10", "RST-04")
def test_who_must_do_something_first_is_not_let_in_silently(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    membership = Membership.objects.get(taxpayer=cast.taxpayer("HC"), person=cast.person("孙雅静"))
    Credential.objects.filter(pk=membership.signing_credential.pk).update(
        password="", temporary_until=timezone.now() + timedelta(hours=1)
    )
    assert ask(visitor).headers["Location"] == reverse("staff:change_password")
    assert told(ask(visitor, prompt="none")) == {"error": "interaction_required"}
    assert not SystemVisit.objects.exists()


@pytest.mark.rule("D7")
def test_who_holds_no_function_of_the_system_is_refused_silently_with_an_entry(visitor):
    mine = Membership.objects.get(taxpayer=cast.taxpayer("HC"), person=cast.person("孙雅静")).identities.all()
    codes = [code for code, leaf in functions.FUNCTIONS.items() if leaf.system == System.INVOICE]
    for identity in mine:
        identity.grants.filter(function__in=codes).delete()
    visitor.sign_in_by_password("HC", "孙雅静")
    assert told(ask(visitor, prompt="none")) == {"error": "access_denied"}
    assert AuditEntry.objects.get(kind="downstream_refused").reason == "not_held"


@pytest.mark.rule("D23")
def test_a_handler_is_let_in_silently_for_his_client(visitor):
    sign_in_at_agency(visitor, "邓丽娟")
    enter(visitor, "HC")
    assert is_let_in(ask(visitor, prompt="none"))


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "https://[x"},
        {"nonce": "\0"},
    ],
    ids=["unknown", "elsewhere", "no address", "unreadable"],
)
def test_a_silent_question_leads_nowhere_but_to_a_known_address(visitor, changed):
    for _ in range(2):
        answer = ask(visitor, prompt="none", **changed)
        assert answer.status_code == 400
        assert "请求无法识别" in words(answer)
        visitor.sign_in_by_password("HC", "孙雅静")


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"prompt": "none login"}, "invalid_request"), ({"prompt": "none", "scope": "openid all"}, "invalid_scope")],
    ids=["prompt", "scope"],
)
def test_a_silent_question_that_is_wrong_otherwise_is_told_so(visitor, changed, error):
    assert told(ask(visitor, **changed))["error"] == error
    visitor.sign_in_by_password("HC", "孙雅静")
    assert told(ask(visitor, **changed))["error"] == error


# Anew


@pytest.mark.parametrize(
    ("asked", "age"),
    [
        ({"prompt": "login"}, STEP_UP_LIFE),
        ({"max_age": "0"}, STEP_UP_LIFE),
        ({"max_age": "600"}, timedelta(minutes=10)),
    ],
    ids=["login", "age 0", "age 600"],
)
def test_a_system_that_wants_a_younger_sign_in_gets_one_at_the_door(visitor, asked, age):
    visitor.sign_in_by_password("HC", "孙雅静")
    older(seconds=age.total_seconds() - 30)
    assert is_let_in(ask(visitor, **asked))
    older(seconds=age.total_seconds() + 1)
    assert is_let_in(ask(visitor))
    answer = ask(visitor, **asked)
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("login"))
    assert "电子发票服务平台要求您重新登录。登录后，请从首页再次进入。" in words(visitor.get(reverse("login")))
    if "max_age" in asked:
        assert told(ask(visitor, prompt="none", **asked)) == {"error": "login_required"}
    visitor.sign_in_by_password("HC", "孙雅静")
    assert is_let_in(ask(visitor, **asked))


@pytest.mark.parametrize("age", ["-1", "1.5", "ten", "٣", "9" * 10, "1e3"])
def test_an_age_that_is_no_number_is_refused(visitor, age):
    visitor.sign_in_by_password("HC", "孙雅静")
    assert ask(visitor, max_age=age).status_code == 400


# Whose


def hint(name: str, *, key=None, **changed) -> str:
    """An id token about somebody, which has expired."""
    client = Application.objects.get(client_id="invoice")
    claims = {"sub": str(cast.person(name).uid), "aud": "invoice", "exp": int(time.time()) - 3600, **changed}
    token = jwt.JWT(header=json.dumps({"typ": "JWT", "alg": "RS256"}), claims=json.dumps(claims))
    token.make_signed_token(key or client.jwk_key)
    return token.serialize()


def test_a_hint_at_who_is_signed_in_changes_nothing(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    assert is_let_in(ask(visitor, id_token_hint=hint("孙雅静")))
    assert is_let_in(ask(visitor, id_token_hint=hint("孙雅静"), prompt="none"))


@pytest.mark.parametrize("prompt", ["", "none"])
def test_a_hint_at_anybody_else_lets_nobody_in(visitor, prompt):
    visitor.sign_in_by_password("HC", "孙雅静")
    foreign = jwk.JWK.generate(kty="RSA", size=2048)
    hints = (hint("钱思远"), hint("孙雅静", key=foreign), hint("孙雅静")[:-6] + "AAAAAA", "a.b.c", "x")
    for each in hints:
        assert told(ask(visitor, id_token_hint=each, prompt=prompt)) == {"error": "login_required"}
    assert not SystemVisit.objects.exists()


def test_the_provider_says_what_may_be_prompted(visitor):
    said = visitor.get(reverse("oauth2_provider:oidc-connect-discovery-info")).json()
    assert said["prompt_values_supported"] == ["none", "login"]
