"""身份维护: naming a set of functions, changing it, deleting it (M24 to M27, M94, M96, D7, D8)."""

import re
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from accounts.actor import Actor
from accounts.audit import Kind
from realname.models import Position, Post
from staff import functions, standing
from staff.models import Identity, Membership
from staff.services import adding
from staff.services import identities as services
from staff.services import members as acts
from tests import cast
from tests.staff.acting import actor, entries, newcomer, refusal, version_on
from tests.staff.acting import identity as of_firm
from tests.visitor import words

LIST, NEW_REVIEW, NEW_SAVE = "/staff/identities/", "/staff/identities/review/", "/staff/identities/save/"
OPERATIONS = "query.record.operations"
BASIC = "info.taxpayer.basic"
VAT = "tax.declaration.vat_general"
_TICKED = re.compile(r'name="functions"\s+value="([^"]+)"\s+checked')
_DISABLED = re.compile(r'name="functions"\s+value="([^"]+)"\s+(?:checked\s+)?disabled')
_HIDDEN = re.compile(r'<input type="hidden"\s+name="(version|name|description|functions)"\s+value="([^"]*)"')


def held(name: str) -> frozenset[str]:
    return standing.of_person(cast.person(name), cast.taxpayer("HC")).held_functions()


def page_of(identity: Identity) -> str:
    return reverse("staff:identity", args=[identity.uid])


def review(visitor, identity: Identity, **data):
    """Open the identity's form and send it, with what it shows where nothing else is given."""
    shown = visitor.get(page_of(identity))
    ticked = set(_TICKED.findall(shown.content.decode())) - set(_DISABLED.findall(shown.content.decode()))
    sent = {"version": version_on(shown), "name": identity.name, "functions": sorted(ticked), **data}
    return visitor.post(reverse("staff:review_identity", args=[identity.uid]), sent)


def confirm(visitor, reviewed, identity: Identity):
    """Press 【确认保存】 with exactly what the review page carries."""
    data: dict[str, list[str]] = {}
    for name, value in _HIDDEN.findall(reviewed.content.decode()):
        data.setdefault(name, []).append(value)
    return visitor.post(reverse("staff:save_identity", args=[identity.uid]), data)


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.fixture
def narrow(world) -> Identity:
    """What 郑海涛, who has 管理权限, holds: two functions and no more."""
    identity = cast.taxpayer("HC").identities.create(name="窄")
    identity.grant([OPERATIONS, BASIC])
    cast.membership("HC", "郑海涛").identities.set([identity])
    return identity


