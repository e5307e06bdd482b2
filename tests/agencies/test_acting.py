"""While acting: what ends it, what is closed, and that nothing but the client's own rows can change."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import SignIn, Taxpayer
from accounts.models.record import Kind
from agencies.models import Engagement
from agencies.services import recognition
from staff import functions
from staff.models import Membership
from staff.services import members
from tests import cast
from tests.agencies.acting import CLIENTS, act_for, engagement, enter, identity, sign_in, terms, today
from tests.etax.tables import rows
from tests.staff.acting import actor, entries
from tests.visitor import words

HOME = reverse("home")


def no_longer_named() -> None:
    engagement("HC").namings.filter(person=cast.person("罗建平")).delete()


def over() -> None:
    Engagement.objects.filter(client=cast.taxpayer("HC")).update(valid_from=today(-9), valid_until=today(-1))


def put_off() -> None:
    Engagement.objects.filter(client=cast.taxpayer("HC")).update(valid_from=today(1))


def client_gone() -> None:
    Taxpayer.objects.filter(pk=cast.taxpayer("HC").pk).update(cancelled_at=timezone.now())


def own_member() -> None:
    Membership.objects.create(taxpayer=cast.taxpayer("HC"), person=cast.person("罗建平"))


def cancelled() -> None:
    recognition.cancel(engagement("HC"), by=actor("HC", "钱思远"))


ENDS: dict[Callable[[], None], tuple[str, str]] = {
    no_longer_named: ("not_named", "您不是该委托企业的代办人员"),
    over: ("expired", "代理认定已到期"),
    put_off: ("not_yet", "代理认定尚未生效"),
    client_gone: ("client_gone", "委托企业已注销"),
    own_member: ("four_roles", "您是该委托企业的办税员，不能同时担任其代办人员"),
    cancelled: ("cancelled", "委托企业已取消代理认定"),
}


@pytest.mark.rule("AUZ-06", "D16", "D23", "SES-05")
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
@pytest.mark.parametrize("method", ["get", "post"])
def test_whatever_ends_it_the_next_click_is_out_with_the_reason_and_nothing_is_done(visitor, end, method):
    act_for(visitor, "罗建平", "HC")
    key = visitor.session.session_key
    end()
    before = rows()
    answer = getattr(visitor, method)(reverse("staff:function", args=["tax.invoice.issue"]))
    assert answer.url == CLIENTS
    assert rows() == before
    code, said = ENDS[end]
    page = words(visitor.get(CLIENTS))
    assert f"已退出代理沈阳海川贸易有限公司：{said}。" in page
    assert ("刚才提交的内容没有保存。" in page) == (method == "post")
    assert "正在代理：" not in page
    assert visitor.session.session_key != key
    assert [entry.reason for entry in entries(Kind.CLIENT_LOST)] == [code]
    found = Engagement.objects.get(client=cast.taxpayer("HC"), agency=cast.taxpayer("XD"))
    refused = visitor.post(reverse("agencies:enter", args=[found.uid]))
    assert refused.url == CLIENTS
    assert f"不能进入：{said}。" in words(visitor.get(CLIENTS))
    assert entries(Kind.CLIENT_ENTERED)[-1].reason == code


@pytest.mark.rule("D16", "D23")
def test_who_is_removed_or_frozen_at_the_agency_is_out_altogether(visitor):
    act_for(visitor, "罗建平", "HC")
    members.freeze(cast.membership("XD", "罗建平"), version=1, by=actor("XD", "冯天宇"))
    assert visitor.get(HOME).url == reverse("login")
    assert "办税人员已冻结" in words(visitor.get(reverse("login")))


@pytest.mark.rule("D4", "D16", "D23")
def test_who_is_at_work_for_an_agency_whose_account_is_closed_is_out_altogether(visitor):
    act_for(visitor, "罗建平", "HC")
    Taxpayer.objects.filter(pk=cast.taxpayer("XD").pk).update(cancelled_at=timezone.now())
    assert visitor.get(HOME).url == reverse("login")
    assert "该企业在电子税务局的账户已注销" in words(visitor.get(reverse("login")))


@pytest.mark.rule("D16")
@pytest.mark.parametrize("whose", ["agency", "handler"])
def test_a_changed_password_of_agency_or_handler_ends_the_session(visitor, whose):
    act_for(visitor, "罗建平", "HC")
    own = cast.membership("XD", "罗建平").credential
    credential = cast.taxpayer("XD").credential if whose == "agency" else own
    credential.version += 1
    credential.save()
    assert visitor.get(HOME).url == reverse("login")
    assert "本次登录所用的密码已变更" in words(visitor.get(reverse("login")))


@pytest.mark.rule("D23", "SES-05")
def test_new_terms_bite_at_the_next_click(visitor):
    act_for(visitor, "罗建平", "HC")
    leaf = reverse("staff:function", args=["tax.invoice.issue"])
    assert visitor.get(leaf).status_code == 200
    recognition.change(engagement("HC"), version=1, terms=terms(), by=actor("HC", "钱思远"))
    refused = visitor.get(leaf)
    assert refused.status_code == 403
    assert "委托企业没有向代理机构出借“蓝字发票开具”功能" in words(refused)


@pytest.mark.rule("D23", "AUZ-05")
def test_what_cannot_be_lent_is_refused_when_used_even_where_the_identity_has_it(visitor):
    act_for(visitor, "邓丽娟", "HC")
    assert frozenset(identity("HC", "全量办税").grants.values_list("function", flat=True)) == functions.ALL
    for code in functions.ALL - functions.LENDABLE:
        assert visitor.get(reverse("staff:function", args=[code])).status_code == 403


@pytest.mark.rule("AUZ-06", "AUZ-02")
@pytest.mark.parametrize("whose", ["pending", "minghu", "unknown"])
def test_nobody_enters_what_is_not_his_to_handle(visitor, whose):
    sign_in(visitor, "邓丽娟")
    uid = {"pending": engagement("HC", "HX").uid, "minghu": engagement("MH").uid}.get(whose, cast.taxpayer("HC").uid)
    assert visitor.post(reverse("agencies:enter", args=[uid])).url == CLIENTS
    assert "正在代理：" not in words(visitor.get(HOME))


@pytest.mark.rule("AUZ-06")
def test_a_firm_that_is_no_agency_has_no_clients(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    answer = visitor.post(reverse("agencies:enter", args=[engagement("MH").uid]))
    assert answer.status_code == 403
    assert "只有涉税代理机构可以使用此功能" in words(answer)


CLOSED = [
    "staff:members",
    "staff:identities",
    "staff:search_candidate",
    "staff:synchronise",
    "staff:authorisations",
    "staff:change_enterprise_password",
    "staff:change_password",
    "staff:my_posts",
    "agencies:recognitions",
    "agencies:find_agency",
    "agencies:engagements",
    "agencies:propose",
]


@pytest.mark.rule("D23", "D8")
@pytest.mark.parametrize("name", CLOSED)
def test_staff_identities_passwords_and_recognition_are_closed_while_acting(visitor, name):
    act_for(visitor, "邓丽娟", "HC")
    answer = visitor.get(reverse(name))
    assert answer.status_code == 403
    assert "代理办税期间不能办理此事项。请先点击页面上方的【退出代理】" in words(answer)
    entry = entries(Kind.ACT_REFUSED)[-1]
    assert (entry.reason, entry.taxpayer, entry.via) == ("acting", cast.taxpayer("HC"), cast.taxpayer("XD"))


@pytest.mark.rule("D23")
def test_even_the_agencys_lead_has_no_leads_rights_while_acting(visitor):
    engagement("HC").handlers.add(cast.person("冯天宇"))
    sign_in(visitor, "冯天宇")
    enter(visitor, "HC")
    for name in CLOSED:
        assert visitor.get(reverse(name)).status_code == 403


@pytest.mark.rule("D16")
def test_acting_does_not_outlive_the_sign_in(visitor):
    act_for(visitor, "邓丽娟", "HC")
    SignIn.objects.update(seen_at=timezone.now() - timedelta(minutes=16))
    assert visitor.get(HOME).url == reverse("login")
    assert "client" not in visitor.session
    visitor.sign_in_by_sms("XD", "邓丽娟")
    assert "正在代理：" not in words(visitor.get(HOME))
