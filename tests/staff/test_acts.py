"""Acts on a clerk: remove, freeze, unfreeze, bind, unbind, reset, rights, sign-ins (M55 to M78, D8 to D11)."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from accounts import passwords
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, SignIn
from accounts.models.signins import EndReason, Proof
from realname.models import Position, Post, RealNameRecord
from staff import standing
from staff.models import Membership
from staff.services import adding
from staff.services import members as services
from tests import cast
from tests.staff.acting import actor, address, do, entries, refusal, state_of, version_on
from tests.visitor import words

LIST = "/staff/"
M63 = "您选择的办税人已经被锁定，请选择其他办税人"
STALE = "信息已变更，请刷新后重试"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=timezone.get_default_timezone())


def rights(membership: Membership, *, version: int, by: Actor) -> None:
    services.change_rights(membership, version=version, identities=[], is_manager=True, by=by)


SERVICES: dict[str, Callable[..., object]] = {
    "remove": services.remove,
    "freeze": services.freeze,
    "unfreeze": services.unfreeze,
    "bind": services.bind,
    "unbind": services.unbind,
    "reset_password": services.reset_password,
    "change_rights": rights,
    "end_sign_ins": services.end_sign_ins,
}
KINDS = {
    "remove": Kind.MEMBER_REMOVED,
    "freeze": Kind.MEMBER_FROZEN,
    "unfreeze": Kind.MEMBER_UNFROZEN,
    "bind": Kind.MEMBER_BOUND,
    "unbind": Kind.MEMBER_UNBOUND,
    "reset_password": Kind.PASSWORD_RESET,
    "change_rights": Kind.MEMBER_CHANGED,
    "end_sign_ins": Kind.SIGN_IN_ENDED,
}
FITTING = {"unfreeze": "黄志强", "unbind": "何晨曦"}
every_act = pytest.mark.parametrize("act", list(SERVICES))


def fit_for(act: str) -> Membership:
    """Somebody whose state allows the act."""
    return cast.membership("HC", FITTING.get(act, "孙雅静"))


def act_on(act: str, member: Membership, by: Actor, *, version: int | None = None) -> object:
    member.refresh_from_db()
    return SERVICES[act](member, version=version or member.version, by=by)


def may_act(name: str) -> standing.Problem | None:
    return standing.of_person(cast.person(name), cast.taxpayer("HC")).problem


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS: no code is asked for."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.fixture
def by(world) -> Actor:
    """钱思远 for the services."""
    return actor("HC", "钱思远")


# What each act does, through its page.


@pytest.mark.rule("M55", "M56", "M57", "M58", "STF-06")
def test_removing_takes_identities_rights_and_the_way_in_and_keeps_the_history(lead, other_visitor):
    member = cast.membership("HC", "郑海涛")
    shown = words(lead.get(address("remove", member)))
    assert "删除办税人员 郑*涛" in shown
    assert "确认删除" in shown
    answer = do(lead, "remove", member)
    assert answer.url == LIST
    assert "已删除郑*涛。" in words(lead.get(LIST))
    member.refresh_from_db()
    assert member.removed_at is not None
    assert not member.is_manager
    assert not member.identities.exists()
    other_visitor.give_enterprise_password("HC")
    refused = other_visitor.choose("郑海涛")
    assert refused.status_code == 400
    assert "尚未添加为本企业的办税人员" in words(refused)
    (entry,) = entries(Kind.MEMBER_REMOVED)
    assert (entry.person, entry.target, entry.taxpayer) == (cast.person("钱思远"), member.person, member.taxpayer)
    assert entry.details["before"]["identities"] == ["全量办税"]
    assert entry.details["after"]["identities"] == []
    assert (entry.details["before"]["is_manager"], entry.details["after"]["is_manager"]) == (True, False)
    assert (entry.details["before"]["removed_at"], entry.details["after"]["removed_at"]) == (
        None,
        member.removed_at.isoformat(),
    )
    assert lead.texts_to(cast.PHONES["郑海涛"]) == [
        "【辽宁省电子税务局】您已不再是“沈阳海川贸易有限公司”的办税人员。如非您知情，请联系企业或税务机关。"
    ]


@pytest.mark.rule("M60", "M61", "M63", "D4")
def test_freezing_locks_with_a_reason_and_whoever_chooses_him_reads_m63(lead, other_visitor):
    member = cast.membership("HC", "孙雅静")
    assert do(lead, "freeze", member, reason="休产假").url == LIST
    assert "已冻结孙*静。" in words(lead.get(LIST))
    member.refresh_from_db()
    assert member.is_frozen
    assert member.frozen_until is None
    assert member.identities.count() == 1
    other_visitor.give_enterprise_password("HC")
    assert M63 in words(other_visitor.choose("孙雅静"))
    (entry,) = entries(Kind.MEMBER_FROZEN)
    assert entry.details["reason_given"] == "休产假"
    assert entry.details["before"]["frozen_at"] is None
    assert entry.details["after"]["frozen_at"] == member.frozen_at.isoformat()
    assert "被冻结" in lead.texts_to(cast.PHONES["孙雅静"])[-1]


@pytest.mark.rule("M60", "M61")
def test_a_freeze_until_a_date_is_over_at_midnight_of_that_day_by_itself(lead):
    member = cast.membership("HC", "孙雅静")
    day = timezone.localdate() + timedelta(days=3)
    assert do(lead, "freeze", member, until=f"{day:%Y-%m-%d}").url == LIST
    assert f"冻结至{day:%Y-%m-%d}" in words(lead.get(LIST))
    midnight = timezone.make_aware(datetime.combine(day, time.min))
    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        assert may_act("孙雅静") is standing.FROZEN
    with time_machine.travel(midnight, tick=False):
        assert may_act("孙雅静") is None
        member.refresh_from_db()
        act_on("freeze", member, actor("HC", "林若兰"))
        assert may_act("孙雅静") is standing.FROZEN


@pytest.mark.rule("M64", "M99")
def test_unfreezing_restores_him_with_identities_and_password(lead, other_visitor):
    member = cast.membership("HC", "黄志强")
    assert do(lead, "unfreeze", member).url == LIST
    assert "已解冻黄*强。" in words(lead.get(LIST))
    member.refresh_from_db()
    assert (member.frozen_at, member.frozen_until) == (None, None)
    other_visitor.sign_in_by_password("HC", "黄志强")
    assert other_visitor.get("/").status_code == 200
    (entry,) = entries(Kind.MEMBER_UNFROZEN)
    assert entry.details["before"]["frozen_at"]
    assert entry.details["after"]["frozen_at"] is None
    assert "已解冻" in lead.texts_to(cast.PHONES["黄志强"])[-1]


@pytest.mark.rule("M67", "M68", "STF-05")
def test_after_binding_the_natural_password_opens_and_the_own_one_does_not(lead, other_visitor):
    member = cast.membership("HC", "孙雅静")
    own = member.credential.password
    assert do(lead, "bind", member).url == LIST
    assert "已绑定孙*静的自然人账户。" in words(lead.get(LIST))
    other_visitor.go_to_verify("HC", "孙雅静")
    by_password = reverse("staff:verify_by_password")
    old = {"password": cast.PERSONAL_PASSWORDS["HC", "孙雅静"]}
    assert other_visitor.post(by_password, old).status_code == 400
    assert other_visitor.post(by_password, {"password": cast.NATURAL_PASSWORDS["孙雅静"]}).url == reverse("home")
    member.refresh_from_db()
    assert member.credential.password == own
    (entry,) = entries(Kind.MEMBER_BOUND)
    assert (entry.details["before"]["bound_at"], entry.details["after"]["bound_at"]) == (
        None,
        member.bound_at.isoformat(),
    )
    assert "已绑定为您的自然人登录密码" in lead.texts_to(cast.PHONES["孙雅静"])[-1]


@pytest.mark.rule("M70", "D11", "STF-05")
def test_after_unbinding_the_original_own_password_opens_again_and_the_natural_one_does_not(lead, other_visitor):
    member = cast.membership("HC", "何晨曦")
    assert do(lead, "unbind", member).url == LIST
    assert "已解绑何*曦的自然人账户。" in words(lead.get(LIST))
    other_visitor.go_to_verify("HC", "何晨曦")
    by_password = reverse("staff:verify_by_password")
    assert other_visitor.post(by_password, {"password": cast.NATURAL_PASSWORDS["何晨曦"]}).status_code == 400
    own = {"password": cast.PERSONAL_PASSWORDS["HC", "何晨曦"]}
    assert other_visitor.post(by_password, own).url == reverse("home")
    (entry,) = entries(Kind.MEMBER_UNBOUND)
    assert entry.details["before"]["bound_at"]
    assert entry.details["after"]["bound_at"] is None
    assert "请使用原个人登录密码" in lead.texts_to(cast.PHONES["何晨曦"])[-1]


@pytest.mark.rule("D11", "M88")
def test_unbound_without_an_own_password_it_is_not_set_yet(lead, other_visitor):
    member = cast.membership("HC", "何晨曦")
    Membership.objects.filter(pk=member.pk).update(credential=None)
    do(lead, "unbind", member)
    other_visitor.go_to_verify("HC", "何晨曦")
    answer = other_visitor.post(reverse("staff:verify_by_password"), {"password": cast.NATURAL_PASSWORDS["何晨曦"]})
    assert "尚未设置密码" in words(answer)


@pytest.mark.rule("M75", "M91", "D10")
def test_after_resetting_who_gets_no_code_the_page_says_what_must_come_first(lead):
    assert do(lead, "reset_password", cast.membership("HC", "沈小燕")).url == LIST
    assert "沈*燕目前收不到短信验证码，不能修改密码" in words(lead.get(LIST))


@pytest.mark.rule("M75", "M76", "M100", "D10", "RST-04")
def test_a_reset_wipes_the_password_opens_111111_for_a_day_and_tells_the_clerk(lead, other_visitor):
    member = cast.membership("HC", "孙雅静")
    assert do(lead, "reset_password", member).url == LIST
    assert "的密码已重置为111111，24小时内有效" in words(lead.get(LIST))
    member.refresh_from_db()
    assert member.credential.password == ""
    assert member.credential.is_temporary
    other_visitor.go_to_verify("HC", "孙雅静")
    by_password = reverse("staff:verify_by_password")
    old = {"password": cast.PERSONAL_PASSWORDS["HC", "孙雅静"]}
    assert other_visitor.post(by_password, old).status_code == 400
    assert other_visitor.post(by_password, {"password": "111111"}).url == reverse("home")
    assert other_visitor.get("/").url == reverse("staff:change_password")
    (entry,) = entries(Kind.PASSWORD_RESET)
    assert entry.target == member.person
    text = lead.texts_to(cast.PHONES["孙雅静"])[0]
    assert "个人登录密码已被重置，请在24小时内登录并修改" in text
    assert "111111" not in text


@pytest.mark.rule("M75", "M88", "D10")
def test_a_reset_of_somebody_without_a_password_opens_the_state_as_well(by):
    member = cast.membership("HC", "马文涛")
    assert member.credential is None
    act_on("reset_password", member, by)
    member.refresh_from_db()
    assert passwords.check_reset_state(member.credential, "111111")


@pytest.mark.rule("D7", "M31", "D28")
def test_changed_rights_are_other_identities_management_and_a_last_day(lead):
    member = cast.membership("HC", "孙雅静")
    page = lead.get(address("change_rights", member)).content.decode()
    assert "查询员（" in page
    query = cast.taxpayer("HC").identities.get(name="查询员")
    day = timezone.localdate() + timedelta(days=5)
    data = {"identities": [query.uid], "is_manager": "on", "valid_until": f"{day:%Y-%m-%d}"}
    assert do(lead, "change_rights", member, **data).url == LIST
    member.refresh_from_db()
    assert [identity.name for identity in member.identities.all()] == ["查询员"]
    assert member.is_manager
    midnight = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
    assert member.valid_until == midnight
    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        assert may_act("孙雅静") is None
    with time_machine.travel(midnight, tick=False):
        assert may_act("孙雅静") is standing.EXPIRED
    (entry,) = entries(Kind.MEMBER_CHANGED)
    assert (entry.details["before"]["identities"], entry.details["after"]["identities"]) == (["全量办税"], ["查询员"])
    assert (entry.details["before"]["is_manager"], entry.details["after"]["is_manager"]) == (False, True)
    record = words(lead.get(address("member", member)))
    assert "权限身份：全量办税 → 查询员" in record
    assert (entry.details["before"]["valid_until"], f"有效期至：长期 → {day:%Y-%m-%d}" in record) == (None, True)
    assert "授予管理权限" in record
    assert f'value="{day:%Y-%m-%d}"' in lead.get(address("change_rights", member)).content.decode()


@pytest.mark.rule("SES-07", "D16")
def test_ending_sign_ins_ends_those_for_this_firm_alone_and_says_how_many(by):
    member = cast.membership("HC", "孙雅静")
    here = [actor("HC", "孙雅静").sign_in for _ in range(2)]
    elsewhere = actor("MH", "孙雅静").sign_in
    colleague = actor("HC", "何晨曦").sign_in
    assert act_on("end_sign_ins", member, by) == 2
    for sign_in in here:
        sign_in.refresh_from_db()
        assert sign_in.ended_because == EndReason.ENDED_BY_LEAD
    for sign_in in (elsewhere, colleague, by.sign_in):
        sign_in.refresh_from_db()
        assert sign_in.ended_at is None
    assert act_on("end_sign_ins", member, by) == 0


@pytest.mark.rule("LOG-01", "D28")
@pytest.mark.parametrize("act", ["remove", "reset_password", "bind", "end_sign_ins"])
def test_an_act_that_ends_sign_ins_is_one_entry_which_says_how_many(by, act):
    for _ in range(2):
        actor("HC", "孙雅静")
    before = AuditEntry.objects.count()
    act_on(act, cast.membership("HC", "孙雅静"), by)
    assert AuditEntry.objects.count() == before + 1
    (entry,) = entries(KINDS[act])
    assert (entry.details["sign_ins_ended"], "结束了2处登录" in entry.details_in_words) == (2, True)


@pytest.mark.rule("M75", "M68", "M70", "D16")
@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("reset_password", EndReason.PASSWORD_RESET),
        ("bind", EndReason.PASSWORD_CHANGED),
        ("unbind", EndReason.PASSWORD_CHANGED),
    ],
)
def test_reset_bind_and_unbind_end_every_sign_in_of_the_clerk_here(by, act, reason):
    member = fit_for(act)
    sign_in = actor("HC", member.person.name, proof=Proof.ENTERPRISE_PASSWORD).sign_in
    act_on(act, member, by)
    sign_in.refresh_from_db()
    assert sign_in.ended_because == reason


@every_act
@pytest.mark.rule("D27", "STF-03")
def test_every_page_of_an_act_names_whom_it_is_about_masked_and_does_nothing_by_itself(lead, act):
    member = fit_for(act)
    before = state_of(member)
    page = lead.get(address(act, member))
    assert page.status_code == 200
    assert member.person.masked_name in words(page)
    assert member.person.name not in words(page)
    assert member.person.masked_id_number in words(page)
    assert version_on(page) == str(member.version)
    assert state_of(member) == before
    assert entries(KINDS[act], result="done") == []


@every_act
@pytest.mark.rule("M59", "M62", "M65", "M69", "M71", "M75", "STF-03", "D28", "LOG-02")
def test_the_finance_officer_may_do_every_act_and_each_is_one_entry_and_one_version(world, act):
    member = fit_for(act)
    act_on(act, member, actor("HC", "林若兰"))
    version, (entry,) = member.version, entries(KINDS[act])
    member.refresh_from_db()
    assert member.version == version + 1
    assert (entry.person, entry.target, entry.result) == (cast.person("林若兰"), member.person, "done")
    assert entry.proof == Proof.ENTERPRISE_SMS
    assert {"before", "after"} <= set(entry.details)


@pytest.mark.rule("D27", "OTP-13", "LOG-05")
@pytest.mark.parametrize("act", ["remove", "freeze", "unfreeze", "bind", "unbind", "reset_password"])
def test_the_clerk_is_told_by_one_message_without_number_name_or_link(lead, act):
    member = fit_for(act)
    do(lead, act, member)
    (text,) = lead.texts_to(member.person.phone)
    assert text.startswith("【辽宁省电子税务局】")
    assert "“沈阳海川贸易有限公司”" in text
    assert "http" not in text
    assert member.person.name not in text
    assert member.person.phone not in text


# What is refused, and by which code.


@every_act
@pytest.mark.rule("D8", "M59", "M62", "M65", "M69", "M71", "M82", "AUZ-05", "RST-07")
@pytest.mark.parametrize("name", ["郑海涛", "何晨曦"])
def test_manager_and_clerk_may_do_none_of_it(world, act, name):
    member = fit_for(act) if name != "何晨曦" else cast.membership("HC", "孙雅静")
    before = state_of(member)
    with pytest.raises(PermissionDenied):
        act_on(act, member, actor("HC", name))
    assert state_of(member) == before
    assert entries(KINDS[act], result="done") == []
    (entry,) = entries(Kind.ACT_REFUSED)
    assert (entry.person, entry.reason, entry.result) == (cast.person(name), "not_lead", "refused")


@every_act
@pytest.mark.rule("D8", "M59", "M62", "D28")
def test_the_pages_refuse_a_manager_with_403_in_words_and_record_it(visitor, act):
    visitor.sign_in_by_sms("HC", "郑海涛")
    member = fit_for(act)
    before = state_of(member)
    for answer in (visitor.get(address(act, member)), visitor.post(address(act, member), {"version": 1})):
        assert answer.status_code == 403
        assert "只有法定代表人（业主）和财务负责人可以进行此操作" in words(answer)
    assert state_of(member) == before
    assert [entry.details for entry in entries(Kind.ACT_REFUSED)] == [{"page": address(act, member)}] * 2


@every_act
@pytest.mark.rule("D23")
def test_an_agency_acting_for_the_firm_may_do_none_of_it(world, act):
    agent = replace(actor("HC", "钱思远"), via=cast.taxpayer("XD"))
    with pytest.raises(PermissionDenied):
        act_on(act, fit_for(act), agent)
    assert entries(KINDS[act], result="done") == []


@every_act
@pytest.mark.rule("D9", "RST-07")
def test_nobody_acts_on_himself(by, act):
    member = cast.membership("HC", "钱思远")
    before = state_of(member)
    assert refusal(act_on, act, member, by) == "self"
    assert state_of(member) == before
    assert entries(KINDS[act], result="done") == []


@every_act
@pytest.mark.rule("D9", "STF-04", "RST-07")
@pytest.mark.parametrize(("name", "other"), [("钱思远", "林若兰"), ("林若兰", "钱思远")])
def test_legal_representative_and_finance_officer_cannot_act_on_each_other(world, act, name, other):
    member = cast.membership("HC", other)
    before = state_of(member)
    assert refusal(act_on, act, member, actor("HC", name)) == "not_clerk"
    assert state_of(member) == before
    assert entries(KINDS[act], result="done") == []


@pytest.mark.rule("D9", "D31", "STF-04")
def test_a_clerk_whom_the_register_makes_a_lead_is_out_of_reach_the_same_moment(by):
    member = cast.membership("HC", "孙雅静")
    Post.objects.filter(taxpayer=member.taxpayer, position=Position.FINANCE).update(until=timezone.localdate())
    Post.objects.create(
        taxpayer=member.taxpayer, person=member.person, position=Position.FINANCE, since=timezone.localdate()
    )
    assert refusal(act_on, "remove", member, by) == "not_clerk"
    act_on("remove", cast.membership("HC", "林若兰"), by)


@every_act
@pytest.mark.rule("STF-03")
def test_another_version_than_the_present_is_stale(by, act):
    member = fit_for(act)
    before = state_of(member)
    for version in (member.version + 1, 99):
        assert refusal(act_on, act, member, by, version=version) == "stale"
    act_on("end_sign_ins", member, by)
    assert refusal(act_on, act, member, by, version=1) == "stale"
    assert {**state_of(member), "version": 1} == before


@every_act
@pytest.mark.rule("STF-02", "STF-06")
def test_a_removed_member_is_beyond_every_act(by, act):
    member = fit_for(act)
    act_on("remove", member, by)
    before = state_of(member)
    assert refusal(act_on, act, member, by) == "stale"
    assert state_of(member) == before


@pytest.mark.rule("STF-02", "D10", "D11")
@pytest.mark.parametrize(
    ("act", "name", "code", "text", "way_out"),
    [
        ("freeze", "黄志强", "already_frozen", "该办税人员已经冻结。", "unfreeze"),
        ("unfreeze", "孙雅静", "not_frozen", "该办税人员没有冻结。", "freeze"),
        ("bind", "郑海涛", "no_account", "该办税员尚未注册自然人账户", ""),
        ("bind", "何晨曦", "already_bound", "该办税员已绑定自然人账户。", "unbind"),
        ("unbind", "孙雅静", "not_bound", "该办税员没有绑定自然人账户。", "bind"),
        ("reset_password", "何晨曦", "bound", "该办税员已绑定自然人账户，请先解绑", "unbind"),
    ],
)
def test_what_the_state_does_not_allow_is_not_offered_and_refused_with_the_way_out(
    lead, by, act, name, code, text, way_out
):
    member = cast.membership("HC", name)
    before = state_of(member)
    assert refusal(act_on, act, member, by) == code
    there = address(act, member)
    for answer, status in ((lead.get(there), 200), (lead.post(there, {"version": member.version}), 400)):
        assert answer.status_code == status
        assert text in words(answer)
        html = answer.content.decode()
        assert "确认" not in html.split("<main")[1]
        assert not way_out or f'href="{address(way_out, member)}"' in html
    assert state_of(member) == before
    assert entries(KINDS[act], result="done") == []
    assert lead.texts_to(member.person.phone) == []


@every_act
@pytest.mark.rule("D9", "STF-02")
@pytest.mark.parametrize("name", ["钱思远", "林若兰"])
def test_no_act_on_a_lead_is_offered_and_the_page_says_where_he_is_kept(lead, act, name):
    answer = lead.get(address(act, cast.membership("HC", name)))
    said = "不能对本人进行此操作" if name == "钱思远" else "通过变更税务登记维护，不能在这里操作"
    assert said in words(answer)
    assert "确认" not in answer.content.decode().split("<main")[1]
    assert f'href="{reverse("staff:my_posts" if name == "钱思远" else "staff:changes")}"' in answer.content.decode()


@pytest.mark.rule("M93")
def test_whose_identity_cannot_be_kept_is_told_before_anything_is_filled_in(lead):
    RealNameRecord.objects.filter(person=cast.person("孙雅静")).delete()
    page = lead.get(address("change_rights", cast.membership("HC", "孙雅静")))
    assert "该人员尚未实名采集，无法维护其人员身份" in words(page)
    assert "保存</button>" not in page.content.decode()


@pytest.mark.rule("M31", "D7", "M96")
def test_before_other_rights_are_saved_the_page_says_what_is_gained_and_lost(lead):
    member, there = cast.membership("HC", "孙雅静"), address("change_rights", cast.membership("HC", "孙雅静"))
    query = cast.taxpayer("HC").identities.get(name="查询员")
    before = state_of(member)
    data = {"version": version_on(lead.get(there)), "identities": [str(query.uid)], "is_manager": "on"}
    review = lead.post(there, data)
    assert review.status_code == 200
    text = words(review)
    assert "确认修改权限 孙*静" in text
    lost = text.split("失去的功能", 1)[1]
    assert "【我要办税】的全部功能" in lost
    assert "【我要查询】的全部功能" not in lost
    assert state_of(member) == before
    sent = re.findall(r'type="hidden"\s+name="([a-z_]+)"\s+value="([^"]*)"', review.content.decode().split("<main")[1])
    form = {name: value for name, value in sent if name not in ("csrfmiddlewaretoken", "capacity")}
    again = lead.post(there, {**form, "reopen": "yes"}).content.decode()
    assert re.search(rf'value="{query.uid}"[^>]*checked', again)
    assert state_of(member) == before
    assert lead.post(there, {**form, "reviewed": "yes"}).url == LIST
    assert state_of(member)["names"] == ["查询员"]
    assert Membership.objects.get(pk=member.pk).is_manager


@pytest.mark.rule("M31", "D7")
def test_what_changes_no_function_is_saved_at_once(lead):
    member, there = cast.membership("HC", "孙雅静"), address("change_rights", cast.membership("HC", "孙雅静"))
    same = [str(identity.uid) for identity in member.identities.all()]
    data = {"version": version_on(lead.get(there)), "identities": same, "is_manager": "on"}
    assert lead.post(there, data).url == LIST
    nothing = lead.post(there, {"version": version_on(lead.get(there))})
    assert "孙*静没有权限身份：登录后没有功能可以用" in words(nothing)
    assert Membership.objects.get(pk=member.pk).identities.exists()


@pytest.mark.rule("M60", "M61", "OTP-13")
def test_whoever_is_frozen_until_a_day_is_told_the_day(lead):
    member = cast.membership("HC", "孙雅静")
    do(lead, "freeze", member, until="2199-12-30")
    assert "2199年12月30日自动解冻" in lead.texts_to(cast.PHONES["孙雅静"])[-1]


@pytest.mark.rule("M60", "M31")
@pytest.mark.parametrize(("act", "field"), [("freeze", "until"), ("change_rights", "valid_until")])
def test_a_day_that_has_passed_is_told_at_its_own_field(lead, act, field):
    answer = do(lead, act, cast.membership("HC", "孙雅静"), **{field: "2020-01-01"})
    assert answer.status_code == 400
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert f'href="#id_{field}"' in answer.content.decode()


@pytest.mark.rule("F12", "D28")
@pytest.mark.parametrize("act", ["freeze", "change_rights", "remove"])
def test_four_equal_clicks_are_one_entry_and_nothing_refused(lead, act):
    member = cast.membership("HC", "孙雅静")
    data = {"version": version_on(lead.get(address(act, member))), "reviewed": "yes"}
    for _click in range(4):
        assert lead.post(address(act, member), data).url == LIST
    assert [entry.result for entry in entries(KINDS[act])] == ["done"]


@pytest.mark.rule("F12", "D28", "STF-03")
def test_what_another_has_changed_meanwhile_is_refused_and_recorded(lead):
    member = cast.membership("HC", "孙雅静")
    data = {"version": version_on(lead.get(address("freeze", member)))}
    services.freeze(member, version=member.version, by=actor("HC", "林若兰"))
    assert lead.post(address("freeze", member), data).status_code == 409
    assert [entry.result for entry in entries(Kind.MEMBER_FROZEN)] == ["done", "refused"]


@pytest.mark.rule("M61", "STF-02")
def test_a_freeze_that_lifted_itself_can_neither_be_lifted_nor_stands_in_the_way_of_another(by):
    member = cast.membership("HC", "黄志强")
    past = timezone.now() - timedelta(hours=1)
    Membership.objects.filter(pk=member.pk).update(frozen_at=past - timedelta(hours=1), frozen_until=past)
    assert refusal(act_on, "unfreeze", member, by) == "not_frozen"
    act_on("freeze", member, by)
    member.refresh_from_db()
    assert member.frozen_at > past
    assert member.frozen_until is None


@pytest.mark.rule("M60")
def test_an_end_in_the_past_is_refused(lead, by):
    member = cast.membership("HC", "孙雅静")
    before = state_of(member)
    code = refusal(services.freeze, member, version=1, until=timezone.now(), by=by)
    assert code == "until_in_the_past"
    code = refusal(
        services.change_rights, member, version=1, identities=[], is_manager=False, valid_until=timezone.now(), by=by
    )
    assert code == "until_in_the_past"
    today, yesterday = timezone.localdate(), timezone.localdate() - timedelta(days=1)
    assert "解冻时间应晚于现在" in words(do(lead, "freeze", member, until=f"{today:%Y-%m-%d}"))
    assert "有效期应晚于现在" in words(do(lead, "change_rights", member, valid_until=f"{yesterday:%Y-%m-%d}"))
    assert state_of(member) == before


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize(
    ("act", "field", "value"),
    [
        ("freeze", "until", "0001-01-01"),
        ("freeze", "until", "2026-13-01"),
        ("freeze", "until", "9999-12-31"),
        ("freeze", "until", "10000-01-01"),
        ("freeze", "reason", "x" * 101),
        ("freeze", "reason", "a\u202eb"),
        ("freeze", "reason", "a\0b"),
        ("change_rights", "valid_until", "0001-01-01"),
        ("change_rights", "valid_until", "9999-12-31"),
        ("change_rights", "identities", "not-a-uuid"),
        ("freeze", "version", "0"),
        ("freeze", "version", "x"),
        ("freeze", "version", "9" * 30),
    ],
)
def test_what_cannot_be_is_400_and_changes_nothing(lead, act, field, value):
    member = cast.membership("HC", "孙雅静")
    before = state_of(member)
    assert do(lead, act, member, **{field: value}).status_code == 400
    assert state_of(member) == before


@pytest.mark.rule("AUZ-02", "D7")
def test_an_identity_of_another_firm_is_never_given(lead, by):
    member = cast.membership("HC", "孙雅静")
    before = state_of(member)
    foreign = cast.taxpayer("MH").identities.get()
    code = refusal(services.change_rights, member, version=1, identities=[foreign], is_manager=False, by=by)
    assert code == "foreign_identity"
    assert do(lead, "change_rights", member, identities=[foreign.uid]).status_code == 404
    assert state_of(member) == before


@every_act
@pytest.mark.rule("D15", "STF-07")
@pytest.mark.parametrize("proof", [Proof.ENTERPRISE_PASSWORD, Proof.ENTERPRISE_RESET])
def test_a_weak_sign_in_needs_a_code_of_the_last_five_minutes(world, act, proof):
    member = fit_for(act)
    before = state_of(member)
    assert refusal(act_on, act, member, actor("HC", "钱思远", proof=proof)) == "code_needed"
    old = timezone.now() - timedelta(minutes=5)
    assert refusal(act_on, act, member, actor("HC", "钱思远", proof=proof, code_at=old)) == "code_needed"
    assert state_of(member) == before
    act_on(act, member, actor("HC", "钱思远", proof=proof, code_at=timezone.now()))
    assert state_of(member) != before


@every_act
@pytest.mark.rule("D15", "STF-07")
def test_a_weak_sign_in_is_led_to_the_code_before_page_and_act(visitor, act):
    visitor.sign_in_by_password("HC", "钱思远")
    member = fit_for(act)
    before = state_of(member)
    for answer in (visitor.get(address(act, member)), visitor.post(address(act, member), {"version": 1})):
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("staff:step_up"))
    assert state_of(member) == before


@pytest.mark.rule("D15")
def test_without_a_sign_in_a_lead_proves_nothing(by):
    member = cast.membership("HC", "孙雅静")
    assert refusal(act_on, "freeze", member, replace(by, sign_in=None)) == "code_needed"


# Hostile forms.


@every_act
@pytest.mark.rule("AUZ-02", "AUZ-03", "D28")
def test_a_member_of_another_firm_is_404_and_nothing_is_changed(lead, act):
    foreign = Membership.objects.get(person=cast.person("邓丽娟"), taxpayer=cast.taxpayer("XD"))
    before = state_of(foreign)
    data = {"version": foreign.version, "taxpayer": str(cast.taxpayer("XD").uid)}
    for answer in (lead.get(address(act, foreign)), lead.post(address(act, foreign), data)):
        assert answer.status_code == 404
    assert state_of(foreign) == before
    assert [entry.details for entry in entries(Kind.NOT_FOUND)] == [{"what": "membership"}] * 2
    assert entries(KINDS[act], result="done") == []


@every_act
@pytest.mark.rule("AUZ-02", "AUZ-03")
def test_the_service_itself_finds_no_member_of_another_firm(by, act):
    foreign = Membership.objects.get(person=cast.person("邓丽娟"), taxpayer=cast.taxpayer("XD"))
    before = state_of(foreign)
    with pytest.raises(Membership.DoesNotExist):
        act_on(act, foreign, by)
    assert state_of(foreign) == before


@pytest.mark.rule("AUZ-04", "AUZ-03")
def test_hidden_extra_fields_are_ignored(lead):
    member, other = cast.membership("HC", "孙雅静"), cast.membership("HC", "何晨曦")
    others_before = state_of(other)
    extra = {
        "taxpayer": str(cast.taxpayer("MH").uid),
        "person": str(cast.person("徐明湖").uid),
        "membership": str(other.uid),
        "uid": str(other.uid),
        "is_frozen": "",
        "is_manager": "on",
        "is_lead": "on",
        "bound_at": "2026-01-01",
        "removed_at": "2026-01-01",
        "frozen_until": "2027-01-01",
        "identities": [str(cast.taxpayer("HC").identities.get(name="查询员").uid)],
        "by": str(cast.person("林若兰").uid),
        "credential": "1",
    }
    before = state_of(member)
    assert do(lead, "freeze", member, **extra).url == LIST
    after = state_of(member)
    assert {name for name in after if after[name] != before[name]} == {"frozen_at", "version"}
    assert state_of(other) == others_before
    assert entries(Kind.MEMBER_FROZEN)[0].person == cast.person("钱思远")


@pytest.mark.rule("AUZ-04", "VAL-04")
def test_a_version_sent_twice_or_for_somebody_else_does_nothing(lead, by):
    member, other = cast.membership("HC", "孙雅静"), cast.membership("HC", "何晨曦")
    act_on("end_sign_ins", other, by)
    other.refresh_from_db()
    before = state_of(member)
    assert lead.post(address("freeze", member), {"version": other.version}).status_code == 409
    assert lead.post(address("freeze", member), {"version": ["1", "1"]}).status_code == 400
    assert lead.post(address("freeze", member), {}).status_code == 400
    assert state_of(member) == before


@pytest.mark.rule("D16", "AUZ-03")
def test_a_form_that_another_capacity_was_shown_does_nothing(lead):
    member = cast.membership("HC", "孙雅静")
    before = state_of(member)
    assert do(lead, "remove", member, capacity="somebody/else/").status_code == 409
    assert state_of(member) == before


@every_act
@pytest.mark.rule("F12", "STF-03", "SES-08")
def test_the_same_form_sent_twice_has_one_effect_and_the_same_answer(lead, act):
    member = fit_for(act)
    data = {"version": version_on(lead.get(address(act, member))), "reviewed": "yes"}
    assert lead.post(address(act, member), data).url == LIST
    after, texts = state_of(member), lead.texts_to(member.person.phone)
    again = lead.post(address(act, member), data)
    assert (again.status_code, again.url) == (302, LIST)
    assert state_of(member) == after
    assert len(entries(KINDS[act], result="done")) == 1
    assert lead.texts_to(member.person.phone) == texts


@pytest.mark.rule("D28")
def test_dates_that_an_act_leaves_alone_are_no_change_in_the_record(by):
    member = cast.membership("HC", "孙雅静")
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    kept = {"identities": list(member.identities.all()), "valid_until": midnight + timedelta(days=9)}
    services.change_rights(member, version=1, **kept, is_manager=False, by=by)
    services.change_rights(member, version=2, **kept, is_manager=True, by=by)
    assert entries(Kind.MEMBER_CHANGED)[-1].details_in_words == ["授予管理权限"]


@pytest.mark.rule("F12", "STF-03")
@pytest.mark.parametrize(
    ("act", "other"),
    [
        ("change_rights", {"is_manager": "on"}),
        ("change_rights", {"valid_until": "2199-12-31"}),
        ("freeze", {"until": "2199-12-31"}),
        ("freeze", {"reason": "出差"}),
    ],
)
def test_an_older_form_that_asks_for_something_else_is_told_that_something_has_changed(lead, act, other):
    member = fit_for(act)
    data = {"version": version_on(lead.get(address(act, member))), "reviewed": "yes"}
    assert lead.post(address(act, member), data).url == LIST
    after = state_of(member)
    again = lead.post(address(act, member), {**data, **other})
    assert (again.status_code, STALE in words(again), state_of(member)) == (409, True, after)


@pytest.mark.rule("F12", "M31")
def test_rights_with_everything_in_them_sent_twice_have_one_effect_and_the_same_answer(lead):
    member, identity = cast.membership("HC", "孙雅静"), cast.taxpayer("HC").identities.get(name="查询员")
    data = {"version": 1, "identities": [str(identity.uid)], "is_manager": "on", "valid_until": "2199-12-30"}
    data["reviewed"] = "yes"
    for _again in range(2):
        assert lead.post(address("change_rights", member), data).url == LIST
    assert len(entries(Kind.MEMBER_CHANGED, result="done")) == 1


@every_act
@pytest.mark.rule("STF-03")
def test_the_same_form_sent_again_later_is_told_that_something_has_changed(lead, act):
    member = fit_for(act)
    data = {"version": version_on(lead.get(address(act, member))), "reviewed": "yes"}
    lead.post(address(act, member), data)
    after = state_of(member)
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        again = lead.post(address(act, member), data)
    assert (again.status_code, STALE in words(again), state_of(member)) == (409, True, after)


@every_act
@pytest.mark.rule("SES-08")
def test_an_act_without_a_csrf_token_is_refused(lead, act):
    member = fit_for(act)
    before = state_of(member)
    lead.handler.enforce_csrf_checks = True
    assert lead.post(address(act, member), {"version": 1}).status_code == 403
    assert state_of(member) == before


# Removed, and added again.


def add_again(by: Actor, name: str, identity: str = "查询员") -> Membership:
    found = adding.find(name=name, id_type="resident", id_number=cast.ID_NUMBERS[name], by=by)
    identities = list(cast.taxpayer("HC").identities.filter(name=identity))
    return adding.add(found, password="Wieder-da-2026", identities=identities, is_manager=False, by=by)


@pytest.mark.rule("STF-06", "M57", "D28")
def test_who_is_added_again_starts_clean_and_his_history_stays(by):
    old = cast.membership("HC", "孙雅静")
    act_on("freeze", old, by)
    act_on("bind", old, by)
    services.change_rights(
        old,
        version=3,
        identities=list(old.identities.all()),
        is_manager=True,
        valid_until=timezone.now() + timedelta(days=9),
        by=by,
    )
    act_on("remove", old, by)
    gone = state_of(old)
    new = add_again(by, "孙雅静")
    assert new.pk != old.pk
    assert new.uid != old.uid
    assert [each.name for each in new.identities.all()] == ["查询员"]
    assert (new.is_manager, new.frozen_at, new.bound_at, new.valid_until, new.version) == (False, None, None, None, 1)
    assert new.credential_id != old.credential_id
    assert passwords.check(new.credential, "Wieder-da-2026")
    assert not passwords.check(new.credential, cast.PERSONAL_PASSWORDS["HC", "孙雅静"])
    assert state_of(old) == gone
    kinds = list(AuditEntry.objects.filter(target=old.person).order_by("seq").values_list("kind", flat=True))
    assert kinds == [
        Kind.MEMBER_FROZEN,
        Kind.MEMBER_BOUND,
        Kind.MEMBER_CHANGED,
        Kind.MEMBER_REMOVED,
        Kind.MEMBER_SEARCHED,
        Kind.MEMBER_ADDED,
    ]


@pytest.mark.rule("M57", "M58", "D16", "STF-06")
def test_a_sign_in_from_before_the_removal_does_not_come_back_with_a_new_membership(lead, other_visitor):
    other_visitor.sign_in_by_password("HC", "孙雅静")
    do(lead, "remove", cast.membership("HC", "孙雅静"))
    add_again(actor("HC", "林若兰"), "孙雅静")
    assert other_visitor.get("/").status_code == 302


@pytest.mark.rule("M57")
def test_a_removed_clerk_has_no_live_sign_in_for_the_firm(by):
    member = cast.membership("HC", "孙雅静")
    actor("HC", "孙雅静")
    act_on("remove", member, by)
    assert not SignIn.objects.filter(person=member.person, taxpayer=member.taxpayer, ended_at__isnull=True).exists()


# What the page and the record say around an act.


@pytest.mark.rule("D28", "STF-02")
@pytest.mark.parametrize(
    ("act", "name", "code"),
    [("freeze", "黄志强", "already_frozen"), ("reset_password", "何晨曦", "bound"), ("remove", "林若兰", "not_clerk")],
)
def test_a_refused_act_is_one_entry_with_its_reason_in_words(by, act, name, code):
    before = AuditEntry.objects.count()
    member = cast.membership("HC", name)
    assert refusal(SERVICES[act], member, version=member.version, by=by) == code
    assert AuditEntry.objects.count() == before + 1
    (entry,) = entries(KINDS[act], result="refused")
    assert (entry.reason, entry.target, entry.reason_in_words != code) == (code, member.person, True)


@pytest.mark.rule("STF-03")
def test_the_loser_of_a_race_gets_a_way_to_the_fresh_page_instead_of_the_same_button(lead):
    member = cast.membership("HC", "孙雅静")
    there = address("freeze", member)
    version = version_on(lead.get(there))
    services.change_rights(member, version=member.version, identities=[], is_manager=False, by=actor("HC", "林若兰"))
    answer = lead.post(there, {"version": version})
    html = answer.content.decode()
    assert (answer.status_code, f'href="{there}"' in html, "确认冻结" in html) == (409, True, False)
    assert lead.post(there, {"version": version_on(lead.get(there))}).url == LIST


@pytest.mark.rule("M57", "STF-06")
@every_act
def test_the_page_of_an_act_on_somebody_removed_leads_to_his_own_page(lead, by, act):
    member = fit_for(act)
    act_on("remove", member, by)
    answer = lead.get(address(act, member), follow=True)
    assert answer.redirect_chain[-1][0] == address("member", member)
    assert "已删除，不能再对其操作" in words(answer)


@pytest.mark.rule("M93")
def test_who_is_not_collected_or_not_linked_is_given_no_identity(by):
    member = cast.membership("HC", "孙雅静")
    Post.objects.filter(person=member.person, taxpayer=member.taxpayer).update(linked_at=None)
    assert refusal(rights, member, version=member.version, by=by) == "not_linked"
    RealNameRecord.objects.filter(person=member.person).update(revoked_at=timezone.now())
    assert refusal(rights, member, version=member.version, by=by) == "not_collected"


@pytest.mark.rule("M100", "D13")
def test_a_reset_lets_in_whoever_had_locked_himself_out_by_wrong_tries(by, other_visitor):
    other_visitor.go_to_verify("HC", "孙雅静")
    for _ in range(5):
        other_visitor.post(reverse("staff:verify_by_password"), {"password": "wrong-one"})
    act_on("reset_password", cast.membership("HC", "孙雅静"), by)
    assert other_visitor.post(reverse("staff:verify_by_password"), {"password": "111111"}).url == "/"


@pytest.mark.rule("D10", "M91")
def test_the_reset_page_warns_where_no_code_can_reach_the_clerk(lead):
    assert "重置后无法自行修改密码" in words(lead.get(address("reset_password", cast.membership("HC", "沈小燕"))))
    assert "重置后无法自行修改密码" not in words(lead.get(address("reset_password", cast.membership("HC", "孙雅静"))))


@pytest.mark.rule("D27", "AUZ-08")
def test_nobody_sees_the_full_number_of_somebody_removed(lead, by):
    member = cast.membership("HC", "孙雅静")
    act_on("remove", member, by)
    answer = lead.post(address("show_phone", member), follow=True)
    assert "不能查看其完整号码" in words(answer)
    assert cast.PHONES["孙雅静"] not in answer.content.decode()
    (entry,) = entries(Kind.NUMBER_SHOWN)
    assert (entry.result, entry.reason) == ("refused", "removed")


@pytest.mark.rule("AUZ-03", "AUZ-02")
@pytest.mark.parametrize("key", ["MH", ""])
def test_another_firms_identity_in_the_form_is_404_and_recorded_as_one_that_does_not_exist_is(lead, key):
    uid = cast.taxpayer(key).identities.first().uid if key else uuid4()
    member = cast.membership("HC", "孙雅静")
    before = state_of(member)
    answer = lead.post(address("change_rights", member), {"version": member.version, "identities": [str(uid)]})
    assert (answer.status_code, state_of(member)) == (404, before)
    assert [entry.reason for entry in entries(Kind.NOT_FOUND)] == ["not_yours"]


@every_act
@pytest.mark.rule("STF-03", "VAL-02")
def test_an_act_whose_page_came_incomplete_is_not_done_and_offers_the_page_anew(visitor, act):
    visitor.sign_in_by_sms("HC", "钱思远")
    member = fit_for(act)
    before = state_of(member)
    answer = visitor.post(address(act, member))
    assert answer.status_code == 400
    assert "页面不完整，没有保存任何内容。请点击【刷新】，重新填写后提交。" in words(answer)
    assert "必填项" not in words(answer)
    assert f'href="{address(act, member)}">刷新' in answer.content.decode()
    assert state_of(member) == before
    assert version_on(visitor.get(address(act, member))) == str(member.version)
