"""Before the first factor is right nothing is told apart: one answer, byte for byte, at every door (D3)."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import browsers, pictures, throttles
from accounts.limits import CODE_CHECKS, PASSWORD
from accounts.models import AuditEntry, Person, SmsMessage, Taxpayer, Throttle, UsedPicture
from accounts.models.record import Kind
from realname.models import RealNameRecord
from staff import enterprise, natural
from tests import cast
from tests.etax.tables import LOOKS, rows
from tests.visitor import Visitor, words

WRONG = "纳税人识别号或密码错误"
DOORS = {"login": WRONG, "staff:quick_login": WRONG, "agencies:agency_login": WRONG}
AGREED = {"agreement": "on"}


@dataclass(frozen=True)
class Try:
    """What is typed, and what the portal knows better than to tell."""

    code: str
    password: str
    known: bool


def unknown() -> Try:
    """A number of the right form, which nobody has."""
    return Try("91210102MA7AAAAA10", "Haichuan-2026-ok", known=False)


def wrong_password() -> Try:
    return Try(cast.CODES["HC"], "Haichuan-2026-no", known=True)


def wrong_check_digit() -> Try:
    code = cast.CODES["HC"]
    return Try(code[:-1] + ("1" if code[-1] != "1" else "2"), cast.ENTERPRISE_PASSWORDS["HC"], known=False)


def locked() -> Try:
    """Five wrong tries were made; now the right password is given."""
    for _ in range(PASSWORD.count):
        throttles.fail(PASSWORD, enterprise.account_word(cast.CODES["HC"]))
    return Try(cast.CODES["HC"], cast.ENTERPRISE_PASSWORDS["HC"], known=True)


def locked_unknown() -> Try:
    for _ in range(PASSWORD.count):
        throttles.fail(PASSWORD, enterprise.account_word(unknown().code))
    return unknown()


def locked_and_wrong() -> Try:
    locked()
    return wrong_password()


def not_opened() -> Try:
    Taxpayer.objects.filter(code=cast.CODES["HC"]).update(opened_at=None)
    return Try(cast.CODES["HC"], cast.ENTERPRISE_PASSWORDS["HC"], known=True)


def never_had_a_password() -> Try:
    Taxpayer.objects.filter(code=cast.CODES["HC"]).update(opened_at=None, credential=None)
    return Try(cast.CODES["HC"], "Haichuan-2026-ok", known=True)


def ended() -> Try:
    Taxpayer.objects.filter(code=cast.CODES["HC"]).update(cancelled_at=timezone.now())
    return Try(cast.CODES["HC"], cast.ENTERPRISE_PASSWORDS["HC"], known=True)


def payer_of_social_insurance() -> Try:
    return Try(cast.CODES["CG"], "Haichuan-2026-no", known=True)


def agency() -> Try:
    return Try(cast.CODES["XD"], "Haichuan-2026-no", known=True)


def reset_word() -> Try:
    return Try(cast.CODES["HC"], "111111", known=True)


FAILURES = [
    wrong_password,
    wrong_check_digit,
    locked,
    locked_unknown,
    locked_and_wrong,
    not_opened,
    never_had_a_password,
    ended,
    payer_of_social_insurance,
    agency,
    reset_word,
]


def attempt(folder: Path, door: str, tried: Try) -> tuple[int, dict, dict, int, str]:
    """Status, headers, cookies, length and body of the answer to a browser that nobody has used yet."""
    visitor = Visitor(folder / "sms.jsonl")
    answer = visitor.post_with_picture(reverse(door), {"code": tried.code, "password": tried.password, **AGREED})
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    cookies = {
        name: (len(cookie.value), {key: value for key, value in cookie.items() if key != "expires"})
        for name, cookie in answer.cookies.items()
    }
    body = answer.content.decode()
    assert tried.password not in body
    return answer.status_code, headers, cookies, len(answer.content), without_own(body, tried.code)


def without_own(body: str, code: str) -> str:
    """The page without what is each visit's own: the tokens, and the number that was typed."""
    body = re.sub(r'(csrfmiddlewaretoken" value=")[^"]+', r"\1", body)
    token = re.search(r'name="captcha_token" value="([^"]+)"', body)[1]
    return body.replace(token, "TOKEN").replace(code, "NUMBER")


