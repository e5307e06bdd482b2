"""申报密码: making and seeing the first, setting one's own, and who is told (M111 to M118, M121 to M125, D24)."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, sms
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, Person, SmsCode, Throttle
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from realname.models import Post
from staff import functions
from staff.models import DeclarationPassword
from staff.services import declaration
from staff.services.declaration import Answer
from tests import cast
from tests.etax import officers
from tests.staff.acting import actor, entries, refusal
from tests.visitor import Visitor, words

NOTICE, CODE, SEND, FIRMS = (
    "/staff/declaration/",
    "/staff/declaration/code/",
    "/staff/declaration/code/send/",
    "/account/declaration/",
)
OWN, OTHER = "Shenbao-2026-ok", "Shenbao-2027-ok"
SHOWN = re.compile(r'translate="no">([^<]+)<')
PHONE = {"钱思远": "19900000006", "林若兰": "19900000007", "孙雅静": "19900000003"}

pytestmark = pytest.mark.usefixtures("world")


def later() -> None:
    """A day later, as far as codes to phones go."""
    Throttle.objects.filter(key__startswith="code_").delete()


def is_right(password: str, key: str = "HC") -> Answer:
    return declaration.check(cast.CODES[key], password, "kehuduan", by=Actor()).answer


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS, a minute ago."""
    visitor.sign_in_by_sms("HC", "钱思远")
    later()
    return visitor


def see(visitor: Visitor, phone: str):
    """Tick 查看申报密码, get a code and give it."""
    later()
    visitor.post(NOTICE, {"show": "on"})
    return visitor.post(CODE, {"code": visitor.code_on(phone)})


def address(page: str, key: str = "HC") -> str:
    return reverse(f"staff:{page}", args=[cast.taxpayer(key).uid])


def reset(visitor: Visitor, phone: str, new: str = OWN, **changed):
    """Get a code and save a new password."""
    later()
    visitor.post(address("send_reset_code"))
    given = {"new_password": new, "confirm_password": new, "code": visitor.code_on(phone)}
    return visitor.post(address("reset_declaration_password"), {**given, **changed})


# --- 查看申报密码 -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("M121", "M122", "M123", "M124", "M125", "M112", "D24")
def test_the_first_one_is_made_on_demand_and_shown_after_a_code(lead):
    assert "税费申报及缴纳" in words(lead.get("/"))
    notice = words(lead.get(NOTICE))
    assert "申报说明" in notice
    assert notice.index("首次申报") < notice.index("查看申报密码")
    assert not DeclarationPassword.objects.exists()
    shown = see(lead, PHONE["钱思远"])
    [password] = SHOWN.findall(shown.content.decode())
    assert "个税申报密码" in words(shown)
    assert shown["Cache-Control"] == "no-store"
    assert is_right(password) is Answer.TEMPORARY
    assert [len(entries(kind)) for kind in (Kind.DECLARATION_PASSWORD_MADE, Kind.DECLARATION_PASSWORD_SEEN)] == [1, 1]
    assert password not in str([entry.details for entry in entries(Kind.DECLARATION_PASSWORD_SEEN)])


@pytest.mark.rule("M126", "M127", "M128", "M129", "M130")
def test_the_notice_says_what_it_is_for_how_the_first_filing_goes_and_who_may_have_changed_it(lead):
    notice = words(lead.get(NOTICE))
    for told in (
        "申报密码只有扣缴客户端申报时需要",
        "申报密码正确，才能报送信息和下载信息",
        "个税明细下载中下载初始化文件，并导入个税客户端",
        "申报成功后在个税明细下载中下载反馈文件",
        "首次登录一般会要求更改",
        "请询问上任申报人员，或由法定代表人（业主）、财务负责人重置，也可以到税务机关前台重置",
    ):
        assert told in notice


@pytest.mark.rule("M123", "M124")
def test_the_withholding_form_leads_to_the_notice_whoever_holds_both(visitor):
    visitor.sign_in_by_sms("HC", "孙雅静")
    form = reverse("staff:function", args=["tax.declaration.iit_withholding"])
    page = visitor.get(form).content.decode()
    assert f'href="{NOTICE}">填写申报表</a>' in page
    assert "点击“填写申报表”" in words(visitor.get("/help/declaration-password/"))
    for identity in cast.membership("HC", "孙雅静").identities.all():
        identity.grants.filter(function=declaration.FUNCTION).delete()
    assert f'href="{NOTICE}"' not in visitor.get(form).content.decode()


