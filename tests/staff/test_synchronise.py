"""同步办税人: first what will change, then “同步成功” (D20, M102, M103, M107)."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.actor import Actor
from accounts.audit import Kind
from realname.models import Position, Post
from staff import standing
from staff.models import Membership
from staff.services import sync
from tests import cast
from tests.staff.acting import actor, address, entries, newcomer, refusal, state_of
from tests.visitor import words

SYNC, LIST = "/staff/synchronise/", "/staff/"
M102 = "当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。"


def end_post(name: str) -> None:
    Post.objects.filter(taxpayer=cast.taxpayer("HC"), person=cast.person(name)).update(until=timezone.localdate())


def new_post(name: str, position: str = Position.CLERK) -> Post:
    return Post.objects.create(
        taxpayer=cast.taxpayer("HC"),
        person=cast.person(name),
        position=position,
        since=timezone.localdate(),
        linked_at=timezone.now(),
        mobile=cast.PHONES[name],
    )


def problem(name: str) -> standing.Problem | None:
    return standing.of_person(cast.person(name), cast.taxpayer("HC")).problem


def press(visitor, **more):
    """Look at the preview, and confirm what it says."""
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', visitor.get(SYNC).content.decode())[1]
    return visitor.post(SYNC, {"seen": seen}, **more)


def named(part: list[standing.Standing]) -> set[str]:
    return {each.person.name for each in part}


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.fixture
def by(world) -> Actor:
    """林若兰, the finance officer, for the services."""
    return actor("HC", "林若兰")


@pytest.mark.rule("D20", "D27")
def test_first_it_says_what_will_change_and_changes_nothing(lead):
    end_post("马文涛")
    page = words(lead.get(SYNC))
    gone, to_add = page.split("将标记为与税务登记不符")[1].split("尚未添加的办税员")
    assert "董*慧" in gone
    assert "马*涛" in gone
    assert "宋*桐" in to_add
    assert "孙*静" not in page
    assert "董佳慧" not in page
    assert not Membership.objects.filter(unregistered_at__isnull=False).exists()
    assert entries(Kind.SYNCED) == []


@pytest.mark.rule("D20", "STF-06")
def test_a_mark_takes_nothing_else_away(by):
    before = state_of(cast.membership("HC", "董佳慧"))
    sync.synchronise(by=by)
    after = state_of(cast.membership("HC", "董佳慧"))
    assert {name for name in after if after[name] != before[name]} == {"unregistered_at", "version"}


@pytest.mark.rule("D20", "D31")
def test_leads_need_no_synchronising(by):
    Membership.objects.filter(person=cast.person("林若兰"), taxpayer=cast.taxpayer("HC")).update(
        unregistered_at=timezone.now()
    )
    assert problem("林若兰") is None
    assert named(sync.preview(cast.taxpayer("HC")).returned) == {"林若兰"}
    end_post("林若兰")
    end_post("马文涛")
    new_post("马文涛", Position.FINANCE)
    found = sync.synchronise(by=actor("HC", "钱思远"))
    assert named(found.gone) == {"董佳慧"}
    assert named(found.to_add) == {"宋雨桐"}
    assert problem("林若兰") is standing.NOT_IN_REGISTER
    assert problem("马文涛") is None


@pytest.mark.rule("D20", "M107")
def test_the_former_lead_is_marked_and_the_new_one_is_not_to_be_added(world):
    found = sync.preview(cast.taxpayer("BC"))
    assert named(found.gone) == {"陈国栋"}
    assert found.to_add == []
    sync.synchronise(by=actor("BC", "吴秀兰"))
    assert cast.membership("BC", "陈国栋").unregistered_at is not None


@pytest.mark.rule("D20")
def test_removed_members_are_left_alone_and_whoever_is_registered_is_to_be_added(by):
    gone = Membership.objects.filter(pk=cast.membership("HC", "董佳慧").pk)
    gone.update(removed_at=timezone.now())
    newcomer(cast.taxpayer("HC"), 1, name="新来的", member=False)
    found = sync.synchronise(by=by)
    assert found.gone == []
    assert named(found.to_add) == {"宋雨桐", "新来的"}
    assert gone.get().unregistered_at is None


@pytest.mark.rule("D20", "AUZ-02")
def test_other_firms_are_left_alone(by):
    newcomer(cast.taxpayer("MH"), 1, name="外人")
    Post.objects.filter(person__name="外人").update(until=timezone.localdate())
    sync.synchronise(by=by)
    assert Membership.objects.get(person__name="外人").unregistered_at is None


@pytest.mark.rule("D20", "SES-05")
def test_a_clerk_at_work_is_out_with_m102_at_his_next_click(lead, other_visitor):
    other_visitor.sign_in_by_sms("HC", "孙雅静")
    end_post("孙雅静")
    press(lead)
    answer = other_visitor.get("/", follow=True)
    assert M102 in words(answer)
    assert answer.redirect_chain[-1][0] == reverse("login")


@pytest.mark.rule("M102", "D20")
def test_who_is_marked_gets_m102_until_another_synchronisation_even_if_the_register_names_him_again(by):
    sync.synchronise(by=by)
    assert problem("董佳慧") is standing.NOT_IN_REGISTER
    new_post("董佳慧")
    assert problem("董佳慧") is standing.NOT_IN_REGISTER
    assert named(sync.synchronise(by=by).returned) == {"董佳慧"}
    assert problem("董佳慧") is None


@pytest.mark.rule("D20", "STF-03")
def test_what_the_preview_did_not_say_is_not_done(lead):
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', lead.get(SYNC).content.decode())[1]
    end_post("马文涛")
    answer = lead.post(SYNC, {"seen": seen})
    assert (answer.status_code, "请核对下面的最新内容" in words(answer), "马*涛" in words(answer)) == (409, True, True)
    assert not Membership.objects.filter(unregistered_at__isnull=False).exists()
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', answer.content.decode())[1]
    assert "同步成功" in words(lead.post(SYNC, {"seen": seen}, follow=True))


@pytest.mark.rule("D20", "D28")
def test_a_synchronisation_is_one_entry_of_the_firm_and_one_for_each_whom_it_marks(by):
    end_post("马文涛")
    sync.synchronise(by=by)
    whole, *each = entries(Kind.SYNCED)
    assert (whole.target, whole.details) == (None, {"marked": 2, "lifted": 0})
    assert {(entry.target.name, entry.details["marked"]) for entry in each} == {("董佳慧", True), ("马文涛", True)}


@pytest.mark.rule("STF-03", "D20")
def test_an_act_from_a_page_older_than_the_synchronisation_is_stale(lead):
    member = cast.membership("HC", "董佳慧")
    press(lead)
    assert lead.post(address("freeze", member), {"version": 1}).status_code == 409


@pytest.mark.rule("F12", "D20")
def test_the_same_form_sent_twice_synchronises_once_and_answers_alike_unless_something_has_come_up_since(lead):
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', lead.get(SYNC).content.decode())[1]
    for _again in range(2):
        assert lead.post(SYNC, {"seen": seen}).url == LIST
    assert len(entries(Kind.SYNCED, result="done", target=None)) == 1
    end_post("马文涛")
    assert lead.post(SYNC, {"seen": seen}).status_code == 409
    assert problem("马文涛") is standing.NOT_IN_REGISTER
    assert cast.membership("HC", "马文涛").unregistered_at is None


@pytest.mark.rule("STF-03")
def test_a_second_synchronisation_changes_nothing_and_no_version(by):
    sync.synchronise(by=by)
    before = state_of(cast.membership("HC", "董佳慧"))
    found = sync.synchronise(by=by)
    assert not found.changes_anything
    assert state_of(cast.membership("HC", "董佳慧")) == before


@pytest.mark.rule("D28")
def test_being_marked_stands_in_the_members_own_record(lead):
    press(lead)
    assert "同步办税人" in words(lead.get(address("member", cast.membership("HC", "董佳慧"))))


@pytest.mark.rule("D8", "D20", "D28")
@pytest.mark.parametrize("name", ["郑海涛", "孙雅静"])
def test_manager_and_clerk_do_not_synchronise(visitor, name):
    with pytest.raises(PermissionDenied):
        sync.synchronise(by=actor("HC", name))
    visitor.sign_in_by_sms("HC", name)
    assert visitor.get(SYNC).status_code == 403
    assert visitor.post(SYNC).status_code == 403
    assert [entry.reason for entry in entries(Kind.ACT_REFUSED)] == ["not_lead"] * 3
    assert entries(Kind.SYNCED) == []
    assert not Membership.objects.filter(unregistered_at__isnull=False).exists()


@pytest.mark.rule("D15", "STF-07")
def test_a_weak_sign_in_needs_a_code(visitor):
    assert refusal(sync.synchronise, by=actor("HC", "钱思远", proof="enterprise_password")) == "code_needed"
    visitor.sign_in_by_password("HC", "钱思远")
    assert visitor.post(SYNC).url.startswith(reverse("staff:step_up"))
    assert entries(Kind.SYNCED) == []


@pytest.mark.rule("D20", "D33")
def test_three_hundred_people_cost_the_same_queries_to_show(lead, django_assert_num_queries):
    for number in range(300):
        if number == 10:
            with CaptureQueriesContext(connection) as few:
                lead.get(SYNC)
        newcomer(cast.taxpayer("HC"), number, member=bool(number % 2))
    assert len(few) <= 6
    with django_assert_num_queries(len(few)):
        lead.get(SYNC)


@pytest.mark.rule("M102", "D20")
def test_the_home_page_leads_to_the_synchronisation_and_after_it_to_the_person(lead):
    dong = cast.membership("HC", "董佳慧")
    assert "董*慧与税务登记办税人信息不符，不能登录。如已离职请同步办税人后删除" in words(lead.get("/"))
    sync.synchronise(by=actor("HC", "钱思远"))
    page = lead.get("/")
    assert "董*慧与税务登记办税人信息不符，不能登录。如已离职请删除" in words(page)
    assert reverse("staff:member", args=[dong.uid]) in page.content.decode()


@pytest.mark.rule("D19", "D20", "M29", "M30")
def test_who_is_not_yet_added_stands_with_what_is_missing_and_only_then_without_the_way(lead):
    firm, someone = cast.taxpayer("HC"), cast.person("周文博")
    Post.objects.create(taxpayer=firm, person=someone, position="clerk", mobile="19900000004", since="2026-01-05")
    page = words(lead.get(SYNC))
    assert "周*博：还不能添加，该人员尚未实名采集。" in page
    assert "宋*桐：可以添加" in page
    assert "去添加办税人员" in page
    Post.objects.filter(taxpayer=firm, person=cast.person("宋雨桐")).update(linked_at=None)
    page = words(lead.get(SYNC))
    assert "宋*桐：还不能添加，该人员尚未与企业关联。" in page
    assert "去添加办税人员" not in page
