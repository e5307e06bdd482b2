"""修改密码, the code before it, and the 111111 state (M73 to M78, D10, D12, D15)."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, signins
from accounts.models import AuditEntry, Credential, SignIn, Taxpayer, Throttle
from accounts.models.record import Kind
from staff.models import Membership
from tests import cast
from tests.staff.acting import as_himself
from tests.visitor import words

CHANGE, STEP_UP = "/account/password/", "/account/step-up/"
OLD = cast.PERSONAL_PASSWORDS["HC", "孙雅静"]
PHONE = cast.PHONES["孙雅静"]
NEW = "晨光里的第三座桥"


def change(visitor, old=OLD, new=NEW, confirm=None, **more):
    data = {"old_password": old, "new_password": new, "confirm_password": confirm or new, **more}
    return visitor.post_with_picture(CHANGE, data)


def step_up(visitor):
    visitor.post(reverse("staff:send_step_up_code"), {"next": CHANGE})
    return visitor.post(STEP_UP, {"code": visitor.code_on(PHONE), "next": CHANGE})


def in_reset_state() -> Credential:
    return passwords.reset(cast.membership("HC", "孙雅静").credential)


@pytest.fixture
def proven(visitor):
    """孙雅静, signed in by SMS: strong enough to change her password without another code."""
    visitor.sign_in_by_sms("HC", "孙雅静")
    return visitor


@pytest.mark.rule("M73", "M74", "M77", "PW-10")
def test_old_new_confirm_and_picture_change_the_personal_password(proven, other_visitor):
    page = proven.get(CHANGE).content.decode()
    assert page.index("保存") < page.index("旧密码") < page.index("确认新密码") < page.index("换一张")
    assert change(proven).url == reverse("home")
    assert proven.get("/").status_code == 200
    other_visitor.go_to_verify("HC", "孙雅静")
    by_password = reverse("staff:verify_by_password")
    assert other_visitor.post(by_password, {"password": OLD}).status_code == 400
    assert other_visitor.post(by_password, {"password": NEW}).url == reverse("home")


@pytest.mark.rule("D16", "SES-02")
def test_who_changes_his_password_stays_under_a_new_session_id_and_all_others_are_out(proven, other_visitor):
    other_visitor.sign_in_by_sms_later("HC", "孙雅静")
    before = proven.cookies["session"].value
    change(proven)
    assert proven.cookies["session"].value != before
    assert proven.get("/").status_code == 200
    assert "本次登录所用的密码已变更" in words(other_visitor.get("/", follow=True))


@pytest.mark.rule("D16")
def test_a_second_window_that_clicks_while_the_password_is_being_changed_stays_in(proven, monkeypatch):
    """Between the change, which is done, and its answer, which isn't there yet."""
    second = proven.__class__(proven.messages)
    second.cookies = proven.cookies.copy()
    clicked = []
    renew = signins.renew_session
    monkeypatch.setattr(signins, "renew_session", lambda *args: (clicked.append(second.get("/")), renew(*args)))
    change(proven)
    assert [answer.status_code for answer in clicked] == [200]
    assert proven.get("/").status_code == 200


@pytest.mark.rule("PW-10", "D13")
def test_a_wrong_old_password_counts_as_a_failed_login(proven):
    for _ in range(4):
        assert "旧密码有误" in words(change(proven, old="wrong-one"))
    assert "已锁定" in words(change(proven, old="wrong-one"))
    assert "已锁定" in words(change(proven))
    assert AuditEntry.objects.filter(kind=Kind.PASSWORD_CHANGED, reason="wrong_old_password").count() == 4


@pytest.mark.rule("D12", "RST-06")
@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("kurz-7x", "至少8个字符"),
        ("12345678", "太常见"),
        ("abc123456", "不能是初始密码"),
        ("210202199207190029", "不能是初始密码"),
        (PHONE, "不能是初始密码"),
        ("沈阳海川贸易有限公司", "不能是初始密码"),
        (cast.CODES["HC"], "不能是初始密码"),
        (OLD, "不能与旧密码相同"),
        (cast.ENTERPRISE_PASSWORDS["HC"], "不能相同"),
        (cast.NATURAL_PASSWORDS["孙雅静"], "不能相同"),
        ("x" * 129, "128"),
    ],
)
def test_a_new_password_that_breaks_a_rule_is_refused_in_words(proven, new, said):
    answer = change(proven, new=new)
    assert answer.status_code == 400
    assert said in words(answer)
    assert passwords.check(cast.membership("HC", "孙雅静").credential, OLD)


@pytest.mark.rule("M74")
def test_two_new_passwords_that_differ_are_refused(proven):
    assert "两次输入的新密码不一致" in words(change(proven, confirm="something-else"))


