"""Whole journeys between agencies and clients, by real pages, nothing replaced."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, SignIn
from accounts.models.record import Kind
from agencies.models import Engagement
from realname.models import Post
from staff import functions
from tests import cast
from tests.agencies import acting
from tests.agencies.acting import CLIENTS, act_for, agency_password, choose, engagement, enter, sign_in
from tests.staff.acting import entries
from tests.visitor import words

HOME = reverse("home")
LEAVE = reverse("agencies:leave")
_CAPACITY = re.compile(r'name="capacity" value="([^"]+)"')


def capacity_on(page) -> str:
    """What the forms of this page say they were shown under."""
    return _CAPACITY.search(page.content.decode())[1]


@pytest.mark.rule("M5", "M6", "M49", "M50", "M51", "M52", "D2", "D23", "AUZ-06")
def test_deng_lijuan_acts_for_haichuan_in_three_steps(visitor):
    page = visitor.get(reverse("login"))
    assert f'href="{reverse("agencies:agency_login")}"' in page.content.decode()
    assert "代理机构登录" in words(page)
    assert agency_password(visitor).url == reverse("agencies:agency_person")
    people = words(visitor.get(reverse("agencies:agency_person")))
    assert "邓*娟" in people
    assert "罗*平" in people
    assert choose(visitor, "邓丽娟").url == reverse("agencies:agency_sms")
    password = {"password": cast.PERSONAL_PASSWORDS["XD", "邓丽娟"]}
    assert visitor.post(reverse("agencies:agency_password"), password).url == CLIENTS
    listed = words(visitor.get(CLIENTS))
    assert "沈阳海川贸易有限公司" in listed
    assert "大连明湖餐饮店" not in listed
    assert enter(visitor, "HC").url == HOME
    home = words(visitor.get(HOME))
    assert "正在代理：沈阳海川贸易有限公司" in home
    assert "退出代理" in home
    assert visitor.get(reverse("staff:function", args=["tax.invoice.issue"])).status_code == 200
    assert visitor.get(reverse("staff:operations")).status_code == 200
    assert visitor.post(LEAVE).url == CLIENTS
    assert "正在代理" not in words(visitor.get(HOME))


@pytest.mark.rule("D28", "LOG-01", "D23")
def test_what_she_does_names_her_her_agency_and_the_client_and_both_firms_read_it(visitor, other_visitor):
    act_for(visitor, "邓丽娟", "HC")
    visitor.get(reverse("staff:function", args=["tax.invoice.issue"]))
    entry = entries(Kind.FUNCTION_OPENED)[-1]
    assert (entry.person.name, entry.taxpayer, entry.via) == ("邓丽娟", cast.taxpayer("HC"), cast.taxpayer("XD"))
    assert "代理机构：辽宁信达税务师事务所有限公司" in words(visitor.get(reverse("staff:operations")))
    other_visitor.sign_in_by_sms("HC", "钱思远")
    client_reads = words(other_visitor.get(reverse("staff:operations")))
    assert "邓*娟代理机构：辽宁信达税务师事务所有限公司" in client_reads
    other_visitor.sign_in_by_sms("XD", "冯天宇")
    agency_reads = words(other_visitor.get(reverse("agencies:acted")))
    assert "打开功能" in agency_reads
    assert "委托企业：沈阳海川贸易有限公司" in agency_reads


@pytest.mark.rule("SES-02", "D16", "D23")
def test_luo_jianping_switches_from_haichuan_to_minghu_and_the_old_tab_is_409(visitor):
    sign_in(visitor, "罗建平")
    ids = [visitor.session.session_key]
    enter(visitor, "HC")
    ids.append(visitor.session.session_key)
    tab = capacity_on(visitor.get(HOME))
    enter(visitor, "MH")
    ids.append(visitor.session.session_key)
    assert "正在代理：大连明湖餐饮店" in words(visitor.get(HOME))
    answer = visitor.post(LEAVE, {"capacity": tab})
    assert answer.status_code == 409
    assert "办税身份已切换" in words(answer)
    assert "正在代理：大连明湖餐饮店" in words(visitor.get(HOME))
    visitor.post(LEAVE)
    ids.append(visitor.session.session_key)
    assert len(set(ids)) == len(ids)
    kinds = [Kind.CLIENT_ENTERED, Kind.CLIENT_LEFT]
    told = AuditEntry.objects.filter(kind__in=kinds).order_by("seq").values_list("kind", "taxpayer__name")
    trade, restaurant = "沈阳海川贸易有限公司", "大连明湖餐饮店"
    assert list(told) == [
        ("client_entered", trade),
        ("client_left", trade),
        ("client_entered", restaurant),
        ("client_left", restaurant),
    ]


@pytest.mark.rule("D23", "M53")
def test_the_pending_request_of_hengxin_is_accepted(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    assert "大连恒信财税咨询有限公司”申请代理" in words(visitor.get(HOME))
    page = visitor.get(reverse("agencies:recognitions"))
    assert "待确认的代理申请" in words(page)
    uid = cast.taxpayer("HX").uid
    assert f'href="{reverse("agencies:recognise", args=[uid])}"' in page.content.decode()
    form = {"identity": str(acting.identity("HC", "全量办税").uid), "valid_from": acting.today().isoformat()}
    review = words(visitor.post(reverse("agencies:review_recognition", args=[uid]), form))
    for word in ("可以办理", "蓝字发票开具", "不能办理", "证照资料", "企业人员维护、身份维护、企业密码和个人密码"):
        assert word in review
    saved = visitor.post(reverse("agencies:save_recognition", args=[uid]), {**form, "identity_version": 1})
    assert saved.url == reverse("agencies:recognitions")
    found = engagement("HC", "HX")
    assert found.recognised_at is not None
    assert "已认定“大连恒信财税咨询有限公司”为其代理机构" in visitor.texts_to(cast.PHONES["高振华"])[-1]
    other_visitor.sign_in_by_sms("HX", "高振华")
    names = {"version": found.version, "people": [str(cast.person("高振华").uid)]}
    assert other_visitor.post(reverse("agencies:handlers", args=[found.uid]), names).status_code == 302
    assert other_visitor.post(reverse("agencies:enter", args=[found.uid])).url == HOME
    assert "正在代理：沈阳海川贸易有限公司" in words(other_visitor.get(HOME))


@pytest.mark.rule("D23")
def test_the_pending_request_is_declined_with_a_reason_and_sent_again(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    asked = engagement("HC", "HX")
    answer = visitor.post(reverse("agencies:decline", args=[asked.uid]), {"version": 1, "note": "已有代理机构"})
    assert answer.url == reverse("agencies:recognitions")
    other_visitor.sign_in_by_sms("HX", "高振华")
    listed = words(other_visitor.get(reverse("agencies:engagements")))
    assert "已拒绝" in listed
    page = other_visitor.get(reverse("agencies:engagement", args=[asked.uid]))
    assert "已有代理机构" in words(page)
    there = f"{reverse('agencies:propose')}?code={cast.CODES['HC']}"
    assert f'href="{there}"' in page.content.decode()
    assert f'value="{cast.CODES["HC"]}"' in other_visitor.get(there).content.decode()
    again = other_visitor.post(reverse("agencies:propose"), {"code": cast.CODES["HC"]})
    assert again.url == reverse("agencies:engagements")
    assert "申请代理“沈阳海川贸易有限公司”的涉税业务" in visitor.texts_to(cast.PHONES["钱思远"])[-1]
    fresh = engagement("HC", "HX")
    withdrawn = other_visitor.post(reverse("agencies:withdraw", args=[fresh.uid]), {"version": 1})
    assert withdrawn.url == reverse("agencies:engagements")
    assert "已撤回" in words(other_visitor.get(reverse("agencies:engagements")))


@pytest.mark.rule("AUZ-06", "D16", "D23")
def test_cancelled_while_acting_the_next_click_is_out_and_no_form_lands_on_the_agency(visitor, other_visitor):
    act_for(visitor, "罗建平", "HC")
    tab = capacity_on(visitor.get(HOME))
    other_visitor.sign_in_by_sms("HC", "钱思远")
    found = engagement("HC")
    where = reverse("agencies:cancel", args=[found.uid])
    assert "下一次点击即退出" in words(other_visitor.get(where))
    assert other_visitor.post(where, {"version": found.version, "note": "到期不再续签"}).status_code == 302
    stale = {"capacity": tab, "old_password": "x", "new_password": "y"}
    answer = visitor.post(reverse("staff:change_password"), stale)
    assert answer.url == CLIENTS
    page = words(visitor.get(CLIENTS))
    assert "已退出代理沈阳海川贸易有限公司：委托企业已取消代理认定。" in page
    assert "刚才提交的内容没有保存。" in page
    assert visitor.post(reverse("staff:change_password"), stale).status_code == 409
    assert "正在代理" not in words(visitor.get(HOME))
    lost = entries(Kind.CLIENT_LOST)[-1]
    assert (lost.reason, lost.taxpayer, lost.via) == ("cancelled", cast.taxpayer("HC"), cast.taxpayer("XD"))
    assert "已取消代理认定" in visitor.texts_to(cast.PHONES["罗建平"])[-1]
    assert SignIn.objects.filter(person=cast.person("罗建平"), ended_at=None).exists()


@pytest.mark.rule("D23")
def test_four_roles_deng_lijuan_is_kept_from_minghu_with_who_and_why(visitor, other_visitor):
    visitor.sign_in_by_sms("XD", "冯天宇")
    found = engagement("MH")
    where = reverse("agencies:handlers", args=[found.uid])
    assert "是该委托企业自己的办税员，不能同时担任其代办人员" in words(visitor.get(where))
    people = [str(cast.person(name).uid) for name in ("罗建平", "邓丽娟")]
    answer = visitor.post(where, {"version": found.version, "people": people})
    assert answer.status_code == 400
    said = "不能指定邓*娟：该人员是“大连明湖餐饮店”自己的办税员，不能同时担任其代办人员。"
    assert said in words(answer)
    assert [person.name for person in found.handlers.all()] == ["罗建平"]


@pytest.mark.rule("D23", "D16")
def test_who_becomes_the_clients_own_clerk_while_acting_is_out_at_the_next_click(visitor, other_visitor):
    act_for(visitor, "罗建平", "MH")
    Post.objects.create(
        taxpayer=cast.taxpayer("MH"), person=cast.person("罗建平"), position="clerk", since=timezone.localdate()
    )
    assert visitor.get(HOME).url == CLIENTS
    page = words(visitor.get(CLIENTS))
    assert "已退出代理大连明湖餐饮店：您是该委托企业的办税员，不能同时担任其代办人员。" in page
    assert "不能进入：您是该委托企业的办税员" in page
    other_visitor.sign_in_by_sms("XD", "冯天宇")
    assert "有人员是委托企业自己的人员" in words(other_visitor.get(reverse("agencies:engagements")))


@pytest.mark.rule("D23", "M14", "M21", "D6")
def test_the_first_sign_in_of_an_agency_works_at_the_agency_door_with_the_same_steps(visitor):
    own = cast.membership("HX", "高振华")
    own.credential = None
    own.save()
    agency_password(visitor, "HX")
    page = words(visitor.get(reverse("agencies:agency_person")))
    assert "首次登录" in page
    choose(visitor, "高振华")
    refused = visitor.post(reverse("agencies:agency_password"), {"password": "whatever-1"})
    assert "尚未设置密码" in words(refused)
    visitor.post(reverse("agencies:agency_send_code"))
    code = visitor.code_on(cast.PHONES["高振华"])
    answer = visitor.post(reverse("agencies:agency_sms"), {"code": code})
    assert answer.url == reverse("agencies:agency_new_password")
    assert "请牢记人员的个人密码" in words(visitor.get(answer.url))
    chosen = {"new_password": "恒信2026好天气", "confirm_password": "恒信2026好天气"}
    assert visitor.post(answer.url, chosen).url == CLIENTS
    assert "您还没有代办的企业" in words(visitor.get(CLIENTS))


@pytest.mark.rule("D23", "D7")
def test_minghu_lends_its_queries_and_nothing_else(visitor):
    act_for(visitor, "罗建平", "MH")
    held = {
        code
        for code in functions.FUNCTIONS
        if visitor.get(reverse("staff:function", args=[code])).status_code in (200, 302)
    }
    assert held == functions.branch_codes("query")


@pytest.mark.rule("D23", "M52")
def test_the_agency_uses_the_enterprise_door_for_its_own_affairs(visitor):
    visitor.sign_in_by_sms("XD", "冯天宇")
    page = visitor.get(HOME)
    assert "正在代理" not in words(page)
    for name in ("agencies:clients", "agencies:engagements", "agencies:recognitions"):
        assert f'href="{reverse(name)}"' in page.content.decode()


@pytest.mark.rule("M53")
def test_synchronising_ends_what_stands_with_a_cancelled_agency(visitor):
    agency = cast.taxpayer("XD")
    agency.cancelled_at = timezone.now()
    agency.save()
    visitor.sign_in_by_sms("HC", "林若兰")
    assert "代理机构已注销，请同步" in words(visitor.get(reverse("agencies:recognitions")))
    visitor.post(reverse("agencies:synchronise"))
    page = words(visitor.get(reverse("agencies:recognitions")))
    assert "同步成功" in page
    assert "代理机构已注销1项" in page
    ended = Engagement.objects.get(client=cast.taxpayer("HC"), agency=agency)
    assert (ended.ended_because, ended.lent_name, ended.identity) == ("agency_gone", "全量办税", None)
    assert entries(Kind.AGENCIES_SYNCED)[-1].details == {"gone": 1, "overdue": 0}
