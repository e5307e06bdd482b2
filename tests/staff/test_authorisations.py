"""用户授权管理: the same people by the door that the help page describes (M147 to M152)."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.audit import Kind
from staff.members import PAGE_SIZE
from staff.models import Membership
from tests import cast
from tests.staff.acting import actor, address, do, entries, newcomer, state_of, version_on
from tests.visitor import words

PAGE, WITHDRAW, ADD = "/staff/authorisations/", "/staff/authorisations/withdraw/", "/staff/add/"
_RADIO = re.compile(r'<input type="radio" name="member" value="([0-9a-f-]{36})"')
_ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)


def row_of(answer, masked_name: str) -> str:
    """The row's words, its badges included."""
    rows = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)) for row in _ROW.findall(answer.content.decode())]
    (row,) = [row for row in rows if masked_name in row]
    return row


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.mark.rule("M147", "M148", "D27")
def test_a_lead_comes_here_from_the_staff_page_and_sees_everybody_masked_with_status(lead):
    assert PAGE in lead.get("/staff/").content.decode()
    assert f'href="{PAGE}"' in lead.get(reverse("staff:centre")).content.decode()
    answer = lead.get(PAGE)
    assert "用户授权管理" in words(answer)
    assert "已授权" in row_of(answer, "孙*静")
    assert "孙雅静" not in answer.content.decode()


@pytest.mark.rule("M149", "D9")
def test_everybody_but_the_leads_can_be_selected(lead):
    clerks = Membership.objects.open().filter(taxpayer=cast.taxpayer("HC"))
    clerks = clerks.exclude(person__name__in=["钱思远", "林若兰"])
    assert set(_RADIO.findall(lead.get(PAGE).content.decode())) == {str(each.uid) for each in clerks}


@pytest.mark.rule("M149", "M150", "M57", "SES-05")
def test_select_then_withdraw_takes_effect_at_once_and_the_status_says_so(lead, other_visitor):
    other_visitor.sign_in_by_sms("HC", "孙雅静")
    member = cast.membership("HC", "孙雅静")
    answer = lead.post(WITHDRAW, {"member": str(member.uid)})
    assert answer.url == f"{address('remove', member)}?from=authorisations"
    assert state_of(member)["removed_at"] is None
    assert lead.post(answer.url, {"version": version_on(lead.get(answer.url))}).url == PAGE
    shown = lead.get(PAGE)
    assert "解除授权" in row_of(shown, "孙*静")
    assert str(member.uid) not in _RADIO.findall(shown.content.decode())
    assert "您已不是该企业的办税人员" in words(other_visitor.get("/", follow=True))


@pytest.mark.rule("M151", "M152")
def test_after_it_a_new_one_is_entered_and_authorised(lead):
    do(lead, "remove", cast.membership("HC", "孙雅静"))
    add = re.search(rf'href="({ADD}[^"]*)"[^>]*>新增授权', lead.get(PAGE).content.decode())[1]
    query = {"name": "宋雨桐", "id_type": "resident", "id_number": cast.ID_NUMBERS["宋雨桐"]}
    found = lead.post(add, query).content.decode()
    assert f'action="{add}"' in found
    assert f'href="{PAGE}"' in found
    there = re.search(rf'href="({ADD}[^"/]+/[^"]*)"', found)[1]
    page = lead.get(there).content.decode()
    assert '<button class="button">授权</button>' in page
    assert f'href="{add}"' in page
    identity = cast.taxpayer("HC").identities.get(name="查询员")
    form = {"password": "Yutong-2026-neu", "identities": [str(identity.uid)]}
    for _again in range(2):
        assert lead.post(there, form).url == PAGE
    assert "已授权" in row_of(lead.get(PAGE), "宋*桐")


@pytest.mark.rule("M150", "D8")
def test_the_way_back_is_to_this_list_for_a_lead_and_to_the_other_for_a_manager(lead, other_visitor):
    there = address("remove", cast.membership("HC", "孙雅静"))
    assert f'href="{PAGE}"' in lead.get(f"{there}?from=authorisations").content.decode()
    assert f'href="{PAGE}"' not in lead.get(f"{there}?from=elsewhere").content.decode()
    other_visitor.sign_in_by_sms("HC", "郑海涛")
    assert f'href="{PAGE}"' not in other_visitor.get(f"{ADD}?from=authorisations").content.decode()


@pytest.mark.rule("M149", "VAL-04")
@pytest.mark.parametrize("data", [{}, {"member": ""}, {"member": "x"}, {"member": ["a", "b"]}])
def test_withdrawing_without_a_selection_says_so(lead, data):
    assert lead.post(WITHDRAW, data).url == PAGE
    assert "请先选中需要解除授权的办税人员" in words(lead.get(PAGE))
    assert entries(Kind.MEMBER_REMOVED) == []


@pytest.mark.rule("AUZ-02", "D28")
def test_somebody_of_another_firm_is_404_and_recorded(lead):
    foreign = Membership.objects.get(person=cast.person("徐明湖"))
    for uid in (foreign.uid, uuid.uuid4()):
        assert lead.post(WITHDRAW, {"member": str(uid)}).status_code == 404
    assert len(entries(Kind.NOT_FOUND)) == 2


@pytest.mark.rule("M59", "D8", "D28")
@pytest.mark.parametrize("name", ["郑海涛", "孙雅静"])
def test_manager_and_clerk_have_no_business_here(visitor, name):
    visitor.sign_in_by_sms("HC", name)
    assert visitor.get(PAGE).status_code == 403
    data = {"member": str(cast.membership("HC", "何晨曦").uid)}
    assert visitor.post(WITHDRAW, data).status_code == 403
    assert [entry.details["page"] for entry in entries(Kind.ACT_REFUSED)] == [PAGE, WITHDRAW]


@pytest.mark.rule("SES-08")
def test_a_get_withdraws_nothing(lead):
    member = cast.membership("HC", "孙雅静")
    assert lead.get(WITHDRAW, {"member": str(member.uid)}).status_code == 405


@pytest.mark.rule("D15", "STF-07")
def test_a_weak_sign_in_is_led_to_the_code(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    assert visitor.get(PAGE).url.startswith(reverse("staff:step_up"))


@pytest.mark.rule("STF-06", "D28")
def test_who_was_removed_and_added_again_stands_there_with_both_authorisations(lead):
    do(lead, "remove", cast.membership("HC", "孙雅静"))
    Membership.objects.create(taxpayer=cast.taxpayer("HC"), person=cast.person("孙雅静"))
    page = words(lead.get(PAGE))
    assert page.count("孙*静") >= 2
    assert "解除授权" in page.split("状态")[1]
    assert "已授权" in page.split("状态")[1]


@pytest.mark.rule("D33")
def test_pages_of_twenty_cost_the_same_queries(lead, django_assert_num_queries):
    for number in range(300):
        if number == PAGE_SIZE + 1:
            with CaptureQueriesContext(connection) as few:
                assert len(_ROW.findall(lead.get(PAGE).content.decode())) == PAGE_SIZE + 1
        newcomer(cast.taxpayer("HC"), number)
    assert len(few) <= 7
    with django_assert_num_queries(len(few)):
        lead.get(PAGE)


@pytest.mark.rule("D9", "STF-04")
def test_a_lead_sent_to_the_removing_page_by_hand_is_refused_there(lead):
    member = cast.membership("HC", "林若兰")
    there = lead.post(WITHDRAW, {"member": str(member.uid)}).url
    answer = lead.post(there, {"version": member.version})
    assert answer.status_code == 400
    assert "通过变更税务登记维护" in words(answer)
    assert actor("HC", "林若兰").is_lead