@pytest.mark.rule("D3", "FLOW-08", "RST-01")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: each.__name__)
def test_this_failure_answers_like_an_unknown_number_byte_for_byte(world, own_folder, door, failure):
    reference = attempt(own_folder, door, unknown())
    assert reference[0] == 400
    assert DOORS[door] in reference[4]
    assert "NUMBER" in reference[4]
    assert attempt(own_folder, door, failure()) == reference


@pytest.mark.rule("D3", "FLOW-08", "OTP-09")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("failure", [unknown, *FAILURES], ids=lambda each: each.__name__)
def test_this_failure_sends_nothing_leads_nowhere_and_is_recorded(visitor, door, failure):
    tried = failure()
    answer = visitor.post_with_picture(reverse(door), {"code": tried.code, "password": tried.password, **AGREED})
    assert not visitor.messages.exists()
    assert not SmsMessage.objects.exists()
    assert "沈阳" not in words(answer)
    for name in ("staff:choose_person", "staff:quick_person", "home"):
        assert visitor.get(reverse(name)).status_code == 302
    entry = AuditEntry.objects.get(kind=Kind.ENTERPRISE_PASSWORD)
    assert entry.result == "refused"
    assert (entry.taxpayer is not None) == tried.known


# --- The natural person's door, and the ways in that begin without a password ----------------------------------------

NATURAL, BY_SMS = "staff:natural_login", "staff:natural_sms"
FIRM, ACCOUNT, REGISTER = "staff:forgotten_enterprise", "staff:forgotten_person", "staff:register"
PHONE = "13812345678"


def who_registers(whose: str, id_number: str = "", **changed: str) -> dict[str, str]:
    """What somebody types who wants an account: as the demo world knows him, or nobody's."""
    known = {"name": whose, "phone": cast.PHONES[whose], "id_number": cast.ID_NUMBERS[whose]} if whose else {}
    return {"name": "张三", "id_type": "resident", "id_number": id_number, "phone": PHONE, **known, **changed}


def lock_account() -> None:
    for _ in range(PASSWORD.count):
        throttles.fail(PASSWORD, natural.account_word("sunyajing"))


def switch_account_off() -> None:
    Person.objects.filter(username="sunyajing").update(is_active=False)


def withdraw_real_name() -> None:
    RealNameRecord.objects.filter(person=cast.person("孙雅静")).update(revoked_at=timezone.now())


def nothing() -> None:
    """As the demo world is."""


# What is typed instead of the reference's, and what is so before.
KNOWN = {"username": "sunyajing"}
NATURAL_FAILURES = [
    ({**KNOWN, "password": "Yajing-nat-2027"}, nothing),
    ({**KNOWN, "password": cast.NATURAL_PASSWORDS["孙雅静"]}, lock_account),
    ({**KNOWN, "password": cast.NATURAL_PASSWORDS["孙雅静"]}, switch_account_off),
    ({**KNOWN, "password": "Yajing-nat-2027"}, withdraw_real_name),
    ({**KNOWN, "password": cast.PERSONAL_PASSWORDS["HC", "孙雅静"]}, nothing),
    ({"username": "officer00", "password": cast.NATURAL_PASSWORDS["顾前程"]}, nothing),
]


def told(answer, typed: dict[str, str]) -> tuple[int, dict, str]:
    """Status, headers and body of an answer without what is each visit's own."""
    body = re.sub(r'((?:csrfmiddlewaretoken|passage)" value=")[^"]+', r"\1", answer.content.decode())
    body = re.sub(r'(data-countdown=")\d\d|\d\d(?=秒)', r"\1", body)  # a busy machine is a second later
    for token in re.findall(r'name="captcha_token" value="([^"]+)"', body):
        body = body.replace(token, "TOKEN")
    for name, value in typed.items():
        body = body.replace(f'value="{value}"', f'value="{name}"')
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, headers, body


