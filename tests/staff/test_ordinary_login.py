"""普通登录 as stories: real pages, real codes, no part of the portal replaced."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from accounts import passwords
from accounts.actor import Actor
from accounts.models import AuditEntry, SignIn, SmsCode
from accounts.models.record import Kind
from realname import counter
from realname.models import Post
from staff import doors, ordinary
from staff.models import Membership
from staff.services import members
from tests import cast
from tests.etax.officers import officer
from tests.staff.acting import actor
from tests.visitor import words

M63 = "您选择的办税人已经被锁定，请选择其他办税人"
M102 = "当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。"
NEW = "云帆2026好天气"
BY_SMS, BY_PASSWORD = "staff:verify_by_sms", "staff:verify_by_password"


def is_in(visitor) -> bool:
    return visitor.get(reverse("home")).status_code == 200


@pytest.mark.rule("M10", "M11", "M12", "M14", "M18", "M19", "M20", "M21", "M22", "D6", "FLOW-05")
def test_the_first_sign_in_of_a_firm_goes_by_sms_to_a_personal_password_and_in(visitor):
    assert visitor.give_enterprise_password("YF").url == reverse("staff:choose_person")
    assert visitor.choose("王晓敏").url == reverse(BY_SMS)
    assert "199****0001" in words(visitor.get(reverse(BY_SMS)))
    assert visitor.verify_by_sms("19900000001").url == reverse("staff:set_password")
    assert "请牢记人员的个人密码，该密码与企业密码不同" in words(visitor.get(reverse("staff:set_password")))
    assert visitor.set_password(NEW).url == reverse("home")
    home = words(visitor.get(reverse("home")))
    assert "王晓敏" in home
    assert "沈阳云帆科技有限公司" in home
    assert "法定代表人（业主）" in home
    membership = Membership.objects.open().get(taxpayer=cast.taxpayer("YF"))
    assert membership.person == cast.person("王晓敏")
    assert membership.credential.is_set


@pytest.mark.rule("M21", "M32", "D6")
def test_nobody_is_in_before_the_personal_password_is_set_and_afterwards_it_works(visitor, other_visitor):
    visitor.go_to_verify("YF", "王晓敏")
    visitor.verify_by_sms("19900000001")
    assert not is_in(visitor)
    visitor.set_password(NEW)
    other_visitor.go_to_verify("YF", "王晓敏")
    assert other_visitor.post(reverse(BY_PASSWORD), {"password": NEW}).url == reverse("home")


@pytest.mark.rule("M32", "M33", "M34", "M35", "M110")
def test_the_personal_password_leads_straight_in(visitor):
    assert visitor.sign_in_by_password("HC", "钱思远").url == reverse("home")
    assert "钱思远" in words(visitor.get(reverse("home")))


@pytest.mark.rule("M20", "M32")
@pytest.mark.parametrize("name", ["钱思远", "林若兰", "孙雅静", "郑海涛"])
def test_legal_representative_finance_officer_and_clerks_sign_in_by_sms(visitor, name):
    assert visitor.sign_in_by_sms("HC", name).url == reverse("home")
    assert name in words(visitor.get(reverse("home")))


@pytest.mark.rule("M7", "M14", "M15", "M93", "D4", "D27")
def test_the_list_of_a_new_firm_says_why_each_of_the_others_cannot_be_chosen(visitor):
    visitor.give_enterprise_password("YF")
    page = words(visitor.get(reverse("staff:choose_person")))
    assert "王*敏 法定代表人（业主）" in page
    assert "赵*柱 财务负责人" in page
    assert "孙*静 办税员 不能选择：首次普通登录只能选择法定代表人（业主）或财务负责人" in page
    assert "周*博 办税员 不能选择：该人员尚未实名采集" in page
    assert "王晓敏" not in page


@pytest.mark.rule("M29", "M102", "D4", "D18")
def test_the_list_of_a_set_up_firm_names_reason_and_next_step_of_who_cannot_be_chosen(visitor):
    visitor.give_enterprise_password("HC")
    page = words(visitor.get(reverse("staff:choose_person")))
    assert "宋*桐 办税员 不能选择：该人员尚未添加为本企业的办税人员" in page
    assert f"董*慧 税务登记中已无此人员 不能选择：{M102}" in page
    assert "办税人员已冻结" in page


@pytest.mark.rule("D4")
@pytest.mark.parametrize(
    ("key", "name", "code"),
    [
        ("YF", "孙雅静", "首次普通登录只能选择"),
        ("YF", "周文博", "该人员尚未实名采集"),
        ("HC", "宋雨桐", "该人员尚未添加为本企业的办税人员"),
        ("HC", "董佳慧", M102),
        ("BC", "陈国栋", M102),
        ("HC", "黄志强", M63),
    ],
)
def test_whoever_cannot_be_chosen_is_refused_with_his_reason_even_when_the_page_is_bypassed(visitor, key, name, code):
    visitor.give_enterprise_password(key)
    answer = visitor.choose(name)
    assert answer.status_code == 400
    assert code in words(answer)
    assert visitor.get(reverse(BY_SMS)).url == reverse("staff:choose_person")


@pytest.mark.rule("M61", "M63", "D4")
def test_choosing_a_frozen_person_answers_the_manuals_words_and_who_can_mend_it(visitor):
    visitor.give_enterprise_password("HC")
    page = words(visitor.choose("黄志强"))
    assert f"该人员现在不能登录 {M63}" in page  # there is nothing in the form that he could mend
    assert "请更正后再提交" not in page
    assert "【解冻】" in page


@pytest.mark.rule("D4")
def test_a_person_frozen_after_he_was_chosen_goes_no_further(visitor):
    visitor.go_to_verify("HC", "孙雅静")
    Membership.objects.filter(pk=cast.membership("HC", "孙雅静").pk).update(frozen_at=timezone.now())
    answer = visitor.post(reverse(BY_PASSWORD), {"password": cast.PERSONAL_PASSWORDS["HC", "孙雅静"]}, follow=True)
    assert M63 in words(answer)
    assert not is_in(visitor)


@pytest.mark.rule("M64", "M65")
def test_a_freeze_with_an_end_lifts_itself(visitor):
    row = Membership.objects.filter(pk=cast.membership("HC", "黄志强").pk)
    row.update(frozen_at=timezone.now() - timedelta(days=2), frozen_until=timezone.now() - timedelta(minutes=1))
    assert visitor.sign_in_by_password("HC", "黄志强").url == reverse("home")


@pytest.mark.rule("D20", "D31", "M102")
def test_a_new_legal_representative_is_chosen_at_once_and_the_old_one_is_told_m102(visitor):
    visitor.give_enterprise_password("BC")
    page = words(visitor.get(reverse("staff:choose_person")))
    assert "吴*兰 法定代表人（业主）" in page
    assert f"陈*栋 税务登记中已无此人员 不能选择：{M102}" in page
    visitor.choose("吴秀兰")
    assert visitor.verify_by_sms("19900000018").url == reverse("staff:set_password")
    assert visitor.set_password(NEW).url == reverse("home")
    assert is_in(visitor)


@pytest.mark.rule("M90", "M91", "D5")
def test_phones_that_differ_are_named_and_nothing_is_sent(visitor):
    visitor.go_to_verify("HC", "沈小燕")
    for answer in (visitor.get(reverse(BY_SMS)), visitor.post(reverse("staff:send_code"))):
        assert "税务登记信息中的移动电话号码与实名采集中的移动电话号码不相同" in words(answer)
    assert visitor.texts_to("19900000020") == visitor.texts_to("19900000099") == []


@pytest.mark.rule("D5")
def test_phones_that_differ_leave_the_password_door_open(visitor):
    assert visitor.sign_in_by_password("HC", "沈小燕").url == reverse("home")


@pytest.mark.rule("M92", "D5")
def test_a_mobile_number_in_the_landline_field_is_named(visitor):
    visitor.go_to_verify("YF", "赵铁柱")
    page = words(visitor.get(reverse(BY_SMS)))
    assert "【固定电话】" in page
    assert "必须将手机号码修改到【移动电话】项目内才可以发送验证码" in page
    assert visitor.post(reverse("staff:send_code")).status_code == 400


@pytest.mark.rule("M88", "M89")
@pytest.mark.parametrize(("key", "name"), [("YF", "王晓敏"), ("HC", "马文涛")])
def test_a_password_that_was_never_set_is_answered_with_the_manuals_words(visitor, key, name):
    visitor.go_to_verify(key, name)
    answer = visitor.post(reverse(BY_PASSWORD), {"password": "whatever-1"})
    assert answer.status_code == 400
    assert "尚未设置密码" in words(answer)
    assert "请先使用短信登录" in words(answer)


@pytest.mark.rule("M88", "M92", "D5")
def test_where_neither_code_nor_password_leads_in_the_page_says_who_mends_the_phone(visitor):
    visitor.go_to_verify("YF", "赵铁柱")
    answer = visitor.post(reverse(BY_PASSWORD), {"password": "whatever-1"})
    assert "尚未设置密码" in words(answer)
    assert "请法定代表人（业主）或财务负责人在【变更税务登记】-【办税人员信息】中，点击该人员的【修改电话】" in words(
        answer
    )
    assert "去短信登录" not in words(answer)


@pytest.mark.rule("M91", "D25")
def test_a_legal_representative_is_sent_to_the_counter_where_no_request_can_mend_his_phone(visitor):
    Post.objects.filter(person=cast.person("钱思远"), taxpayer=cast.taxpayer("HC")).update(mobile="")
    visitor.go_to_verify("HC", "钱思远")
    page = words(visitor.get(reverse(BY_SMS)))
    assert "法定代表人（业主）的移动电话，请到税务机关前台补登" in page
    assert "【修改电话】" not in page


@pytest.mark.rule("M89", "D11")
def test_a_clerk_without_a_password_sets_one_after_his_sms(visitor):
    visitor.go_to_verify("HC", "马文涛")
    assert visitor.verify_by_sms("19900000010").url == reverse("staff:set_password")
    assert visitor.set_password(NEW).url == reverse("home")


@pytest.mark.rule("OTP-10", "FLOW-01", "RST-03")
def test_who_waits_at_the_first_password_with_an_old_phone_sets_none_once_the_phone_is_another(visitor):
    assert visitor.sign_in_by_sms("HC", "马文涛").url == reverse("staff:set_password")
    person = cast.person("马文涛")
    counter.collect(person, name="马文涛", phone="19933334444", by=officer())
    for post in Post.objects.filter(person=person):
        post.mobile = "19933334444"
        post.save()
    answer = visitor.set_password(NEW)
    assert answer.url == reverse("login")
    assert str(doors.START_AGAIN) in words(visitor.get(answer.url))
    assert not cast.membership("HC", "马文涛").credential


@pytest.mark.rule("D10", "FLOW-01", "RST-03")
def test_a_first_password_page_that_is_older_than_a_password_or_a_reset_changes_nothing(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "马文涛")
    other_visitor.sign_in_by_sms_later("HC", "马文涛")
    other_visitor.set_password(NEW)
    assert visitor.set_password("另一个好密码2026").url == reverse("login")
    assert is_in(other_visitor)
    assert passwords.check(cast.membership("HC", "马文涛").credential, NEW)


@pytest.mark.rule("D10", "FLOW-01", "RST-03")
def test_a_first_password_page_that_is_older_than_a_reset_does_not_end_the_reset_state(visitor):
    visitor.sign_in_by_sms("HC", "马文涛")
    member = cast.membership("HC", "马文涛")
    members.reset_password(member, version=member.version, by=actor("HC", "钱思远"))
    assert visitor.set_password(NEW).url == reverse("login")
    assert not is_in(visitor)
    assert cast.membership("HC", "马文涛").credential.is_temporary


@pytest.mark.rule("F12")
def test_the_second_of_two_equal_first_passwords_gets_the_same_answer(visitor):
    visitor.sign_in_by_sms("HC", "马文涛")
    passage = ordinary.FLOW.under_way(SimpleNamespace(session=visitor.session))
    chosen = doors.chosen_of(passage, ordinary.DOOR, by=Actor())  # read before the first of both is done
    member = cast.membership("HC", "马文涛")
    member.credential = passwords.store(None, passwords.hash_new(NEW))
    member.save()
    ordinary.set_first_password(passage, chosen, NEW, by=Actor())
    assert passage.has("own_password")
    assert cast.membership("HC", "马文涛").credential.version == member.credential.version
    assert not AuditEntry.objects.filter(kind=Kind.PASSWORD_SET, target=member.person).exists()


@pytest.mark.rule("M35", "M95")
def test_the_enterprise_password_in_the_personal_box_gets_the_hint(visitor):
    visitor.go_to_verify("HC", "钱思远")
    answer = visitor.post(reverse(BY_PASSWORD), {"password": cast.ENTERPRISE_PASSWORDS["HC"]})
    assert answer.status_code == 400
    assert "密码有误" in words(answer)
    assert "不是企业登录密码" in words(answer)


@pytest.mark.rule("M68", "M70", "D11")
def test_a_bound_clerk_signs_in_with_his_natural_person_password_and_not_with_his_own(visitor):
    visitor.go_to_verify("HC", "何晨曦")
    own, natural = cast.PERSONAL_PASSWORDS["HC", "何晨曦"], cast.NATURAL_PASSWORDS["何晨曦"]
    wrong = visitor.post(reverse(BY_PASSWORD), {"password": own})
    assert wrong.status_code == 400
    assert "您已绑定自然人账户，此处应输入自然人登录密码" in words(wrong)
    assert f'href="{reverse("staff:forgotten_person")}"' in wrong.content.decode()
    assert visitor.post(reverse(BY_PASSWORD), {"password": natural}).url == reverse("home")


@pytest.mark.rule("M70", "D11")
def test_unbound_again_his_own_password_works_as_it_was(visitor):
    Membership.objects.filter(pk=cast.membership("HC", "何晨曦").pk).update(bound_at=None)
    visitor.go_to_verify("HC", "何晨曦")
    natural = cast.NATURAL_PASSWORDS["何晨曦"]
    assert visitor.post(reverse(BY_PASSWORD), {"password": natural}).status_code == 400
    assert visitor.sign_in_by_password("HC", "何晨曦").url == reverse("home")


@pytest.mark.rule("D13")
def test_five_wrong_personal_passwords_lock_it_and_the_sms_door_stays_open(visitor):
    visitor.go_to_verify("HC", "林若兰")
    answers = [words(visitor.post(reverse(BY_PASSWORD), {"password": "wrong-one"})) for _ in range(5)]
    assert "已锁定" not in answers[3]
    assert "已锁定，请在10分钟后再试，或使用短信登录" in answers[4]
    right = {"password": cast.PERSONAL_PASSWORDS["HC", "林若兰"]}
    assert visitor.post(reverse(BY_PASSWORD), right).status_code == 400
    assert visitor.verify_by_sms("19900000007").url == reverse("home")


@pytest.mark.rule("D13", "D3")
def test_five_wrong_enterprise_passwords_lock_the_number_for_strangers_but_not_for_a_known_browser(
    visitor, other_visitor
):
    visitor.sign_in_by_password("HC", "钱思远")
    visitor.post(reverse("sign_out"))
    for _ in range(5):
        assert other_visitor.give_enterprise_password("HC", password="wrong-one").status_code == 400
    assert "纳税人识别号或密码错误" in words(other_visitor.give_enterprise_password("HC"))
    assert visitor.give_enterprise_password("HC").url == reverse("staff:choose_person")


@pytest.mark.rule("D13", "VAL-02")
def test_wrong_tries_are_counted_on_the_folded_number(visitor):
    code = cast.taxpayer("HC").code
    full_width = code.translate({ord(c): ord(c) + 0xFEE0 for c in code})
    for typed in (code, code.lower(), f" {code[:9]}-{code[9:]} ", full_width, code):
        assert visitor.give_enterprise_password("HC", code=typed, password="wrong-one").status_code == 400
    assert visitor.give_enterprise_password("HC").status_code == 400


@pytest.mark.rule("D29", "VAL-02")
def test_a_number_typed_in_full_width_or_with_blanks_is_the_same_number(visitor):
    code = cast.taxpayer("HC").code
    full_width = code.translate({ord(c): ord(c) + 0xFEE0 for c in code})
    assert visitor.give_enterprise_password("HC", code=f" {full_width} ").url == reverse("staff:choose_person")


@pytest.mark.rule("M13", "FLOW-06")
def test_without_the_agreement_nothing_happens(visitor):
    before = AuditEntry.objects.count()
    answer = visitor.give_enterprise_password("HC", agreement="")
    assert answer.status_code == 400
    assert "请先阅读并勾选同意协议" in words(answer)
    assert AuditEntry.objects.count() == before


@pytest.mark.rule("CAP-01", "CAP-03", "D3")
def test_a_wrong_picture_code_is_told_before_anything_else(visitor):
    before = AuditEntry.objects.count()
    answer = visitor.give_enterprise_password("HC", captcha="AAAAAA", password="wrong-one")
    assert answer.status_code == 400
    assert "验证码错误或已过期" in words(answer)
    assert "纳税人识别号或密码错误" not in words(answer)
    assert AuditEntry.objects.count() == before


@pytest.mark.rule("FLOW-03")
def test_a_person_of_another_firm_cannot_be_chosen(visitor):
    visitor.give_enterprise_password("HC")
    answer = visitor.choose("王晓敏")
    assert answer.status_code == 400
    assert "请更正后再提交 请从列表中选择人员" in words(answer)


@pytest.mark.rule("FLOW-04", "D14")
def test_choosing_another_person_voids_the_code_that_was_sent(visitor):
    visitor.go_to_verify("HC", "钱思远")
    visitor.post(reverse("staff:send_code"))
    code = visitor.code_on("19900000006")
    visitor.choose("林若兰")
    assert visitor.post(reverse(BY_SMS), {"code": code}).status_code == 400
    visitor.choose("钱思远")
    answer = visitor.post(reverse(BY_SMS), {"code": code})
    assert answer.status_code == 400
    assert "短信验证码错误或已过期" in words(answer)


@pytest.mark.rule("FLOW-01", "FLOW-07")
def test_no_step_can_be_skipped(visitor):
    for name in ("staff:choose_person", BY_SMS, BY_PASSWORD, "staff:set_password"):
        assert visitor.get(reverse(name)).url == reverse("login")
    visitor.give_enterprise_password("YF")
    for name in (BY_SMS, BY_PASSWORD, "staff:set_password"):
        assert visitor.get(reverse(name)).url == reverse("staff:choose_person")
    visitor.choose("王晓敏")
    assert visitor.post(reverse("staff:set_password"), {"new_password": NEW, "confirm_password": NEW}).url == reverse(
        BY_SMS
    )


@pytest.mark.rule("FLOW-01")
def test_ten_minutes_after_the_start_the_login_begins_again(visitor):
    visitor.go_to_verify("HC", "钱思远")
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1), tick=False):
        answer = visitor.get(reverse(BY_PASSWORD), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("login")
    assert "重新登录" in words(answer)


@pytest.mark.rule("FLOW-02")
def test_another_visitor_does_not_go_on_with_this_visitors_login(visitor, other_visitor):
    visitor.go_to_verify("HC", "钱思远")
    assert other_visitor.get(reverse(BY_SMS)).url == reverse("login")


@pytest.mark.rule("FLOW-07")
def test_two_tabs_the_last_one_counts_and_nothing_breaks(visitor):
    visitor.go_to_verify("HC", "钱思远")
    visitor.give_enterprise_password("YF")
    assert visitor.get(reverse(BY_SMS)).url == reverse("staff:choose_person")
    assert "沈阳云帆" in words(visitor.get(reverse("staff:choose_person")))


@pytest.mark.rule("D16")
def test_an_enterprise_password_changed_in_mid_login_ends_the_login(visitor):
    visitor.go_to_verify("HC", "钱思远")
    passwords.store(cast.taxpayer("HC").credential, passwords.hash_new("Anders-2026-neu"))
    answer = visitor.post(reverse(BY_PASSWORD), {"password": cast.PERSONAL_PASSWORDS["HC", "钱思远"]}, follow=True)
    assert "登录信息已变更，请重新登录" in words(answer)
    assert not is_in(visitor)


@pytest.mark.rule("SES-02")
def test_the_session_id_changes_at_every_step_up_and_at_leaving(visitor):
    seen = [visitor.cookies.get("session")]
    visitor.give_enterprise_password("YF")
    seen.append(visitor.cookies["session"].value)
    visitor.choose("王晓敏")
    visitor.verify_by_sms("19900000001")
    seen.append(visitor.cookies["session"].value)
    visitor.set_password(NEW)
    seen.append(visitor.cookies["session"].value)
    visitor.post(reverse("sign_out"))
    assert len(set(map(str, seen))) == 4
    assert not Session.objects.filter(session_key__in=[key for key in seen if key]).exists()


@pytest.mark.rule("M20", "OTP-09", "OTP-13", "D14")
def test_the_message_names_bureau_firm_and_purpose_and_warns(visitor):
    visitor.go_to_verify("HC", "钱思远")
    answer = visitor.post(reverse("staff:send_code"), follow=True)
    assert "验证码已发送至199****0006" in words(answer)
    (text,) = visitor.texts_to("19900000006")
    assert text.startswith("【辽宁省电子税务局】")
    assert "“沈阳海川贸易有限公司”" in text
    assert "请勿转发" in text


@pytest.mark.rule("OTP-06", "D14")
def test_a_second_code_within_a_minute_is_refused_with_the_seconds_left(visitor):
    visitor.go_to_verify("HC", "钱思远")
    visitor.post(reverse("staff:send_code"))
    answer = visitor.post(reverse("staff:send_code"))
    assert answer.status_code == 400
    assert "秒后重新获取" in words(answer)
    assert len(visitor.texts_to("19900000006")) == 1
    assert "data-countdown=" in visitor.get(reverse(BY_SMS)).content.decode()


@pytest.mark.rule("M20", "D14")
def test_five_wrong_codes_kill_the_code(visitor):
    visitor.go_to_verify("HC", "钱思远")
    visitor.post(reverse("staff:send_code"))
    code = visitor.code_on("19900000006")
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        assert "短信验证码错误或已过期" in words(visitor.post(reverse(BY_SMS), {"code": wrong}))
    assert visitor.post(reverse(BY_SMS), {"code": code}).status_code == 400
    assert not SmsCode.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.rule("D28", "LOG-01")
def test_a_whole_sign_in_writes_one_entry_for_each_thing_that_happened(visitor):
    last = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    visitor.sign_in_by_sms("HC", "钱思远")
    entries = AuditEntry.objects.filter(seq__gt=last).order_by("seq")
    assert [entry.kind for entry in entries] == [
        Kind.ENTERPRISE_PASSWORD,
        Kind.PERSON_CHOSEN,
        Kind.CODE_SENT,
        Kind.CODE_CHECKED,
        Kind.SIGN_IN,
    ]
    assert all(entry.taxpayer == cast.taxpayer("HC") for entry in entries)
    assert all(entry.ip == "127.0.0.1" and entry.request_id for entry in entries)
    assert entries.last().proof == SignIn.objects.get().proof


@pytest.mark.rule("D6")
def test_a_taxpayer_with_nobody_in_the_register_says_what_to_do(visitor):
    cast.taxpayer("YF").posts.update(until=timezone.localdate())
    visitor.give_enterprise_password("YF")
    page = words(visitor.get(reverse("staff:choose_person")))
    assert "没有可以选择的人员" in page
    assert "变更税务登记" in page