@pytest.mark.rule("M125", "OTP-03")
def test_it_is_shown_once_for_one_code_and_is_the_same_the_next_time(lead):
    [first] = SHOWN.findall(see(lead, PHONE["钱思远"]).content.decode())
    again = lead.post(CODE, {"code": lead.code_on(PHONE["钱思远"])})
    assert again.status_code == 400
    assert SHOWN.findall(again.content.decode()) == []
    assert first not in lead.get(CODE).content.decode()
    [second] = SHOWN.findall(see(lead, PHONE["钱思远"]).content.decode())
    assert first == second
    assert len(entries(Kind.DECLARATION_PASSWORD_MADE)) == 1


@pytest.mark.rule("M124")
def test_without_the_tick_no_code_is_sent(lead):
    before = len(lead.texts_to(PHONE["钱思远"]))
    refused = lead.post(NOTICE, {})
    assert refused.status_code == 400
    assert "请把申报说明看完，并勾选“查看申报密码”。" in words(refused)
    assert len(lead.texts_to(PHONE["钱思远"])) == before


@pytest.mark.rule("D14", "OTP-06")
def test_another_code_waits_a_minute_and_says_so(lead):
    lead.post(NOTICE, {"show": "on"})
    refused = lead.post(SEND)
    assert refused.status_code == 400
    assert "秒后重新获取" in words(refused)
    assert "查看或重置申报密码" in lead.texts_to(PHONE["钱思远"])[-1]


@pytest.mark.rule("OTP-07", "D14")
def test_a_code_for_another_purpose_or_firm_shows_nothing(lead):
    by = actor("HC", "钱思远")
    phone = declaration.phone_at_firm(by)
    good = declaration.code_binding(cast.taxpayer("HC"), phone, by=by)
    for purpose, firm in ((Purpose.STEP_UP, "HC"), (Purpose.DECLARATION_PASSWORD, "MH")):
        later()
        other = sms.Binding(
            person=by.person, purpose=purpose, taxpayer=cast.taxpayer(firm), login=good.login, phone=good.phone
        )
        sms.send_code(other, by=by)
        assert refusal(declaration.show, "000000", by=by) == "sms_code"
    assert not DeclarationPassword.objects.exists()


@pytest.mark.rule("D24", "AUZ-05")
def test_a_clerk_with_the_function_sees_it_and_one_without_does_not(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "孙雅静")
    assert len(SHOWN.findall(see(visitor, PHONE["孙雅静"]).content.decode())) == 1
    other_visitor.sign_in_by_sms("HC", "何晨曦")
    for where in (NOTICE, CODE):
        assert other_visitor.get(where).status_code == 403
    with pytest.raises(PermissionDenied):
        declaration.show("000000", by=actor("HC", "何晨曦"))
    assert entries(Kind.ACT_REFUSED)[-1].details == {"function": declaration.FUNCTION}


@pytest.mark.rule("D23", "D24")
def test_it_is_never_lent_to_an_agency():
    assert declaration.FUNCTION in functions.ALL
    assert declaration.FUNCTION not in functions.LENDABLE


@pytest.mark.rule("M91", "D5")
def test_without_a_phone_on_file_the_notice_says_why_and_what_to_do(lead):
    Post.objects.filter(taxpayer=cast.taxpayer("HC"), person=cast.person("钱思远")).update(mobile="")
    page = words(lead.get(NOTICE))
    assert "没有登记该人员的【移动电话】" in page
    assert "下一步" not in page
    assert lead.post(NOTICE, {"show": "on"}).status_code == 400


@pytest.mark.rule("D24")
def test_ones_own_can_not_be_seen(lead):
    see(lead, PHONE["钱思远"])
    reset(lead, PHONE["钱思远"])
    refused = see(lead, PHONE["钱思远"])
    assert refused.status_code == 400
    assert "已有人设置了自己的申报密码，不能查看" in words(refused)
    assert entries(Kind.DECLARATION_PASSWORD_SEEN)[-1].reason == "declaration_own"


