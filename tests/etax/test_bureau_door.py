"""The officers' door, and that nobody else finds anything behind it (CFG-05, D3, D13, D16)."""

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from accounts import passwords
from accounts.models import AuditEntry, Credential, SignIn
from accounts.models.record import Kind
from tests import cast
from tests.etax.officers import COUNTER, REVIEWER, give_code, give_password, sign_in
from tests.visitor import words

LOGIN, CODE, INDEX = (reverse(f"bureau:{name}") for name in ("login", "code", "index"))


def kinds() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("seq").values_list("kind", "reason"))


@pytest.mark.rule("CFG-05", "D28")
def test_name_password_picture_and_a_code_to_the_officers_phone_lead_in(visitor):
    assert give_password(visitor).url == CODE
    assert "199****0021" in words(visitor.get(CODE))
    assert "登录税务人员后台" in visitor.texts_to(cast.PHONES[COUNTER])[-1]
    assert give_code(visitor).url == INDEX
    page = words(visitor.get(INDEX))
    assert "顾*程" in page
    assert "您的岗位是前台" in page
    assert SignIn.objects.get().proof == "officer_sms"
    assert [kind for kind, _reason in kinds()] == ["officer_password", "code_sent", "code_checked", "sign_in"]


@pytest.mark.rule("D3", "D13", "FLOW-08")
def test_every_failure_of_the_first_step_answers_alike(visitor):
    wrong = [give_password(visitor, password="wrong-one") for _ in range(5)]
    locked = give_password(visitor)
    unknown = give_password(visitor, username="officex", password="wrong-one")
    no_officer = give_password(visitor, username="sunyajing", password=cast.NATURAL_PASSWORDS["孙雅静"])
    gone = give_password(visitor, REVIEWER)
    assert gone.status_code == 302  # the right one is let in: the others were refused for what they were
    answers = (*wrong, locked, unknown, no_officer)
    assert {answer.status_code for answer in answers} == {400}
    said = {words(a).replace("officex", "").replace("sunyajing", "").replace("officer", "") for a in answers}
    assert len(said) == 1
    assert "用户名或密码错误" in said.pop()
    assert not visitor.texts_to(cast.PHONES[COUNTER])
    assert kinds()[:8] == [("officer_password", "wrong_password")] * 5 + [
        ("officer_password", "locked"),
        ("officer_password", "wrong_password"),
        ("officer_password", "wrong_password"),
    ]


def _no_more(name: str, **columns: object) -> None:
    type(cast.person(name)).objects.filter(pk=cast.person(name).pk).update(**columns)


@pytest.mark.rule("D3", "D16")
@pytest.mark.parametrize("columns", [{"is_staff": False}, {"is_active": False}])
def test_who_is_no_officer_any_more_is_refused_at_the_door_and_put_out_behind_it(visitor, other_visitor, columns):
    sign_in(visitor)
    _no_more(COUNTER, **columns)
    assert visitor.get(INDEX).url == LOGIN
    assert "用户名或密码错误" in words(give_password(other_visitor))


@pytest.mark.rule("D16")
def test_an_officer_is_judged_anew_when_the_code_is_given(visitor):
    give_password(visitor)
    _no_more(COUNTER, is_staff=False)
    answer = visitor.post(CODE, {"code": visitor.code_on(cast.PHONES[COUNTER])}, follow=True)
    assert "登录信息已变更，请重新登录" in words(answer)
    assert not SignIn.objects.exists()


@pytest.mark.rule("D16")
def test_a_password_changed_between_the_steps_begins_anew(visitor):
    give_password(visitor)
    passwords.store(cast.person(COUNTER).credential, passwords.hash_new("Anderes-Wetter-8"))
    answer = visitor.post(CODE, {"code": visitor.code_on(cast.PHONES[COUNTER])}, follow=True)
    assert "登录信息已变更，请重新登录" in words(answer)


@pytest.mark.rule("D14")
def test_a_wrong_code_is_told_and_the_right_one_still_leads_in(visitor):
    give_password(visitor)
    right = visitor.code_on(cast.PHONES[COUNTER])
    wrong = "000000" if right != "000000" else "111112"
    assert "短信验证码错误或已过期" in words(visitor.post(CODE, {"code": wrong}))
    assert give_code(visitor).url == INDEX


