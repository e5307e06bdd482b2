"""How a downstream system proves itself: without costly work, with a limit, and with an entry for each refusal."""

import base64
import logging

import pytest
from django.contrib.auth import hashers
from oauth2_provider.models import Application

from accounts import slots
from accounts.hashers import Argon2idHasher
from accounts.limits import SYSTEM_SECRETS
from accounts.models import AuditEntry, Throttle
from accounts.models.record import REASONS
from etax.sso import clients, stand_in
from staff.functions import System
from tests.etax.test_sso_input import BACK, GIVEN, TOKEN

pytestmark = pytest.mark.django_db
SECRET = GIVEN["client_secret"]
CODE_IS_WRONG = 400


@pytest.fixture(autouse=True)
def system(own_folder, settings) -> None:
    """A system that is known to the portal."""
    settings.DEBUG, settings.SMS_URL = False, "https://gateway.invalid/send"
    clients.connect(System.INVOICE, redirects=[BACK], logout_url="", client_id="invoice", secret=SECRET)


@pytest.fixture
def old_system(system) -> None:
    """The same, as an earlier release of the portal kept its secret."""
    Application.objects.update(client_secret=hashers.make_password(SECRET), hash_client_secret=True)


@pytest.fixture
def verified(monkeypatch) -> list[str]:
    """The slots that were held while a password hash was worked out, one word for each time."""
    held, found = [], []
    original, slot = Argon2idHasher.verify, slots._held

    def watched_slot(*args):
        held.append("slot")
        return slot(*args)

    def verify(self, *args, **kwargs):
        found.append("in a slot" if held else "without")
        return original(self, *args, **kwargs)

    monkeypatch.setattr(slots, "_held", watched_slot)
    monkeypatch.setattr(Argon2idHasher, "verify", verify)
    return found


def ask(client, *, ip: str = "203.0.113.7", basic: str = "", **changed):
    """Ask for a token with a wrong code: 400 tells that the secret was right."""
    headers = {"authorization": "Basic " + base64.b64encode(basic.encode()).decode()} if basic else {}
    given = {name: value for name, value in (GIVEN | changed).items() if value is not None}
    return client.post(TOKEN, given, headers=headers, REMOTE_ADDR=ip)


def refusals() -> list[tuple]:
    return list(AuditEntry.objects.values_list("kind", "reason", "details"))


@pytest.mark.rule("PW-03", "F19", "F20")
def test_no_wrong_secret_costs_a_password_hash(client, verified):
    for number in range(60):
        assert ask(client, client_secret=f"wrong {number}").status_code in (401, 429)
        assert ask(client, client_secret=None, basic=f"invoice:wrong {number}").status_code in (401, 429)
    assert verified == []


def test_the_right_secret_opens_by_either_way_and_is_kept_as_a_hash_alone(client, verified):
    assert ask(client).status_code == CODE_IS_WRONG
    assert ask(client, client_id=None, client_secret=None, basic=f"invoice:{SECRET}").status_code == CODE_IS_WRONG
    kept = Application.objects.get(client_id="invoice").client_secret
    assert SECRET not in kept
    assert ask(client, ip="203.0.113.9", client_secret=kept).status_code == 401  # what is kept is no secret
    assert verified == []
    assert refusals() == [("downstream_refused", "wrong_secret", {"system": "invoice"})]


