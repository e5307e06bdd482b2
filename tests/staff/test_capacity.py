"""切换身份: what is asked, what is refused, what the session remembers (D6, D15, D16, D32)."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, SignIn, Throttle
from accounts.models.signins import EndReason, Proof
from realname.models import MisuseCase, Post
from staff import capacity, enterprise
from staff.models import Membership
from staff.services import members
from tests import cast
from tests.staff.acting import (
    actor,
    as_himself,
    entries,
    refusal,
    settle_yunfan,
    switch_with_code,
    switch_with_password,
    to,
)
from tests.visitor import words

HOME, LIST, POSTS = "/", "/capacity/", "/account/posts/"
NAME = "孙雅静"
YUNFAN, HAICHUAN = "沈阳云帆科技有限公司", "沈阳海川贸易有限公司"
ASKS_BOTH, ASKS_PASSWORD, ASKS_CODE = "需要企业密码和短信验证码", "需要企业密码", "需要短信验证码"
NEW = "海川里的第三艘船"


@pytest.fixture
def yunfan(world) -> Membership:
    """孙雅静 at her second firm."""
    return settle_yunfan()


def uid_of(key: str):
    return cast.taxpayer(key).uid


def card(visitor, name: str) -> str:
    """What the list says of one capacity."""
    page = visitor.get(LIST).content.decode()
    cards = re.findall(r"<li>(?:(?!</li>).)*</li>", page.split("<main")[1], re.DOTALL)
    return next(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", each)) for each in cards if name in each)


def live() -> SignIn:
    return SignIn.objects.exclude(person__name__in=["钱思远", "王晓敏"]).get(ended_at__isnull=True)


def is_at(visitor, name: str) -> bool:
    answer = visitor.get(HOME)
    return answer.status_code == 200 and name in words(answer).split("切换身份")[0]


def is_out(visitor, because: str) -> bool:
    answer = visitor.get(HOME, follow=True)
    return answer.redirect_chain[-1][0] == reverse("login") and because in words(answer)


def must_choose(visitor, because: str) -> bool:
    """The next page leads to 切换身份, which says why, and so does every other."""
    answer = visitor.get(HOME, follow=True)
    led = (
        answer.redirect_chain[-1][0] == LIST
        and because in words(answer)
        and f"您在“{YUNFAN}”的身份已不能使用。请选择接下来的身份" in words(answer)
    )
    return led and all(visitor.get(where).url == LIST for where in (HOME, POSTS, "/staff/operations/"))


# What is asked (D32).


@pytest.mark.rule("D32", "D15", "SES-02", "D16")
def test_from_a_password_session_another_firm_asks_for_its_enterprise_password_and_a_code(visitor, yunfan):
    visitor.sign_in_by_password("HC", NAME)
    assert ASKS_BOTH in card(visitor, YUNFAN)
    first, keys = live(), [visitor.cookies["session"].value]
    assert switch_with_password(visitor, "YF").url == to(uid_of("YF"))
    keys.append(visitor.cookies["session"].value)
    assert is_at(visitor, HAICHUAN)
    assert switch_with_code(visitor, uid_of("YF"), NAME).url == HOME
    assert "用于“沈阳云帆科技有限公司”切换身份" in visitor.texts_to(cast.PHONES[NAME])[-1]
    keys.append(visitor.cookies["session"].value)
    assert len(set(keys)) == 3
    assert is_at(visitor, YUNFAN)
    second = live()
    first.refresh_from_db()
    assert first.ended_because == EndReason.SWITCHED
    assert (second.taxpayer, second.origin, second.started_at) == (cast.taxpayer("YF"), first, first.started_at)
    assert (second.proof, second.told_of) == (Proof.ENTERPRISE_SMS, None)
    assert second.enterprise_credential == cast.taxpayer("YF").credential
    assert second.personal_credential == cast.membership("HC", NAME).credential
    entry = entries(Kind.CAPACITY_SWITCHED)[-1]
    assert (entry.person, entry.taxpayer, entry.result) == (cast.person(NAME), cast.taxpayer("YF"), "done")


@pytest.mark.rule("D32")
def test_from_a_session_by_sms_another_firm_asks_for_its_enterprise_password_alone(visitor, yunfan):
    visitor.sign_in_by_sms("HC", NAME)
    assert ASKS_PASSWORD in card(visitor, YUNFAN)
    assert ASKS_BOTH not in card(visitor, YUNFAN)
    assert switch_with_password(visitor, "YF").url == HOME
    assert is_at(visitor, YUNFAN)
    assert live().proof == Proof.ENTERPRISE_SMS
    assert live().code_at is not None


@pytest.mark.rule("D32")
def test_what_was_given_in_this_session_is_not_asked_again_and_the_way_back_asks_nothing(visitor, yunfan):
    visitor.sign_in_by_sms("HC", NAME)
    switch_with_password(visitor, "YF")
    for uid, name in ((uid_of("HC"), HAICHUAN), (uid_of("YF"), YUNFAN), (cast.person(NAME).uid, "自然人")):
        assert "可直接切换" in card(visitor, name)
        assert visitor.post(to(uid)).url == HOME
        assert is_at(visitor, name)
    assert live().taxpayer is None
    assert live().proof == Proof.PERSON_SMS
    assert SignIn.objects.filter(ended_because=EndReason.SWITCHED).count() == 4


@pytest.mark.rule("D32")
def test_an_enterprise_password_that_changed_meanwhile_is_asked_anew(visitor, yunfan):
    visitor.sign_in_by_sms("HC", NAME)
    switch_with_password(visitor, "YF")
    visitor.post(to(uid_of("HC")))
    passwords.store(cast.taxpayer("YF").credential, passwords.hash_new(NEW))
    assert ASKS_PASSWORD in card(visitor, YUNFAN)
    assert visitor.post(to(uid_of("YF"))).status_code == 400
    assert visitor.post(to(uid_of("YF")), {"password": NEW}).url == HOME


@pytest.mark.rule("D32", "D15")
def test_to_himself_a_password_session_gives_a_code_to_the_real_name_phone(visitor):
    visitor.sign_in_by_password("HC", NAME)
    himself = cast.person(NAME).uid
    assert ASKS_CODE in card(visitor, "自然人")
    page = words(visitor.get(to(himself)))
    assert "实名采集的手机号码" in page
    assert "199****0003" in page
    assert visitor.post(to(himself), {"code": "000000"}).status_code == 400
    assert switch_with_code(visitor, himself, NAME).url == HOME
    assert "您正以自然人的身份登录" in words(visitor.get(HOME))
    assert (live().proof, live().taxpayer) == (Proof.PERSON_SMS, None)
    assert entries(Kind.CAPACITY_SWITCHED)[-1].taxpayer == cast.taxpayer("HC")


@pytest.mark.rule("D32", "D15")
def test_from_a_natural_session_by_password_a_firm_where_she_is_not_bound_asks_for_both(visitor):
    as_himself(visitor, NAME)
    assert ASKS_BOTH in card(visitor, HAICHUAN)
    assert switch_with_password(visitor, "HC").url == to(uid_of("HC"))
    assert switch_with_code(visitor, uid_of("HC"), NAME).url == HOME
    assert live().proof == Proof.ENTERPRISE_SMS


@pytest.mark.rule("D32", "M68")
def test_the_natural_password_is_her_own_where_she_is_bound_both_ways(visitor, other_visitor):
    as_himself(visitor, "何晨曦")
    assert ASKS_BOTH not in card(visitor, HAICHUAN)
    assert switch_with_password(visitor, "HC").url == HOME
    assert live().proof == Proof.ENTERPRISE_PASSWORD
    visitor.post("/logout/")
    other_visitor.go_to_verify("HC", "何晨曦")
    other_visitor.post(reverse("staff:verify_by_password"), {"password": cast.NATURAL_PASSWORDS["何晨曦"]})
    assert other_visitor.post(to(cast.person("何晨曦").uid)).url == HOME
    assert live().proof == Proof.PERSON_PASSWORD


@pytest.mark.rule("D32", "D15")
def test_a_fresh_code_of_a_step_up_counts_for_five_minutes(visitor):
    visitor.sign_in_by_password("HC", NAME)
    SignIn.objects.update(code_at=timezone.now())
    assert "可直接切换" in card(visitor, "自然人")
    SignIn.objects.update(code_at=timezone.now() - timedelta(minutes=6))
    assert ASKS_CODE in card(visitor, "自然人")


@pytest.mark.rule("D32", "D13", "D3")
def test_wrong_enterprise_passwords_are_counted_with_those_at_the_door_and_wrong_and_locked_sound_alike(
    visitor, other_visitor, yunfan
):
    visitor.sign_in_by_sms("HC", NAME)
    for _ in range(5):
        answer = switch_with_password(visitor, "YF", password="wrong-one")
        assert answer.status_code == 400
        assert "企业密码错误，请核对。" in words(answer)
    locked = switch_with_password(visitor, "YF")
    assert words(locked) == words(answer)
    assert "连续输错5次，锁定10分钟" in words(locked)
    assert f'href="{reverse("staff:forgotten")}"' in locked.content.decode()
    assert "纳税人识别号或密码错误" in words(other_visitor.give_enterprise_password("YF"))
    assert is_at(visitor, HAICHUAN)
    assert entries(Kind.ENTERPRISE_PASSWORD, taxpayer=cast.taxpayer("YF"))[-1].reason == "locked"


@pytest.mark.rule("OTP-07", "D14")
def test_a_code_for_one_capacity_is_worth_nothing_for_another(visitor, yunfan):
    visitor.sign_in_by_password("HC", NAME)
    switch_with_password(visitor, "YF")
    himself = cast.person(NAME).uid
    visitor.post(reverse("staff:send_switch_code", args=[himself]))
    answer = visitor.post(to(uid_of("YF")), {"code": visitor.code_on(cast.PHONES[NAME])})
    assert answer.status_code == 400
    assert "短信验证码错误或已过期" in words(answer)
    assert is_at(visitor, HAICHUAN)


@pytest.mark.rule("D14")
def test_a_second_code_within_the_minute_is_refused_and_none_is_sent_before_the_password(visitor, yunfan):
    visitor.sign_in_by_password("HC", NAME)
    send = reverse("staff:send_switch_code", args=[uid_of("YF")])
    assert visitor.post(send).url == to(uid_of("YF"))
    assert visitor.texts_to(cast.PHONES[NAME]) == []
    switch_with_password(visitor, "YF")
    assert "验证码已发送至199****0003" in words(visitor.post(send, follow=True))
    again = visitor.post(send)
    assert again.status_code == 400
    assert "秒后重新获取" in words(again)


@pytest.mark.rule("M91", "D5")
def test_a_code_goes_to_the_phone_on_file_or_the_page_says_why_not(visitor, yunfan):
    Post.objects.filter(person=cast.person(NAME), taxpayer=cast.taxpayer("YF")).update(mobile="19900000098")
    visitor.sign_in_by_password("HC", NAME)
    switch_with_password(visitor, "YF")
    page = visitor.get(to(uid_of("YF")))
    assert "税务登记信息中的移动电话号码与实名采集中的移动电话号码不相同" in words(page)
    answer = visitor.post(reverse("staff:send_switch_code", args=[uid_of("YF")]))
    assert answer.status_code == 400
    assert visitor.texts_to(cast.PHONES[NAME]) == []


# Who can't.


def clerk_at(key: str, name: str = NAME, **post) -> None:
    """One more post as clerk, linked."""
    Post.objects.create(
        taxpayer=cast.taxpayer(key),
        person=cast.person(name),
        position="clerk",
        mobile=cast.PHONES[name],
        since="2026-01-05",
        linked_at=timezone.now(),
        **post,
    )


def frozen() -> object:
    settle_yunfan()
    Membership.objects.filter(taxpayer=cast.taxpayer("YF")).update(frozen_at=timezone.now())
    return uid_of("YF")


def without_identity() -> object:
    settle_yunfan().identities.clear()
    return uid_of("YF")


def without_password() -> object:
    Membership.objects.filter(pk=settle_yunfan().pk).update(credential=None)
    return uid_of("YF")


def first_is_due() -> object:
    settle_yunfan()
    Membership.objects.filter(person=cast.person("王晓敏")).update(credential=None)
    return uid_of("YF")


def misused() -> object:
    settle_yunfan()
    MisuseCase.objects.create(taxpayer=cast.taxpayer("YF"), person=cast.person(NAME), statement="不是我")
    return uid_of("YF")


def social_insurance() -> object:
    clerk_at("CG")
    return uid_of("CG")


def closed_firm() -> object:
    settle_yunfan()
    firm = cast.taxpayer("YF")
    firm.cancelled_at = timezone.now()
    firm.save()
    return firm.uid


def unopened_firm() -> object:
    settle_yunfan()
    firm = cast.taxpayer("YF")
    firm.opened_at = None
    firm.save()
    return firm.uid


def no_account() -> object:
    Person.objects.filter(pk=cast.person(NAME).pk).update(username=None, credential=None)
    return cast.person(NAME).uid


def already_there() -> object:
    return uid_of("HC")


CLOSED = {
    "not_added": (lambda: uid_of("YF"), "该人员尚未添加为本企业的办税人员", "【添加办税人员】"),
    "frozen": (frozen, "办税人员已冻结", "【解冻】"),
    "not_set_up": (without_identity, "请先使用普通登录完成人员权限设置", "授予权限身份"),
    "not_set_up ": (without_password, "请先使用普通登录完成人员权限设置", "须先用普通登录设置个人登录密码"),
    "misused": (misused, "已申报非本人任职", "请等待税务机关核实"),
    "ordinary_only": (social_insurance, "纯社保户只能使用“普通登录”的登录方式。", "【普通登录】"),
    "firm_closed": (closed_firm, "该企业在电子税务局的账户已注销", "重新开户"),
    "not_open": (unopened_firm, "该企业尚未开通电子税务局", "授权开户"),
    "no_account": (no_account, "您尚未注册自然人账户", "请先注册自然人账户"),
    "already_there": (already_there, "您当前就是该身份", "请从首页继续办理"),
}


@pytest.mark.rule("D32", "D4", "M36", "M37", "D35", "D28")
@pytest.mark.parametrize("code", CLOSED)
def test_where_she_may_not_go_the_list_says_why_and_what_to_do_and_switching_is_refused(visitor, code):
    make, text, next_step = CLOSED[code]
    visitor.sign_in_by_sms("HC", NAME)
    uid = make()
    listed = words(visitor.get(LIST))
    assert code == "already_there" or (text in listed and next_step in listed)
    for answer in (visitor.post(to(uid), {"password": "x" * 9}, follow=True), visitor.get(to(uid), follow=True)):
        assert answer.redirect_chain[-1][0] == LIST
        assert text in words(answer)
        assert next_step in words(answer)
    send = visitor.post(reverse("staff:send_switch_code", args=[uid]))
    assert send.url == LIST
    assert {entry.reason for entry in entries(Kind.CAPACITY_SWITCHED)} == {code.strip()}
    assert is_at(visitor, HAICHUAN)


@pytest.mark.rule("D6", "M10", "M14")
def test_a_firm_whose_first_sign_in_is_due_is_for_the_ordinary_door(visitor):
    visitor.sign_in_by_sms("HC", NAME)
    uid = first_is_due()
    assert "请先使用普通登录完成人员权限设置" in card(visitor, YUNFAN)
    assert visitor.post(to(uid), {"password": "x"}).url == LIST


@pytest.mark.rule("D6", "M21")
def test_a_legal_representative_without_a_password_of_his_own_is_for_the_ordinary_door_too(visitor):
    Post.objects.filter(taxpayer=cast.taxpayer("YF"), position="legal_rep").update(person=cast.person("徐明湖"))
    visitor.sign_in_by_sms("MH", "徐明湖")
    assert "请先使用普通登录完成人员权限设置" in card(visitor, YUNFAN)


@pytest.mark.rule("D32")
def test_an_officers_session_switches_to_nothing(visitor):
    visitor.sign_in_by_sms("HC", NAME)
    SignIn.objects.update(proof=Proof.OFFICER_SMS, taxpayer=None)
    assert visitor.post(to(uid_of("HC"))).url == reverse("bureau:login")  # no officer by the register of officers
    assert entries(Kind.CAPACITY_SWITCHED, result="done") == []


@pytest.mark.rule("D32", "D22")
def test_the_service_itself_switches_no_officers_session(world, rf):
    by = actor("HC", NAME, proof=Proof.OFFICER_SMS)
    rf.session = {}
    assert capacity.choice_of(rf, uid_of("HC"), by=by).problem.code == "officer"


@pytest.mark.rule("M7", "M8")
def test_who_is_not_collected_cannot_go_on_as_himself(visitor, rf):
    by = actor("HC", NAME)
    cast.person(NAME).real_name_records.update(revoked_at=timezone.now())
    rf.session = {}
    choice = capacity.choice_of(rf, cast.person(NAME).uid, by=by)
    assert choice.problem.code == "not_collected"


@pytest.mark.rule("AUZ-02", "FLOW-03")
def test_a_firm_that_does_not_name_her_and_somebody_else_are_missing(visitor):
    visitor.sign_in_by_sms("HC", NAME)
    for uid in (uid_of("MH"), cast.person("钱思远").uid, uuid4()):
        assert visitor.get(to(uid)).status_code == 404
        assert visitor.post(to(uid), {"password": cast.ENTERPRISE_PASSWORDS["MH"]}).status_code == 404
        assert visitor.post(reverse("staff:send_switch_code", args=[uid])).status_code == 404


@pytest.mark.rule("D32", "D16")
def test_the_service_refuses_what_is_not_proven_and_a_sign_in_that_has_ended(visitor, yunfan, rf):
    by = actor("HC", NAME)
    rf.session = visitor.session
    choice = capacity.choice_of(rf, uid_of("YF"), by=by)
    assert refusal(capacity.switch, rf, choice, by=by) == "not_proven"
    himself = capacity.choice_of(rf, cast.person(NAME).uid, by=by)
    signins.end(by.sign_in, EndReason.ENDED_BY_OWNER, by=by)
    assert refusal(capacity.switch, rf, himself, by=by) == "stale"
    assert SignIn.objects.count() == 1


@pytest.mark.rule("D10", "RST-04")
def test_in_the_111111_state_of_the_target_only_the_change_of_the_password_opens(visitor, yunfan):
    yunfan.credential = passwords.reset(None)
    yunfan.save()
    visitor.sign_in_by_sms("HC", NAME)
    assert "切换后须先修改密码" in card(visitor, YUNFAN)
    assert switch_with_password(visitor, "YF").url == HOME
    for where in (HOME, LIST, POSTS):
        assert visitor.get(where).url == "/account/password/"
    assert live().code_at is None
    assert visitor.get("/account/password/").url.startswith("/account/step-up/")


# What the session remembers and what ends it (D16).


@pytest.mark.rule("SES-03", "D16")
def test_switching_does_not_make_the_eight_hours_longer(visitor, yunfan):
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        visitor.sign_in_by_sms("HC", NAME)
    for minutes in range(10, 480, 10):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            assert visitor.get(HOME).status_code == 200
            if minutes == 470:
                assert switch_with_password(visitor, "YF").url == HOME
                assert is_at(visitor, YUNFAN)
    with time_machine.travel(start + timedelta(hours=8), tick=False):
        assert is_out(visitor, "已满8小时")


@pytest.mark.rule("D16", "SES-05")
@pytest.mark.parametrize("whose", ["HC's enterprise", "her own at HC"])
def test_a_change_of_any_password_that_proved_the_session_ends_it(visitor, yunfan, whose):
    visitor.sign_in_by_password("HC", NAME)
    switch_with_password(visitor, "YF")
    switch_with_code(visitor, uid_of("YF"), NAME)
    credentials = {
        "HC's enterprise": cast.taxpayer("HC").credential,
        "her own at HC": cast.membership("HC", NAME).credential,
    }
    assert visitor.get(HOME).status_code == 200
    passwords.store(credentials[whose], passwords.hash_new(NEW))
    assert is_out(visitor, "本次登录所用的密码已变更")


@pytest.mark.rule("D16", "SES-07", "OTP-10")
@pytest.mark.parametrize("lose", [members.remove, members.end_sign_ins, members.reset_password])
def test_a_session_that_lost_its_capacity_is_listed_and_ended_like_any_other(visitor, other_visitor, yunfan, lose):
    at_yunfan(other_visitor)
    assert other_visitor.get(HOME).status_code == 200
    lose(yunfan, version=yunfan.version, by=actor("YF", "王晓敏"))
    visitor.sign_in_by_sms_later("HC", NAME)
    assert YUNFAN in words(visitor.get(reverse("accounts:sign_ins")))
    visitor.post(reverse("accounts:end_other_sign_ins"))
    assert YUNFAN not in words(visitor.get(reverse("accounts:sign_ins")))
    assert is_out(other_visitor, "您在另一处结束了本次登录")
    assert live().taxpayer == cast.taxpayer("HC")


@pytest.mark.rule("D16", "SES-07")
def test_one_session_that_lost_its_capacity_can_be_ended_alone(visitor, other_visitor, yunfan):
    at_yunfan(other_visitor)
    members.remove(yunfan, version=yunfan.version, by=actor("YF", "王晓敏"))
    lost = SignIn.objects.get(taxpayer=cast.taxpayer("YF"), person=yunfan.person)
    visitor.sign_in_by_sms_later("HC", NAME)
    visitor.post(reverse("accounts:end_sign_in", args=[lost.uid]))
    assert is_out(other_visitor, "您在另一处结束了本次登录")
    assert entries(Kind.SIGN_IN_ENDED)[-1].details["because"] == EndReason.ENDED_BY_OWNER


@pytest.mark.rule("D16", "OTP-10")
def test_a_phone_that_became_another_ends_what_lost_its_capacity_too(visitor, yunfan):
    at_yunfan(visitor)
    members.remove(yunfan, version=yunfan.version, by=actor("YF", "王晓敏"))
    assert signins.end_proven_by_phone(yunfan.person, EndReason.ENDED_BY_BUREAU) == 1
    assert is_out(visitor, "税务机关结束了本次登录")


@pytest.mark.rule("D16")
def test_a_session_that_is_ended_just_as_it_falls_back_is_over(visitor, yunfan, rf):
    at_yunfan(visitor)
    stale = SignIn.objects.get(taxpayer=cast.taxpayer("YF"), ended_at=None)
    signins.end(stale, EndReason.ENDED_BY_OWNER, by=Actor())
    assert signins.fall_back(rf.get(HOME), stale, by=Actor()) is False
    assert is_out(visitor, "您在另一处结束了本次登录")


@pytest.mark.rule("D16", "M74")
def test_who_changes_the_password_that_proved_the_session_keeps_it_after_switching_too(visitor, yunfan):
    visitor.sign_in_by_password("HC", NAME)
    switch_with_password(visitor, "YF")
    switch_with_code(visitor, uid_of("YF"), NAME)
    visitor.post(to(uid_of("HC")))
    new = {"old_password": cast.PERSONAL_PASSWORDS["HC", NAME], "new_password": NEW, "confirm_password": NEW}
    assert visitor.post_with_picture("/account/password/", new).url == HOME
    assert is_at(visitor, HAICHUAN)
    assert visitor.post(to(uid_of("YF"))).url == HOME
    assert is_at(visitor, YUNFAN)


@pytest.mark.rule("D16", "AUZ-03")
def test_a_form_of_the_other_capacity_is_409_with_the_way_back_and_saves_nothing(visitor, yunfan):
    visitor.sign_in_by_sms("HC", NAME)
    old = re.search(r'name="capacity" value="([^"]+)"', visitor.get(POSTS).content.decode())[1]
    switch_with_password(visitor, "YF")
    member = cast.membership("HC", NAME)
    bind = reverse("staff:bind_own", args=[member.uid])
    answer = visitor.post(bind, {"version": member.version, "capacity": old})
    assert answer.status_code == 409
    assert "没有保存任何内容" in words(answer)
    assert f"返回首页（当前身份：{YUNFAN}）" in words(answer)
    assert f'href="{LIST}"' in answer.content.decode().split("<main")[1]
    assert not Membership.objects.get(pk=member.pk).is_bound
    assert is_at(visitor, YUNFAN)


def at_yunfan(visitor) -> None:
    """Signed in by 孙雅静's post at 沈阳海川, switched to 沈阳云帆."""
    visitor.sign_in_by_sms("HC", NAME)
    assert switch_with_password(visitor, "YF").url == HOME