def all_told(folder: Path, door: str, typed: dict[str, str]) -> list[tuple[int, dict, str]]:
    """All that a new browser is told: at the door, on the page of the code, for a wrong code, for another code."""
    Throttle.objects.all().delete()
    visitor = Visitor(folder / "sms.jsonl")
    answers = [visitor.post_with_picture(reverse(door), {**typed, **AGREED})]
    code = reverse(f"{door}_code")
    answers += [visitor.get(code), visitor.post(code, {"code": "000000"})]
    answers.append(visitor.post(reverse(f"{door}_send")))
    return [told(answer, typed) for answer in answers]


@pytest.mark.rule("D3", "FLOW-08")
@pytest.mark.parametrize(("typed", "arrange"), NATURAL_FAILURES)
def test_a_natural_persons_failure_answers_like_an_unknown_name_byte_for_byte(visitor, other_visitor, typed, arrange):
    unknown_name = {"username": "nobodyhas", "password": "Yajing-nat-2026"}
    reference = told(visitor.post_with_picture(reverse(NATURAL), {**unknown_name, **AGREED}), unknown_name)
    arrange()
    answer = told(other_visitor.post_with_picture(reverse(NATURAL), {**typed, **AGREED}), typed)
    assert reference[0] == 400
    assert "用户名或密码错误" in reference[2]
    assert answer == reference
    assert not other_visitor.messages.exists()


@pytest.mark.rule("RST-01", "D3", "D21")
@pytest.mark.parametrize(
    ("door", "nobodys", "somebodys"),
    [
        (BY_SMS, {"username": "nobodyhas"}, {"username": "sunyajing"}),
        (ACCOUNT, {"username": "nobodyhas", "phone": PHONE}, {"username": "sunyajing", "phone": PHONE}),
        (ACCOUNT, {"username": "nobodyhas", "phone": PHONE}, {"username": "sunyajing", "phone": "19900000003"}),
        (REGISTER, who_registers("", "210102199004060050"), who_registers("钱思远")),
        (REGISTER, who_registers("", "210102199004060050"), who_registers("钱思远", name="王小二")),
        (REGISTER, who_registers("", "210102199004060050"), who_registers("钱思远", phone=PHONE)),
        (REGISTER, who_registers("", "210102199004060050"), who_registers("周文博")),
        (REGISTER, who_registers("", "210102199004060050"), who_registers("孙雅静")),
        (FIRM, {"code": unknown().code, "phone": PHONE}, {"code": cast.CODES["HC"], "phone": PHONE}),
        (FIRM, {"code": unknown().code, "phone": PHONE}, {"code": cast.CODES["HC"], "phone": "19900000006"}),
        (FIRM, {"code": unknown().code, "phone": PHONE}, {"code": cast.CODES["HC"], "phone": "19900000003"}),
        (FIRM, {"code": unknown().code, "phone": PHONE}, {"code": cast.CODES["CG"], "phone": "19900000006"}),
    ],
)
def test_who_exists_is_not_told_by_asking_for_a_code(world, own_folder, door, nobodys, somebodys):
    assert all_told(own_folder, door, somebodys) == all_told(own_folder, door, nobodys)


