"""快捷登录 as stories (M36 to M46, D5, D6)."""

import re

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, SignIn, Throttle
from accounts.models.record import Kind
from tests import cast
from tests.visitor import words

LOGIN, PERSON, CODE, SEND = (
    f"staff:{name}" for name in ("quick_login", "quick_person", "quick_code", "send_quick_code")
)
SAME = "如手机号与实名信息一致，验证码已发送"
NOT_SET_UP = "请先使用普通登录完成人员权限设置"


def give_password(visitor, key: str, **changed):
    data = {"code": cast.CODES[key], "password": cast.ENTERPRISE_PASSWORDS[key], **changed}
    return visitor.post_with_picture(reverse(LOGIN), data)


def choose(visitor, name: str):
    return visitor.post(reverse(PERSON), {"person": str(cast.person(name).uid)})


def go_to_code(visitor, name: str):
    give_password(visitor, "HC")
    return choose(visitor, name)


@pytest.mark.rule("FLOW-07")
def test_the_forms_of_the_door_lead_through_this_door(visitor):
    give_password(visitor, "HC")
    assert f'action="{reverse(PERSON)}"' in visitor.get(reverse(PERSON)).content.decode()
    choose(visitor, "林若兰")
    page = visitor.get(reverse(CODE)).content.decode()
    assert f'action="{reverse(SEND)}"' in page
    assert f'action="{reverse(CODE)}"' in page


def enter(visitor, code: str, agreement: str = "on"):
    return visitor.post(reverse(CODE), {"code": code, "agreement": agreement})


@pytest.mark.rule("M36", "M39", "M41", "M42", "M43", "M45", "M46", "D2")
@pytest.mark.parametrize("name", ["林若兰", "孙雅静"])
def test_password_person_phone_and_code_lead_in(visitor, name):
    assert give_password(visitor, "HC").url == reverse(PERSON)
    assert choose(visitor, name).url == reverse(CODE)
    assert SAME in words(visitor.post(reverse(SEND), {"phone": cast.PHONES[name]}))
    assert enter(visitor, visitor.code_on(cast.PHONES[name])).url == reverse("home")
    assert name in words(visitor.get("/"))
    assert SignIn.objects.get().proof == "enterprise_sms"


@pytest.mark.rule("M43", "D5", "RST-01")
@pytest.mark.parametrize("phone", [cast.PHONES["林若兰"], "13900000001"])
def test_no_other_doors_pause_tells_whether_the_phone_typed_was_the_right_one(visitor, other_visitor, phone):
    go_to_code(visitor, "林若兰")
    visitor.post(reverse(SEND), {"phone": phone})
    taken = Throttle.objects.filter(key__startswith="code_", count=1).exclude(key__contains="typed:")
    limits = sorted(row.key.partition(":")[0] for row in taken)
    assert limits == ["code_address", "code_day", "code_gap", "code_hour", "code_prefix", "code_total"]
    other_visitor.go_to_verify("HC", "林若兰")
    page = other_visitor.get(reverse("staff:verify_by_sms")).content.decode()
    assert 'data-countdown="' in page
    assert other_visitor.post(reverse("staff:send_code")).status_code == 400


@pytest.mark.rule("M43", "D5")
def test_a_phone_that_is_not_the_real_name_phone_gets_the_same_answer_and_no_code(visitor, other_visitor):
    go_to_code(visitor, "林若兰")
    go_to_code(other_visitor, "林若兰")
    wrong = visitor.post(reverse(SEND), {"phone": "19900000055"})
    Throttle.objects.filter(key__startswith="code_gap").delete()  # a minute later
    right = other_visitor.post(reverse(SEND), {"phone": cast.PHONES["林若兰"]})
    assert wrong.status_code == right.status_code == 200
    assert words(wrong) == words(right)
    assert visitor.texts_to("19900000055") == []
    assert len(visitor.texts_to(cast.PHONES["林若兰"])) == 1
    assert AuditEntry.objects.filter(kind=Kind.CODE_SENT, reason="phone_differs").count() == 1


@pytest.mark.rule("D5", "OTP-06")
def test_guessing_phones_is_slowed_as_asking_for_codes_is(visitor):
    go_to_code(visitor, "林若兰")
    visitor.post(reverse(SEND), {"phone": "19900000055"})
    answer = visitor.post(reverse(SEND), {"phone": "19900000055"})
    assert answer.status_code == 400
    assert "秒后重新获取" in words(answer)


@pytest.mark.rule("M46", "FLOW-06")
def test_without_the_agreement_the_code_is_not_used_up(visitor):
    go_to_code(visitor, "林若兰")
    visitor.post(reverse(SEND), {"phone": cast.PHONES["林若兰"]})
    code = visitor.code_on(cast.PHONES["林若兰"])
    answer = enter(visitor, code, agreement="")
    assert "请先阅读并勾选同意协议" in words(answer)
    assert enter(visitor, code).url == reverse("home")


