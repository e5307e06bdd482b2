"""Ways out of a client, of the agency and of the portal: 【退出】 always leaves, and nothing leaves by accident."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Kind
from accounts.models import AuditEntry, SignIn
from agencies.services import recognition
from staff.services import members
from tests import cast
from tests.agencies.acting import CLIENTS, act_for, engagement, enter, sign_in
from tests.agencies.test_stories import capacity_on
from tests.staff.acting import actor, entries
from tests.visitor import words

HOME, LEAVE, OUT = reverse("home"), reverse("agencies:leave"), reverse("sign_out")


def is_signed_out(visitor) -> bool:
    """Whether nobody is signed in in this browser, and the sign-in has ended on the server."""
    return visitor.get(HOME).url.startswith(reverse("login")) and not SignIn.objects.filter(ended_at=None).exists()


@pytest.mark.rule("SES-04", "D23", "AUZ-06")
def test_signing_out_signs_out_though_the_engagement_has_just_ended(visitor):
    act_for(visitor, "罗建平", "HC")
    recognition.cancel(engagement("HC"), by=actor("HC", "钱思远"))
    SignIn.objects.filter(person=cast.person("钱思远")).update(ended_at=timezone.now(), ended_because="signed_out")
    assert visitor.post(OUT).url == reverse("login")
    assert is_signed_out(visitor)


@pytest.mark.rule("SES-04", "SES-02", "D23")
def test_signing_out_signs_out_from_a_page_of_before_a_switch(visitor):
    act_for(visitor, "罗建平", "HC")
    tab = capacity_on(visitor.get(HOME))
    enter(visitor, "MH")
    assert visitor.post(OUT, {"capacity": tab}).url == reverse("login")
    assert is_signed_out(visitor)


@pytest.mark.rule("SES-04", "D16")
def test_signing_out_signs_out_though_the_capacity_has_just_been_lost(visitor):
    act_for(visitor, "罗建平", "HC")
    by = actor("XD", "冯天宇")
    members.freeze(cast.membership("XD", "罗建平"), version=1, by=by)
    SignIn.objects.filter(pk=by.sign_in.pk).update(ended_at=timezone.now(), ended_because="signed_out")
    assert visitor.post(OUT).url == reverse("login")
    assert is_signed_out(visitor)


@pytest.mark.rule("SES-04", "D28")
def test_who_signs_out_while_acting_leaves_the_client_and_his_sign_out_is_the_agencys_business(visitor):
    act_for(visitor, "罗建平", "HC")
    visitor.post(OUT)
    last = AuditEntry.objects.order_by("-seq")[:2]
    told = [(each.kind, each.taxpayer, each.via) for each in last]
    agency = cast.taxpayer("XD")
    assert told == [(Kind.SIGN_OUT, agency, None), (Kind.CLIENT_LEFT, cast.taxpayer("HC"), agency)]


@pytest.mark.rule("SES-08")
def test_a_forged_sign_out_leaves_nobody(visitor):
    act_for(visitor, "罗建平", "HC")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visitor.cookies
    assert strict.post(OUT).status_code == 403
    assert visitor.get(OUT).status_code == 405
    assert "正在代理：沈阳海川" in words(visitor.get(HOME))
    assert not entries(Kind.CLIENT_LEFT)


@pytest.mark.rule("D28", "SES-07")
@pytest.mark.parametrize("act", ["end_sign_in", "end_other_sign_ins"])
def test_ending_ones_other_sign_ins_while_acting_is_nothing_that_the_client_reads(visitor, other_visitor, act):
    sign_in(other_visitor, "罗建平")
    other = SignIn.objects.get(person=cast.person("罗建平"))
    act_for(visitor, "罗建平", "HC")
    visitor.post(reverse(f"accounts:{act}", args=[other.uid] if act == "end_sign_in" else []))
    entry = entries(Kind.SIGN_IN_ENDED)[-1]
    assert (entry.taxpayer, entry.via) == (cast.taxpayer("XD"), None)


@pytest.mark.rule("SES-02", "D23")
def test_409_while_acting_offers_ways_that_are_open(visitor):
    act_for(visitor, "罗建平", "HC")
    tab = capacity_on(visitor.get(HOME))
    enter(visitor, "MH")
    answer = visitor.post(reverse("accounts:end_other_sign_ins"), {"capacity": tab})
    assert answer.status_code == 409
    main = answer.content.decode().partition("<main")[2]
    assert f'href="{CLIENTS}"' in main
    assert f'action="{LEAVE}"' in main
    assert reverse("staff:capacity") not in main


@pytest.mark.rule("AUZ-06", "D23")
def test_a_refused_entry_leaves_him_where_he_is_and_says_who_mends_it(visitor):
    act_for(visitor, "邓丽娟", "HC")
    answer = visitor.post(reverse("agencies:enter", args=[engagement("MH").uid]))
    page = words(visitor.get(answer.url))
    assert "不能进入：您不是该委托企业的代办人员。" in page
    assert "在【委托关系管理】中指定代办人员" in page
    assert "正在代理：沈阳海川" in page
    assert not entries(Kind.CLIENT_LEFT)


@pytest.mark.rule("F12", "SES-02")
def test_entering_or_leaving_sent_twice_has_one_effect_and_the_same_answer(visitor):
    sign_in(visitor, "罗建平")
    tab = capacity_on(visitor.get(CLIENTS))
    where = reverse("agencies:enter", args=[engagement("HC").uid])
    assert [visitor.post(where, {"capacity": tab}).url for _again in range(2)] == [HOME, HOME]
    assert len(entries(Kind.CLIENT_ENTERED)) == 1
    tab = capacity_on(visitor.get(HOME))
    assert [visitor.post(LEAVE, {"capacity": tab}).url for _again in range(2)] == [CLIENTS, CLIENTS]
    assert len(entries(Kind.CLIENT_LEFT)) == 1


@pytest.mark.rule("SES-02", "F12")
def test_entering_another_client_from_a_page_of_before_the_switch_is_still_409(visitor):
    sign_in(visitor, "罗建平")
    tab = capacity_on(visitor.get(CLIENTS))
    enter(visitor, "HC")
    answer = visitor.post(reverse("agencies:enter", args=[engagement("MH").uid]), {"capacity": tab})
    assert answer.status_code == 409


@pytest.mark.rule("D28", "D23")
def test_entering_what_nobody_knows_is_an_entry_of_the_agencys_own_record(visitor):
    sign_in(visitor, "罗建平")
    visitor.post(reverse("agencies:enter", args=[cast.taxpayer("HC").uid]))
    entry = entries(Kind.CLIENT_ENTERED)[-1]
    assert (entry.reason, entry.taxpayer, entry.via) == ("not_found", cast.taxpayer("XD"), None)


@pytest.mark.rule("AUZ-05", "D23")
def test_a_function_that_is_not_lent_names_who_of_the_client_lends_it(visitor):
    act_for(visitor, "罗建平", "MH")
    said = words(visitor.get(reverse("staff:function", args=["tax.invoice.issue"])))
    assert "请委托企业的法定代表人（业主）或财务负责人在【代理机构认定管理】中修改" in said