@pytest.mark.rule("FLOW-09", "RST-01", "D3")
@pytest.mark.parametrize(
    ("door", "nobodys", "somebodys"),
    [
        *((door, {"code": unknown().code}, {"code": cast.CODES["HC"]}) for door in DOORS),
        (NATURAL, {"username": "nobodyhas"}, {"username": "sunyajing"}),
        (BY_SMS, {"username": "nobodyhas"}, {"username": "sunyajing"}),
        (ACCOUNT, {"username": "nobodyhas", "phone": PHONE}, {"username": "sunyajing", "phone": "19900000003"}),
        (FIRM, {"code": unknown().code, "phone": PHONE}, {"code": cast.CODES["HC"], "phone": "19900000006"}),
        (REGISTER, who_registers("", "210102199004060050"), who_registers("钱思远")),
        (REGISTER, who_registers("", "210102199004060050"), who_registers("孙雅静")),
    ],
)
def test_who_exists_costs_as_many_queries_as_who_does_not(world, own_folder, door, nobodys, somebodys):
    costs = []
    for typed in (nobodys, somebodys):
        visitor = Visitor(own_folder / "sms.jsonl")
        with CaptureQueriesContext(connection) as queries:
            visitor.post_with_picture(reverse(door), {"password": "Haichuan-2026-no", **typed, **AGREED})
        costs.append(len(queries))
    assert costs[0] == costs[1]


@pytest.mark.rule("RST-01", "D21")
def test_asking_for_a_code_at_one_door_tells_nothing_at_another(world, own_folder):
    """Otherwise a stranger learns whose phone a number is: he asks by the account's name, then by the number."""
    told_before = []
    for username in ("nobodyhas", "sunyajing"):
        one, other = (Visitor(own_folder / "sms.jsonl") for _ in range(2))
        one.post_with_picture(reverse(BY_SMS), {"username": username, **AGREED})
        typed = {"code": cast.CODES["YF"], "phone": "19900000003"}
        told_before.append(told(other.post_with_picture(reverse(FIRM), typed), typed))
        Throttle.objects.all().delete()
    assert told_before[0] == told_before[1]
    assert told_before[0][0] == 302


@pytest.mark.rule("RST-01", "D21", "D14", "OTP-05", "OTP-06")
def test_trying_codes_at_one_door_tells_nothing_at_another(world, own_folder):
    """Ten wrong codes stop the person's checks, but only whoever typed them is told that they are stopped."""
    told_before = []
    for username in ("nobodyhas", "sunyajing"):
        one, other = (Visitor(own_folder / "sms.jsonl") for _ in range(2))
        one.post_with_picture(reverse(BY_SMS), {"username": username, **AGREED})
        stopped = [one.post(reverse(f"{BY_SMS}_code"), {"code": "000000"}) for _ in range(CODE_CHECKS.count + 1)][-1]
        assert "短信验证码输错次数过多" in words(stopped)
        typed = {"code": cast.CODES["HC"], "phone": "19900000003"}
        other.post_with_picture(reverse(FIRM), typed)
        told_before.append(told(other.post(reverse(f"{FIRM}_code"), {"code": "000000"}), typed))
        Throttle.objects.all().delete()
    assert told_before[0] == told_before[1]
    assert "短信验证码错误或已过期" in told_before[0][2]


@pytest.mark.rule("FLOW-06", "M47")
@pytest.mark.parametrize("door", [NATURAL, BY_SMS])
def test_without_the_agreement_nothing_happens_at_the_natural_persons_doors_either(visitor, door):
    token = visitor.token(reverse(door))
    typed = {"username": "sunyajing", "password": cast.NATURAL_PASSWORDS["孙雅静"]}
    before = rows(("sessions.Session",))
    data = {**typed, "captcha_token": token, "captcha": pictures.answer(token)}
    answer = visitor.post(reverse(door), data)
    assert answer.status_code == 400
    assert "请先阅读并勾选同意协议。" in words(answer)
    assert rows(("sessions.Session",)) == before
    assert not visitor.messages.exists()
    assert visitor.post(reverse(door), {**data, **AGREED}).status_code == 302


# --- Locks and known browsers ----------------------------------------------------------------------------------------


@pytest.mark.rule("D3", "D13")
@pytest.mark.parametrize("door", DOORS)
def test_the_first_wrong_try_and_the_tenth_answer_alike(world, own_folder, door):
    answers = [attempt(own_folder, door, wrong_password()) for _ in range(10)]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.rule("D3", "D13")
