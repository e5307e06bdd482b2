"""企业人员维护: the list, one member's page, and the full number on demand (M23, D8, D9, D27, D33)."""

import re
import uuid
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Kind
from accounts.models import AuditEntry
from realname.models import MisuseCase, Position, Post, RealNameRecord
from staff import standing
from staff.members import PAGE_SIZE
from staff.models import Membership
from staff.services import members as services
from tests import cast
from tests.staff.acting import actor, address, do, entries, newcomer, version_on, without_tokens
from tests.visitor import words

LIST = "/staff/"
ACTS = ("冻结", "解冻", "绑定", "解绑", "重置密码", "权限", "删除")
_ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)


def rows(answer) -> list[str]:
    """The table's rows in words, without its head."""
    found = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)) for row in _ROW.findall(answer.content.decode())]
    return [row.strip() for row in found[1:]]


def row_of(answer, masked_name: str) -> str:
    (row,) = [row for row in rows(answer) if row.startswith(masked_name)]
    return row


def names(answer) -> list[str]:
    return [row.split()[0] for row in rows(answer)]


def link(answer, label: str) -> str:
    """Where 上一页 or 下一页 leads; empty where there is no such link."""
    found = re.search(rf'href="(\?[^"]*)"[^>]*>[^?]*?{label}', answer.content.decode())
    return LIST + found[1].replace("&amp;", "&") if found else ""