@pytest.mark.rule("D15", "STF-07")
def test_a_sign_in_by_password_alone_asks_for_a_code_first(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    assert visitor.get(CHANGE).url == f"{STEP_UP}?next=%2Faccount%2Fpassword%2F"
    assert visitor.post(CHANGE, {"old_password": OLD, "new_password": NEW, "confirm_password": NEW}).url.startswith(
        STEP_UP
    )
    session = visitor.cookies["session"].value
    assert step_up(visitor).url == CHANGE
    assert visitor.cookies["session"].value != session
    assert change(visitor).url == reverse("home")


@pytest.mark.rule("D15", "STF-07")
def test_the_code_before_a_password_change_is_good_for_five_minutes(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    step_up(visitor)
    with time_machine.travel(timezone.now() + timedelta(minutes=4, seconds=55), tick=False):
        assert visitor.get(CHANGE).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1), tick=False):
        assert visitor.get(CHANGE).url.startswith(STEP_UP)


@pytest.mark.rule("D15", "D5", "M91")
def test_who_has_no_phone_on_file_is_told_why_he_cannot_prove_himself(visitor):
    visitor.sign_in_by_password("HC", "沈小燕")
    assert "移动电话号码不相同" in words(visitor.get(STEP_UP))
    assert visitor.post(reverse("staff:send_step_up_code")).status_code == 400


@pytest.mark.rule("OTP-07", "D14")
def test_a_wrong_step_up_code_proves_nothing(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    visitor.post(reverse("staff:send_step_up_code"))
    wrong = f"{(int(visitor.code_on(PHONE)) + 1) % 1_000_000:06}"
    assert "短信验证码错误或已过期" in words(visitor.post(STEP_UP, {"code": wrong}))
    assert visitor.get(CHANGE).url.startswith(STEP_UP)


@pytest.mark.rule("D15")
@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_on_after_a_code_never_leads_out_of_the_portal(visitor, target):
    visitor.sign_in_by_password("HC", "孙雅静")
    visitor.post(reverse("staff:send_step_up_code"), {"next": target})
    answer = visitor.post(STEP_UP, {"code": visitor.code_on(PHONE), "next": target})
    assert answer.url == reverse("home")


@pytest.mark.rule("M76", "M78", "D10", "RST-04")
def test_in_the_reset_state_111111_opens_the_change_page_and_nothing_else(visitor):
    in_reset_state()
    visitor.go_to_verify("HC", "孙雅静")
    assert visitor.post(reverse("staff:verify_by_password"), {"password": "111111"}).url == reverse("home")
    for address in (
        "/",
        reverse("staff:operations"),
        reverse("accounts:sign_ins"),
        "/functions/query.record.operations/",
    ):
        assert visitor.get(address).url == CHANGE
    assert visitor.get(CHANGE).url.startswith(STEP_UP)
    assert step_up(visitor).url == CHANGE
    assert "“旧密码”填写111111" in words(visitor.get(CHANGE))
    assert change(visitor, old="111111").url == reverse("home")
    assert visitor.get("/").status_code == 200
    assert not Credential.objects.filter(temporary_until__isnull=False).exists()


@pytest.mark.rule("D10", "RST-04")
def test_in_the_reset_state_an_sms_sign_in_is_gated_too_and_saving_needs_a_code_of_its_own(visitor):
    in_reset_state()
    visitor.sign_in_by_sms("HC", "孙雅静")
    assert visitor.get("/").url == CHANGE
    assert visitor.get(CHANGE).url.startswith(STEP_UP)


@pytest.mark.rule("D10", "RST-04")
def test_after_an_sms_sign_in_the_page_says_why_another_code_is_asked_and_leads_nowhere_in_a_circle(visitor):
    in_reset_state()
    visitor.sign_in_by_sms("HC", "孙雅静")
    page = visitor.get(STEP_UP)
    assert "您的个人登录密码已被重置为111111" in words(page)
    assert "登录时用过的验证码不能再用" in words(page)
    html = page.content.decode().split("<main")[1]
    assert "返回首页" not in html
    assert f'action="{reverse("sign_out")}"' in html
    Throttle.objects.filter(key__startswith="code_gap").delete()  # a minute later
    assert step_up(visitor).url == CHANGE


@pytest.mark.rule("D15")
def test_whose_password_was_not_reset_is_told_nothing_of_it(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    page = visitor.get(STEP_UP)
    assert "已被重置" not in words(page)
    assert "返回首页" in page.content.decode().split("<main")[1]


@pytest.mark.rule("D10", "RST-05", "M88")
def test_after_a_day_the_reset_state_is_over_and_no_password_is_set(visitor):
    in_reset_state()
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1), tick=False):
        visitor.go_to_verify("HC", "孙雅静")
        answer = visitor.post(reverse("staff:verify_by_password"), {"password": "111111"})
        assert "尚未设置密码" in words(answer)


