"""忘记密码: enterprise and natural-person password, by the phone on file (M131 to M136, D21)."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import passwords
from accounts.models import AuditEntry, Person, SignIn, SmsMessage, Throttle
from accounts.models.record import Kind
from realname.models import Position, Post
from staff import recovery
from tests import cast
from tests.visitor import words

NEW = "新的一天新的密码"
FIRM, FIRM_CODE, FIRM_PASSWORD = (f"/forgotten/enterprise/{step}" for step in ("", "code/", "password/"))
PERSON, PERSON_CODE, PERSON_PASSWORD = (f"/forgotten/person/{step}" for step in ("", "code/", "password/"))


def ask_for_firm(visitor, phone: str, key: str = "HC", **kwargs):
    return visitor.post_with_picture(FIRM, {"code": cast.CODES[key], "phone": phone}, **kwargs)


def prove_firm(visitor, name: str):
    ask_for_firm(visitor, cast.PHONES[name])
    return visitor.post(FIRM_CODE, {"code": visitor.code_on(cast.PHONES[name])})


def new_password(visitor, address: str, new: str = NEW):
    return visitor.post(address, {"new_password": new, "confirm_password": new})


@pytest.mark.rule("M131", "M133", "M134", "D21", "RST-02", "RST-03", "M40")
@pytest.mark.parametrize("name", ["钱思远", "林若兰"])
def test_a_lead_sets_the_enterprise_password_anew_by_the_phone_on_file(visitor, other_visitor, name):
    other_visitor.sign_in_by_password("HC", "孙雅静")
    assert prove_firm(visitor, name).url == FIRM_PASSWORD
    answer = new_password(visitor, FIRM_PASSWORD)
    assert answer.url == reverse("login")
    assert visitor.get("/").url.startswith(reverse("login"))
    assert "本次登录所用的密码已变更" in words(other_visitor.get("/", follow=True))
    assert passwords.check(cast.taxpayer("HC").credential, NEW)
    assert "企业登录密码已通过您的手机号码重设" in visitor.texts_to(cast.PHONES[name])[-1]
    assert AuditEntry.objects.filter(kind=Kind.PASSWORD_RECOVERED, person=cast.person(name)).count() == 1


@pytest.mark.rule("RST-03", "D21")
def test_the_other_lead_is_told_that_the_enterprise_password_was_set_anew(visitor):
    prove_firm(visitor, "林若兰")
    new_password(visitor, FIRM_PASSWORD)
    told = "“沈阳海川贸易有限公司”的企业登录密码已由林*兰通过手机号码重设。"
    assert told in visitor.texts_to(cast.PHONES["钱思远"])[-1]
    assert not any(told in text for text in visitor.texts_to(cast.PHONES["林若兰"]))


@pytest.mark.rule("RST-02", "D21")
def test_a_recovery_is_good_once(visitor):
    prove_firm(visitor, "钱思远")
    new_password(visitor, FIRM_PASSWORD)
    assert new_password(visitor, FIRM_PASSWORD, "noch-ein-anderes").url == FIRM
    assert passwords.check(cast.taxpayer("HC").credential, NEW)


@pytest.mark.rule("RST-02")
def test_no_new_password_before_the_code(visitor):
    ask_for_firm(visitor, cast.PHONES["钱思远"])
    assert new_password(visitor, FIRM_PASSWORD).url == FIRM_CODE
    assert passwords.check(cast.taxpayer("HC").credential, cast.ENTERPRISE_PASSWORDS["HC"])


@pytest.mark.rule("M82", "M134", "D21")
def test_a_clerk_is_told_who_can_and_gets_no_password(visitor):
    answer = prove_firm(visitor, "孙雅静")
    assert answer.url == reverse("staff:forgotten")
    assert "只有法定代表人（业主）和财务负责人可以找回企业登录密码" in words(visitor.get(answer.url))
    assert visitor.get(FIRM_PASSWORD).url == FIRM


@pytest.mark.rule("RST-01", "D3", "D5", "D21")
@pytest.mark.parametrize(
    ("key", "phone"),
    [
        ("HC", "19900000055"),  # nobody's
        ("HC", "19900000001"),  # the legal representative of another firm
        ("HC", "19900000020"),  # 沈小燕: register and real name differ
        ("YF", "19900000002"),  # 赵铁柱: in the landline field
        ("CG", "19900000001"),  # a payer of social insurance only
    ],
)
def test_whoever_is_not_on_file_gets_the_same_answers_and_no_code(visitor, other_visitor, key, phone):
    right = ask_for_firm(other_visitor, cast.PHONES["钱思远"], follow=True)
    answer = ask_for_firm(visitor, phone, key, follow=True)
    assert words(answer) == words(right)
    assert visitor.texts_to(phone) == []
    wrong = visitor.post(FIRM_CODE, {"code": "123456"})
    assert "短信验证码错误或已过期" in words(wrong)


@pytest.mark.rule("RST-01")
def test_an_unknown_number_gets_the_same_answers(visitor, other_visitor):
    right = ask_for_firm(other_visitor, cast.PHONES["钱思远"], follow=True)
    # Even at the same phone: that it must wait would tell that it was the right one for the other number.
    data = {"code": "91210102MA0ZZ0018M", "phone": cast.PHONES["钱思远"]}
    assert words(visitor.post_with_picture(FIRM, data, follow=True)) == words(right)
    for typed in (data, {**data, "code": cast.CODES["HC"]}):  # who asks twice for the same must wait either way
        assert "秒后重新获取" in words(visitor.post_with_picture(FIRM, typed))


@pytest.mark.rule("D21", "FLOW-09")
def test_nobody_costs_as_many_queries_as_somebody(visitor, other_visitor):
    with CaptureQueriesContext(connection) as somebody:
        ask_for_firm(visitor, cast.PHONES["钱思远"])
    with CaptureQueriesContext(connection) as nobody:
        ask_for_firm(other_visitor, "19900000055")
    assert len(somebody) == len(nobody)


@pytest.mark.rule("D14")
def test_what_strangers_ask_for_does_not_use_up_the_codes_of_who_has_a_password(visitor, other_visitor):
    ask_for_firm(visitor, cast.PHONES["钱思远"])
    assert other_visitor.sign_in_by_sms("HC", "钱思远").url == reverse("home")


@pytest.mark.rule("D12", "PW-08")
def test_the_new_enterprise_password_differs_from_the_leads_own(visitor):
    prove_firm(visitor, "钱思远")
    answer = new_password(visitor, FIRM_PASSWORD, cast.PERSONAL_PASSWORDS["HC", "钱思远"])
    assert answer.status_code == 400
    assert "不能相同" in words(answer)


@pytest.mark.rule("D13", "D21")
def test_a_recovered_password_is_not_locked_any_more(visitor, other_visitor):
    for _ in range(5):
        other_visitor.give_enterprise_password("HC", password="wrong-one")
    prove_firm(visitor, "钱思远")
    new_password(visitor, FIRM_PASSWORD)
    assert other_visitor.give_enterprise_password("HC", password=NEW).url == reverse("staff:choose_person")


def sign_in_as_person(visitor, name: str, password: str):
    data = {"username": name, "password": password, "agreement": "on"}
    return visitor.post_with_picture("/login/person/", data)


@pytest.mark.rule("D13", "D21")
def test_a_recovered_enterprise_password_is_not_locked_in_ones_own_browser_either(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    visitor.post("/logout/")
    for _ in range(5):
        visitor.give_enterprise_password("HC", password="wrong-one")
    prove_firm(visitor, "钱思远")
    new_password(visitor, FIRM_PASSWORD)
    assert visitor.give_enterprise_password("HC", password=NEW).url == reverse("staff:choose_person")


@pytest.mark.rule("D13", "D21")
def test_a_recovered_natural_password_is_not_locked_in_ones_own_browser_either(visitor):
    assert sign_in_as_person(visitor, "hechenxi", cast.NATURAL_PASSWORDS["何晨曦"]).url == "/"
    visitor.post("/logout/")
    for _ in range(5):
        sign_in_as_person(visitor, "hechenxi", "wrong-one")
    visitor.post_with_picture(PERSON, {"username": "hechenxi", "phone": cast.PHONES["何晨曦"]})
    visitor.post(PERSON_CODE, {"code": visitor.code_on(cast.PHONES["何晨曦"])})
    new_password(visitor, PERSON_PASSWORD)
    assert sign_in_as_person(visitor, "hechenxi", NEW).url == "/"


@pytest.mark.rule("M48", "D21", "RST-03")
def test_a_natural_person_recovers_by_the_real_name_phone(visitor, other_visitor):
    other_visitor.post_with_picture(
        "/login/person/",
        {"username": "hechenxi", "password": cast.NATURAL_PASSWORDS["何晨曦"], "agreement": "on"},
    )
    visitor.post_with_picture(PERSON, {"username": "hechenxi", "phone": cast.PHONES["何晨曦"]})
    assert visitor.post(PERSON_CODE, {"code": visitor.code_on(cast.PHONES["何晨曦"])}).url == PERSON_PASSWORD
    assert new_password(visitor, PERSON_PASSWORD).url == reverse("staff:natural_login")
    assert not SignIn.objects.filter(ended_at__isnull=True, person=cast.person("何晨曦")).exists()
    assert "本次登录所用的密码已变更" in words(other_visitor.get("/", follow=True))
    assert passwords.check(cast.person("何晨曦").credential, NEW)


@pytest.mark.rule("CFG-05", "RST-01")
def test_an_officers_password_is_not_set_anew_by_the_phone_that_is_his_second_proof(visitor):
    officer = cast.PHONES["顾前程"]
    asked = {"username": cast.USERNAMES["顾前程"], "phone": officer}
    answer = visitor.post_with_picture(reverse("staff:forgotten_person"), asked)
    assert answer.url == reverse("staff:forgotten_person_code")
    assert visitor.texts_to(officer) == []
    Person.objects.filter(name="顾前程").update(is_staff=False)
    Throttle.objects.all().delete()
    visitor.post_with_picture(reverse("staff:forgotten_person"), asked)
    assert len(visitor.texts_to(officer)) == 1


@pytest.mark.rule("RST-01")
def test_a_name_with_another_phone_gets_the_same_page_and_no_code(visitor, other_visitor):
    right = visitor.post_with_picture(PERSON, {"username": "hechenxi", "phone": cast.PHONES["何晨曦"]}, follow=True)
    wrong = other_visitor.post_with_picture(PERSON, {"username": "hechenxi", "phone": "19900000055"}, follow=True)
    assert words(right) == words(wrong)
    assert visitor.texts_to("19900000055") == []


@pytest.mark.rule("M66", "M100", "M135", "M136", "D21")
def test_the_page_of_forgotten_passwords_names_the_way_for_each_of_the_three(visitor):
    page = words(visitor.get("/forgotten/"))
    for part in ("企业登录密码", "个人登录密码", "自然人登录密码", "加盖公章的情况说明", "重置后的密码为111111"):
        assert part in page


@pytest.mark.rule("OTP-08")
def test_decoys_leave_nothing_waiting(visitor):
    ask_for_firm(visitor, "19900000055")
    assert not SmsMessage.objects.filter(sent_at__isnull=True).exists()


@pytest.mark.rule("M66", "M135", "D12", "D21")
def test_each_of_the_three_passwords_has_its_way_on(visitor):
    page = visitor.get(reverse("staff:forgotten"))
    for name in ("staff:forgotten_enterprise", "login", "staff:forgotten_person"):
        assert f'href="{reverse(name)}">' in page.content.decode().split("<main")[1].split('class="ways"')[0]
    assert "其他系统的初始密码“123456”“abc123456”或法人身份证号后六位，在本系统不能使用。" in words(page)


@pytest.mark.rule("M91", "M134", "D21")
def test_whom_no_code_reaches_is_told_what_to_check_and_who_can_mend_it(visitor):
    firm = ask_for_firm(visitor, "13900000000", follow=True)
    assert "税务登记中的【移动电话】与实名采集的手机号码都是这一个" in words(firm)
    again = visitor.post("/forgotten/enterprise/send/")
    assert again.status_code == 400
    assert "税务登记中的【移动电话】与实名采集的手机号码都是这一个" in words(again)
    person = visitor.post_with_picture(PERSON, {"username": "nobody", "phone": "13900000001"}, follow=True)
    assert "实名手机号码已不用的，请到税务机关前台办理，或用新号码重新采集" in words(person)
    assert f'href="{reverse("realname:collect")}"' in person.content.decode()


def passage_on(page) -> str:
    return re.search(r'name="passage" value="([0-9a-f]{32})"', page.content.decode())[1]


@pytest.mark.rule("D14", "D21", "RST-02")
def test_a_form_of_an_earlier_passage_in_another_window_changes_no_other_firms_password(visitor):
    """One who leads two firms: one window is proven for the first, another then for the second."""
    first, second = "HC", "BC"
    lead, since = "钱思远", timezone.localdate() - timedelta(days=9)
    whose = {"taxpayer": cast.taxpayer(second), "person": cast.person(lead), "position": Position.FINANCE}
    Post.objects.create(**whose, mobile=cast.PHONES[lead], since=since, linked_at=timezone.now())
    ask_for_firm(visitor, cast.PHONES[lead], first)
    visitor.post(FIRM_CODE, {"code": visitor.code_on(cast.PHONES[lead])})
    earlier = passage_on(visitor.get(FIRM_PASSWORD))
    Throttle.objects.filter(key__startswith="code_gap").delete()
    ask_for_firm(visitor, cast.PHONES[lead], second)
    visitor.post(FIRM_CODE, {"code": visitor.code_on(cast.PHONES[lead])})
    data = {"new_password": NEW, "confirm_password": NEW}
    answer = visitor.post(FIRM_PASSWORD, {**data, "passage": earlier})
    assert answer.url == FIRM_PASSWORD
    page = visitor.get(FIRM_PASSWORD)
    assert "属于之前的一次办理，系统没有处理" in words(page)
    for key in (first, second):
        assert not passwords.check(cast.taxpayer(key).credential, NEW)
    assert visitor.post(FIRM_PASSWORD, {**data, "passage": passage_on(page)}).url == reverse("login")
    assert passwords.check(cast.taxpayer(second).credential, NEW)


@pytest.mark.rule("M15", "D18", "M134")
def test_a_lead_who_has_not_confirmed_his_post_sets_no_enterprise_password(visitor):
    Post.objects.filter(taxpayer=cast.taxpayer("HC"), person=cast.person("林若兰")).update(linked_at=None)
    answer = prove_firm(visitor, "林若兰")
    assert answer.url == reverse("staff:forgotten")
    page = words(visitor.get(answer.url))
    assert "该人员尚未与企业关联。请本人登录后，在【个人中心】-【我的任职】中点击【确认关联】" in page
    assert visitor.get(FIRM_PASSWORD).url == FIRM


@pytest.mark.rule("D12", "PW-08")
def test_a_natural_persons_password_is_not_that_of_a_firm_he_leads(visitor):
    person = cast.person("钱思远")
    assert cast.taxpayer("HC").credential in recovery.own_passwords(person)
    assert cast.taxpayer("HC").credential not in recovery.own_passwords(cast.person("孙雅静"))