def cost(visitor, query: dict[str, str], there: str = LIST) -> int:
    """How many queries the page takes, but for noting every ten seconds that the visitor is at work."""
    with CaptureQueriesContext(connection) as queries:
        assert visitor.get(there, query).status_code == 200
    return sum('seen_at" = ' not in query["sql"] for query in queries.captured_queries)


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.fixture
def manager(visitor):
    """郑海涛, a clerk with 管理权限, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "郑海涛")
    return visitor


@pytest.mark.rule("M23")
def test_the_list_is_reached_from_the_drop_down_under_the_firms_name(lead):
    home = lead.get("/").content.decode()
    dropdown = home[home.index("dropdown account") :]
    assert re.search(rf'<a href="{LIST}">企业人员维护</a>', dropdown)
    assert lead.get(LIST).status_code == 200


@pytest.mark.rule("D9", "D31", "D27")
def test_the_leads_come_first_without_acts_then_the_clerks_newest_first_all_masked(lead):
    page = lead.get(LIST)
    assert names(page) == ["钱*远", "林*兰", "沈*燕", "董*慧", "马*涛", "何*曦", "黄*强", "郑*涛", "孙*静"]
    for name, position in (("钱*远", "法定代表人（业主）"), ("林*兰", "财务负责人")):
        row = row_of(page, name)
        assert f"{name} {position}" in row
        assert "全部功能" in row
        assert row.endswith("通过变更税务登记维护")
    shown = page.content.decode()
    for each in ("孙雅静", "林若兰", "19900000003", "210202199207190029"):
        assert each not in shown
    assert "199****0003" in row_of(page, "孙*静")


@pytest.mark.rule("M56", "M61", "M64", "M68", "M70", "M75", "D9")
def test_each_clerk_has_the_acts_that_his_state_allows(lead):
    page = lead.get(LIST)
    assert row_of(page, "孙*静").endswith("冻结 绑定 重置密码 权限 删除")
    assert row_of(page, "黄*强").endswith("解冻 绑定 重置密码 权限 删除")
    assert row_of(page, "何*曦").endswith("冻结 解绑 重置密码 权限 删除")
    member = cast.membership("HC", "孙雅静")
    html = page.content.decode()
    for act in ("freeze", "bind", "reset_password", "change_rights", "remove", "member"):
        assert f'href="{address(act, member)}"' in html


@pytest.mark.rule("M61", "M93", "M98", "M102")
def test_states_are_said_in_words(lead):
    page = lead.get(LIST)
    assert "已冻结" in row_of(page, "黄*强")
    assert "已绑定" in row_of(page, "何*曦")
    assert "与税务登记不符" in row_of(page, "董*慧")
    assert "正常" in row_of(page, "孙*静")
    assert "管理权限" in row_of(page, "郑*涛")
    assert "与实名手机号不同" in row_of(page, "沈*燕")
    Membership.objects.filter(pk=cast.membership("HC", "孙雅静").pk).update(
        valid_until=timezone.now(), added_at=timezone.now() - timedelta(days=1)
    )
    row = row_of(lead.get(LIST), "孙*静")
    assert "已到期" in row
    assert "正常" not in row


@pytest.mark.rule("D8", "M59", "M62")
def test_a_manager_sees_the_list_but_no_act(manager):
    page = manager.get(LIST)
    assert len(rows(page)) == 9
    assert row_of(page, "孙*静").endswith("由法定代表人（业主）或财务负责人操作")
    html = page.content.decode()
    for url_name in ("synchronise", "authorisations", "change_enterprise_password"):
        assert reverse(f"staff:{url_name}") not in html
    assert reverse("staff:search_candidate") in html
    member = cast.membership("HC", "孙雅静")
    own_page = manager.get(address("member", member)).content.decode()
    for act in ("freeze", "remove", "bind", "reset_password", "change_rights", "end_sign_ins", "show_phone"):
        assert address(act, member) not in html + own_page


@pytest.mark.rule("D28")
def test_the_last_sign_in_at_this_firm_is_shown(lead):
    assert row_of(lead.get(LIST), "钱*远").split()[-2:-1] != ["—"]
    assert " — " in row_of(lead.get(LIST), "孙*静")
    started = timezone.now() - timedelta(days=3)
    actor("HC", "孙雅静", started_at=started)
    assert f"{timezone.localtime(started):%Y-%m-%d %H:%M}" in row_of(lead.get(LIST), "孙*静")


@pytest.mark.rule("D33")
def test_search_finds_by_the_beginning_of_a_name(lead):
    assert names(lead.get(LIST, {"name": "孙雅"})) == ["孙*静"]
    assert names(lead.get(LIST, {"name": "雅静"})) == []
    assert "没有符合条件的人员" in words(lead.get(LIST, {"name": "没有此人"}))
    assert names(lead.get(LIST, {"name": "钱思远"})) == ["钱*远"]
    assert names(lead.get(LIST, {"name": "%"})) == []
    assert names(lead.get(LIST, {"name": "_"})) == []


@pytest.mark.rule("D33", "M61", "M68", "M102")
def test_filter_by_each_state(lead):
    expired = cast.membership("HC", "马文涛")
    Membership.objects.filter(pk=expired.pk).update(valid_until=timezone.now())
    assert names(lead.get(LIST, {"state": "frozen"})) == ["黄*强"]
    assert names(lead.get(LIST, {"state": "bound"})) == ["何*曦"]
    assert names(lead.get(LIST, {"state": "unregistered"})) == ["董*慧"]
    assert names(lead.get(LIST, {"state": "expired"})) == ["马*涛"]
    assert names(lead.get(LIST, {"state": "normal"})) == ["沈*燕", "何*曦", "郑*涛", "孙*静"]
    assert names(lead.get(LIST, {"state": "normal", "name": "孙"})) == ["孙*静"]


@pytest.mark.rule("M61", "M102")
def test_a_freeze_that_lifted_itself_is_normal_and_a_marked_member_is_not(lead):
    past = timezone.now() - timedelta(hours=1)
    frozen = Membership.objects.filter(pk=cast.membership("HC", "黄志强").pk)
    frozen.update(frozen_at=past - timedelta(days=2), frozen_until=past)
    Membership.objects.filter(pk=cast.membership("HC", "孙雅静").pk).update(unregistered_at=past)
    assert names(lead.get(LIST, {"state": "frozen"})) == []
    assert "黄*强" in names(lead.get(LIST, {"state": "normal"}))
    assert "孙*静" not in names(lead.get(LIST, {"state": "normal"}))
    assert names(lead.get(LIST, {"state": "unregistered"})) == ["董*慧", "孙*静"]
    assert "正常" not in row_of(lead.get(LIST), "孙*静")


@pytest.mark.rule("VAL-03", "VAL-04")
@pytest.mark.parametrize("query", [{"state": "gone"}, {"name": "孙\u202e"}, {"name": ["孙", "林"]}])
def test_a_search_that_makes_no_sense_is_400_in_words(lead, query):
    answer = lead.get(LIST, query)
    assert answer.status_code == 400
    assert "错误：请更正后再提交" in words(answer)


@pytest.mark.rule("D33", "VAL-04")
@pytest.mark.parametrize("key", ["x", "-1", "1e3", "٣", "9" * 19, ""])
def test_a_page_key_that_is_none_is_not_found(lead, key):
    assert lead.get(LIST, {"before": key}).status_code == 404
    assert lead.get(LIST, {"after": key}).status_code == 404


@pytest.mark.rule("D33")
def test_pages_of_twenty_go_forth_and_back_by_key_and_show_everybody_once(lead):
    firm = cast.taxpayer("HC")
    for number in range(2 * PAGE_SIZE):
        newcomer(firm, number, name=f"{chr(0x4E00 + number)}某{number:02}")
    first = lead.get(LIST)
    assert link(first, "上一页") == ""
    second = lead.get(link(first, "下一页"))
    third = lead.get(link(second, "下一页"))
    assert link(third, "下一页") == ""
    clerks = [names(first)[2:], names(second), names(third)]
    assert [len(page) for page in clerks] == [PAGE_SIZE, PAGE_SIZE, 7]
    assert len({name for page in clerks for name in page}) == 2 * PAGE_SIZE + 7
    back = lead.get(link(third, "上一页"))
    assert names(back) == names(second)
    assert names(lead.get(link(back, "上一页")))[-PAGE_SIZE:] == clerks[0]


@pytest.mark.rule("D9")
def test_back_on_the_first_page_the_leads_stand_there_again(lead):
    for number in range(PAGE_SIZE):
        newcomer(cast.taxpayer("HC"), number)
    first = lead.get(LIST)
    second = lead.get(link(first, "下一页"))
    assert names(lead.get(link(second, "上一页"))) == names(first)


@pytest.mark.rule("D33")
def test_search_words_stay_from_page_to_page(lead):
    for number in range(PAGE_SIZE + 3):
        newcomer(cast.taxpayer("HC"), number, name=f"王某{number:02}")
    second = lead.get(link(lead.get(LIST, {"name": "王某", "state": "normal"}), "下一页"))
    assert names(second) == ["王**2", "王**1", "王**0"]


@pytest.mark.rule("AUZ-02", "D28")
def test_another_firms_people_are_not_on_the_list(lead):
    person = newcomer(cast.taxpayer("MH"), 1, name="外人某某")
    assert "外**某" not in names(lead.get(LIST))
    assert names(lead.get(LIST, {"name": "外人"})) == []
    assert cast.taxpayer("MH").memberships.filter(person=person).exists()


@pytest.mark.rule("VAL-05")
def test_names_come_out_escaped(lead):
    newcomer(cast.taxpayer("HC"), 1, name="<b>x</b>")
    cast.taxpayer("HC").identities.create(name="<img src=x>").memberships.add(cast.membership("HC", "孙雅静"))
    html = lead.get(LIST).content.decode()
    assert "<b" not in html.replace("<button", "").replace("<body", "").replace("<br", "")
    assert "<img src=x>" not in html


@pytest.mark.rule("D28", "D27")
def test_a_members_page_shows_his_state_his_rights_and_the_record_by_and_about_him(lead, other_visitor):
    other_visitor.sign_in_by_password("HC", "孙雅静")
    member = cast.membership("HC", "孙雅静")
    do(lead, "freeze", member, reason="休产假")
    page = words(lead.get(address("member", member)))
    facts, record = page.split("操作记录")
    assert "2102**********0029" in facts
    assert "199****0003" in facts
    assert "全量办税" in facts
    assert "已冻结" in facts
    assert re.search(r"冻结办税人员原因：休产假 钱\*远 孙\*静 成功", record)
    assert "登录 孙*静" in record
    assert "孙雅静" not in page
    assert "林*兰" not in record


@pytest.mark.rule("D28", "AUZ-02")
def test_what_he_does_for_another_firm_is_not_in_the_record_of_this_one(lead, other_visitor):
    AuditEntry.objects.create(kind=Kind.FUNCTION_OPENED, person=cast.person("孙雅静"), taxpayer=cast.taxpayer("YF"))
    assert "打开功能" not in words(lead.get(address("member", cast.membership("HC", "孙雅静"))))


@pytest.mark.rule("D28")
def test_a_members_page_of_a_long_record_costs_the_same_queries(lead, django_assert_num_queries):
    member = cast.membership("HC", "孙雅静")
    AuditEntry.objects.create(kind=Kind.FUNCTION_OPENED, person=member.person, taxpayer=member.taxpayer)
    queries = cost(lead, {}, address("member", member))
    assert queries <= 9
    for _ in range(100):
        AuditEntry.objects.create(kind=Kind.FUNCTION_OPENED, person=member.person, taxpayer=member.taxpayer)
    with django_assert_num_queries(queries):
        lead.get(address("member", member))


@pytest.mark.rule("STF-06", "D28")
def test_a_removed_members_page_stays_with_its_record_and_without_acts(lead):
    member = cast.membership("HC", "孙雅静")
    do(lead, "remove", member)
    page = lead.get(address("member", member))
    assert "已删除" in words(page)
    assert "删除办税人员" in words(page)
    for act in ("freeze", "bind", "reset_password", "change_rights", "remove", "end_sign_ins"):
        assert address(act, member) not in page.content.decode()
    assert "孙*静" not in names(lead.get(LIST))


@pytest.mark.rule("D9")
def test_who_is_legal_representative_and_finance_officer_stands_in_the_list_once(lead):
    firm = cast.taxpayer("HC")
    Post.objects.filter(taxpayer=firm, position=Position.FINANCE).update(person=cast.person("钱思远"))
    assert names(lead.get(LIST)).count("钱*远") == 1


@pytest.mark.rule("D27", "AUZ-08", "D28")
@pytest.mark.parametrize(
    ("which", "number"), [("id_number", cast.ID_NUMBERS["孙雅静"]), ("phone", cast.PHONES["孙雅静"])]
)
def test_the_full_number_is_shown_on_demand_and_recorded_without_the_number(lead, which, number):
    member = cast.membership("HC", "孙雅静")
    answer = lead.post(address(f"show_{which}", member))
    assert number in words(answer)
    assert "孙雅静" not in words(answer)
    (entry,) = entries(Kind.NUMBER_SHOWN)
    assert (entry.person, entry.target, entry.taxpayer) == (cast.person("钱思远"), member.person, member.taxpayer)
    assert entry.details == {"which": which}


def report_misuse(member: Membership) -> None:
    MisuseCase.objects.create(taxpayer=member.taxpayer, person=member.person, statement="x")


def end_post(member: Membership) -> None:
    Post.objects.filter(person=member.person, taxpayer=member.taxpayer).update(until=timezone.localdate())


def unlink(member: Membership) -> None:
    Post.objects.filter(person=member.person, taxpayer=member.taxpayer).update(linked_at=None)


@pytest.mark.rule("D27", "D35", "M93", "M102")
@pytest.mark.parametrize(
    ("happens", "hidden"),
    [(report_misuse, ["id_number", "phone"]), (end_post, ["id_number", "phone"]), (unlink, ["phone"])],
)
def test_the_firm_sees_no_number_that_is_none_of_its_business(lead, happens, hidden):
    member = cast.membership("HC", "孙雅静")
    happens(member)
    page = lead.get(address("member", member))
    assert "199****0003" not in words(page)
    assert "199****0003" not in words(lead.get(LIST))
    numbers = {"id_number": cast.ID_NUMBERS["孙雅静"], "phone": cast.PHONES["孙雅静"]}
    for which, number in numbers.items():
        there = address(f"show_{which}", member)
        assert (there in page.content.decode()) == (which not in hidden)
        answer = lead.post(there, follow=True)
        assert (number in words(answer)) == (which not in hidden)
        assert bool(entries(Kind.NUMBER_SHOWN)[-1].reason) == (which in hidden)


@pytest.mark.rule("D27", "AUZ-08", "SES-08")
@pytest.mark.parametrize("which", ["show_id_number", "show_phone"])
def test_the_full_number_is_never_shown_to_a_get(lead, which):
    assert lead.get(address(which, cast.membership("HC", "孙雅静"))).status_code == 405
    assert entries(Kind.NUMBER_SHOWN) == []


@pytest.mark.rule("AUZ-08", "D8")
def test_a_manager_never_sees_a_full_number_and_his_try_is_recorded(manager):
    for which in ("show_id_number", "show_phone"):
        there = address(which, cast.membership("HC", "孙雅静"))
        answer = manager.post(there)
        assert answer.status_code == 403
        assert cast.ID_NUMBERS["孙雅静"] not in words(answer)
        assert cast.PHONES["孙雅静"] not in words(answer)
        entry = entries(Kind.ACT_REFUSED)[-1]
        assert (entry.person, entry.reason, entry.details) == (cast.person("郑海涛"), "not_lead", {"page": there})
    assert entries(Kind.NUMBER_SHOWN) == []


@pytest.mark.rule("AUZ-08")
@pytest.mark.parametrize("name", ["郑海涛", "孙雅静"])
def test_the_service_shows_no_number_to_manager_or_clerk(world, name):
    with pytest.raises(PermissionDenied):
        services.show_number(cast.membership("HC", "何晨曦"), "phone", by=actor("HC", name))
    assert entries(Kind.ACT_REFUSED)[-1].reason == "not_lead"
    assert entries(Kind.NUMBER_SHOWN) == []


@pytest.mark.rule("AUZ-08")
def test_the_service_shows_nothing_but_the_two_numbers(world):
    with pytest.raises(LookupError):
        services.show_number(cast.membership("HC", "何晨曦"), "credential", by=actor("HC", "钱思远"))


@pytest.mark.rule("D8", "AUZ-05", "D28")
@pytest.mark.parametrize("url", [LIST, "/staff/identities/", "/staff/add/", "/staff/synchronise/"])
def test_a_clerk_without_management_is_refused_in_words_and_recorded(visitor, url):
    visitor.sign_in_by_sms("HC", "孙雅静")
    answer = visitor.get(url)
    assert answer.status_code == 403
    assert "请联系法定代表人（业主）或财务负责人" in words(answer) or "只有法定代表人（业主）" in words(answer)
    (entry,) = entries(Kind.ACT_REFUSED)
    assert (entry.person, entry.taxpayer) == (cast.person("孙雅静"), cast.taxpayer("HC"))
    assert entry.result == "refused"
    assert entry.details == {"page": url}
    assert "企业人员维护" not in visitor.get("/").content.decode()


@pytest.mark.rule("AUZ-02", "D28")
@pytest.mark.parametrize("url_name", ["member", "freeze", "change_rights", "identity", "delete_identity"])
def test_a_foreign_and_an_unknown_page_are_the_same_404_and_recorded(lead, url_name):
    kind = Membership.objects if url_name in ("member", "freeze", "change_rights") else cast.taxpayer("MH").identities
    foreign = kind.filter(taxpayer=cast.taxpayer("MH")).first().uid
    answers = [lead.get(reverse(f"staff:{url_name}", args=[uid])) for uid in (foreign, uuid.uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert without_tokens(answers[0]) == without_tokens(answers[1])
    found = entries(Kind.NOT_FOUND)
    assert [entry.reason for entry in found] == ["not_yours"] * 2
    assert {entry.person for entry in found} == {cast.person("钱思远")}


@pytest.mark.rule("AUZ-02")
def test_a_foreign_number_is_404_and_no_number_is_shown(lead):
    foreign = Membership.objects.get(person=cast.person("徐明湖"))
    for which in ("show_id_number", "show_phone"):
        answer = lead.post(address(which, foreign))
        assert answer.status_code == 404
        assert cast.PHONES["徐明湖"] not in words(answer)
    assert len(entries(Kind.NOT_FOUND)) == 2
    assert entries(Kind.NUMBER_SHOWN) == []


@pytest.mark.rule("D15", "STF-07")
def test_a_weak_session_proves_itself_before_it_sees_the_list(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    assert visitor.get(LIST).url == f"{reverse('staff:step_up')}?next=%2Fstaff%2F"
    visitor.post(reverse("staff:send_step_up_code"))
    code = visitor.code_on(cast.PHONES["钱思远"])
    assert visitor.post(reverse("staff:step_up"), {"code": code, "next": LIST}).url == LIST
    assert visitor.get(LIST).status_code == 200


def prove_by_code(visitor, asked):
    """Follow the way to the code that a weak session was sent, and give it."""
    visitor.post(reverse("staff:send_step_up_code"))
    wanted = parse_qs(urlsplit(asked.url).query)["next"][0]
    data = {"code": visitor.code_on(cast.PHONES["钱思远"]), "next": wanted}
    return visitor.post(reverse("staff:step_up"), data)


@pytest.mark.rule("D15", "STF-07")
def test_the_button_that_asked_for_the_code_is_offered_again_after_it(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    member = cast.membership("HC", "孙雅静")
    page = {"referer": f"http://testserver{address('member', member)}"}
    proven = prove_by_code(visitor, visitor.post(address("show_phone", member), headers=page))
    assert f'action="{address("show_phone", member)}"' in proven.content.decode()
    assert f'href="{address("member", member)}"' in proven.content.decode()
    assert entries(Kind.NUMBER_SHOWN) == []
    assert cast.PHONES["孙雅静"] in words(visitor.post(address("show_phone", member)))


@pytest.mark.rule("D15", "STF-07")
@pytest.mark.parametrize("elsewhere", ["https://evil.example/x", "http://testserver@evil.example/x"])
def test_the_way_back_from_the_code_never_leads_to_another_host(visitor, elsewhere):
    visitor.sign_in_by_password("HC", "钱思远")
    there = address("show_phone", cast.membership("HC", "孙雅静"))
    proven = prove_by_code(visitor, visitor.post(there, headers={"referer": elsewhere}))
    assert "evil" not in proven.content.decode()
    assert f'action="{there}"' in proven.content.decode()


@pytest.mark.rule("M93", "M7", "M15")
def test_who_is_not_collected_or_not_linked_is_not_called_normal(lead):
    firm = cast.taxpayer("HC")
    RealNameRecord.objects.filter(person=cast.person("林若兰")).update(revoked_at=timezone.now())
    Post.objects.filter(person=cast.person("孙雅静"), taxpayer=firm).update(linked_at=None)
    page = words(lead.get(LIST))
    assert "未实名采集" in page
    assert "未与企业关联" in page
    assert "孙*静" not in words(lead.get(LIST, {"state": "normal"}))
    assert "孙*静" in words(lead.get(LIST, {"state": "unusable"}))


@pytest.mark.rule("D7", "AUZ-05")
def test_management_alone_does_not_open_the_record_of_a_member(visitor):
    empty = cast.taxpayer("HC").identities.get(name="空身份")
    cast.membership("HC", "郑海涛").identities.set([empty])
    visitor.sign_in_by_sms("HC", "郑海涛")
    page = words(visitor.get(address("member", cast.membership("HC", "孙雅静"))))
    assert "查看操作记录需要“历史办税操作查询”功能" in page
    assert "网络地址" not in page


@pytest.mark.rule("D9", "D31")
def test_the_page_of_a_lead_who_is_a_clerk_in_the_register_as_well_has_no_acts(lead):
    firm, person = cast.taxpayer("HC"), cast.person("林若兰")
    Post.objects.create(taxpayer=firm, person=person, position=Position.CLERK, since="2026-01-05")
    page = lead.get(address("member", cast.membership("HC", "林若兰"))).content.decode()
    assert "财务负责人" in page
    assert "remove/" not in page
    assert "freeze/" not in page


@pytest.mark.rule("M15", "D18", "D31")
def test_a_finance_officer_who_is_linked_as_a_clerk_is_normal_as_the_door_says(lead):
    firm, song = cast.taxpayer("HC"), cast.person("宋雨桐")
    Post.objects.filter(taxpayer=firm, position="finance").update(person=song, linked_at=None)
    assert standing.of_person(song, firm).problem is None
    assert "未与企业关联" not in words(lead.get(LIST))


# Why a row isn't what it should be, and whose page can be reached.


@pytest.mark.rule("M91", "M92", "M93")
def test_the_list_says_in_a_word_why_no_code_reaches_somebody_and_his_page_how_it_is_mended(lead):
    Post.objects.filter(taxpayer=cast.taxpayer("HC"), person=cast.person("孙雅静")).update(
        mobile="", landline=cast.PHONES["孙雅静"]
    )
    page = words(lead.get(LIST))
    assert "不可用" not in page
    reasons = {"孙*静": "手机号登记在固定电话", "沈*燕": "与实名手机号不同", "董*慧": "税务登记中已无此人员"}
    for name, why in reasons.items():
        row = page[page.index(name) :].split("删除", 1)[0]
        assert why in row
        assert ("收不到验证码" in row) == (name != "董*慧")
    assert "收不到验证码" not in page[page.index("郑*涛") :].split("删除", 1)[0]
    own = words(lead.get(address("member", cast.membership("HC", "孙雅静"))))
    assert "必须将手机号码修改到【移动电话】项目内才可以发送验证码" in own


@pytest.mark.rule("M102", "M104", "M105", "M107", "D5")
def test_whom_the_register_no_longer_names_is_told_the_steps_and_nothing_of_a_mobile(lead):
    page_of_her = lead.get(address("member", cast.membership("HC", "董佳慧")))
    page = words(page_of_her)
    assert "当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。" in page
    assert f'href="{reverse("staff:register_posts")}"' in page_of_her.content.decode()
    for step in ("第一步", "第二步", "第三步"):
        assert step in page
    assert "没有登记该人员的【移动电话】" not in page
    assert "补登" not in page


@pytest.mark.rule("M57", "D33", "STF-06")
def test_removed_members_are_found_by_their_state_and_their_pages_by_the_list(lead):
    by, member = actor("HC", "钱思远"), cast.membership("HC", "孙雅静")
    assert address("member", member) in lead.get(LIST).content.decode()
    services.remove(member, version=member.version, by=by)
    assert address("member", member) not in lead.get(LIST).content.decode()
    page = lead.get(LIST, {"state": "removed"})
    assert address("member", member) in page.content.decode()
    row = words(page)[words(page).index("孙*静") :]
    assert "已删除" in row
    assert "冻结" not in row
    assert lead.get(address("member", member)).status_code == 200
    assert "钱*远" not in words(page).split("上次登录", 1)[1]


@pytest.mark.rule("D33")
def test_removed_members_go_page_by_page(lead):
    firm = cast.taxpayer("HC")
    for number in range(25):
        newcomer(firm, 500 + number)
    Membership.objects.filter(taxpayer=firm, person__name__startswith="员工05").update(removed_at=timezone.now())
    first = lead.get(LIST, {"state": "removed"})
    assert words(first).count("已删除") == 1 + 20
    older = re.search(r'rel="next" href="(\?[^"]+)"', first.content.decode())[1].replace("&amp;", "&")
    assert "state=removed" in older
    assert words(lead.get(LIST + older)).count("已删除") == 1 + 5


@pytest.mark.rule("D9", "D28")
def test_a_lead_with_a_page_of_his_own_is_linked_and_one_without_is_not(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    own = address("member", cast.membership("HC", "钱思远"))
    assert own in visitor.get(LIST).content.decode()
    assert visitor.get(own).status_code == 200
    Membership.objects.filter(taxpayer=cast.taxpayer("HC"), person=cast.person("林若兰")).update(
        removed_at=timezone.now()
    )
    assert "林*兰" in words(visitor.get(LIST))


@pytest.mark.rule("D9", "D33")
def test_leads_are_found_by_name_as_well(lead):
    page = words(lead.get(LIST, {"name": "林若兰"}))
    assert "林*兰" in page
    assert "钱*远" not in page.split("上次登录", 1)[1]
    assert "没有符合条件的人员" not in page


# Where in the list one was, kept through every act.


@pytest.mark.rule("M56", "D33")
def test_every_act_and_its_way_back_lead_to_where_in_the_list_it_was_begun(lead):
    member = cast.membership("HC", "孙雅静")
    where = {"name": "孙", "state": "normal"}
    page = lead.get(LIST, where).content.decode()
    there = re.search(rf'href="({address("freeze", member)}[^"]*)"', page)[1].replace("&amp;", "&")
    form = lead.get(there)
    assert form.content.decode().count(f'href="{LIST}?{urlencode(where).replace("&", "&amp;")}"') == 2  # 返回 and 取消
    answer = lead.post(there, {"version": version_on(form)})
    assert answer.url == f"{LIST}?{urlencode(where)}"
    own = lead.get(there.replace("freeze/", "")).content.decode()
    assert f'href="{LIST}?{urlencode(where).replace("&", "&amp;")}"' in own
    assert there.replace("freeze", "unfreeze").replace("&", "&amp;") in own


@pytest.mark.rule("M56", "D15")
def test_a_code_asked_on_the_way_forgets_nothing_of_the_list(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    there = f"{address('freeze', cast.membership('HC', '孙雅静'))}?{urlencode({'list': 'name=孙'})}"
    asked = urlsplit(visitor.get(there).url)
    assert parse_qs(asked.query)["next"] == [there]


@pytest.mark.rule("M56", "VAL-04", "D33")
@pytest.mark.parametrize(
    ("carried", "back"),
    [
        ("https://evil.example/", LIST),
        ("//evil.example/?name=x", LIST),
        ("next=//evil.example&name=孙", f"{LIST}?{urlencode({'name': '孙'})}"),
        ("state=nothing&before=x&after=-1", LIST),
        ("before=12&state=removed", f"{LIST}?before=12&state=removed"),
        ("name=a%0d%0aLocation: x", LIST),
        ("&".join(f"a{number}=1" for number in range(99)), LIST),
        ("name=" + "x" * 900, LIST),
    ],
)
def test_nothing_but_the_lists_own_parameters_is_carried_back(lead, carried, back):
    there = f"{address('freeze', cast.membership('HC', '孙雅静'))}?{urlencode({'list': carried})}"
    answer = lead.post(there, {"version": version_on(lead.get(there))})
    assert answer.url == back


@pytest.mark.rule("M149", "M150")
def test_the_other_list_keeps_its_page_as_well(lead):
    there = f"{address('freeze', cast.membership('HC', '孙雅静'))}?from=authorisations&list=before%3D12"
    answer = lead.post(there, {"version": version_on(lead.get(there))})
    assert answer.url == "/staff/authorisations/?before=12"