@pytest.mark.rule("D10", "RST-04", "RST-05")
@pytest.mark.parametrize("way", ["111111", "sms"])
def test_who_is_in_when_the_day_is_over_is_out_at_his_next_click_and_gets_nothing_else(visitor, way):
    in_reset_state()
    if way == "sms":
        visitor.sign_in_by_sms("HC", "孙雅静")
    else:
        visitor.go_to_verify("HC", "孙雅静")
        visitor.post(reverse("staff:verify_by_password"), {"password": "111111"})
    assert visitor.get("/").url == CHANGE
    Credential.objects.filter(temporary_until__isnull=False).update(temporary_until=timezone.now())  # a day on
    answer = visitor.get(reverse("staff:operations"), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("login")
    assert "尚未设置密码" in words(answer)


@pytest.mark.rule("D10", "RST-05", "RST-06")
def test_after_the_first_successful_save_111111_opens_nothing_any_more(visitor, other_visitor):
    in_reset_state()
    visitor.go_to_verify("HC", "孙雅静")
    visitor.post(reverse("staff:verify_by_password"), {"password": "111111"})
    step_up(visitor)
    change(visitor, old="111111")
    other_visitor.go_to_verify("HC", "孙雅静")
    assert other_visitor.post(reverse("staff:verify_by_password"), {"password": "111111"}).status_code == 400


@pytest.mark.rule("D10", "RST-06")
def test_111111_is_nobodys_password_outside_the_reset_state(visitor):
    visitor.go_to_verify("HC", "钱思远")
    assert visitor.post(reverse("staff:verify_by_password"), {"password": "111111"}).status_code == 400


@pytest.mark.rule("M70", "D11")
def test_a_bound_clerk_is_told_that_his_password_is_the_natural_persons(visitor):
    visitor.sign_in_by_sms("HC", "何晨曦")
    answer = change(visitor, old=cast.NATURAL_PASSWORDS["何晨曦"])
    assert "已绑定自然人账户" in words(answer)
    assert Membership.objects.filter(bound_at__isnull=False).exists()


@pytest.mark.rule("D12", "PW-09")
def test_under_dengbao_a_password_needs_three_classes_and_the_last_five_stay_barred(proven, settings):
    settings.PASSWORD_POLICY = "dengbao"
    assert "至少三种" in words(change(proven, new="nur-kleine-worte"))
    assert change(proven, new="Erstes-Wort-2026").url == reverse("home")
    answer = change(proven, old="Erstes-Wort-2026", new=OLD)
    assert "最近用过的5个密码" in words(answer)


# --- The old one is forgotten (D21) -----------------------------------------------------------------------------------

FORGOTTEN = "/account/password/forgotten/"


def set_anew(visitor, new: str = NEW, confirm: str = ""):
    return visitor.post(FORGOTTEN, {"new_password": new, "confirm_password": confirm or new})


@pytest.mark.rule("D21", "RST-02", "RST-03", "D16")
def test_who_forgot_his_personal_password_sets_another_after_a_code(proven, other_visitor):
    other_visitor.sign_in_by_password("HC", "孙雅静")
    assert f'href="{FORGOTTEN}"' in proven.get(CHANGE).content.decode()
    assert set_anew(proven).url == reverse("home")
    assert passwords.check(cast.membership("HC", "孙雅静").credential, NEW)
    assert proven.get("/").status_code == 200
    assert "本次登录所用的密码已变更" in words(other_visitor.get("/", follow=True))
    assert "个人登录密码已通过您的手机号码重设" in proven.texts_to(PHONE)[-1]
    assert AuditEntry.objects.filter(kind=Kind.PASSWORD_RECOVERED, person=cast.person("孙雅静")).count() == 1


@pytest.mark.rule("D21", "D15", "D9")
def test_a_lead_whom_nobody_can_reset_needs_a_code_of_the_last_five_minutes(visitor):
    visitor.sign_in_by_sms("HC", "林若兰")
    SignIn.objects.filter(person=cast.person("林若兰")).update(code_at=timezone.now() - timedelta(minutes=6))
    for answer in (visitor.get(FORGOTTEN), set_anew(visitor)):
        assert answer.url.startswith(STEP_UP)
    Throttle.objects.filter(key__startswith="code_gap").delete()
    visitor.post(reverse("staff:send_step_up_code"), {"next": FORGOTTEN})
    visitor.post(STEP_UP, {"code": visitor.code_on(cast.PHONES["林若兰"]), "next": FORGOTTEN})
    assert visitor.get(FORGOTTEN).status_code == 200
    assert set_anew(visitor).status_code == 302
    assert passwords.check(cast.membership("HC", "林若兰").credential, NEW)


@pytest.mark.rule("D12", "D21")
@pytest.mark.parametrize("new", [OLD, cast.ENTERPRISE_PASSWORDS["HC"], "111111", "短"])
def test_what_takes_its_place_keeps_the_rules_of_new_passwords(proven, new):
    assert set_anew(proven, new).status_code == 400
    assert set_anew(proven, NEW, "另一个的新密码啊").status_code == 400
    assert passwords.check(cast.membership("HC", "孙雅静").credential, OLD)


@pytest.mark.rule("D11", "D21", "M70")
def test_a_bound_member_and_who_is_here_as_himself_have_no_personal_password_to_forget(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "何晨曦")
    answer = set_anew(visitor)
    assert answer.status_code == 400
    assert "请先解绑" in words(answer)
    as_himself(other_visitor, "孙雅静")
    SignIn.objects.filter(person=cast.person("孙雅静")).update(code_at=timezone.now())
    assert set_anew(other_visitor).status_code == 403
    assert f'href="{FORGOTTEN}"' not in other_visitor.get(CHANGE).content.decode()


def long_ago(*credentials: Credential) -> None:
    changed = timezone.now() - timedelta(days=91)
    Credential.objects.filter(pk__in=[each.pk for each in credentials]).update(changed_at=changed)


@pytest.mark.rule("D12", "PW-09")
def test_under_dengbao_the_home_page_says_which_passwords_should_be_changed_and_where(visitor, settings):
    settings.PASSWORD_POLICY = "dengbao"
    visitor.sign_in_by_sms("HC", "钱思远")
    assert "90天" not in words(visitor.get("/"))
    long_ago(cast.taxpayer("HC").credential)
    page = visitor.get("/")
    assert "企业登录密码已使用超过90天，请修改。修改企业密码" in words(page).replace(" ", "")
    assert reverse("staff:change_enterprise_password") in page.content.decode()
    assert "个人登录密码已使用超过90天" not in words(page)
    long_ago(cast.membership("HC", "钱思远").credential)
    assert "您的个人登录密码已使用超过90天，请修改。" in words(visitor.get("/"))
    settings.PASSWORD_POLICY = "modern"
    assert "90天" not in words(visitor.get("/"))


@pytest.mark.rule("D12", "PW-09")
def test_under_dengbao_a_clerk_is_told_of_his_own_password_alone_and_a_natural_person_of_his(
    visitor, other_visitor, settings
):
    settings.PASSWORD_POLICY = "dengbao"
    long_ago(cast.taxpayer("HC").credential, cast.person("何晨曦").credential)
    visitor.sign_in_by_sms("HC", "孙雅静")
    assert "90天" not in words(visitor.get("/"))
    as_himself(other_visitor, "何晨曦")
    assert "您的自然人登录密码已使用超过90天，请修改。" in words(other_visitor.get("/"))


@pytest.mark.rule("D4", "D16")
def test_who_is_in_for_a_firm_whose_account_is_closed_is_out_at_his_next_click_and_told_why(proven):
    Taxpayer.objects.filter(code=cast.CODES["HC"]).update(cancelled_at=timezone.now())
    page = words(proven.get("/staff/operations/", follow=True))
    assert "该企业在电子税务局的账户已注销" in page
    assert "税务机关前台重新开户" in page
    assert AuditEntry.objects.filter(kind=Kind.CAPACITY_LOST, reason="firm_closed").count() == 1


@pytest.mark.rule("D13", "PW-10")
def test_a_strangers_wrong_tries_keep_nobody_from_changing_a_password_in_his_own_browser(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    for _ in range(5):
        other_visitor.give_enterprise_password("HC", password="wrong-one")
    data = {"old_password": cast.ENTERPRISE_PASSWORDS["HC"], "new_password": NEW, "confirm_password": NEW}
    answer = visitor.post_with_picture(reverse("staff:change_enterprise_password"), data)
    assert answer.url == reverse("staff:members")


@pytest.mark.rule("D12", "PW-09")
def test_under_dengbao_a_password_that_was_reset_is_not_set_again(visitor, settings):
    settings.PASSWORD_POLICY = "dengbao"
    membership = cast.membership("HC", "孙雅静")
    passwords.reset(membership.credential)
    Credential.objects.filter(pk=membership.credential.pk).update(temporary_until=timezone.now())
    visitor.sign_in_by_sms("HC", "孙雅静")
    answer = visitor.set_password(OLD)
    assert answer.status_code == 400
    assert "最近用过的5个密码" in words(answer)