# --- 企业办税权限 -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("M113", "M114", "M115", "M117", "M118", "D24")
def test_the_whole_way_to_a_password_of_ones_own_from_the_persons_own_account(visitor, own_folder):
    person = cast.person("林若兰")
    person.username, person.credential = "linruolan", passwords.store(None, passwords.hash_new("Ruolan-nat-2026"))
    person.save()
    visitor.post_with_picture(
        reverse("staff:natural_login"), {"username": "linruolan", "password": "Ruolan-nat-2026", "agreement": "on"}
    )
    assert "沈阳海川贸易有限公司 财务负责人" in words(visitor.get(FIRMS))
    people = words(visitor.get(address("declaration_people")))
    assert "企业办税人员列表" in people
    assert people.rindex("孙*静") < people.rindex("重置申报密码")
    done = reset(visitor, PHONE["林若兰"])
    assert done.url == address("declaration_people")
    assert "重置成功" in words(visitor.get(done.url))
    assert (is_right(OWN), DeclarationPassword.objects.get().first) == (Answer.RIGHT, "")
    [entry] = entries(Kind.DECLARATION_PASSWORD_RESET)
    assert (entry.person, entry.taxpayer) == (person, cast.taxpayer("HC"))
    for name in ("钱思远", "林若兰"):
        assert "申报密码已重置" in visitor.texts_to(PHONE[name])[-1]
    assert not [text for text in visitor.texts_to(PHONE["孙雅静"]) if "申报密码" in text]


@pytest.mark.rule("M114", "M115")
@pytest.mark.parametrize(("key", "name"), [("HC", "孙雅静"), ("HC", "郑海涛")])
def test_a_clerk_has_no_firm_there_and_is_refused_in_words(visitor, key, name):
    visitor.sign_in_by_sms(key, name)
    assert "没有可以维护的企业" in words(visitor.get(FIRMS))
    for page in ("declaration_people", "reset_declaration_password"):
        refused = visitor.get(address(page))
        assert refused.status_code == 403
        assert "只有法定代表人（业主）和财务负责人可以重置申报密码。" in words(refused)
    assert visitor.post(address("send_reset_code")).status_code == 403
    with pytest.raises(PermissionDenied):
        declaration.reset(cast.taxpayer(key), OWN, "000000", by=actor(key, name))
    assert {entry.reason for entry in entries(Kind.ACT_REFUSED)} == {"not_lead"}


@pytest.mark.rule("AUZ-02")
def test_a_firm_where_one_has_no_post_is_not_found(lead):
    for page in ("declaration_people", "reset_declaration_password"):
        assert lead.get(address(page, "MH")).status_code == 404


@pytest.mark.rule("M116")
def test_without_a_bound_phone_the_way_leads_to_the_security_centre(lead):
    person = cast.person("钱思远")
    Person.objects.filter(pk=person.pk).update(phone="", phone_hash="")
    page = lead.get(address("reset_declaration_password"))
    assert "请先到【个人中心】-【安全中心】绑定手机号" in words(page)
    assert 'href="/account/profile/"' in page.content.decode()
    assert 'name="new_password"' not in page.content.decode()
    assert lead.post(address("send_reset_code")).status_code == 400
    assert refusal(declaration.reset, cast.taxpayer("HC"), OWN, "000000", by=actor("HC", "钱思远")) == (
        "no_real_name_phone"
    )


@pytest.mark.rule("M117")
@pytest.mark.parametrize(
    ("left_out", "text"),
    [
        ("new_password", "请输入新密码。"),
        ("confirm_password", "请输入确认新密码。"),
        ("code", "请输入短信验证码。"),
    ],
)
def test_nothing_is_saved_until_all_is_filled_and_what_is_missing_is_named(lead, left_out, text):
    refused = reset(lead, PHONE["钱思远"], **{left_out: ""})
    assert refused.status_code == 400
    assert text in words(refused)
    assert not DeclarationPassword.objects.exists()
    everything = words(lead.post(address("reset_declaration_password"), {}))
    assert all(each in everything for each in ("请输入新密码。", "请输入确认新密码。", "请输入短信验证码。"))