@pytest.mark.rule("M45", "M46", "OTP-06")
def test_beside_a_wrong_code_the_phone_need_not_be_typed_again(visitor):
    go_to_code(visitor, "林若兰")
    phone = cast.PHONES["林若兰"]
    sent = visitor.post(reverse(SEND), {"phone": phone}).content.decode()
    assert f'type="hidden" name="phone" value="{phone}"' in re.sub(r"\s+", " ", sent)
    wrong = visitor.post(reverse(CODE), {"code": "000000", "agreement": "on", "phone": phone})
    assert "短信验证码错误或已过期" in words(wrong)
    assert wrong.content.decode().count(f'value="{phone}"') == 2
    assert "data-countdown=" in wrong.content.decode()


@pytest.mark.rule("M36", "M101", "D6")
@pytest.mark.parametrize(("key", "name"), [("YF", "王晓敏"), ("YF", "孙雅静"), ("BC", "吴秀兰")])
def test_who_is_not_set_up_is_sent_to_the_ordinary_door(visitor, key, name):
    give_password(visitor, key)
    answer = choose(visitor, name)
    assert answer.status_code == 400
    assert NOT_SET_UP in words(answer)
    assert f'href="{reverse("login")}">改用普通登录</a>' in answer.content.decode()


@pytest.mark.rule("M101", "D6")
def test_a_clerk_without_any_identity_is_not_set_up(visitor):
    cast.membership("HC", "孙雅静").identities.clear()
    give_password(visitor, "HC")
    assert NOT_SET_UP in words(choose(visitor, "孙雅静"))


@pytest.mark.rule("M98", "D4")
def test_a_frozen_clerk_is_refused_with_this_doors_words(visitor):
    give_password(visitor, "HC")
    page = words(choose(visitor, "黄志强"))
    assert "办税人员已冻结" in page
    assert "您选择的办税人已经被锁定" not in page
    assert (
        "请法定代表人（业主）或财务负责人登录后，在【企业人员维护】中为该办税人员【解冻】。" in page.split("钱*远")[0]
    )


@pytest.mark.rule("M44", "M102", "D4")
def test_whom_the_register_does_not_name_is_told_m102(visitor):
    give_password(visitor, "HC")
    assert "请通过变更税务登记维护办税人，并重新同步办税人信息。" in words(choose(visitor, "董佳慧"))


@pytest.mark.rule("M37", "D17")
def test_a_payer_of_social_insurance_only_is_told_to_use_the_ordinary_door(visitor):
    answer = give_password(visitor, "CG")
    assert answer.status_code == 400
    assert "纯社保户只能使用“普通登录”的登录方式" in words(answer)


@pytest.mark.rule("D3", "M37")
def test_with_a_wrong_password_the_kind_of_taxpayer_is_not_told(visitor):
    answer = give_password(visitor, "CG", password="wrong-one")
    assert "纳税人识别号或密码错误" in words(answer)
    assert "纯社保户只能" not in words(answer)


@pytest.mark.rule("FLOW-01", "FLOW-07")
def test_the_doors_steps_do_not_open_each_other(visitor):
    visitor.go_to_verify("HC", "林若兰")
    assert visitor.get(reverse(CODE)).url == reverse(LOGIN)
    give_password(visitor, "HC")
    assert visitor.get(reverse("staff:verify_by_sms")).url == reverse("login")
    assert visitor.get(reverse(CODE)).url == reverse(PERSON)


@pytest.mark.rule("OTP-07", "D14")
def test_a_code_asked_for_at_one_door_opens_no_other(visitor):
    visitor.go_to_verify("HC", "林若兰")
    visitor.post(reverse("staff:send_code"))
    code = visitor.code_on(cast.PHONES["林若兰"])
    go_to_code(visitor, "林若兰")
    assert enter(visitor, code).status_code == 400


@pytest.mark.rule("FLOW-01", "D30")
def test_who_comes_back_to_the_address_that_sends_codes_finds_the_page_that_takes_them(visitor):
    """A phone opens it anew by itself when its owner has read the message."""
    visitor.go_to_verify("HC", "林若兰")
    assert visitor.get(reverse("staff:send_code")).url == reverse("staff:verify_by_sms")
    go_to_code(visitor, "林若兰")
    assert visitor.get(reverse(SEND)).url == reverse(CODE)
    assert not visitor.texts_to(cast.PHONES["林若兰"])
    visitor.session.flush()
    assert visitor.get(reverse(SEND)).url == reverse(LOGIN)
