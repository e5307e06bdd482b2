"""Two browsers: what one does to the other bites at the other's very next request, with the reason (D16, SES-05)."""

import re

import pytest
from django.urls import reverse

from accounts.models import SignIn
from accounts.models.signins import EndReason
from staff import functions
from staff.models import Membership
from tests import cast
from tests.staff.acting import do
from tests.visitor import words

OPERATIONS = "/staff/operations/"
BY_PASSWORD, BY_SMS = "sign_in_by_password", "sign_in_by_sms"
both_proofs = pytest.mark.parametrize("way", [BY_PASSWORD, BY_SMS])
NEW = "海川里的第三艘船"


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


def enter(other, way: str, name: str = "孙雅静"):
    """The other browser is in and has shown a page."""
    getattr(other, way)("HC", name)
    assert other.get("/").status_code == 200
    return other


def is_out(other, because: str, address: str = "/") -> bool:
    """The next request is led to the login page, which says why; and nothing of the portal opens any more."""
    answer = other.get(address, follow=True)
    out = answer.redirect_chain[0] == (reverse("login"), 302) and because in words(answer)
    return out and other.get(OPERATIONS).url.startswith(reverse("login"))


@both_proofs
@pytest.mark.rule("M61", "M98", "M99", "SES-05", "D4")
def test_frozen(lead, other_visitor, way):
    other = enter(other_visitor, way)
    do(lead, "freeze", cast.membership("HC", "孙雅静"))
    assert is_out(other, "办税人员已冻结")


@both_proofs
@pytest.mark.rule("M57", "M58", "SES-05", "D4")
def test_removed(lead, other_visitor, way):
    other = enter(other_visitor, way)
    do(lead, "remove", cast.membership("HC", "孙雅静"))
    assert is_out(other, "您已不是该企业的办税人员")


@both_proofs
@pytest.mark.rule("M75", "M76", "D10", "SES-05")
def test_reset(lead, other_visitor, way):
    other = enter(other_visitor, way)
    do(lead, "reset_password", cast.membership("HC", "孙雅静"))
    assert is_out(other, "您的个人登录密码已被重置")


@both_proofs
@pytest.mark.rule("M68", "SES-05")
def test_bound(lead, other_visitor, way):
    other = enter(other_visitor, way)
    do(lead, "bind", cast.membership("HC", "孙雅静"))
    assert is_out(other, "本次登录所用的密码已变更")


@pytest.mark.rule("M70", "D11", "SES-05")
def test_unbound(lead, other_visitor):
    other = enter(other_visitor, BY_SMS, "何晨曦")
    do(lead, "unbind", cast.membership("HC", "何晨曦"))
    assert is_out(other, "本次登录所用的密码已变更")


@both_proofs
@pytest.mark.rule("SES-07", "SES-05", "D16")
def test_sign_ins_ended(lead, other_visitor, way):
    other = enter(other_visitor, way)
    do(lead, "end_sign_ins", cast.membership("HC", "孙雅静"))
    assert is_out(other, "法定代表人（业主）或财务负责人结束了本次登录")
    other.sign_in_by_password("HC", "孙雅静")
    assert other.get("/").status_code == 200


@pytest.mark.rule("SES-07")
def test_ending_sign_ins_ends_neither_those_of_colleagues_nor_the_leads_own(lead, other_visitor):
    other = enter(other_visitor, BY_PASSWORD)
    do(lead, "end_sign_ins", cast.membership("HC", "何晨曦"))
    assert other.get("/").status_code == 200
    assert lead.get("/").status_code == 200


@both_proofs
@pytest.mark.rule("M80", "D16", "SES-05")
def test_the_enterprise_password_changed(lead, other_visitor, way):
    other = enter(other_visitor, way)
    data = {"old_password": cast.ENTERPRISE_PASSWORDS["HC"], "new_password": NEW, "confirm_password": NEW}
    assert lead.post_with_picture("/staff/enterprise-password/", data).url == "/staff/"
    assert is_out(other, "本次登录所用的密码已变更")
    assert lead.get("/").status_code == 200