@pytest.mark.rule("D12", "PW-08")
@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short", "password_too_short"),
        ("111111", "password_too_short"),
        ("abc123456", "password_forbidden"),
        ("91210103MA0HC00240", "password_forbidden"),
        ("password1", "password_too_common"),
        (cast.ENTERPRISE_PASSWORDS["HC"], "password_shared"),
        (cast.PERSONAL_PASSWORDS["HC", "钱思远"], "password_shared"),
    ],
)
def test_what_it_must_not_be(lead, monkeypatch, new, code):
    monkeypatch.setattr(sms.secrets, "randbelow", lambda _most: 123456)
    by = actor("HC", "钱思远")
    binding = declaration.code_binding(cast.taxpayer("HC"), declaration.bound_phone(by.person), by=by)
    sms.send_code(binding, by=by)
    assert refusal(declaration.reset, cast.taxpayer("HC"), new, "123456", by=by) == code
    used = SmsCode.objects.filter(purpose=Purpose.DECLARATION_PASSWORD, used_at__isnull=False).exists()
    assert used == (code == "password_shared")  # what is weak doesn't use up the code
    assert not DeclarationPassword.objects.exists()


@pytest.mark.rule("D12", "D24")
def test_neither_the_first_nor_the_last_one_can_be_set_again(lead):
    [first] = SHOWN.findall(see(lead, PHONE["钱思远"]).content.decode())
    same = reset(lead, PHONE["钱思远"], new=first)
    assert "新密码不能与旧密码相同。" in words(same)
    assert reset(lead, PHONE["钱思远"]).status_code == 302
    assert "新密码不能与旧密码相同。" in words(reset(lead, PHONE["钱思远"]))
    assert reset(lead, PHONE["钱思远"], new=OTHER).status_code == 302
    assert [is_right(each) for each in (first, OWN, OTHER)] == [Answer.WRONG, Answer.WRONG, Answer.RIGHT]


@pytest.mark.rule("M117", "OTP-04")
def test_a_wrong_code_saves_nothing_and_tells_nothing_of_passwords(lead):
    refused = reset(lead, PHONE["钱思远"], new=cast.ENTERPRISE_PASSWORDS["HC"], code="000000")
    assert "短信验证码错误或已过期" in words(refused)
    assert "不能相同" not in words(refused)
    assert not DeclarationPassword.objects.exists()


@pytest.mark.rule("D13")
def test_a_reset_opens_the_lock_that_wrong_ones_made(lead):
    reset(lead, PHONE["钱思远"])
    assert [is_right("wrong") for _each in range(5)] == [Answer.WRONG] * 5
    assert is_right(OWN) is Answer.LOCKED
    reset(lead, PHONE["钱思远"], new=OTHER)
    assert is_right(OTHER) is Answer.RIGHT


@pytest.mark.rule("M130", "D22")
@pytest.mark.parametrize("before", ["nothing", "first", "own"])
def test_at_the_counter_a_new_temporary_one_takes_its_place(lead, before):
    firm, old = cast.taxpayer("HC"), OWN
    if before == "first":
        [old] = SHOWN.findall(see(lead, PHONE["钱思远"]).content.decode())
    if before == "own":
        reset(lead, PHONE["钱思远"])
    declaration.renew(firm, by=officers.officer())
    assert is_right(old) is Answer.WRONG
    [new] = SHOWN.findall(see(lead, PHONE["钱思远"]).content.decode())
    assert is_right(new) is Answer.TEMPORARY
    assert entries(Kind.DECLARATION_PASSWORD_RESET)[-1].person == cast.person("顾前程")
    with pytest.raises(PermissionDenied):
        declaration.renew(firm, by=actor("HC", "钱思远"))
    assert entries(Kind.ACT_REFUSED)[-1].reason == "not_officer"
    with pytest.raises(PermissionDenied):
        declaration.renew(firm, by=officers.officer(officers.REVIEWER))
    assert entries(Kind.ACT_REFUSED)[-1].reason == "not_counter"
    Post.objects.filter(taxpayer=firm, person=cast.person("孙雅静")).update(person=cast.person("顾前程"))
    assert refusal(declaration.renew, firm, by=officers.officer()) == "own_affair"


@pytest.mark.rule("M113")
def test_who_is_no_longer_finance_officer_resets_nothing(lead, other_visitor):
    other_visitor.sign_in_by_sms("HC", "林若兰")
    Post.objects.filter(person=cast.person("林若兰")).update(until=timezone.localdate())
    with pytest.raises(PermissionDenied):
        declaration.require_lead_of(cast.taxpayer("HC"), by=Actor(person=cast.person("林若兰")))