def freeze(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(frozen_at=timezone.now())


def end_post(member: Membership) -> None:
    Post.objects.filter(person=member.person, taxpayer=member.taxpayer).update(until=timezone.localdate())


def remove(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(removed_at=timezone.now())


def end_by_lead(member: Membership) -> None:
    signins.end_all(member.person, member.taxpayer, EndReason.ENDED_BY_LEAD)


def bind(member: Membership) -> None:
    members.bind(member, version=member.version, by=lead_of(member))


def unbind(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(bound_at=timezone.now())
    members.unbind(member, version=member.version, by=lead_of(member))


def change_enterprise_password(member: Membership) -> None:
    passwords.store(member.taxpayer.credential, passwords.hash_new(NEW))


def lead_of(member: Membership) -> Actor:
    return actor("YF", "王晓敏") if member.taxpayer.name == YUNFAN else actor("HC", "钱思远")


PASSWORD_ELSEWHERE = {bind, unbind, change_enterprise_password}
LOST = {
    freeze: "办税人员已冻结",
    end_post: "当前办税人与税务登记办税人信息不符",
    remove: "您已不是该企业的办税人员",
    end_by_lead: "法定代表人（业主）或财务负责人结束了本次登录",
    bind: "重新切换到该企业",
    unbind: "重新切换到该企业",
    change_enterprise_password: "重新切换到该企业",
}
each_loss = pytest.mark.parametrize("lose", LOST, ids=lambda act: act.__name__)


@pytest.mark.rule("D16", "SES-04")
@each_loss
def test_who_signs_out_just_as_that_capacity_is_lost_is_signed_out(visitor, yunfan, lose):
    at_yunfan(visitor)
    lose(yunfan)
    assert visitor.post(reverse("sign_out")).url == reverse("login")
    assert visitor.get(HOME).url.startswith(reverse("login"))
    assert not SignIn.objects.filter(person=cast.person(NAME), ended_at=None).exists()


@pytest.mark.rule("D16", "SES-05")
@each_loss
def test_losing_a_capacity_that_was_switched_to_leads_to_choosing_with_the_reason(visitor, yunfan, lose):
    at_yunfan(visitor)
    lose(yunfan)
    assert must_choose(visitor, LOST[lose])
    assert (live().taxpayer, live().origin.taxpayer) == (None, cast.taxpayer("HC"))
    assert visitor.post(to(uid_of("HC"))).url == HOME
    assert is_at(visitor, HAICHUAN)


@pytest.mark.rule("D16", "SES-05")
@each_loss
def test_losing_the_capacity_that_proved_the_session_ends_all(visitor, yunfan, lose):
    at_yunfan(visitor)
    lose(cast.membership("HC", NAME))
    assert is_out(visitor, "所用的密码已变更" if lose in PASSWORD_ELSEWHERE else LOST[lose])
    assert visitor.get(LIST).url.startswith(reverse("login"))
    assert not SignIn.objects.filter(ended_at__isnull=True, person=cast.person(NAME)).exists()


@pytest.mark.rule("D16")
def test_the_page_after_losing_what_proved_the_session_names_the_firm(visitor, yunfan):
    at_yunfan(visitor)
    freeze(cast.membership("HC", NAME))
    assert f"本次登录由您在“{HAICHUAN}”的身份验证，该身份已不能使用" in words(visitor.get(HOME, follow=True))
    entry = entries(Kind.CAPACITY_LOST)[-1]
    assert (entry.taxpayer, entry.reason) == (cast.taxpayer("HC"), "frozen")


@pytest.mark.rule("D16")
def test_losing_the_firm_that_proved_the_session_while_there_again_ends_it(visitor, yunfan):
    at_yunfan(visitor)
    visitor.post(to(uid_of("HC")))
    freeze(cast.membership("HC", NAME))
    assert is_out(visitor, "办税人员已冻结")


@pytest.mark.rule("D16")
def test_a_form_sent_for_the_lost_capacity_does_nothing_and_she_may_go_on_as_herself(visitor, yunfan):
    at_yunfan(visitor)
    freeze(yunfan)
    answer = visitor.post(reverse("staff:bind_own", args=[cast.membership("HC", NAME).uid]), {"version": 1})
    assert answer.url == LIST
    assert not cast.membership("HC", NAME).is_bound
    assert "当前身份" not in words(visitor.get(LIST))
    assert visitor.post(to(cast.person(NAME).uid)).url == HOME
    assert "您正以自然人的身份登录" in words(visitor.get(HOME))


@pytest.mark.rule("D16")
def test_from_the_page_of_choosing_she_can_sign_out_and_what_proved_her_still_counts(visitor, yunfan):
    at_yunfan(visitor)
    freeze(yunfan)
    visitor.get(HOME)
    freeze(cast.membership("HC", NAME))
    assert is_out(visitor, "办税人员已冻结")


@pytest.mark.rule("D16")
def test_a_person_who_is_no_longer_active_is_out_and_falls_back_on_nothing(visitor, yunfan):
    at_yunfan(visitor)
    Person.objects.filter(pk=yunfan.person_id).update(is_active=False)
    assert is_out(visitor, "您的办税身份已变更")
    assert not SignIn.objects.filter(ended_at__isnull=True).exists()


@pytest.mark.rule("D16", "STF-06")
def test_removed_and_added_again_between_two_clicks_the_old_session_stays_dead(visitor, yunfan):
    at_yunfan(visitor)
    member = cast.membership("HC", NAME)
    remove(member)
    signins.end_all(member.person, member.taxpayer, EndReason.REMOVED)
    Membership.objects.create(taxpayer=member.taxpayer, person=member.person)
    assert is_out(visitor, "您已不是该企业的办税人员")


@pytest.mark.rule("SES-06", "SES-07")
def test_what_the_other_browser_was_told_of_can_still_be_ended_after_a_switch(visitor, other_visitor, yunfan):
    other_visitor.sign_in_by_password("HC", NAME)
    visitor.sign_in_by_sms("HC", NAME)
    told = SignIn.objects.get(proof=Proof.ENTERPRISE_SMS)
    switch_with_password(visitor, "YF")
    page = other_visitor.get(HOME).content.decode()
    later = SignIn.objects.get(proof=Proof.ENTERPRISE_SMS, ended_at__isnull=True)
    assert str(later.uid) in page
    assert other_visitor.post(reverse("accounts:end_sign_in", args=[told.uid])).status_code == 302
    assert is_out(visitor, "您在另一处结束了本次登录")
    assert other_visitor.get(HOME).status_code == 200


@pytest.mark.rule("SES-02", "SES-04")
def test_the_session_id_from_before_the_switch_is_worth_nothing(visitor, other_visitor, yunfan):
    visitor.sign_in_by_sms("HC", NAME)
    old = visitor.cookies["session"].value
    switch_with_password(visitor, "YF")
    other_visitor.cookies["session"] = old
    assert other_visitor.get(HOME).url.startswith(reverse("login"))
    assert is_at(visitor, YUNFAN)


@pytest.mark.rule("SES-02")
def test_a_request_that_raced_with_the_switch_neither_acts_nor_ends_it(visitor, yunfan):
    visitor.sign_in_by_sms("HC", NAME)
    SignIn.objects.update(ended_at=timezone.now(), ended_because=EndReason.SWITCHED)  # as the other request has it
    member = cast.membership("HC", NAME)
    answer = visitor.post(reverse("staff:bind_own", args=[member.uid]), {"version": member.version})
    assert answer.url == HOME
    assert not Membership.objects.get(pk=member.pk).is_bound
    assert is_out(visitor, "您已切换身份")


@pytest.mark.rule("D16")
def test_a_page_after_a_switch_costs_two_queries_more(visitor, yunfan):
    """The sign-in that it rests on, and where that one stands now; who hasn't switched pays for neither."""
    visitor.sign_in_by_sms("HC", NAME)
    costs = []
    for _ in range(2):
        visitor.get(POSTS)  # what is told once is told
        with CaptureQueriesContext(connection) as queries:
            visitor.get(POSTS)
        costs.append(len(queries))
        switch_with_password(visitor, "YF")
    assert costs[1] - costs[0] == 2


@pytest.mark.rule("D32")
def test_the_link_stands_under_the_name_and_in_my_posts(visitor):
    visitor.sign_in_by_sms("HC", NAME)
    header, main = visitor.get(POSTS).content.decode().split("<main")
    for part in (header, main):
        assert re.search(rf'<a[^>]*href="{LIST}"[^>]*>\s*切换身份', part)
    assert HAICHUAN in card(visitor, HAICHUAN)
    assert "当前身份" in card(visitor, HAICHUAN)


@pytest.mark.rule("D32", "D16", "M25", "M29", "M31")
def test_the_story_of_sun_yajing_at_two_firms(visitor, other_visitor):
    """云帆's first sign-in, an identity, 孙雅静 added; she goes 海川, 云帆, 自然人; 云帆 removes her."""
    other_visitor.go_to_verify("YF", "王晓敏")
    other_visitor.verify_by_sms(cast.PHONES["王晓敏"])
    other_visitor.set_password("云帆2026好天气")
    identity = {"name": "全量办税", "functions": ["query.record.operations", "info.taxpayer.basic"]}
    other_visitor.post("/staff/identities/save/", identity)
    candidate = {"name": NAME, "id_type": "resident", "id_number": cast.ID_NUMBERS[NAME]}
    found = other_visitor.post("/staff/add/", candidate).content.decode()
    there = re.search(r'href="(/staff/add/[^"]{20,}/)"', found)[1]
    whole = cast.taxpayer("YF").identities.get().uid
    assert other_visitor.post(there, {"password": "雅静第一次来登录", "identities": [whole]}).status_code == 302

    visitor.sign_in_by_password("HC", NAME)
    switch_with_password(visitor, "YF")
    switch_with_code(visitor, uid_of("YF"), NAME)
    assert "切换身份" in words(visitor.get("/staff/operations/"))
    visitor.post(to(cast.person(NAME).uid))
    assert visitor.get("/staff/operations/").status_code == 403
    visitor.post(to(uid_of("YF")))

    member = cast.membership("YF", NAME)
    page = other_visitor.get(reverse("staff:remove", args=[member.uid])).content.decode()
    version = re.search(r'name="version" value="(\d+)"', page)[1]
    other_visitor.post(reverse("staff:remove", args=[member.uid]), {"version": version})
    assert must_choose(visitor, "您已不是该企业的办税人员")
    assert visitor.post(to(uid_of("HC"))).url == HOME
    assert is_at(visitor, HAICHUAN)


@pytest.mark.rule("D32")
def test_zheng_haitao_has_no_account_of_his_own_and_is_not_yet_added_to_yunfan(visitor):
    visitor.sign_in_by_password("HC", "郑海涛")
    assert "您尚未注册自然人账户" in card(visitor, "自然人")
    assert f'<a href="{reverse("staff:register")}">去注册</a>' in visitor.get(LIST).content.decode()
    assert "该人员尚未添加为本企业的办税人员" in card(visitor, YUNFAN)
    assert "当前身份" in card(visitor, HAICHUAN)


@pytest.mark.rule("D13")
def test_a_browser_that_has_switched_there_keeps_its_own_count(visitor, yunfan):
    visitor.sign_in_by_sms("HC", NAME)
    switch_with_password(visitor, "YF")
    visitor.post("/logout/")
    visitor.give_enterprise_password("YF", password="wrong-one")
    own_count = f"password:{enterprise.account_word(cast.CODES['YF'])}@"
    assert Throttle.objects.filter(key__startswith=own_count).exists()