@pytest.mark.rule("OTP-06")
def test_another_code_waits_its_minute_and_says_so(visitor):
    give_password(visitor)
    answer = visitor.post(reverse("bureau:send_code"), follow=True)
    assert "秒后重新获取" in words(answer)


@pytest.mark.rule("M19")
def test_an_officer_without_a_phone_is_told_after_the_right_password(visitor):
    person = cast.person(COUNTER)
    person.phone = ""
    person.save()
    assert "您没有登记手机号码" in words(give_password(visitor))


@pytest.mark.rule("D16", "SES-03")
def test_an_officers_sign_in_ends_like_any_other_and_leads_to_his_own_door(visitor):
    sign_in(visitor)
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        answer = visitor.get(INDEX)
        assert answer.url == LOGIN
        assert "超过15分钟没有操作" in words(visitor.get(LOGIN))
    assert SignIn.objects.get().ended_because == "idle"


@pytest.mark.rule("D16", "SES-04")
def test_signing_out_leads_to_the_officers_door(visitor):
    sign_in(visitor)
    assert visitor.post(reverse("sign_out")).url == LOGIN
    assert visitor.get(INDEX).url == LOGIN


@pytest.mark.rule("D16")
def test_a_changed_password_ends_the_officers_sign_in(visitor):
    sign_in(visitor)
    passwords.store(Credential.objects.get(person_owner__username="officer"), passwords.hash_new("Anderes-Wetter-8"))
    assert visitor.get(INDEX).url == LOGIN


@pytest.mark.rule("CFG-05", "AUZ-01")
def test_an_officer_who_came_in_as_a_natural_person_finds_no_back_office(visitor):
    data = {"username": "officer", "password": cast.NATURAL_PASSWORDS[COUNTER], "agreement": "on"}
    assert visitor.post_with_picture(reverse("staff:natural_login"), data).url == reverse("home")
    assert visitor.get(INDEX).status_code == 404
    assert visitor.get(reverse("bureau:accounts_person_changelist")).status_code == 404


@pytest.mark.rule("CFG-05", "AUZ-01")
def test_an_officers_sign_in_opens_no_page_of_the_portal(visitor):
    sign_in(visitor)
    for name in ("home", "staff:my_posts", "staff:members", "staff:change_password"):
        assert visitor.get(reverse(name)).url == INDEX
    assert visitor.get(reverse("accounts:sign_ins")).status_code == 200


@pytest.mark.rule("CFG-05")
def test_on_the_public_host_there_is_no_back_office_at_all(visitor, settings):
    settings.BUREAU_HOSTS = ["bureau.internal"]
    settings.ALLOWED_HOSTS = ["testserver", "bureau.internal"]
    missing = visitor.get("/nowhere/")
    for where in (INDEX, LOGIN, CODE, "/bureau", "/bureau/nothing/", reverse("bureau:accounts_person_changelist")):
        answer = visitor.get(where)
        assert answer.status_code == 404, where
        assert len(answer.content) == len(missing.content)
    assert visitor.get(LOGIN, headers={"host": "bureau.internal:8443"}).status_code == 200


@pytest.mark.rule("AUZ-01")
def test_the_reviewer_is_greeted_as_one(visitor):
    sign_in(visitor, REVIEWER)
    assert "您的岗位是审核" in words(visitor.get(INDEX))


@pytest.mark.rule("LOG-01")
def test_the_kinds_of_the_door_have_words():
    assert Kind.OFFICER_PASSWORD.label == "输入税务人员密码"


@pytest.mark.rule("AUZ-01", "D16")
def test_an_operator_appoints_and_dismisses_who_has_an_account_of_his_own(visitor, other_visitor):
    call_command("appoint_officer", "sunyajing", "审核", stdout=StringIO())
    sign_in(visitor, "孙雅静")
    assert "您的岗位是审核" in words(visitor.get(INDEX))
    call_command("appoint_officer", "sunyajing", "审核", "--dismiss", stdout=StringIO())
    assert visitor.get(INDEX).url == LOGIN
    assert give_password(other_visitor, "孙雅静").status_code == 400
    with pytest.raises(CommandError, match="Nobody has this account"):
        call_command("appoint_officer", "nobody", "审核")
