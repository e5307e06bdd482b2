"""个人中心: 个人信息, 变更手机号码, 登录设备, 日志管理, 修改密码 (M109, M145, M146, D1, D15, D27, D28, OTP-10)."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from accounts import addresses, user_agents
from accounts.actor import Actor
from accounts.models import AuditEntry, SignIn, SmsCode, Throttle
from accounts.models.record import Kind
from accounts.models.signins import EndReason
from staff.services import own_number, own_phone
from tests import cast
from tests.staff.acting import actor
from tests.visitor import Visitor, words

NAME, OLD, NEW = "孙雅静", cast.PHONES["孙雅静"], "13900001234"
CENTRE, PROFILE, CHANGE, SEND = "/account/", "/account/profile/", "/account/phone/", "/account/phone/send/"
NEW_CODE, OLD_CODE, RECORD, DEVICES = (
    "/account/phone/new/",
    "/account/phone/old/",
    "/account/record/",
    "/account/sign-ins/",
)
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36 Edg/131.0"


def by_password(visitor: Visitor, name: str = NAME):
    data = {"username": cast.USERNAMES[name], "password": cast.NATURAL_PASSWORDS[name], "agreement": "on"}
    assert visitor.post_with_picture(reverse("staff:natural_login"), data).url == reverse("home")


def by_sms(visitor: Visitor, name: str = NAME):
    Throttle.objects.filter(key__startswith="code_gap").delete()
    data = {"username": cast.USERNAMES[name], "agreement": "on"}
    visitor.post_with_picture(reverse("staff:natural_sms"), data)
    code = {"code": visitor.code_on(cast.person(name).phone)}
    assert visitor.post(reverse("staff:natural_sms_code"), code).url == reverse("home")


def type_new(visitor: Visitor, new: str = NEW):
    return visitor.post_with_picture(CHANGE, {"phone": new})


def listed(page) -> str:
    """What the table of the record says, without the form above it."""
    return words(page).split("验证方式 网络地址", 1)[1]


def change_phone(visitor: Visitor, new: str = NEW, old: str = OLD):
    type_new(visitor, new)
    visitor.post(NEW_CODE, {"code": visitor.code_on(new)})
    visitor.post(SEND)
    return visitor.post(OLD_CODE, {"code": visitor.code_on(old)}, follow=True)


# --- The sections, and one's own numbers -----------------------------------------------------------------------------


@pytest.mark.rule("D1", "M109", "M120", "M146")
def test_the_centre_names_its_sections_and_what_others_call_it(visitor):
    by_password(visitor)
    page = visitor.get(CENTRE)
    for part in ("我的账户", "账户设置", "系统设置", "个人信息", "我的任职", "登录设备", "日志管理", "修改密码"):
        assert part in words(page)
    for name in ("profile", "my_posts", "my_record", "change_password"):
        assert f'href="{reverse(f"staff:{name}")}"' in page.content.decode()
    assert f'href="{reverse("realname:mine")}"' in page.content.decode()  # where consent is withdrawn (FIL-06)
    assert f'href="{CENTRE}"' in visitor.get("/").content.decode()


@pytest.mark.rule("D27", "M146", "OTP-09")
def test_my_numbers_are_masked_and_a_recorded_button_shows_them(visitor):
    by_sms(visitor)
    page = words(visitor.get(PROFILE))
    number = cast.ID_NUMBERS[NAME]
    assert "2102**********0029" in page
    assert "199****0003" in page
    assert number not in page
    assert OLD not in page
    assert number in words(visitor.post("/account/profile/id-number/"))
    assert OLD in words(visitor.post("/account/profile/phone/"))
    shown = AuditEntry.objects.filter(kind=Kind.NUMBER_SHOWN).order_by("seq")
    assert [(each.person.name, each.target.name, each.details["which"]) for each in shown] == [
        (NAME, NAME, "id_number"),
        (NAME, NAME, "phone"),
    ]


@pytest.mark.rule("D15", "D27")
def test_in_a_password_session_the_numbers_and_the_phone_ask_for_a_code_first(visitor):
    by_password(visitor)
    step_up = reverse("staff:step_up")
    assert visitor.post("/account/profile/id-number/").url.startswith(step_up)
    assert visitor.get(CHANGE).url == f"{step_up}?next=%2Faccount%2Fphone%2F"
    visitor.post(reverse("staff:send_step_up_code"))
    answer = visitor.post(step_up, {"code": visitor.code_on(OLD), "next": CHANGE})
    assert answer.url == CHANGE
    assert visitor.get(CHANGE).status_code == 200


@pytest.mark.rule("D27")
def test_nobody_else_is_shown_anything_by_the_services(world):
    for service in (lambda: own_number.show("phone", by=Actor()), lambda: own_phone.begin(None, NEW, by=Actor())):
        with pytest.raises(PermissionDenied):
            service()
    with pytest.raises(LookupError):
        own_number.show("name", by=actor("HC", NAME))


# --- The phone -------------------------------------------------------------------------------------------------------


@pytest.mark.rule("M145", "OTP-10", "D9", "D15")
def test_the_phone_changes_after_a_code_to_the_new_one_and_one_to_the_old_which_is_told(visitor):
    by_sms(visitor)
    answer = change_phone(visitor)
    assert "实名手机号码已变更" in words(answer)
    person = cast.person(NAME)
    assert (person.phone, person.real_name_records.get().phone) == (NEW, NEW)
    assert person in type(person).objects.by_phone(NEW)
    assert "您的实名手机号码已变更为139****1234" in visitor.texts_to(OLD)[-1]
    entry = AuditEntry.objects.get(kind=Kind.PHONE_CHANGED)
    assert (entry.person, entry.target) == (person, person)
    assert entry.details == {"phone_was": "199****0003", "phone_now": "139****1234", "sign_ins_ended": 0}
    assert visitor.get("/").status_code == 200


@pytest.mark.rule("M91", "M145")
def test_the_page_says_that_the_register_keeps_its_number_and_it_does(visitor, other_visitor):
    by_sms(visitor)
    page = visitor.get(CHANGE)
    assert "税务登记中的【移动电话】不会随之改变" in words(page)
    assert "【变更税务登记】" in words(page)
    assert 'href="/realname/"' in page.content.decode()
    change_phone(visitor)
    assert {post.mobile for post in cast.person(NAME).posts.all()} == {OLD}
    other_visitor.go_to_verify("HC", NAME)
    assert "与实名采集中的移动电话号码不相同" in words(other_visitor.get(reverse("staff:verify_by_sms")))


@pytest.mark.rule("OTP-10", "OTP-07")
def test_neither_code_stands_for_the_other_and_no_step_can_be_left_out(visitor):
    by_sms(visitor)
    assert visitor.get(OLD_CODE).url == CHANGE
    type_new(visitor)
    assert visitor.get(OLD_CODE).url == NEW_CODE
    new_code = visitor.code_on(NEW)
    visitor.post(NEW_CODE, {"code": new_code})
    assert "短信验证码错误或已过期" in words(visitor.post(OLD_CODE, {"code": new_code}))
    visitor.post(SEND)
    old_code = visitor.code_on(OLD)
    type_new(visitor, "13900005678")
    assert "短信验证码错误或已过期" in words(visitor.post(NEW_CODE, {"code": old_code}))
    assert cast.person(NAME).phone == OLD


@pytest.mark.rule("OTP-10", "D14")
def test_a_wrong_code_changes_nothing_and_the_passage_lasts_ten_minutes(visitor):
    by_sms(visitor)
    type_new(visitor)
    wrong = "000000" if visitor.code_on(NEW) != "000000" else "111111"
    assert visitor.post(NEW_CODE, {"code": wrong}).status_code == 400
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        answer = visitor.get(NEW_CODE, follow=True)
    assert "变更手机号码已超过10分钟" in words(answer)
    assert cast.person(NAME).phone == OLD


@pytest.mark.rule("OTP-10")
@pytest.mark.parametrize(
    ("typed", "told"),
    [(OLD, "新手机号码与现在的实名手机号码相同"), ("12345", "手机号码应为11位数字")],
)
def test_a_number_that_can_not_be_the_new_one_is_refused_in_words(visitor, typed, told):
    by_sms(visitor)
    answer = type_new(visitor, typed)
    assert answer.status_code == 400
    assert told in words(answer)
    assert not SmsCode.objects.filter(purpose="phone_change").exists()


@pytest.mark.rule("M7", "OTP-10")
def test_who_is_not_collected_any_more_must_collect_first(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    own = actor("HC", "钱思远")
    cast.person("钱思远").real_name_records.update(revoked_at=timezone.now())
    with pytest.raises(own_phone.ValidationError) as refused:
        own_phone.begin(None, NEW, by=own)
    assert refused.value.code == "not_collected"


@pytest.mark.rule("D16", "OTP-10", "SES-05")
def test_what_the_old_phone_signed_in_elsewhere_ends_and_what_a_password_did_stays(visitor, other_visitor, own_folder):
    third = Visitor(own_folder / "sms.jsonl")
    by_sms(visitor)
    by_sms(other_visitor)
    by_password(third)
    change_phone(visitor)
    assert "您在另一处结束了本次登录" in words(other_visitor.get("/", follow=True))
    assert third.get("/").status_code == 200
    assert visitor.get("/").status_code == 200


@pytest.mark.rule("OTP-10", "D21")
def test_a_recovery_that_the_old_phone_proved_is_worth_nothing_after_the_change(visitor, other_visitor):
    by_sms(visitor)
    Throttle.objects.filter(key__startswith="code_gap").delete()
    asked = {"username": cast.USERNAMES[NAME], "phone": OLD}
    other_visitor.post_with_picture("/forgotten/person/", asked)
    other_visitor.post("/forgotten/person/code/", {"code": visitor.code_on(OLD)})
    change_phone(visitor)
    new = {"new_password": "一个新的好密码啊", "confirm_password": "一个新的好密码啊"}
    answer = other_visitor.post("/forgotten/person/password/", new)
    assert answer.status_code == 400
    assert "登录信息已变更" in words(answer)
    assert SignIn.objects.filter(person=cast.person(NAME), ended_at__isnull=True).count() == 1


@pytest.mark.rule("D14", "OTP-06")
def test_typing_anothers_number_does_not_use_up_his_own_codes(visitor, other_visitor):
    by_sms(visitor)
    type_new(visitor, cast.PHONES["钱思远"])
    assert other_visitor.sign_in_by_sms("HC", "钱思远").url == reverse("home")


@pytest.mark.rule("D14", "OTP-06")
def test_one_person_sends_ten_codes_a_day_to_whatever_he_types(visitor):
    by_sms(visitor)
    for number in range(10):
        assert type_new(visitor, f"1390000{number:04}").url == NEW_CODE
    assert "次数过多" in words(type_new(visitor))
    assert visitor.texts_to(NEW) == []


@pytest.mark.rule("OTP-06")
def test_another_code_to_the_new_phone_must_wait(visitor):
    by_sms(visitor)
    type_new(visitor)
    answer = visitor.post(SEND)
    assert answer.status_code == 400
    assert "秒后重新获取" in words(answer)


# --- Devices and new browsers ----------------------------------------------------------------------------------------


@pytest.mark.rule("SES-07")
def test_my_devices_are_told_in_words_with_firm_and_proof_and_all_others_end_at_once(visitor, other_visitor):
    other_visitor.sign_in_by_password("HC", NAME)
    visitor.defaults["HTTP_USER_AGENT"] = EDGE
    by_sms(visitor)
    page = words(visitor.get(DEVICES))
    for part in ("Edge（Windows）", "沈阳海川贸易有限公司", "自然人", "企业密码+个人登录密码", "实名手机短信验证码"):
        assert part in page
    assert "AppleWebKit" not in page
    assert "已结束其他1处登录" in words(visitor.post("/account/sign-ins/end-others/", follow=True))
    assert "您在另一处结束了本次登录" in words(other_visitor.get("/", follow=True))
    assert visitor.get("/").status_code == 200
    assert "没有其他登录" in words(visitor.post("/account/sign-ins/end-others/", follow=True))
    ended = SignIn.objects.get(taxpayer=cast.taxpayer("HC"))
    assert ended.ended_because == EndReason.ENDED_BY_OWNER


@pytest.mark.rule("SES-07")
def test_ending_all_others_ends_nobody_elses(visitor, other_visitor):
    other_visitor.sign_in_by_password("HC", "钱思远")
    by_password(visitor)
    visitor.post("/account/sign-ins/end-others/")
    assert other_visitor.get("/").status_code == 200


@pytest.mark.rule("SES-06")
def test_a_browser_never_used_before_is_told_by_sms_and_on_the_others_next_page(visitor, other_visitor):
    by_password(visitor)
    assert visitor.texts_to(OLD) == []  # his very first sign-in
    assert "一处登录" not in words(visitor.get("/"))
    other_visitor.sign_in_by_password("HC", NAME)
    [text] = visitor.texts_to(OLD)
    for part in ("在新的浏览器登录“沈阳海川贸易有限公司”", "企业密码+个人登录密码", "网络地址127.0.*.*"):
        assert part in text
    assert "您的身份于" in words(visitor.get("/"))
    told = AuditEntry.objects.filter(kind=Kind.SIGN_IN).order_by("seq")
    assert [entry.details["new_browser"] for entry in told] == [False, True]


@pytest.mark.rule("SES-06", "D13")
def test_a_browser_used_before_is_not_told_at_whichever_door(visitor, other_visitor):
    by_password(visitor)
    other_visitor.sign_in_by_password("HC", NAME)
    before = visitor.texts_to(OLD)
    visitor.post(reverse("sign_out"))
    visitor.sign_in_by_password("HC", NAME)
    assert visitor.texts_to(OLD) == before
    assert AuditEntry.objects.filter(kind=Kind.SIGN_IN).latest("seq").details == {"new_browser": False}


@pytest.mark.rule("SES-06", "D13")
def test_a_browser_that_only_others_have_used_is_new_to_a_person(visitor, other_visitor):
    by_password(other_visitor)
    visitor.sign_in_by_password("HC", "钱思远")
    visitor.post(reverse("sign_out"))
    by_password(visitor)
    assert len(visitor.texts_to(OLD)) == 1


@pytest.mark.rule("SES-06")
def test_a_sign_in_that_fails_tells_nobody(visitor, other_visitor):
    by_password(visitor)
    data = {"username": cast.USERNAMES[NAME], "password": "wrong-one", "agreement": "on"}
    other_visitor.post_with_picture(reverse("staff:natural_login"), data)
    assert visitor.texts_to(OLD) == []


@pytest.mark.rule("D27")
@pytest.mark.parametrize(
    ("ip", "masked"),
    [("192.0.2.17", "192.0.*.*"), ("2001:db8:1:2::9", "2001:db8:*"), ("::ffff:10.1.2.3", "10.1.*.*"), (None, "-")],
)
def test_an_address_in_a_message_is_masked(ip, masked):
    assert addresses.mask(ip) == masked


@pytest.mark.rule("SES-07", "VAL-05")
@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (EDGE, "Edge（Windows）"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox（Linux）"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari（iPhone）"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/130 Mobile Safari/537.36 MicroMessenger/8.0", "WeChat（Android）"),
        ("<script>alert(1)</script>", "其他浏览器"),
        ("", "其他浏览器"),
    ],
)
def test_a_browser_is_named_in_words(agent, said):
    assert user_agents.in_words(agent) == said


# --- The record ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("D28")
def test_my_record_holds_what_i_did_and_what_was_done_to_me_and_nothing_else(visitor, other_visitor):
    other_visitor.sign_in_by_sms("HC", "林若兰")
    member = cast.membership("HC", NAME)
    other_visitor.post(reverse("staff:freeze", args=[member.uid]), {"version": member.version, "reason": "外出"})
    by_password(visitor)
    by_password(other_visitor)
    told = listed(visitor.get(RECORD))
    assert "冻结办税人员原因：外出 林*兰 沈阳海川贸易有限公司" in told
    assert "输入自然人登录密码" in told
    assert "登录此前未使用过的浏览器 本人" in told
    assert AuditEntry.objects.filter(kind=Kind.PERSON_CHOSEN).exists()
    assert "选择办税人" not in told  # hers, and about herself


@pytest.mark.rule("D28", "D27")
def test_where_others_acted_from_is_not_told(visitor):
    by_password(visitor)
    firm = cast.taxpayer("HC")
    AuditEntry.objects.create(
        kind=Kind.MEMBER_FROZEN, person=cast.person("林若兰"), target=cast.person(NAME), taxpayer=firm, ip="203.0.113.9"
    )
    AuditEntry.objects.create(kind=Kind.NATURAL_PASSWORD, target=cast.person(NAME), ip="203.0.113.7")
    page = listed(visitor.get(RECORD))
    assert "203.0.113.9" not in page
    assert "203.0.113.7" in page  # somebody tried his password


@pytest.mark.rule("D28", "D33")
def test_the_record_is_filtered_by_kind_and_day_and_goes_page_by_page(visitor):
    by_password(visitor)
    person, today = cast.person(NAME), timezone.localdate()
    for _ in range(25):
        AuditEntry.objects.create(kind=Kind.POST_LINKED, person=person, target=person)
    page = visitor.get(RECORD, {"kind": "post_linked"})
    assert words(page).count("确认与企业关联 本人") == 20
    older = page.context["pages"].older_url
    assert words(visitor.get(RECORD + older)).count("确认与企业关联 本人") == 5
    assert "没有符合条件的记录" in words(visitor.get(RECORD, {"until": str(today - timedelta(days=1))}))
    assert "没有符合条件的记录" in words(visitor.get(RECORD, {"since": str(today + timedelta(days=1))}))
    inverted = visitor.get(RECORD, {"since": "2026-02-01", "until": "2026-01-01"})
    assert inverted.status_code == 400
    assert "起始日期不能晚于截止日期" in words(inverted)


@pytest.mark.rule("D28", "M145")
def test_a_changed_phone_stands_in_the_record_masked(visitor):
    by_sms(visitor)
    change_phone(visitor)
    page = listed(visitor.get(RECORD, {"kind": "phone_changed"}))
    assert "手机号码：199****0003 → 139****1234" in page


# --- The natural-person password -------------------------------------------------------------------------------------


@pytest.mark.rule("M74", "M109", "M120", "D16")
def test_a_natural_person_changes_his_own_password_with_save_at_the_top_left(visitor):
    by_sms(visitor)
    address, new = reverse("staff:change_password"), "雅静的第九座大桥"
    page = visitor.get(address)
    assert "修改的是您的自然人登录密码" in words(page)
    body = page.content.decode()
    assert body.index(">保存<") < body.index('name="old_password"')
    assert 'value="sunyajing"' in body
    typed = {"new_password": new, "confirm_password": new}
    wrong = visitor.post_with_picture(address, {"old_password": "wrong-one", **typed})
    assert "旧密码有误。忘记了请退出后用【忘记密码】找回。" in words(wrong)
    right = {"old_password": cast.NATURAL_PASSWORDS[NAME], **typed}
    assert "自然人登录密码已修改" in words(visitor.post_with_picture(address, right, follow=True))
