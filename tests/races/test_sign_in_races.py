"""Races at the doors, with real threads and real transactions: PostgreSQL only."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, pictures, throttles
from accounts.actor import Actor
from accounts.claims import Claim
from accounts.limits import CODE_GAP, PASSWORD
from accounts.models import AuditEntry, Person, SignIn, SmsCode, SmsMessage, Throttle, UsedPicture
from staff import registration
from staff.models import HandoverTicket, Membership
from staff.services import own_password
from tests import cast
from tests.races.crowd import at_once
from tests.visitor import Visitor

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time: run on PostgreSQL"),
    pytest.mark.usefixtures("committed_world"),
]
SMS = "staff:verify_by_sms"


@pytest.fixture
def first(committed_world, own_folder) -> Visitor:
    """A visitor in a database that commits."""
    return Visitor(own_folder / "sms.jsonl")


def twin(visitor: Visitor) -> Client:
    """Another tab of the same browser."""
    client = Client()
    client.cookies = visitor.cookies.copy()
    return client


@pytest.mark.rule("OTP-03", "D14")
def test_one_code_and_fifty_posts_make_one_sign_in(first):
    first.go_to_verify("HC", "钱思远")
    first.post(reverse("staff:send_code"))
    code = first.code_on("19900000006")
    answers = at_once(50, lambda _: twin(first).post(reverse(SMS), {"code": code}))
    assert [a.status_code for a in answers if a.status_code == 302 and a.url == reverse("home")] == [302]
    assert SignIn.objects.count() == 1
    assert all(a.status_code in (302, 400) for a in answers)


@pytest.mark.rule("OTP-04", "OTP-05", "D14")
def test_of_two_hundred_wrong_codes_five_are_judged(first):
    first.go_to_verify("HC", "钱思远")
    first.post(reverse("staff:send_code"))
    right = first.code_on("19900000006")
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    answers = at_once(200, lambda _: twin(first).post(reverse(SMS), {"code": wrong}))
    assert {a.status_code for a in answers} == {400}
    code = SmsCode.objects.get()
    assert code.failures == 5
    assert code.closed_at is not None
    assert first.post(reverse(SMS), {"code": right}).status_code == 400
    assert Throttle.objects.get(key__startswith="code_checks").count == 10


@pytest.mark.rule("OTP-06", "D14")
def test_fifty_sends_make_one_message(first):
    first.go_to_verify("HC", "钱思远")
    answers = at_once(50, lambda _: twin(first).post(reverse("staff:send_code")))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 49
    assert SmsMessage.objects.count() == SmsCode.objects.count() == 1
    assert len(first.texts_to("19900000006")) == 1


@pytest.mark.rule("CAP-01")
def test_one_picture_and_twenty_posts_are_one_try(first):
    address = reverse("login")
    token = first.token(address)
    data = {
        "code": cast.taxpayer("HC").code,
        "password": cast.ENTERPRISE_PASSWORDS["HC"],
        "agreement": "on",
        "captcha_token": token,
        "captcha": pictures.answer(token),
    }
    answers = at_once(20, lambda _: twin(first).post(address, data))
    assert sorted(a.status_code for a in answers) == [302] + [400] * 19
    assert UsedPicture.objects.count() == 1


@pytest.mark.rule("D13")
def test_forty_wrong_passwords_at_once_count_as_forty_and_lock_once(first):
    at_once(40, lambda _: throttles.fail(PASSWORD, "taxpayer:RACE"))
    row = Throttle.objects.get(key="password:taxpayer:RACE")
    assert row.count == 5
    assert row.blocked_until <= timezone.now() + timedelta(minutes=10)
    assert not throttles.succeed(PASSWORD, "taxpayer:RACE")


@pytest.mark.rule("OTP-06")
def test_a_limit_of_one_lets_exactly_one_of_forty_through(first):
    taken = at_once(40, lambda _: throttles.take((CODE_GAP, "RACE")))
    assert taken.count(None) == 1


@pytest.mark.rule("D17", "M38")
def test_one_ticket_and_twenty_redemptions_let_one_in(first):
    address = first.give_enterprise_password("CG").url
    answers = at_once(20, lambda _: Client().get(address))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 19
    assert HandoverTicket.objects.filter(used_at__isnull=False).count() == 1


@pytest.mark.rule("M21", "D6")
def test_two_tabs_that_set_the_first_password_at_once_make_one_membership(first):
    first.go_to_verify("YF", "王晓敏")
    first.verify_by_sms("19900000001")
    new = {"new_password": "云帆2026好天气", "confirm_password": "云帆2026好天气"}
    at_once(8, lambda _: twin(first).post(reverse("staff:set_password"), new))
    assert Membership.objects.open().filter(taxpayer=cast.taxpayer("YF")).count() == 1


@pytest.mark.rule("D10", "D16")
def test_a_password_changed_in_two_places_at_once_is_changed_once(first):
    member = cast.membership("HC", "孙雅静")
    by = Actor(person=member.person, taxpayer=member.taxpayer)
    old = cast.PERSONAL_PASSWORDS["HC", "孙雅静"]

    def change(number: int) -> str:
        try:
            own_password.change(old, f"Neues-Wort-{number}", by=by)
        except ValidationError as refusal:
            return str(refusal.code)
        return "done"

    outcomes = at_once(4, change)
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "stale", "wrong_old_password"}
    member.refresh_from_db()
    winner = outcomes.index("done")
    assert passwords.check(member.credential, f"Neues-Wort-{winner}")


@pytest.mark.rule("D26", "STF-03")
def test_two_registrations_of_one_person_make_one_account(committed_world):
    names = [f"qiansiyuan{letter}" for letter in "abcdefgh"]
    told = at_once(8, lambda n: registered(Claim(cast.person("钱思远"), cast.PHONES["钱思远"]), names[n]))
    assert sorted(told) == ["", *["account_known"] * 7]
    assert cast.person("钱思远").username in names
    assert AuditEntry.objects.filter(kind="account_registered").count() == 1


@pytest.mark.rule("D26", "STF-03")
def test_two_who_take_one_name_at_once_are_one_account_and_the_other_is_told(committed_world):
    people = ("钱思远", "林若兰", "郑海涛", "王晓敏")
    told = at_once(4, lambda n: registered(Claim(cast.person(people[n]), cast.PHONES[people[n]]), "first-come"))
    assert sorted(told) == ["", *["username_taken"] * 3]
    assert Person.objects.filter(username="first-come").count() == 1


def registered(claim: Claim, username: str) -> str:
    """The code of the refusal, or nothing."""
    try:
        registration.register(claim, username, "思远的第九座大桥", by=Actor())
    except ValidationError as refusal:
        return str(refusal.code)
    return ""
