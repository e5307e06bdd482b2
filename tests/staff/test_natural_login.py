"""自然人登录, 我的任职 and one's own binding (M47, M48, M119, D9, D18, D21)."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import SignIn
from staff.models import Membership
from tests import cast
from tests.visitor import words

LOGIN, SMS, CODE, POSTS = (f"staff:{name}" for name in ("natural_login", "natural_sms", "natural_sms_code", "my_posts"))
NAME = "孙雅静"


def by_password(visitor, name: str = NAME, **changed):
    data = {"username": cast.USERNAMES[name], "password": cast.NATURAL_PASSWORDS[name], "agreement": "on", **changed}
    return visitor.post_with_picture(reverse(LOGIN), data)


def by_sms(visitor, name: str = NAME):
    visitor.post_with_picture(reverse(SMS), {"username": cast.USERNAMES[name], "agreement": "on"})
    return visitor.post(reverse(CODE), {"code": visitor.code_on(cast.PHONES[name])})


@pytest.mark.rule("M4", "M47", "M110")
def test_name_password_picture_and_agreement_lead_in(visitor):
    assert by_password(visitor).url == reverse("home")
    page = words(visitor.get("/"))
    assert NAME in page
    assert "您正以自然人的身份登录" in page
    assert SignIn.objects.get().taxpayer is None


@pytest.mark.rule("M119", "D21")
def test_a_code_to_the_real_name_phone_leads_in_without_a_password(visitor):
    assert by_sms(visitor).url == reverse("home")
    assert SignIn.objects.get().proof == "person_sms"


@pytest.mark.rule("D3", "FLOW-08")
def test_a_wrong_password_an_unknown_name_and_a_locked_account_answer_alike(visitor):
    answers = [by_password(visitor, password="wrong-one") for _ in range(5)]
    locked = by_password(visitor)
    unknown = by_password(visitor, username="sunyajinh", password="wrong-one")
    for answer in (*answers, locked, unknown):
        assert answer.status_code == 400
        assert "用户名或密码错误" in words(answer)
        assert "连续输错5次，锁定10分钟，其间输入正确的密码也不能登录。" in words(answer)
    assert len({words(answer).replace("sunyajinh", "sunyajing") for answer in (*answers, locked, unknown)}) == 1


@pytest.mark.rule("M47", "FLOW-06")
def test_without_the_agreement_nothing_happens(visitor):
    assert "请先阅读并勾选同意协议" in words(by_password(visitor, agreement=""))
    assert not SignIn.objects.exists()


@pytest.mark.rule("D21", "RST-01", "FLOW-08")
def test_an_unknown_name_gets_the_page_of_the_code_as_well_and_no_code_ever_fits(visitor, other_visitor):
    known = visitor.post_with_picture(reverse(SMS), {"username": "sunyajing", "agreement": "on"}, follow=True)
    unknown = other_visitor.post_with_picture(reverse(SMS), {"username": "nobody99", "agreement": "on"}, follow=True)
    assert words(known) == words(unknown)
    sent = visitor.messages.read_text()
    assert sent.count("\n") == 1
    for code in ("000000", visitor.code_on(cast.PHONES[NAME])):
        assert "短信验证码错误或已过期" in words(other_visitor.post(reverse(CODE), {"code": code}))


@pytest.mark.rule("M7", "M8")
def test_who_is_no_longer_collected_is_told_so_after_the_right_password(visitor):
    cast.person(NAME).real_name_records.update(revoked_at=timezone.now())
    assert "尚未完成实名采集" in words(by_password(visitor))
    assert "尚未完成实名采集" not in words(by_password(visitor, password="wrong-one"))


@pytest.mark.rule("D13", "M68")
def test_a_bound_clerks_wrong_tries_at_both_doors_are_one_count(visitor, other_visitor):
    for _ in range(3):
        by_password(visitor, "何晨曦", password="wrong-one")
    other_visitor.go_to_verify("HC", "何晨曦")
    verify = reverse("staff:verify_by_password")
    other_visitor.post(verify, {"password": "wrong-one"})
    assert "已锁定" in words(other_visitor.post(verify, {"password": "wrong-one"}))
    assert "用户名或密码错误" in words(by_password(visitor, "何晨曦"))


@pytest.mark.rule("D7", "AUZ-05")
def test_a_natural_person_holds_no_function_of_any_firm(visitor):
    by_password(visitor)
    assert visitor.get(reverse("staff:operations")).status_code == 403
    assert visitor.get(reverse("staff:members")).status_code == 403
    assert visitor.get(reverse("staff:function", args=["info.taxpayer.basic"])).status_code == 403


@pytest.mark.rule("M15", "D18")
def test_my_posts_name_every_firm_with_its_state_and_confirming_links_me(visitor):
    cast.person(NAME).posts.update(linked_at=None)
    by_password(visitor)
    page = words(visitor.get(reverse(POSTS)))
    assert "沈阳云帆科技有限公司" in page
    assert "沈阳海川贸易有限公司" in page
    assert "该人员尚未与企业关联" in page
    post = cast.person(NAME).posts.get(taxpayer=cast.taxpayer("HC"))
    answer = visitor.post(reverse("staff:link_post", args=[post.pk]), follow=True)
    assert "已确认与企业的关联" in words(answer)
    post.refresh_from_db()
    assert post.linked_at is not None


@pytest.mark.rule("AUZ-02", "D18")
def test_anothers_post_cannot_be_confirmed(visitor):
    by_password(visitor)
    foreign = cast.person("宋雨桐").posts.get()
    assert visitor.post(reverse("staff:link_post", args=[foreign.pk])).status_code == 404


@pytest.mark.rule("D9", "D15", "M68", "M70")
def test_my_own_membership_is_bound_and_unbound_by_me_after_a_code(visitor, other_visitor):
    by_sms(visitor)
    membership = cast.membership("HC", NAME)
    visitor.post(reverse("staff:bind_own", args=[membership.uid]), {"version": membership.version})
    membership.refresh_from_db()
    assert membership.is_bound
    other_visitor.go_to_verify("HC", NAME)
    natural = {"password": cast.NATURAL_PASSWORDS[NAME]}
    assert other_visitor.post(reverse("staff:verify_by_password"), natural).url == reverse("home")
    visitor.post(reverse("staff:unbind_own", args=[membership.uid]), {"version": membership.version})
    assert other_visitor.get("/").url == reverse("login")
    assert not Membership.objects.get(pk=membership.pk).is_bound


@pytest.mark.rule("D15", "STF-07")
def test_binding_in_a_password_session_asks_for_a_code_first(visitor):
    by_password(visitor)
    membership = cast.membership("HC", NAME)
    answer = visitor.post(
        reverse("staff:bind_own", args=[membership.uid]), {"version": membership.version, "back": reverse(POSTS)}
    )
    assert answer.url == f"{reverse('staff:step_up')}?next=%2Faccount%2Fposts%2F"
    assert not Membership.objects.get(pk=membership.pk).is_bound


@pytest.mark.rule("STF-03")
def test_binding_twice_from_an_old_page_is_told(visitor):
    by_sms(visitor)
    membership = cast.membership("HC", NAME)
    address = reverse("staff:bind_own", args=[membership.uid])
    visitor.post(address, {"version": membership.version})
    assert "信息已变更，请刷新后重试" in words(visitor.post(address, {"version": membership.version}, follow=True))


@pytest.mark.rule("D16", "M74")
def test_changing_the_natural_password_ends_what_it_signed_in_elsewhere(visitor, other_visitor):
    other_visitor.go_to_verify("HC", "何晨曦")
    natural = {"password": cast.NATURAL_PASSWORDS["何晨曦"]}
    assert other_visitor.post(reverse("staff:verify_by_password"), natural).url == reverse("home")
    by_sms(visitor, "何晨曦")
    new = "晨曦里的第九座桥"
    data = {"old_password": cast.NATURAL_PASSWORDS["何晨曦"], "new_password": new, "confirm_password": new}
    assert visitor.post_with_picture("/account/password/", data).url == reverse("home")
    assert visitor.get("/").status_code == 200
    assert "本次登录所用的密码已变更" in words(other_visitor.get("/", follow=True))


@pytest.mark.rule("FLOW-01")
def test_the_code_page_opens_only_on_the_way(visitor):
    assert visitor.get(reverse(CODE)).url == reverse(SMS)
    visitor.post_with_picture(reverse(SMS), {"username": "sunyajing", "agreement": "on"})
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert visitor.get(reverse(CODE)).url == reverse(SMS)