@pytest.mark.parametrize("door", DOORS)
def test_a_locked_account_is_not_told_apart_at_the_other_door_either(world, own_folder, door):
    other = next(each for each in DOORS if each != door)
    for _ in range(PASSWORD.count):
        attempt(own_folder, other, wrong_password())
    right = Try(cast.CODES["HC"], cast.ENTERPRISE_PASSWORDS["HC"], known=True)
    assert attempt(own_folder, door, right) == attempt(own_folder, door, unknown())


@pytest.mark.rule("D3", "D13")
def test_a_browser_that_the_account_knows_is_answered_with_the_same_words(visitor, other_visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    visitor.post(reverse("sign_out"))
    assert "browser" in visitor.cookies
    tried = wrong_password()
    data = {"code": tried.code, "password": tried.password, **AGREED}
    known, unused = (each.post_with_picture(reverse("login"), data) for each in (visitor, other_visitor))
    assert known.status_code == unused.status_code == 400
    pages = [without_own(answer.content.decode(), tried.code) for answer in (known, unused)]
    assert pages[0] == pages[1]
    assert Throttle.objects.filter(key__contains="@").exists()
    assert browsers.is_known(known.wsgi_request, enterprise.account_word(tried.code))


@pytest.mark.rule("D3", "CAP-03", "FLOW-08")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("failure", [unknown, wrong_password, locked, not_opened], ids=lambda each: each.__name__)
def test_the_picture_is_judged_first_and_a_wrong_one_tells_nothing_and_counts_nothing(visitor, door, failure):
    tried = failure()
    before = list(Throttle.objects.order_by("pk").values())
    data = {"code": tried.code, "password": tried.password, **AGREED, "captcha": "ZZZZZZ"}
    answer = visitor.post_with_picture(reverse(door), data)
    assert answer.status_code == 400
    assert "验证码错误或已过期" in words(answer)
    assert DOORS[door] not in words(answer)
    assert list(Throttle.objects.order_by("pk").values()) == before
    assert not AuditEntry.objects.exists()


@pytest.mark.rule("FLOW-06", "M13", "CAP-01")
@pytest.mark.parametrize("failure", [unknown, wrong_password, None], ids=["unknown", "wrong", "right"])
def test_without_the_agreement_nothing_happens_at_all_and_the_picture_is_still_good(visitor, failure):
    tried = failure() if failure else Try(cast.CODES["HC"], cast.ENTERPRISE_PASSWORDS["HC"], known=True)
    token = visitor.token(reverse("login"))
    before = rows(("sessions.Session",))
    data = {"code": tried.code, "password": tried.password, "captcha_token": token, "captcha": pictures.answer(token)}
    answer = visitor.post(reverse("login"), data)
    assert answer.status_code == 400
    assert "请先阅读并勾选同意协议。" in words(answer)
    assert DOORS["login"] not in words(answer)
    assert rows(("sessions.Session",)) == before
    assert not AuditEntry.objects.exists()
    assert not Throttle.objects.exists()
    assert not UsedPicture.objects.exists()
    assert not visitor.messages.exists()
    assert visitor.get(reverse("staff:choose_person")).url == reverse("login")
    again = visitor.post(reverse("login"), {**data, **AGREED})
    assert again.status_code == (302 if failure is None else 400)
    assert UsedPicture.objects.count() == 1


@pytest.mark.rule("FLOW-06", "M46")
def test_without_the_agreement_a_quick_sign_in_uses_no_code_up(visitor):
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"]}
    visitor.post_with_picture(reverse("staff:quick_login"), data)
    visitor.post(reverse("staff:quick_person"), {"person": str(cast.person("林若兰").uid)})
    visitor.post(reverse("staff:send_quick_code"), {"phone": "19900000007"})
    code = visitor.code_on("19900000007")
    before, entries = rows(LOOKS), AuditEntry.objects.count()
    for typed in (code, "000000"):
        assert visitor.post(reverse("staff:quick_code"), {"code": typed}).status_code == 400
    assert rows(LOOKS) == before
    assert AuditEntry.objects.count() == entries
    assert visitor.post(reverse("staff:quick_code"), {"code": code, **AGREED}).url == reverse("home")