# --- What the database refuses ----------------------------------------------------------------------------------------


@pytest.mark.rule("CRY-01", "PW-12")
def test_the_first_is_sealed_and_ones_own_is_hashed(lead):
    see(lead, PHONE["钱思远"])
    first = DeclarationPassword.objects.get().first
    with connection.cursor() as cursor:
        cursor.execute("SELECT first FROM staff_declarationpassword")
        [(kept,)] = cursor.fetchall()
    assert first not in kept
    reset(lead, PHONE["钱思远"])
    assert DeclarationPassword.objects.get().credential.password.startswith("argon2")


def test_it_is_the_first_or_ones_own_and_never_both_or_neither():
    firm, credential = cast.taxpayer("HC"), passwords.store(None, passwords.hash_new(OWN))
    for values in ({}, {"first": "x", "credential": credential}):
        with pytest.raises(ValidationError):
            DeclarationPassword(taxpayer=firm, **values).validate_constraints()
        with pytest.raises(IntegrityError), transaction.atomic():
            DeclarationPassword.objects.create(taxpayer=firm, **values)


def test_it_is_changed_after_it_was_made():
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        DeclarationPassword.objects.create(
            taxpayer=cast.taxpayer("HC"), first="x", made_at=now, changed_at=now - timedelta(1)
        )


def test_a_taxpayer_has_one():
    DeclarationPassword.objects.create(taxpayer=cast.taxpayer("HC"), first="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        DeclarationPassword.objects.create(taxpayer=cast.taxpayer("HC"), first="y")


@pytest.mark.rule("STF-03")
def test_of_two_resets_at_once_one_is_told(lead, monkeypatch):
    by = actor("HC", "钱思远", proof=Proof.ENTERPRISE_SMS)
    monkeypatch.setattr(sms, "check_code", lambda *_given, **_more: None)
    real = passwords.hash_new

    def overtaken(new: str) -> str:
        monkeypatch.setattr(passwords, "hash_new", real)
        declaration.reset(cast.taxpayer("HC"), OTHER, "000000", by=by)
        return real(new)

    monkeypatch.setattr(passwords, "hash_new", overtaken)
    assert refusal(declaration.reset, cast.taxpayer("HC"), OWN, "000000", by=by) == "stale"
    assert is_right(OTHER) is Answer.RIGHT


@pytest.mark.rule("D24", "M124")
def test_who_can_see_none_is_told_before_he_asks_for_a_code(lead):
    assert "查看申报密码 为保护企业信息" in words(lead.get(NOTICE))
    assert reset(lead, PHONE["钱思远"]).status_code == 302
    page = words(lead.get(NOTICE))
    assert "已有人设置了自己的申报密码，不能查看" in page
    assert "下一步" not in page


@pytest.mark.rule("D17", "D22")
def test_a_payer_of_social_insurance_has_none_to_reset(visitor):
    firm = cast.taxpayer("CG")
    with pytest.raises(ValidationError, match="纯社保户不使用申报密码"):
        declaration.renew(firm, by=officers.officer())
    page = words(officers.sign_in(visitor).get(reverse("bureau:taxpayer", args=[firm.uid])))
    assert "重置企业密码" in page
    assert "重置申报密码" not in page
    assert "不需要登记人员" in page


@pytest.mark.rule("D17", "D24", "M114")
@pytest.mark.usefixtures("world")
def test_a_payer_of_social_insurance_only_has_no_declaration_password_to_reset():
    firm, person = cast.taxpayer("CG"), cast.person("钱思远")
    since = timezone.localdate() - timedelta(days=9)
    Post.objects.filter(taxpayer=firm).delete()
    Post.objects.create(
        taxpayer=firm, person=person, position="legal_rep", mobile="", since=since, linked_at=timezone.now()
    )
    assert [each.taxpayer.name for each in declaration.firms_of(person)] == ["沈阳海川贸易有限公司"]
    with pytest.raises(PermissionDenied, match="纯社保户不使用申报密码"):
        declaration.require_lead_of(firm, by=Actor(person=person))
    assert AuditEntry.objects.filter(kind="act_refused", reason="social_insurance").count() == 1