@pytest.fixture
def manager(visitor, narrow):
    """郑海涛 with his two functions, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "郑海涛")
    return visitor


@pytest.fixture
def by(world) -> Actor:
    """钱思远 for the services."""
    return actor("HC", "钱思远")


@pytest.mark.rule("M24", "M25", "M26")
def test_the_page_shows_the_identities_and_a_form_with_name_description_and_the_whole_tree(lead):
    answer = lead.get(LIST)
    html, page = answer.content.decode(), words(answer)
    assert LIST in lead.get("/staff/").content.decode()
    for text in ("权限身份信息", "权限身份名称", "权限描述", "功能树", "一定不要忘记勾选功能树", "保存"):
        assert text in page
    for text in ("全量办税", "查询员", "空身份（0项）"):
        assert text in page
    assert set(re.findall(r'name="functions"\s+value="([^"]+)"', html)) == functions.ALL
    assert _TICKED.findall(html) == []
    assert _DISABLED.findall(html) == []


@pytest.mark.rule("M25", "M97", "D28")
def test_a_new_identity_is_saved_with_its_ticked_functions_and_recorded(lead):
    data = {"name": "开票员", "description": "只查操作", "functions": [OPERATIONS, BASIC]}
    assert lead.post(NEW_REVIEW, data).url == LIST
    assert "权限身份已保存" in words(lead.get(LIST))
    identity = of_firm("开票员")
    assert services.held_by(identity) == {OPERATIONS, BASIC}
    assert identity.description == "只查操作"
    (entry,) = entries(Kind.IDENTITY_ADDED)
    assert (entry.person, entry.taxpayer) == (cast.person("钱思远"), cast.taxpayer("HC"))
    codes = sorted([OPERATIONS, BASIC])
    assert entry.details == {"name": "开票员", "description": "只查操作", "functions": codes}


@pytest.mark.rule("M26", "M96")
def test_saving_without_a_tick_warns_first_saves_nothing_and_may_then_be_confirmed(lead):
    reviewed = lead.post(NEW_REVIEW, {"name": "忘记勾选"})
    assert reviewed.status_code == 200
    assert "您没有勾选功能树" in words(reviewed)
    assert "登录后没有功能可以用" in words(reviewed)
    assert not cast.taxpayer("HC").identities.filter(name="忘记勾选").exists()
    assert lead.post(NEW_SAVE, {"name": "忘记勾选"}).url == LIST
    assert "该身份没有勾选任何功能" in words(lead.get(LIST))
    assert services.held_by(of_firm("忘记勾选")) == frozenset()


@pytest.mark.rule("M25", "D30")
def test_it_works_without_script_by_one_plain_post(lead):
    assert lead.post(NEW_SAVE, {"name": "无脚本", "functions": [BASIC]}).url == LIST
    identity = of_firm("无脚本")
    data = {"version": 1, "name": "无脚本二", "functions": [OPERATIONS]}
    assert lead.post(reverse("staff:save_identity", args=[identity.uid]), data).url == LIST
    identity.refresh_from_db()
    assert identity.name == "无脚本二"
    assert services.held_by(identity) == {OPERATIONS}


@pytest.mark.rule("D7", "SES-05", "D28")
def test_a_change_names_who_gains_and_loses_what_and_is_saved_only_when_confirmed(lead):
    identity = of_firm("查询员")
    shown = lead.get(page_of(identity))
    assert set(_TICKED.findall(shown.content.decode())) == functions.branch_codes("query")
    assert "2名办税人员正在使用" in words(shown)
    wanted = functions.branch_codes("query") - {OPERATIONS} | {BASIC}
    reviewed = review(lead, identity, functions=sorted(wanted), name="查询", description="新")
    table = words(reviewed)
    for name in ("何*曦", "黄*强"):
        assert re.search(rf"{re.escape(name)} 纳税人基本信息 历史办税操作查询", table)
    assert "孙*静" not in table
    assert services.held_by(identity) == functions.branch_codes("query")
    assert confirm(lead, reviewed, identity).url == LIST
    assert held("何晨曦") == wanted
    identity.refresh_from_db()
    assert (identity.name, identity.description, identity.version) == ("查询", "新", 2)
    (entry,) = entries(Kind.IDENTITY_CHANGED)
    assert entry.details == {
        "before": {"name": "查询员", "description": "我要查询"},
        "after": {"name": "查询", "description": "新"},
        "name": "查询",
        "gained": [BASIC],
        "lost": [OPERATIONS],
    }


@pytest.mark.rule("D7")
def test_what_another_of_his_identities_carries_is_neither_gained_nor_lost(lead):
    identity, other = of_firm("查询员"), cast.taxpayer("HC").identities.create(name="另一个")
    other.grant([OPERATIONS, BASIC])
    cast.membership("HC", "何晨曦").identities.add(other)
    wanted = functions.branch_codes("query") - {OPERATIONS} | {BASIC}
    found = {effect.membership.person.name: effect for effect in services.effects(identity, wanted)}
    assert set(found) == {"黄志强"}
    assert (found["黄志强"].gains, found["黄志强"].loses) == ({BASIC}, {OPERATIONS})
    before = held("何晨曦")
    assert confirm(lead, review(lead, identity, functions=sorted(wanted)), identity).url == LIST
    assert held("何晨曦") == before


@pytest.mark.rule("D7")
def test_a_change_of_words_alone_is_saved_at_once_and_one_of_functions_always_says_whom_it_affects(lead):
    identity = of_firm("查询员")
    assert review(lead, identity, description="新的说明").url == LIST
    empty = of_firm("空身份")
    cast.membership("HC", "马文涛").identities.clear()
    reviewed = review(lead, empty, functions=[BASIC])
    assert "没有办税人员或代理机构受影响" in words(reviewed)
    assert confirm(lead, reviewed, empty).url == LIST
    assert services.held_by(empty) == {BASIC}


@pytest.mark.rule("M25", "D23")
def test_whoever_changes_a_lent_identity_is_told_which_agency_acts_with_it_and_what_it_gains_and_loses(lead):
    identity = of_firm("全量办税")
    reviewed = words(review(lead, identity, functions=sorted(functions.ALL - {VAT})))
    assert "代理机构正在使用该身份： 辽宁信达税务师事务所有限公司" in reviewed
    assert f"失去：{functions.get(VAT).name}" in reviewed
    assert "辽宁信达税务师事务所有限公司" in words(lead.get(page_of(identity)))


@pytest.mark.rule("STF-06", "D7")
def test_former_members_are_neither_named_nor_counted(lead):
    member = cast.membership("HC", "马文涛")
    acts.remove(member, version=1, by=actor("HC", "钱思远"))
    member.identities.add(of_firm("空身份"))
    assert not services.users_of(of_firm("空身份")).exists()
    assert services.effects(of_firm("空身份"), [BASIC]) == []


@pytest.mark.rule("M25")
def test_a_name_is_taken_once_in_a_firm_and_free_in_another(lead, by):
    data = {"name": "查询员", "functions": [BASIC]}
    answer = lead.post(NEW_REVIEW, data)
    assert answer.status_code == 400
    assert "已有同名的权限身份" in words(answer)
    assert set(_TICKED.findall(answer.content.decode())) == {BASIC}
    assert refusal(services.add, name="查询员", description="", codes=[], by=by) == "name_taken"
    other = of_firm("空身份")
    code = refusal(services.change, other, version=1, name="查询员", description="", codes=[], by=by)
    assert code == "name_taken"
    assert sorted(cast.taxpayer("HC").identities.values_list("name", flat=True)) == sorted(
        ["全量办税", "查询员", "空身份"]
    )
    services.add(name="查询员", description="", codes=[], by=actor("XD", "冯天宇"))


@pytest.mark.rule("M25", "AUZ-04")
@pytest.mark.parametrize("code", ["tax.unknown", "tax", "*", "", "TAX.DECLARATION.VAT_GENERAL", "x" * 200])
def test_a_function_that_the_tree_does_not_have_is_refused(lead, by, code):
    answer = lead.post(NEW_REVIEW, {"name": "甲", "functions": [BASIC, code]})
    assert answer.status_code == 400
    assert "请从功能树中勾选" in words(answer)
    assert refusal(services.add, name="甲", description="", codes=[code], by=by) == "unknown_function"
    identity = of_firm("空身份")
    change = {"version": 1, "name": "空身份", "description": ""}
    assert refusal(services.change, identity, **change, codes=[code], by=by) == "unknown_function"
    assert not cast.taxpayer("HC").identities.filter(name="甲").exists()
    assert services.held_by(identity) == frozenset()


@pytest.mark.rule("VAL-03", "VAL-04", "M25")
@pytest.mark.parametrize(
    "data",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 51},
        {"name": "a\u200bb"},
        {"name": ["甲", "乙"]},
        {"name": "甲", "description": "x" * 201},
        {"name": "甲", "version": "x"},
    ],
)
def test_what_cannot_be_a_name_or_a_description_is_400(lead, data):
    for url in (NEW_REVIEW, NEW_SAVE):
        assert lead.post(url, {"functions": [BASIC], **data}).status_code == 400
    assert cast.taxpayer("HC").identities.count() == 3


@pytest.mark.rule("STF-03")
def test_of_two_who_change_one_identity_the_second_is_told_and_changes_nothing(lead, by):
    identity = of_firm("查询员")
    reviewed = review(lead, identity, functions=[BASIC])
    services.change(identity, version=1, name="查询员", description="", codes=[OPERATIONS], by=by)
    answer = confirm(lead, reviewed, identity)
    assert answer.status_code == 409
    assert "信息已变更，请刷新后重试" in words(answer)
    assert services.held_by(identity) == {OPERATIONS}
    change = {"name": "x", "description": "", "codes": [], "by": by}
    assert refusal(services.change, identity, version=1, **change) == "stale"
    assert refusal(services.change, identity, version=0, **change) == "stale"
    assert refusal(services.delete, identity, version=1, by=by) == "stale"
    assert len(entries(Kind.IDENTITY_CHANGED, result="done")) == 1


@pytest.mark.rule("STF-03")
def test_a_change_without_the_version_of_its_page_is_stale(lead):
    save = reverse("staff:save_identity", args=[of_firm("空身份").uid])
    assert lead.post(save, {"name": "空身份", "functions": [BASIC]}).status_code == 409
    assert services.held_by(of_firm("空身份")) == frozenset()


# 管理权限.


@pytest.mark.rule("D8")
def test_a_manager_sees_what_he_does_not_hold_but_cannot_tick_it(manager):
    html = manager.get(page_of(of_firm("全量办税"))).content.decode()
    assert set(_TICKED.findall(html)) == functions.ALL
    assert set(_DISABLED.findall(html)) == functions.ALL - {OPERATIONS, BASIC}


@pytest.mark.rule("D8")
def test_the_half_of_the_tree_that_a_manager_does_not_hold_stays_as_it_is(manager):
    identity = of_firm("查询员")
    reviewed = review(manager, identity, functions=[BASIC], name="查询员", description="改")
    assert "历史办税操作查询" in words(reviewed)
    assert confirm(manager, reviewed, identity).url == LIST
    assert services.held_by(identity) == functions.branch_codes("query") - {OPERATIONS} | {BASIC}


@pytest.mark.rule("D8", "AUZ-04")
def test_a_manager_cannot_grant_what_he_does_not_hold(manager, narrow):
    by = actor("HC", "郑海涛")
    assert by.functions == {OPERATIONS, BASIC}
    answer = manager.post(NEW_REVIEW, {"name": "升级", "functions": [VAT]})
    assert answer.status_code == 400
    assert "您只能授予或收回您本人拥有的功能" in words(answer)
    assert refusal(services.add, name="升级", description="", codes=[BASIC, VAT], by=by) == "function_not_held"
    for identity in (narrow, of_firm("空身份")):
        before = services.held_by(identity)
        data = {"version": 1, "name": identity.name, "functions": [*before, VAT]}
        assert manager.post(reverse("staff:save_identity", args=[identity.uid]), data).status_code == 400
        assert services.held_by(identity) == before
    assert held("郑海涛") == {OPERATIONS, BASIC}


@pytest.mark.rule("D8")
def test_a_manager_cannot_take_away_what_he_does_not_hold(narrow):
    by, identity = actor("HC", "郑海涛"), of_firm("全量办税")
    change = {"version": 1, "name": "全量办税", "description": ""}
    assert refusal(services.change, identity, **change, codes=[BASIC], by=by) == "function_not_held"
    services.change(identity, **change, codes=functions.ALL - {BASIC}, by=by)
    assert services.held_by(identity) == functions.ALL - {BASIC}


@pytest.mark.rule("D8")
def test_a_manager_cannot_delete_an_identity_that_goes_beyond_him(narrow):
    cast.membership("HC", "何晨曦").identities.clear()
    cast.membership("HC", "黄志强").identities.clear()
    identity = of_firm("查询员")
    assert refusal(services.delete, identity, version=1, by=actor("HC", "郑海涛")) == "function_not_held"
    assert Identity.objects.filter(pk=identity.pk).exists()


@pytest.mark.rule("D8", "AUZ-05")
@pytest.mark.parametrize("name", ["孙雅静", "何晨曦"])
def test_a_clerk_without_management_keeps_no_identities(world, name):
    by, identity = actor("HC", name), of_firm("空身份")
    for call in (
        lambda: services.add(name="甲", description="", codes=[], by=by),
        lambda: services.change(identity, version=1, name="甲", description="", codes=[], by=by),
        lambda: services.delete(identity, version=1, by=by),
    ):
        with pytest.raises(PermissionDenied):
            call()
    assert [entry.reason for entry in entries(Kind.ACT_REFUSED)] == ["not_manager"] * 3
    identity.refresh_from_db()
    assert identity.name == "空身份"


@pytest.mark.rule("D15", "STF-07")
@pytest.mark.parametrize("name", ["钱思远", "郑海涛"])
def test_a_weak_sign_in_needs_a_code_before_identities(world, name):
    by, identity = actor("HC", name, proof="enterprise_password"), of_firm("空身份")
    assert refusal(services.add, name="甲", description="", codes=[], by=by) == "code_needed"
    change = {"version": 1, "name": "甲", "description": "", "codes": []}
    assert refusal(services.change, identity, **change, by=by) == "code_needed"
    assert refusal(services.delete, identity, version=1, by=by) == "code_needed"


@pytest.mark.rule("D15", "M25")
def test_a_tree_whose_ticking_took_longer_than_the_code_is_not_lost(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    came_from = {"referer": f"http://testserver{LIST}"}
    asked = visitor.post(NEW_REVIEW, {"name": "甲<b>", "functions": [BASIC, VAT]}, headers=came_from)
    visitor.post(reverse("staff:send_step_up_code"))
    wanted = parse_qs(urlsplit(asked.url).query)["next"][0]
    proven = visitor.post(
        reverse("staff:step_up"), {"code": visitor.code_on(cast.PHONES["钱思远"]), "next": wanted}
    ).content.decode()
    assert not cast.taxpayer("HC").identities.filter(name="甲<b>").exists()
    sent = {"name": "甲<b>", "functions": re.findall(r'name="functions" value="([^"]+)"', proven)}
    assert (f'action="{NEW_REVIEW}"' in proven, "甲&lt;b&gt;" in proven) == (True, True)
    visitor.post(NEW_REVIEW, sent)
    assert services.held_by(of_firm("甲<b>")) == {BASIC, VAT}


@pytest.mark.rule("D8", "M25")
def test_a_form_that_comes_back_with_an_error_still_shows_ticked_what_a_manager_cannot_change(manager, narrow):
    wide = of_firm("全量办税")
    beyond = set(_DISABLED.findall(manager.get(page_of(wide)).content.decode()))
    refused = review(manager, wide, name="")
    assert refused.status_code == 400
    assert beyond
    assert beyond <= set(_TICKED.findall(refused.content.decode()))


# Deleting.


@pytest.mark.rule("D7", "D28")
def test_an_identity_that_nobody_has_is_deleted_after_a_confirmation_and_recorded(lead):
    cast.membership("HC", "马文涛").identities.clear()
    identity = of_firm("空身份")
    identity.grant([BASIC])
    there = reverse("staff:delete_identity", args=[identity.uid])
    page = lead.get(there)
    assert "没有办税人员或代理机构使用该身份" in words(page)
    assert Identity.objects.filter(pk=identity.pk).exists()
    assert lead.post(there, {"version": version_on(page)}).url == LIST
    assert not Identity.objects.filter(pk=identity.pk).exists()
    (entry,) = entries(Kind.IDENTITY_DELETED)
    assert entry.details == {"name": "空身份", "identity": str(identity.uid), "functions": [BASIC]}


@pytest.mark.rule("D7", "D27")
def test_an_identity_in_use_is_not_deleted_and_the_page_names_who_has_it(lead, by):
    identity = of_firm("查询员")
    there = reverse("staff:delete_identity", args=[identity.uid])
    page = lead.get(there)
    assert "该身份正在使用，不能删除" in words(page)
    assert "何*曦" in words(page)
    assert reverse("staff:change_rights", args=[cast.membership("HC", "何晨曦").uid]) in page.content.decode()
    assert "确认删除" not in words(page)
    answer = lead.post(there, {"version": 1})
    assert answer.status_code == 400
    assert "何*曦、黄*强等2人正在使用该身份" in words(answer)
    assert refusal(services.delete, identity, version=1, by=by) == "in_use"
    assert Identity.objects.filter(pk=identity.pk).exists()
    assert entries(Kind.IDENTITY_DELETED, result="done") == []


@pytest.mark.rule("M25", "D33")
def test_an_identity_of_very_many_names_some_and_counts_all(lead, by):
    identity, firm = of_firm("查询员"), cast.taxpayer("HC")
    people = [newcomer(firm, number) for number in range(120)]
    identity.memberships.add(*Membership.objects.filter(person__in=people))
    form = words(lead.get(page_of(identity)))
    assert "122名办税人员正在使用" in form
    assert form.count("、 员") < 20
    reviewed = words(review(lead, identity, functions=[BASIC]))
    assert reviewed.count("纳税人基本信息") == 100
    assert "共122人受影响，以上为其中一部分。" in reviewed
    there = reverse("staff:delete_identity", args=[identity.uid])
    assert "共122人，以上为其中一部分。" in words(lead.get(there))
    assert "等122人正在使用该身份" in words(lead.post(there, {"version": 1}))
    services.change(identity, version=1, name="查询员", description="", codes=[BASIC], by=by)
    assert len(entries(Kind.MEMBER_CHANGED)) == 122


@pytest.mark.rule("M25", "D31")
def test_an_identity_that_only_somebody_who_became_a_lead_has_can_be_deleted(lead, by):
    mine = services.add(name="试用", description="", codes={BASIC}, by=by)
    clerk = cast.membership("HC", "孙雅静")
    clerk.identities.add(mine)
    assert refusal(services.delete, mine, version=1, by=by) == "in_use"
    Post.objects.filter(taxpayer=clerk.taxpayer, position=Position.FINANCE).update(until=timezone.localdate())
    Post.objects.create(
        taxpayer=clerk.taxpayer,
        person=clerk.person,
        position=Position.FINANCE,
        since="2026-01-05",
        linked_at=timezone.now(),
    )
    services.delete(mine, version=1, by=actor("HC", "钱思远"))
    assert not Identity.objects.filter(pk=mine.pk).exists()


@pytest.mark.rule("D23")
def test_an_identity_lent_to_an_agency_is_not_deleted(lead, by):
    both = words(lead.get(reverse("staff:delete_identity", args=[of_firm("全量办税").uid])))
    assert "该身份正在使用，不能删除" in both
    assert "辽宁信达税务师事务所有限公司" in both
    for member in of_firm("全量办税").memberships.all():
        member.identities.clear()
    identity = of_firm("全量办税")
    assert identity.engagements.exists()
    assert refusal(services.delete, identity, version=1, by=by) == "lent"
    answer = lead.post(reverse("staff:delete_identity", args=[identity.uid]), {"version": 1})
    assert answer.status_code == 400
    assert "该身份正由代理机构使用" in words(answer)
    page = lead.get(reverse("staff:delete_identity", args=[identity.uid]))
    assert "辽宁信达税务师事务所有限公司" in words(page)
    assert "确认删除" not in words(page)
    assert services.held_by(identity) == functions.ALL


# What left the tree since.


@pytest.mark.rule("D7")
def test_an_identity_with_a_function_that_left_the_tree_can_still_be_changed(lead):
    identity = of_firm("查询员")
    identity.grant(["gone.from.the.tree"])
    assert confirm(lead, review(lead, identity, functions=[BASIC]), identity).url == LIST


@pytest.mark.rule("D7")
def test_an_identity_with_a_function_that_left_the_tree_can_still_be_deleted(by):
    identity = of_firm("空身份")
    cast.membership("HC", "马文涛").identities.clear()
    identity.grant(["gone.from.the.tree"])
    services.delete(identity, version=1, by=by)


@pytest.mark.rule("D7", "M31")
def test_an_identity_with_a_function_that_left_the_tree_can_still_be_given(by):
    identity = of_firm("空身份")
    identity.grant(["gone.from.the.tree"])
    found = adding.find(name="宋雨桐", id_type="resident", id_number=cast.ID_NUMBERS["宋雨桐"], by=by)
    adding.add(found, password="Yutong-2026-neu", identities=[identity], is_manager=False, by=by)


# Other firms'.


@pytest.mark.rule("AUZ-02", "AUZ-03", "D28")
def test_another_firms_identity_is_404_by_every_address_and_stays_as_it_is(lead):
    foreign = of_firm("查询员", "MH")
    before = (services.held_by(foreign), foreign.name, foreign.version)
    data = {"version": 1, "name": "甲", "functions": [BASIC], "taxpayer": str(cast.taxpayer("MH").uid)}
    for url_name in ("review_identity", "save_identity", "delete_identity"):
        assert lead.post(reverse(f"staff:{url_name}", args=[foreign.uid]), data).status_code == 404
    foreign.refresh_from_db()
    assert (services.held_by(foreign), foreign.name, foreign.version) == before
    assert [entry.details for entry in entries(Kind.NOT_FOUND)] == [{"what": "identity"}] * 3


@pytest.mark.rule("AUZ-02")
def test_the_services_themselves_touch_no_identity_of_another_firm(by):
    foreign = of_firm("查询员", "MH")
    change = {"version": 1, "name": "甲", "description": "", "codes": []}
    assert refusal(services.change, foreign, **change, by=by) == "stale"
    assert refusal(services.delete, foreign, version=1, by=by) == "stale"
    assert services.held_by(foreign) == functions.branch_codes("query")


@pytest.mark.rule("AUZ-04")
def test_hidden_extra_fields_are_ignored(lead):
    data = {"name": "甲", "functions": [BASIC], "taxpayer": str(cast.taxpayer("MH").pk), "uid": "x", "id": "1"}
    assert lead.post(NEW_SAVE, {**data, "memberships": "1", "version": "77"}).url == LIST
    identity = of_firm("甲")
    assert identity.version == 1
    assert not identity.memberships.exists()
    assert cast.taxpayer("MH").identities.count() == 1


@pytest.mark.rule("SES-08")
def test_a_get_neither_reviews_nor_saves(lead):
    identity = of_firm("空身份")
    for there in (NEW_REVIEW, NEW_SAVE):
        assert lead.get(there).status_code == 405
    for url_name in ("review_identity", "save_identity"):
        assert lead.get(reverse(f"staff:{url_name}", args=[identity.uid])).status_code == 405


@pytest.mark.rule("STF-03", "M25")
def test_the_same_new_identity_sent_twice_is_made_once(lead):
    data = {"name": "开票员", "functions": [BASIC]}
    assert lead.post(NEW_SAVE, data).url == LIST
    assert lead.post(NEW_SAVE, data).url == LIST  # the same answer (F12)
    assert lead.post(NEW_SAVE, {**data, "functions": [VAT]}).status_code == 400
    assert len(entries(Kind.IDENTITY_ADDED, result="done")) == 1


@pytest.mark.rule("F12", "STF-03")
def test_the_same_change_sent_twice_is_made_once_and_another_is_stale(lead):
    identity = of_firm("查询员")
    save = reverse("staff:save_identity", args=[identity.uid])
    data = {"version": 1, "name": "查询员", "description": "只看", "functions": [BASIC]}
    for _again in range(2):
        assert lead.post(save, data).url == LIST
    answer = lead.post(save, {**data, "functions": [VAT]})
    assert answer.status_code == 409
    assert f'href="{page_of(identity)}">刷新' in answer.content.decode()
    assert services.held_by(identity) == {BASIC}
    assert len(entries(Kind.IDENTITY_CHANGED, result="done")) == 1


@pytest.mark.rule("VAL-05")
def test_name_and_description_come_out_escaped(lead):
    data = {"name": "<script>1</script>", "description": '"><img src=x>', "functions": [BASIC]}
    assert lead.post(NEW_SAVE, data).url == LIST
    identity = of_firm("<script>1</script>")
    cast.membership("HC", "马文涛").identities.set([identity])
    pages = [lead.get(page_of(identity)), review(lead, identity, functions=[]), lead.get("/staff/")]
    for page in pages:
        assert "<script>1" not in page.content.decode()
        assert "<img src=x" not in page.content.decode()


# What the pages and the record say around a change.


@pytest.mark.rule("D28", "M25")
def test_a_change_says_before_and_after_and_stands_in_the_record_of_each_whom_it_affects(lead, by):
    identity = of_firm("查询员")
    codes = (services.held_by(identity) - {OPERATIONS}) | {VAT}
    services.change(identity, version=1, name="查账员", description="只看", codes=codes, by=by)
    (entry,) = entries(Kind.IDENTITY_CHANGED)
    assert entry.details_in_words[:2] == ["名称：查询员 → 查账员", "描述：我要查询 → 只看"]
    told = {each.target.name: each.details for each in entries(Kind.MEMBER_CHANGED)}
    assert set(told) == {"何晨曦", "黄志强"}
    assert told["何晨曦"] == {"name": "查账员", "gained": [VAT], "lost": [OPERATIONS]}
    record = words(lead.get(reverse("staff:member", args=[cast.membership("HC", "何晨曦").uid])))
    assert f"增加的功能：{functions.get(VAT).name}" in record
    assert f"失去的功能：{functions.get(OPERATIONS).name}" in record


@pytest.mark.rule("D28", "D8")
def test_a_refused_change_is_one_entry_with_its_reason(narrow):
    by = actor("HC", "郑海涛")
    assert refusal(services.change, narrow, version=1, name="宽", description="", codes={VAT}, by=by)
    (entry,) = entries(Kind.IDENTITY_CHANGED)
    assert (entry.result, entry.reason, entry.person.name) == ("refused", "function_not_held", "郑海涛")


@pytest.mark.rule("M26")
@pytest.mark.parametrize("existing", [False, True])
def test_going_back_from_the_review_loses_nothing_that_was_typed_or_ticked(lead, existing):
    identity = of_firm("空身份")
    there = [identity.uid] if existing else []
    url = reverse("staff:reopen_identity" if existing else "staff:reopen_new_identity", args=there)
    data = {"name": "新的<i>", "description": "说明", "functions": [BASIC, VAT], "version": "1"}
    answer = lead.post(url, data)
    html = answer.content.decode()
    assert set(_TICKED.findall(html)) == {BASIC, VAT}
    assert ('value="新的&lt;i&gt;"' in html, 'value="说明"' in html) == (True, True)
    assert identity.grants.count() == 0


@pytest.mark.rule("D8", "M25")
def test_a_manager_is_not_offered_to_delete_what_he_does_not_hold(visitor):
    narrow = cast.taxpayer("HC").identities.create(name="窄")
    narrow.grant([OPERATIONS])
    cast.membership("HC", "郑海涛").identities.set([narrow])
    foreign = cast.taxpayer("HC").identities.create(name="开票")
    foreign.grant([VAT])
    visitor.sign_in_by_sms("HC", "郑海涛")
    there = reverse("staff:delete_identity", args=[foreign.uid])
    for answer in (visitor.get(there), visitor.post(there, {"version": 1})):
        assert "请法定代表人（业主）或财务负责人删除" in words(answer)
        assert "确认删除</button>" not in answer.content.decode()
    assert foreign.grants.exists()


@pytest.mark.rule("F12", "STF-03")
def test_who_sends_the_deletion_twice_is_told_the_same_twice_and_of_another_identity_nothing(lead, by):
    identity = services.add(name="乙", description="", codes=[], by=by)
    there = reverse("staff:delete_identity", args=[identity.uid])
    for _again in range(2):
        answer = lead.post(there, {"version": identity.version})
        assert answer.url == LIST
        assert "权限身份已删除。" in words(lead.get(LIST))
    assert len(entries(Kind.IDENTITY_DELETED)) == 1
    assert lead.get(there).status_code == 404
    assert lead.post(reverse("staff:delete_identity", args=[uuid4()]), {"version": 1}).status_code == 404


@pytest.mark.rule("F12", "D28")
def test_an_identity_saved_twice_by_equal_clicks_is_one_entry(by):
    add = {"name": "开票员", "description": "", "codes": [VAT]}
    made = services.add(**add, by=by)
    assert refusal(services.add, **add, by=by) == "name_taken"
    change = {"version": 1, "name": "开票员", "description": "甲", "codes": [VAT]}
    services.change(made, **change, by=by)
    assert refusal(services.change, made, **change, by=by) == "stale"
    services.delete(made, version=2, by=by)
    assert refusal(services.delete, made, version=2, by=by) == "stale"
    for kind in (Kind.IDENTITY_ADDED, Kind.IDENTITY_CHANGED, Kind.IDENTITY_DELETED):
        assert [entry.result for entry in entries(kind)] == ["done"]
    services.add(name="乙", description="", codes=[VAT], by=by)
    assert refusal(services.add, name="乙", description="", codes=[], by=by) == "name_taken"
    assert [entry.result for entry in entries(Kind.IDENTITY_ADDED)] == ["done", "done", "refused"]


@pytest.mark.rule("M25", "D30")
def test_each_branch_and_group_says_how_much_of_it_is_ticked_and_names_its_own_box(lead):
    identity = of_firm("查询员")
    identity.grants.filter(function="query.record.logistics").delete()
    html = lead.get(reverse("staff:identity", args=[identity.uid])).content.decode()
    names = re.findall(r"data-whole>\s*([^<]+?)\s*</label>", html)
    assert len(names) == len(set(names)) == len(functions.TREE) + sum(len(each.groups) for each in functions.TREE)
    assert "全选“我要查询”" in names
    assert "全选“办税进度及记录查询”" in names
    assert re.search(r"<h3>\s*办税进度及记录查询\s*<output>2/3</output>", html)
    assert re.search(r"<h3>\s*发票信息查询\s*<output>3/3</output>", html)
