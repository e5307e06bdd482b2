"""注册: who may have a natural account, what is asked of him, and what is told to whom (M84, D3, D12, D26)."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, throttles, usernames
from accounts.actor import Actor
from accounts.claims import Claim
from accounts.limits import PASSWORD
from accounts.models import AuditEntry, Credential, Person, SignIn, Throttle
from accounts.models.record import Kind
from staff import natural, registration
from staff.person_forms import AccountForm
from tests import cast
from tests.staff.acting import refusal
from tests.visitor import words

FIRST, CODE, SEND, ACCOUNT = (f"/register/{step}" for step in ("", "code/", "send/", "account/"))
NAME, USERNAME, PASSWORD_OF_HIS = "钱思远", "qiansiyuan", "思远的第九座大桥"
BY = Actor(ip="192.0.2.1", request_id="f" * 32)


def who(name: str = NAME, **changed) -> dict[str, str]:
    data = {"name": name, "id_type": "resident", "id_number": cast.ID_NUMBERS[name], "phone": cast.PHONES[name]}
    return {**data, "agreement": "on", **changed}


def prove(visitor, name: str = NAME):
    visitor.post_with_picture(FIRST, who(name))
    return visitor.post(CODE, {"code": visitor.code_on(cast.PHONES[name])})


def choose(visitor, username: str = USERNAME, password: str = PASSWORD_OF_HIS, **kwargs):
    data = {"username": username, "new_password": password, "confirm_password": password}
    return visitor.post(ACCOUNT, data, **kwargs)


def claimed(name: str = NAME) -> Claim:
    return Claim(cast.person(name), cast.PHONES[name])


@pytest.mark.rule("M47", "M84", "D12", "D26", "LOG-01")
def test_a_collected_person_registers_and_signs_in_by_what_he_chose(visitor):
    assert prove(visitor).url == ACCOUNT
    answer = choose(visitor, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("staff:natural_login")
    assert "注册成功" in words(answer)
    assert not SignIn.objects.exists()
    assert visitor.get("/").url.startswith(reverse("login"))
    assert Person.objects.filter(name=NAME).count() == 1
    assert "您已注册自然人账户" in visitor.texts_to(cast.PHONES[NAME])[-1]
    entry = AuditEntry.objects.get(kind=Kind.ACCOUNT_REGISTERED)
    assert (entry.person, entry.result) == (cast.person(NAME), "done")
    login = {"username": "QianSiyuan", "password": PASSWORD_OF_HIS, "agreement": "on"}
    assert visitor.post_with_picture(reverse("staff:natural_login"), login).url == reverse("home")


@pytest.mark.rule("M84", "M85", "D26")
def test_the_page_of_the_code_leads_who_is_not_collected_to_the_collection(visitor):
    answer = visitor.post_with_picture(FIRST, who("周文博"), follow=True)
    assert answer.redirect_chain[-1][0] == CODE
    assert "尚未实名采集的，须先完成采集才能注册" in words(answer)
    assert 'href="/realname/"' in answer.content.decode()
    assert visitor.texts_to(cast.PHONES["周文博"]) == []


@pytest.mark.rule("D3", "RST-01", "D26")
@pytest.mark.parametrize(
    "changed",
    [
        {"id_number": "210102199004060050"},  # nobody's
        {"name": "钱思进"},
        {"phone": "19900000055"},
        {"name": "周文博", "id_number": cast.ID_NUMBERS["周文博"]},  # not collected
        {"name": "孙雅静", "id_number": cast.ID_NUMBERS["孙雅静"], "phone": "19900000003"},  # has an account
        {"id_type": "passport", "id_number": "E12345678"},
    ],
)
def test_whoever_may_not_register_gets_the_same_pages_and_no_code(visitor, other_visitor, changed):
    right = other_visitor.post_with_picture(FIRST, who(), follow=True)
    Throttle.objects.filter(key__startswith="code_gap").delete()
    answer = visitor.post_with_picture(FIRST, {**who(), **changed}, follow=True)
    assert words(answer) == words(right)
    assert len(visitor.messages.read_text().splitlines()) == 1  # the right one's
    assert "短信验证码错误或已过期" in words(visitor.post(CODE, {"code": "123456"}))
    assert visitor.get(ACCOUNT).url == CODE


@pytest.mark.rule("D26", "M7")
def test_whose_real_name_was_withdrawn_gets_no_code(visitor):
    cast.person(NAME).real_name_records.update(revoked_at=timezone.now())
    visitor.post_with_picture(FIRST, who())
    assert visitor.texts_to(cast.PHONES[NAME]) == []


@pytest.mark.rule("FLOW-06", "M47")
def test_without_the_agreement_no_code_is_sent(visitor):
    assert "请先阅读并勾选同意协议" in words(visitor.post_with_picture(FIRST, who(agreement="")))
    assert visitor.texts_to(cast.PHONES[NAME]) == []


@pytest.mark.rule("RST-02", "FLOW-01")
def test_there_is_no_account_before_the_code_and_a_passage_is_good_once(visitor):
    visitor.post_with_picture(FIRST, who())
    assert choose(visitor).url == CODE
    visitor.post(CODE, {"code": visitor.code_on(cast.PHONES[NAME])})
    choose(visitor)
    assert choose(visitor, "another").url == FIRST
    assert cast.person(NAME).username == USERNAME


@pytest.mark.rule("D12", "PW-07", "PW-08")
@pytest.mark.parametrize(
    ("username", "password", "words_of_it"),
    [
        (USERNAME, cast.PERSONAL_PASSWORDS["HC", NAME], "不能相同"),
        (USERNAME, "short-7", "至少8个字符"),
        (USERNAME, USERNAME, "不能是初始密码"),
        (USERNAME, "password", "太常见"),
        ("sunyajing", PASSWORD_OF_HIS, "该用户注册名已被使用"),
        ("SunYaJing", PASSWORD_OF_HIS, "该用户注册名已被使用"),
        ("qs", PASSWORD_OF_HIS, "以字母开头"),
        ("13812345678", PASSWORD_OF_HIS, "以字母开头"),
        ("思远", PASSWORD_OF_HIS, "以字母开头"),
        ("e1234-5678", PASSWORD_OF_HIS, "不能像纳税人识别号或证件号码"),
    ],
)
def test_a_name_or_password_against_the_rules_is_refused_in_words(visitor, username, password, words_of_it):
    prove(visitor)
    answer = choose(visitor, username, password)
    assert answer.status_code == 400
    assert words_of_it in words(answer)
    assert cast.person(NAME).credential is None
    assert choose(visitor).url == reverse("staff:natural_login")


@pytest.mark.rule("D12")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("abc", "username_rules"),
        ("a" * 33, "username_rules"),
        ("9abc", "username_rules"),
        ("Abcd", "username_rules"),  # not folded
        ("ab cd", "username_rules"),
        ("h12345678", "username_like_number"),
        ("ea.1234567", "username_like_number"),
        ("n2210102ma0yf0018m", None),
        ("wang.min-1990", None),
    ],
)
def test_what_a_user_name_must_be(name, code):
    if code is None:
        assert usernames.validate_new(name) is None
    else:
        assert refusal(usernames.validate_new, name) == code


@pytest.mark.rule("D29")
def test_a_user_name_that_looks_like_a_credit_code_is_refused():
    code = next(
        text
        for text in (f"A1210102MA0YF001{a}{b}" for a in "0123456789" for b in "0123456789ABCDEFGHJKLMNPQRTUWXY")
        if registration.numbers.is_taxpayer_code(text)
    )
    assert refusal(usernames.validate_new, code.lower()) == "username_like_number"


@pytest.mark.rule("STF-03", "D26")
def test_a_second_registration_of_the_same_person_is_told_and_makes_nothing(visitor, other_visitor):
    prove(visitor)
    registration.register(claimed(), "first-one", PASSWORD_OF_HIS, by=BY)
    before = Credential.objects.count()
    answer = choose(visitor)
    assert answer.status_code == 400
    assert "您已有自然人账户" in words(answer)
    assert (cast.person(NAME).username, Credential.objects.count()) == ("first-one", before)


@pytest.mark.rule("D26")
def test_the_services_refusals_carry_their_codes(world):
    register = registration.register
    assert refusal(register, Claim(None, "19900000055"), USERNAME, PASSWORD_OF_HIS, by=BY) == "start_again"
    assert refusal(register, claimed(), "sunyajing", PASSWORD_OF_HIS, by=BY) == "username_taken"
    assert refusal(register, claimed(), USERNAME, "111111", by=BY) == "password_too_short"
    assert refusal(register, claimed("孙雅静"), USERNAME, PASSWORD_OF_HIS, by=BY) == "account_known"
    moved = Claim(cast.person(NAME), "19900000055")
    assert refusal(register, moved, USERNAME, PASSWORD_OF_HIS, by=BY) == "start_again"
    cast.person(NAME).real_name_records.update(revoked_at=timezone.now())
    assert refusal(register, claimed(), USERNAME, PASSWORD_OF_HIS, by=BY) == "start_again"
    assert not AuditEntry.objects.filter(kind=Kind.ACCOUNT_REGISTERED, result="done").exists()


@pytest.mark.rule("D3")
def test_names_of_others_cannot_be_tried_out_at_will(world):
    for _ in range(10):
        assert refusal(registration.register, claimed(), "sunyajing", PASSWORD_OF_HIS, by=BY) == "username_taken"
    assert refusal(registration.register, claimed(), "hechenxi", PASSWORD_OF_HIS, by=BY) == "names_tried"
    assert registration.register(claimed(), USERNAME, PASSWORD_OF_HIS, by=BY).username == USERNAME


@pytest.mark.rule("D13")
def test_wrong_tries_on_a_name_that_nobody_had_do_not_lock_its_new_owner_out(world):
    for _ in range(5):
        throttles.fail(PASSWORD, natural.account_word(USERNAME))
    registration.register(claimed(), USERNAME, PASSWORD_OF_HIS, by=BY)
    assert throttles.wait(PASSWORD, natural.account_word(USERNAME)) == 0


@pytest.mark.rule("PW-05", "D12")
def test_the_form_shows_each_refusal_where_it_belongs():
    typed = {"username": USERNAME, "new_password": PASSWORD_OF_HIS, "confirm_password": PASSWORD_OF_HIS}
    for code, field in {"password_shared": "new_password", "username_taken": "username", "start_again": None}.items():
        form = AccountForm(typed)
        assert form.is_valid()
        form.add_refusal(ValidationError("words", code=code))
        assert form.has_error(field or "__all__", code)


@pytest.mark.rule("M68", "D11")
def test_who_has_registered_can_be_bound(visitor):
    prove(visitor)
    choose(visitor)
    assert passwords.check(cast.person(NAME).credential, PASSWORD_OF_HIS)
    login = {"username": USERNAME, "password": PASSWORD_OF_HIS, "agreement": "on"}
    visitor.post_with_picture(reverse("staff:natural_login"), login)
    assert "沈阳海川贸易有限公司" in words(visitor.get(reverse("staff:my_posts")))
