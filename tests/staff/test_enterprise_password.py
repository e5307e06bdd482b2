"""修改企业密码: LR and FR only; old, new, confirm, picture (M79 to M82, D12, D13, D16, PW-10)."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, pictures
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import SignIn, Throttle
from staff import enterprise
from staff.services import enterprise_password
from tests import cast
from tests.staff.acting import actor, entries, refusal
from tests.visitor import words

PAGE, LIST = "/staff/enterprise-password/", "/staff/"
OLD = cast.ENTERPRISE_PASSWORDS["HC"]
NEW = "海川里的第三艘船"


def change(visitor, old=OLD, new=NEW, confirm=None, **more):
    data = {"old_password": old, "new_password": new, "confirm_password": confirm or new, **more}
    return visitor.post_with_picture(PAGE, data)


def is_password(word: str) -> bool:
    return passwords.check(cast.taxpayer("HC").credential, word)


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.fixture
def by(world) -> Actor:
    """林若兰, the finance officer, for the service."""
    return actor("HC", "林若兰")


@pytest.mark.rule("M80", "M81", "M82", "D28")
def test_old_new_confirm_and_picture_change_the_enterprise_password(lead, other_visitor):
    assert PAGE in lead.get(LIST).content.decode()
    page = lead.get(PAGE).content.decode()
    positions = [page.index(text) for text in ("保存", "旧密码", "新密码", "确认新密码", "换一张")]
    assert positions == sorted(positions)
    assert change(lead).url == LIST
    assert "企业登录密码已修改" in words(lead.get(LIST))
    assert other_visitor.give_enterprise_password("HC").status_code == 400
    assert other_visitor.give_enterprise_password("HC", password=NEW).url == reverse("staff:choose_person")
    (entry,) = entries(Kind.ENTERPRISE_PASSWORD_CHANGED)
    assert (entry.person, entry.taxpayer, entry.result) == (cast.person("钱思远"), cast.taxpayer("HC"), "done")
    assert entry.details == {}


@pytest.mark.rule("M82", "D8")
def test_the_finance_officer_may_as_well(by):
    enterprise_password.change(OLD, NEW, by=by)
    assert is_password(NEW)


@pytest.mark.rule("M82", "D8", "D28", "AUZ-05")
@pytest.mark.parametrize("name", ["郑海涛", "孙雅静"])
def test_manager_and_clerk_may_not(visitor, name):
    with pytest.raises(PermissionDenied):
        enterprise_password.change(OLD, NEW, by=actor("HC", name))
    visitor.sign_in_by_sms("HC", name)
    assert visitor.get(PAGE).status_code == 403
    answer = visitor.post(PAGE, {"old_password": OLD, "new_password": NEW, "confirm_password": NEW})
    assert answer.status_code == 403
    assert [entry.reason for entry in entries(Kind.ACT_REFUSED)] == ["not_lead"] * 3
    assert is_password(OLD)


@pytest.mark.rule("D23")
def test_an_agency_acting_for_the_firm_may_not(by):
    with pytest.raises(PermissionDenied):
        enterprise_password.change(OLD, NEW, by=replace(by, via=cast.taxpayer("XD")))


@pytest.mark.rule("D16", "SES-02", "SES-05")
def test_who_changes_it_stays_under_a_new_session_id_and_all_others_are_out(lead, other_visitor):
    other_visitor.sign_in_by_sms("HC", "孙雅静")
    other_firm = actor("MH", "徐明湖").sign_in
    session = lead.cookies["session"].value
    change(lead)
    assert lead.cookies["session"].value != session
    assert lead.get("/").status_code == 200
    answer = other_visitor.get("/", follow=True)
    assert "本次登录所用的密码已变更" in words(answer)
    assert answer.redirect_chain[-1][0] == reverse("login")
    assert SignIn.objects.get(pk=other_firm.pk).why_over() is None


@pytest.mark.rule("D16", "SES-05")
def test_his_own_other_browser_is_out_as_well(lead, other_visitor):
    other_visitor.sign_in_by_sms_later("HC", "钱思远")
    change(lead)
    assert "本次登录所用的密码已变更" in words(other_visitor.get("/", follow=True))
    assert lead.get("/").status_code == 200


@pytest.mark.rule("FLOW-01", "D16")
def test_a_login_that_was_under_way_with_the_old_password_begins_again(lead, other_visitor):
    other_visitor.go_to_verify("HC", "孙雅静")
    change(lead)
    data = {"password": cast.PERSONAL_PASSWORDS["HC", "孙雅静"]}
    assert other_visitor.post(reverse("staff:verify_by_password"), data).url == reverse("login")


@pytest.mark.rule("PW-10", "D13")
def test_wrong_tries_at_the_door_count_here_and_a_right_old_password_starts_anew(by, other_visitor):
    for _ in range(4):
        other_visitor.give_enterprise_password("HC", password="wrong-one")
    enterprise_password.change(OLD, NEW, by=by)
    assert not Throttle.objects.filter(key__contains=enterprise.account_word(cast.CODES["HC"])).exists()


@pytest.mark.rule("D13", "PW-10")
def test_once_locked_the_page_says_for_how_long_as_that_of_the_personal_password_does(by):
    for _ in range(5):
        refusal(enterprise_password.change, "wrong-one", NEW, by=by)
    assert refusal(enterprise_password.change, OLD, NEW, by=by) == "locked"


@pytest.mark.rule("D13", "PW-10")
def test_five_wrong_old_passwords_lock_it_here_and_at_the_door_for_ten_minutes(by, other_visitor):
    codes = [refusal(enterprise_password.change, "不对的旧密码", NEW, by=by) for _ in range(5)]
    assert codes == ["wrong_old_password"] * 4 + ["locked"]
    assert refusal(enterprise_password.change, OLD, NEW, by=by) == "locked"
    assert other_visitor.give_enterprise_password("HC").status_code == 400
    (lock,) = Throttle.objects.filter(key=f"password:{enterprise.account_word(cast.CODES['HC'])}")
    assert timedelta(minutes=9) < lock.blocked_until - timezone.now() <= timedelta(minutes=10)
    Throttle.objects.filter(pk=lock.pk).update(blocked_until=timezone.now() - timedelta(seconds=1))  # ten minutes on
    enterprise_password.change(OLD, NEW, by=by)
    assert is_password(NEW)


@pytest.mark.rule("M81")
def test_a_wrong_old_password_is_refused_by_code_and_recorded(by):
    assert refusal(enterprise_password.change, "wrong-one", NEW, by=by) == "wrong_old_password"
    (entry,) = entries(Kind.ENTERPRISE_PASSWORD_CHANGED)
    assert (entry.result, entry.reason, entry.details) == ("refused", "wrong_old_password", {})
    assert is_password(OLD)


@pytest.mark.rule("M77", "M95", "M72")
def test_the_own_personal_password_is_not_the_old_enterprise_password(by):
    own = cast.PERSONAL_PASSWORDS["HC", "林若兰"]
    assert refusal(enterprise_password.change, own, NEW, by=by) == "wrong_old_password"


@pytest.mark.rule("D12", "PW-04", "PW-07", "PW-08", "RST-06", "M35", "M72")
@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("kurz-7x", "password_too_short"),
        ("x" * 129, "password_too_long"),
        ("abc123456", "password_forbidden"),
        ("password1", "password_too_common"),
        (cast.CODES["HC"], "password_forbidden"),
        ("沈阳海川贸易有限公司", "password_forbidden"),
        (cast.ID_NUMBERS["林若兰"], "password_forbidden"),
        (cast.PHONES["林若兰"], "password_forbidden"),
        (OLD, "password_unchanged"),
        (cast.PERSONAL_PASSWORDS["HC", "林若兰"], "password_shared"),
    ],
)
def test_a_new_password_that_breaks_a_rule_is_refused_by_code(by, new, code):
    assert refusal(enterprise_password.change, OLD, new, by=by) == code
    assert is_password(OLD)


@pytest.mark.rule("D12", "PW-08")
def test_it_differs_from_his_own_natural_password_and_nobody_elses_is_compared(by):
    person = cast.person("林若兰")
    person.credential = passwords.store(None, passwords.hash_new("Ruolan-nat-2026"))
    person.save()
    again = actor("HC", "林若兰")
    assert refusal(enterprise_password.change, OLD, "Ruolan-nat-2026", by=again) == "password_shared"
    enterprise_password.change(OLD, cast.PERSONAL_PASSWORDS["HC", "钱思远"], by=again)
    assert is_password(cast.PERSONAL_PASSWORDS["HC", "钱思远"])


@pytest.mark.rule("M81", "CAP-01", "CAP-03")
def test_without_the_right_picture_nothing_is_tried(lead):
    answer = change(lead, old="wrong-one", captcha="XXXXXX")
    assert answer.status_code == 400
    assert "验证码错误或已过期" in words(answer)
    assert change(lead, captcha="XXXXXX").status_code == 400
    assert is_password(OLD)
    assert not Throttle.objects.filter(key__startswith="password:").exists()


@pytest.mark.rule("M81")
def test_two_new_passwords_that_differ_are_refused(lead):
    assert "两次输入的新密码不一致" in words(change(lead, confirm="something-else"))
    assert is_password(OLD)


@pytest.mark.rule("PW-12", "LOG-05")
def test_no_password_comes_back_on_the_page_or_into_the_record(lead):
    answer = change(lead, old="Kanarienvogel-77", new="Zeisig-Zeisig-77")
    assert "Kanarienvogel-77" not in answer.content.decode()
    assert "Zeisig-Zeisig-77" not in answer.content.decode()
    assert all(entry.details == {} for entry in entries(Kind.ENTERPRISE_PASSWORD_CHANGED))


@pytest.mark.rule("D15", "STF-07")
def test_a_weak_sign_in_needs_a_code_of_the_last_five_minutes(visitor):
    weak = actor("HC", "钱思远", proof="enterprise_password")
    assert refusal(enterprise_password.change, OLD, NEW, by=weak) == "code_needed"
    visitor.sign_in_by_password("HC", "钱思远")
    assert visitor.get(PAGE).url == f"{reverse('staff:step_up')}?next=%2Fstaff%2Fenterprise-password%2F"
    visitor.post(reverse("staff:send_step_up_code"))
    code = visitor.code_on(cast.PHONES["钱思远"])
    assert visitor.post(reverse("staff:step_up"), {"code": code, "next": PAGE}).url == PAGE
    assert change(visitor).url == LIST
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1), tick=False):
        assert visitor.get(PAGE).url.startswith(reverse("staff:step_up"))


@pytest.mark.rule("STF-03")
def test_the_same_form_sent_twice_changes_it_once(lead):
    token = lead.token(PAGE)
    data = {"old_password": OLD, "new_password": NEW, "confirm_password": NEW}
    data |= {"captcha_token": token, "captcha": pictures.answer(token)}
    assert lead.post(PAGE, data).url == LIST
    version = cast.taxpayer("HC").credential.version
    assert lead.post(PAGE, data).status_code == 400
    assert cast.taxpayer("HC").credential.version == version


@pytest.mark.rule("D22", "D16")
def test_a_first_password_from_the_counter_need_not_be_changed_any_more(by):
    credential = cast.taxpayer("HC").credential
    credential.must_change = True
    credential.save()
    enterprise_password.change(OLD, NEW, by=by)
    assert not cast.taxpayer("HC").credential.must_change