@pytest.mark.rule("D7", "SES-05", "AUZ-05")
def test_his_rights_changed_reduce_the_menu_and_the_server(lead, other_visitor):
    other = enter(other_visitor, BY_PASSWORD)
    assert other.get(OPERATIONS).status_code == 200
    assert "我要办税" in words(other.get("/"))
    nothing = cast.taxpayer("HC").identities.get(name="空身份")
    do(lead, "change_rights", cast.membership("HC", "孙雅静"), identities=[nothing.uid])
    answer = other.get(OPERATIONS)
    assert answer.status_code == 403
    assert "您没有“历史办税操作查询”功能" in words(answer)
    home = words(other.get("/"))
    assert "您还没有可以使用的功能" in home
    assert "我要办税" not in home


@pytest.mark.rule("D8", "SES-05")
def test_management_given_and_taken_away_opens_and_shuts_the_staff_pages(lead, other_visitor):
    other = enter(other_visitor, BY_SMS)
    member = cast.membership("HC", "孙雅静")
    identities = [str(each.uid) for each in member.identities.all()]
    assert other.get("/staff/").status_code == 403
    do(lead, "change_rights", member, identities=identities, is_manager="on")
    assert other.get("/staff/").status_code == 200
    do(lead, "change_rights", member, identities=identities)
    assert other.get("/staff/").status_code == 403


@pytest.mark.rule("D7", "SES-05", "AUZ-05")
def test_an_identity_changed_reduces_everybody_who_has_it(lead, other_visitor):
    other = enter(other_visitor, BY_SMS, "何晨曦")
    assert other.get(OPERATIONS).status_code == 200
    identity = cast.taxpayer("HC").identities.get(name="查询员")
    kept = sorted(functions.branch_codes("query") - {"query.record.operations"})
    data = {"version": 1, "name": "查询员", "functions": kept}
    assert lead.post(reverse("staff:save_identity", args=[identity.uid]), data).url == "/staff/identities/"
    assert other.get(OPERATIONS).status_code == 403
    assert "历史办税操作查询" not in words(other.get("/"))


@pytest.mark.rule("SES-05", "M57")
def test_a_form_that_was_open_does_nothing_after_the_removal(lead, other_visitor):
    other = enter(other_visitor, BY_SMS, "郑海涛")
    page = other.get("/staff/identities/").content.decode()
    capacity = re.search(r'name="capacity" value="([^"]+)"', page)[1]
    do(lead, "remove", cast.membership("HC", "郑海涛"))
    data = {"name": "夜里", "functions": ["info.taxpayer.basic"], "capacity": capacity}
    assert other.post("/staff/identities/save/", data).status_code == 302
    assert not cast.taxpayer("HC").identities.filter(name="夜里").exists()


@pytest.mark.rule("SES-05", "D16")
@pytest.mark.parametrize("way_back", ["cookie", "address"])
def test_once_out_no_way_leads_back_in(lead, other_visitor, way_back):
    other = enter(other_visitor, BY_PASSWORD)
    session = other.cookies["session"].value
    member = cast.membership("HC", "孙雅静")
    do(lead, "freeze", member)
    assert is_out(other, "办税人员已冻结")
    do(lead, "unfreeze", member)
    if way_back == "cookie":
        other.cookies["session"] = session
    assert other.get(OPERATIONS).url.startswith(reverse("login"))
    assert SignIn.objects.get(person=member.person).ended_because == EndReason.CAPACITY_LOST


@pytest.mark.rule("D4", "D16")
def test_frozen_at_one_firm_he_stays_in_at_the_other(visitor, other_visitor):
    member = Membership.objects.create(taxpayer=cast.taxpayer("MH"), person=cast.person("邓丽娟"))
    other_visitor.sign_in_by_password("XD", "邓丽娟")
    visitor.sign_in_by_sms("MH", "徐明湖")
    assert do(visitor, "freeze", member).url == "/staff/"
    assert other_visitor.get("/").status_code == 200
    do(visitor, "end_sign_ins", member)
    assert other_visitor.get("/").status_code == 200
