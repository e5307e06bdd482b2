"""功能树: the catalogue, what each person holds, and its addresses (D7, M96, M97)."""

import re

import pytest
from django.urls import reverse

from accounts import passwords
from accounts.models import AuditEntry
from accounts.models.record import Kind
from staff import functions, standing
from staff.models import Grant
from tests import cast
from tests.visitor import words

OPERATIONS = "query.record.operations"


def held(key: str, name: str) -> frozenset[str]:
    return standing.of_person(cast.person(name), cast.taxpayer(key)).held_functions()


def tiles_of(visitor) -> set[str]:
    """The functions that have a tile on the home page."""
    return set(re.findall(r'class="tile"\s+href="/functions/([^/"]+)/"', visitor.get("/").content.decode()))


@pytest.mark.rule("M25", "M97")
def test_the_tree_has_five_branches_and_about_120_leaves_each_with_name_and_system():
    assert [str(branch.name) for branch in functions.TREE] == [
        "我的信息",
        "我要办税",
        "我要查询",
        "互动中心",
        "公众服务",
    ]
    assert 110 <= len(functions.FUNCTIONS) <= 130
    assert str(functions.get(OPERATIONS).name) == "历史办税操作查询"
    for leaf in functions.FUNCTIONS.values():
        assert str(leaf.name)
        assert bool(leaf.url_name) == (leaf.system == functions.System.PORTAL)
        if leaf.url_name:
            assert reverse(leaf.url_name)


@pytest.mark.rule("M25")
def test_an_unknown_function_is_a_lookup_error():
    with pytest.raises(LookupError):
        functions.get("tax.unknown")
    assert functions.unknown(["tax.unknown", OPERATIONS]) == {"tax.unknown"}


@pytest.mark.rule("D7", "D31")
def test_legal_representative_and_finance_officer_hold_everything(world):
    for name in ("钱思远", "林若兰"):
        assert held("HC", name) == functions.ALL


@pytest.mark.rule("D7")
def test_a_clerk_holds_the_union_of_his_identities_and_a_grant_that_left_the_tree_is_worth_nothing(world):
    assert held("HC", "孙雅静") == functions.ALL
    assert held("HC", "何晨曦") == functions.branch_codes("query")
    assert held("HC", "马文涛") == frozenset()
    membership = cast.membership("HC", "马文涛")
    one, other = cast.taxpayer("HC").identities.create(name="甲"), cast.taxpayer("HC").identities.create(name="乙")
    one.grant([OPERATIONS])
    other.grant(["info.taxpayer.basic", "gone.from.the.tree"])
    membership.identities.add(one, other)
    assert held("HC", "马文涛") == {OPERATIONS, "info.taxpayer.basic"}


@pytest.mark.rule("M96", "D7")
def test_an_empty_menu_says_who_must_tick_what(visitor):
    membership = cast.membership("HC", "马文涛")
    membership.credential = passwords.store(None, passwords.hash_new("Wentao-2026-neu"))
    membership.save()
    visitor.go_to_verify("HC", "马文涛")
    visitor.post(reverse("staff:verify_by_password"), {"password": "Wentao-2026-neu"})
    page = words(visitor.get("/"))
    assert "您还没有可以使用的功能" in page
    assert "法定代表人（业主）或财务负责人" in page
    assert "【身份维护】" in page


@pytest.mark.rule("D7", "AUZ-05")
def test_the_menu_shows_only_what_is_held(visitor):
    visitor.go_to_verify("HC", "何晨曦")
    visitor.post(reverse("staff:verify_by_password"), {"password": cast.NATURAL_PASSWORDS["何晨曦"]})
    page = words(visitor.get("/"))
    assert "历史办税操作查询" in page
    assert "我要办税" not in page


@pytest.mark.rule("M25", "D7", "D30")
def test_tiles_that_are_drawn_once_are_never_anothers_nor_in_his_language_nor_yesterdays(visitor, other_visitor):
    lead, clerk = visitor, other_visitor
    lead.sign_in_by_password("HC", "林若兰")
    clerk.sign_in_by_password("HC", "郑海涛")
    grants = Grant.objects.filter(identity__memberships=cast.membership("HC", "郑海涛"))
    grants.filter(function__startswith="info").delete()
    own, all_of_them = set(grants.values_list("function", flat=True)), set(functions.ALL)
    assert own < all_of_them
    for _twice in range(2):
        assert tiles_of(lead) == all_of_them
        assert tiles_of(clerk) == own
    lead.cookies["language"] = "en"
    heading = str(functions.TREE[1].name)
    assert [f">{heading}</h2>" in each.get("/").content.decode() for each in (lead, clerk)] == [False, True]
    gone = grants.first()
    gone.delete()
    assert tiles_of(clerk) == own - {gone.function}


@pytest.mark.rule("D7", "AUZ-05", "D28")
def test_a_function_not_held_answers_403_in_words_and_is_recorded(visitor):
    visitor.go_to_verify("HC", "何晨曦")
    visitor.post(reverse("staff:verify_by_password"), {"password": cast.NATURAL_PASSWORDS["何晨曦"]})
    answer = visitor.get(reverse("staff:function", args=["info.taxpayer.basic"]))
    assert answer.status_code == 403
    assert "您没有“纳税人基本信息”功能" in words(answer)
    entry = AuditEntry.objects.get(kind=Kind.FUNCTION_REFUSED)
    assert entry.person == cast.person("何晨曦")
    assert entry.details == {"function": "info.taxpayer.basic"}


@pytest.mark.rule("D7")
def test_a_function_of_a_neighbouring_system_leads_there_when_its_address_is_set(visitor, settings):
    visitor.sign_in_by_password("HC", "孙雅静")
    address = reverse("staff:function", args=["info.taxpayer.basic"])
    assert "还没有配置登记系统的地址" in words(visitor.get(address))
    settings.DOWNSTREAM_URLS = {"REGISTRATION": "https://register.example/"}
    there = "https://register.example/?function=info.taxpayer.basic"
    assert f'href="{there}"' in visitor.get(address).content.decode()


def test_the_portals_own_function_leads_to_its_page(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    assert visitor.get(reverse("staff:function", args=[OPERATIONS])).url == reverse("staff:operations")
    assert visitor.get(reverse("staff:function", args=["nothing.of.the.kind"])).status_code == 404
