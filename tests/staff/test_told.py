"""What the record's pages and its export say was done: all that an entry keeps, in words (D28, LOG-07)."""

import csv
from io import StringIO
from uuid import uuid4

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.audit import Kind
from accounts.models import AuditEntry
from staff import functions, told
from staff.services import adding
from staff.services import identities as identity_services
from staff.services import members as services
from tests import cast
from tests.staff.acting import actor, address, entries, identity
from tests.visitor import words

OPERATIONS, EXPORT = "/staff/operations/", "/staff/operations/export/"
LEAF = "tax.invoice.issue"


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


def shown(lead, kind: str) -> str:
    """What the page says of the entries of this kind; its export says the same."""
    page = words(lead.get(OPERATIONS, {"kind": kind})).split("网络地址", 1)[1]
    rows = list(csv.reader(StringIO(lead.post(EXPORT, {"kind": kind}).content.decode())))[1:]
    told_by_file = {line for row in rows for line in row[-1].split("；") if line}
    assert told_by_file
    assert all(" ".join(line.split()) in page for line in told_by_file)
    return page


@pytest.mark.rule("D28", "M31")
def test_an_added_clerk_is_recorded_with_his_identities_and_management(lead):
    by = actor("HC", "钱思远")
    found = adding.find(name="宋雨桐", id_type="resident", id_number=cast.ID_NUMBERS["宋雨桐"], by=by)
    given = [identity(), identity("空身份")]
    adding.add(found, password="雨桐的第一个密码", identities=given, is_manager=True, by=by)
    page = shown(lead, Kind.MEMBER_ADDED)
    assert "权限身份：查询员、空身份" in page
    assert "授予管理权限" in page


@pytest.mark.rule("D28", "M25")
def test_a_new_and_a_deleted_identity_are_recorded_with_their_functions(lead):
    by = actor("HC", "钱思远")
    queries = functions.branch_codes("query")
    made = identity_services.add(name="开票员", description="只开票", codes={LEAF, *queries}, by=by)
    identity_services.delete(made, version=made.version, by=by)
    for kind in (Kind.IDENTITY_ADDED, Kind.IDENTITY_DELETED):
        page = shown(lead, kind)
        assert f"功能：{functions.get(LEAF).name}、【我要查询】的全部功能" in page
        assert "开票员" in page
    assert "描述：只开票" in shown(lead, Kind.IDENTITY_ADDED)
    identity_services.add(name="空的", description="", codes=(), by=by)
    identity_services.add(name="全的", description="", codes=functions.ALL, by=by)
    page = shown(lead, Kind.IDENTITY_ADDED)
    assert "功能：没有" in page
    assert "功能：全部功能" in page


@pytest.mark.rule("D27", "D28", "AUZ-08")
def test_a_shown_number_says_which(lead):
    member, by = cast.membership("HC", "孙雅静"), actor("HC", "钱思远")
    services.show_number(member, "phone", by=by)
    assert "号码：手机号码" in shown(lead, Kind.NUMBER_SHOWN)
    services.show_number(member, "id_number", by=by)
    assert "号码：身份证件号码" in shown(lead, Kind.NUMBER_SHOWN)


@pytest.mark.rule("D7", "D28")
def test_a_refused_function_is_named(lead, other_visitor):
    identity("全量办税").grants.all().delete()
    other_visitor.sign_in_by_password("HC", "孙雅静")
    assert other_visitor.get(reverse("staff:function", args=[LEAF])).status_code == 403
    assert f"功能：{functions.get(LEAF).name}" in shown(lead, Kind.FUNCTION_REFUSED)


@pytest.mark.rule("D8", "D28", "STF-02")
def test_a_refused_act_says_which_and_on_whom(lead, other_visitor):
    other_visitor.sign_in_by_sms("HC", "郑海涛")
    member = cast.membership("HC", "孙雅静")
    other_visitor.get(address("freeze", member))
    page = shown(lead, Kind.ACT_REFUSED)
    assert "操作：冻结办税人员" in page
    assert "孙*静" in page
    (entry,) = entries(Kind.ACT_REFUSED)
    assert entry.target == member.person
    other_visitor.post(address("show_phone", member))
    assert "操作：查看完整手机号码" in shown(lead, Kind.ACT_REFUSED)


@pytest.mark.rule("D8", "D28", "AUZ-02")
def test_a_refusal_names_nobody_of_another_firm_and_which_identity_was_meant(lead, other_visitor):
    other_visitor.sign_in_by_sms("HC", "孙雅静")
    for uid in (cast.membership("MH", "徐明湖").uid, uuid4()):
        other_visitor.get(reverse("staff:freeze", args=[uid]))
    assert [entry.target for entry in entries(Kind.ACT_REFUSED)] == [None, None]
    other_visitor.get(reverse("staff:delete_identity", args=[identity("空身份").uid]))
    page = shown(lead, Kind.ACT_REFUSED)
    assert "操作：删除权限身份空身份" in page


@pytest.mark.rule("D8", "D28")
def test_what_a_service_refuses_is_named_as_well(world):
    with pytest.raises(Exception, match="只有法定代表人"):
        services.remove(cast.membership("HC", "孙雅静"), version=1, by=actor("HC", "郑海涛"))
    (entry,) = entries(Kind.ACT_REFUSED)
    assert (entry.target, told.lines_of(entry)) == (cast.person("孙雅静"), ["操作：删除办税人员"])


@pytest.mark.rule("D28")
def test_what_is_gone_from_the_portal_is_told_by_its_address_and_code(world):
    entry = AuditEntry(kind=Kind.ACT_REFUSED, details={"page": "/gone/for/good/", "functions": ["gone.leaf"]})
    assert told.lines_of(entry) == ["操作：/gone/for/good/", "功能：gone.leaf"]


@pytest.mark.rule("D28")
def test_every_address_for_managers_and_leads_has_a_name(world):
    guarded = {name for name, view in _views(get_resolver()) if getattr(view, "asks_for_right", False)}
    assert len(guarded) > 30
    assert sorted(guarded - told.PAGES.keys()) == []


def _views(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else prefix
            yield from _views(pattern, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{prefix}{pattern.name}", pattern.callback