@pytest.mark.rule("LOG-01", "D28", "LOG-05")
def test_each_refused_proof_is_one_entry_that_names_the_system_and_no_secret(client, caplog):
    caplog.set_level(logging.DEBUG)
    answers = [
        ask(client, client_secret="wrong-one"),
        ask(client, client_secret=None),
        ask(client, client_id="mistyped-secret"),
        ask(client, client_id=None, client_secret=None),
        ask(client, client_id=None, client_secret=None, basic="invoice:wrong-two"),
    ]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert all(answer.json() == {"error": "invalid_client"} for answer in answers)
    assert all(answer.headers["WWW-Authenticate"].startswith("Basic ") for answer in answers)
    known, unknown = {"system": "invoice"}, {"system": ""}
    found = [(kind, reason) for kind, reason, _details in refusals()]
    assert found == [("downstream_refused", "wrong_secret")] * 5
    assert [details for _kind, _reason, details in refusals()] == [known, known, unknown, unknown, known]
    assert set(AuditEntry.objects.values_list("ip", flat=True)) == {"203.0.113.7"}
    assert str(REASONS["wrong_secret"]) == "系统名称或密钥错误"
    said = caplog.text + str(list(AuditEntry.objects.values())) + str(list(Throttle.objects.values()))
    assert not any(word in said for word in ("wrong-one", "wrong-two", "mistyped-secret", SECRET))


@pytest.mark.rule("PW-03", "F20")
def test_an_address_that_gets_a_system_wrong_too_often_waits_and_nobody_else_does(client):
    for _ in range(SYSTEM_SECRETS.count):
        assert ask(client, client_secret="wrong").status_code == 401
    slowed = ask(client)
    assert slowed.status_code == 429
    assert slowed.json() == {"error": "temporarily_unavailable"}
    assert 0 < int(slowed.headers["Retry-After"]) <= SYSTEM_SECRETS.period.total_seconds()
    assert AuditEntry.objects.count() == SYSTEM_SECRETS.count
    assert ask(client, ip="203.0.113.8").status_code == CODE_IS_WRONG
    assert ask(client, client_id="another").status_code == 401


def test_names_that_nobody_has_count_as_one(client):
    for number in range(SYSTEM_SECRETS.count):
        assert ask(client, client_id=f"name {number}").status_code == 401
    assert ask(client, client_id="one more").status_code == 429
    assert ask(client).status_code == CODE_IS_WRONG
    assert Throttle.objects.filter(key__startswith="system_secrets:").count() == 1


@pytest.mark.rule("PW-03", "F19", "F20")
def test_a_secret_kept_by_an_earlier_release_is_judged_within_a_slot_and_after_the_limit(client, old_system, verified):
    for _ in range(SYSTEM_SECRETS.count):
        assert ask(client, client_secret="wrong").status_code == 401
    assert ask(client, client_secret="wrong").status_code == 429
    assert verified == ["in a slot"] * SYSTEM_SECRETS.count


def test_a_secret_kept_by_an_earlier_release_goes_on_working_and_is_kept_anew(client, old_system, verified):
    assert [ask(client).status_code for _ in range(3)] == [CODE_IS_WRONG] * 3
    assert verified == ["in a slot"]
    assert Application.objects.get(client_id="invoice").client_secret == clients.hash_of(SECRET)


@pytest.mark.rule("PW-03", "F19")
def test_when_no_slot_is_free_the_system_is_told_to_come_again(client, old_system, monkeypatch):
    def busy(*_args):
        raise slots.Busy

    monkeypatch.setattr(slots, "_held", busy)
    answer = ask(client)
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    "changed",
    [
        {"basic": f"invoice:{SECRET}"},
        {"grant_type": "password"},
        {"grant_type": None},
        {"resource": "https://[x]/"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
        {"grant_type": "refresh_token"},
    ],
    ids=["two proofs", "password", "no grant", "resource", "device", "refresh"],
)
def test_what_the_portal_has_no_use_for_is_refused_before_anything_is_asked(client, changed):
    answer = ask(client, **changed)
    assert answer.status_code == 400
    wanted = ("invalid_request", "unsupported_grant_type", "invalid_target")
    assert answer.json()["error"] in wanted
    assert refusals() == []


def test_a_stand_in_takes_its_secret_from_its_folder(settings):
    settings.DEBUG = True
    stand_in.connect()
    assert clients.takes("stand-in-declaration", stand_in.secret())
    assert not clients.takes("stand-in-declaration", "another")
