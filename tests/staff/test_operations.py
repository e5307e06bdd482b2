"""历史办税操作查询: the taxpayer's own record, and nobody else's (D28, D33)."""

import csv
from datetime import datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.actor import Actor
from accounts.audit import Kind, record
from accounts.keypages import page_of
from accounts.models import AuditEntry
from staff.operations import PAGE_SIZE, entries_of
from tests import cast
from tests.visitor import words

ADDRESS = "/staff/operations/"


@pytest.fixture
def inside(visitor):
    """钱思远, signed in."""
    visitor.sign_in_by_password("HC", "钱思远")
    return visitor


def write(count: int, key: str = "HC", name: str = "孙雅静", **more) -> None:
    by = Actor(person=cast.person(name), taxpayer=cast.taxpayer(key), ip="127.0.0.1")
    for _ in range(count):
        record(Kind.FUNCTION_OPENED, by=by, **more)


@pytest.mark.rule("M97", "D27", "D28")
def test_the_page_shows_time_act_person_masked_result_and_reason(inside, other_visitor):
    other_visitor.give_enterprise_password("HC")
    other_visitor.choose("黄志强")
    page = words(inside.get(ADDRESS))
    assert "选择办税人 — 黄*强 未成功 办税人员已冻结" in page
    assert "登录 钱*远" in page
    assert "企业密码+个人登录密码 127.0.0.1" in page
    assert "黄志强" not in page


@pytest.mark.rule("D28", "AUZ-02")
def test_another_taxpayers_entries_are_never_shown(inside, other_visitor):
    other_visitor.sign_in_by_password("MH", "徐明湖")
    assert "徐*湖" not in words(inside.get(ADDRESS))
    assert all(entry.taxpayer == cast.taxpayer("HC") for entry in entries_of(cast.taxpayer("HC"), {}))


@pytest.mark.rule("D28")
def test_search_by_kind_result_and_name(inside):
    write(1)
    record(Kind.CODE_SENT, by=Actor(taxpayer=cast.taxpayer("HC")), target=cast.person("林若兰"), reason="code_gap")
    by_kind = words(inside.get(ADDRESS, {"kind": "code_sent"}))
    assert "林*兰" in by_kind
    assert "孙*静" not in by_kind
    assert "林*兰" in words(inside.get(ADDRESS, {"result": "refused"}))
    by_name = words(inside.get(ADDRESS, {"name": "林若兰"}))
    assert "林*兰" in by_name
    assert "孙*静" not in by_name
    assert "没有符合条件的记录" in words(inside.get(ADDRESS, {"name": "没有此人"}))


@pytest.mark.rule("D28")
def test_search_by_dates_counts_days_of_the_bureaus_own_time(world):
    taxpayer = cast.taxpayer("HC")
    china = ZoneInfo("Asia/Shanghai")
    late = AuditEntry.objects.create(
        kind=Kind.SIGN_OUT, taxpayer=taxpayer, at=datetime(2026, 3, 5, 23, 59, tzinfo=china)
    )
    early = AuditEntry.objects.create(
        kind=Kind.SIGN_OUT, taxpayer=taxpayer, at=datetime(2026, 3, 6, 0, 1, tzinfo=china)
    )
    fifth, sixth = late.at.astimezone(china).date(), early.at.astimezone(china).date()
    assert list(entries_of(taxpayer, {"since": fifth, "until": fifth})) == [late]
    assert list(entries_of(taxpayer, {"since": sixth, "until": sixth})) == [early]


@pytest.mark.rule("D28")
def test_dates_the_wrong_way_round_are_told(inside):
    answer = inside.get(ADDRESS, {"since": "2026-03-06", "until": "2026-03-05"})
    assert answer.status_code == 400
    assert "起始日期不能晚于截止日期" in words(answer)


@pytest.mark.rule("D33")
def test_pages_go_by_key_both_ways_and_show_every_entry_once(world):
    taxpayer = cast.taxpayer("HC")
    write(2 * PAGE_SIZE + 5)
    entries = entries_of(taxpayer, {})
    first = page_of(entries, size=PAGE_SIZE)
    second = page_of(entries, size=PAGE_SIZE, before=first.older)
    third = page_of(entries, size=PAGE_SIZE, before=second.older)
    keys = [entry.seq for page in (first, second, third) for entry in page.rows]
    assert keys == sorted(set(keys), reverse=True)
    assert len(keys) == 2 * PAGE_SIZE + 5
    assert (first.newer, third.older) == (None, None)
    assert [entry.seq for entry in page_of(entries, size=PAGE_SIZE, after=second.newer).rows] == [
        e.seq for e in first.rows
    ]


@pytest.mark.rule("D33")
def test_a_page_costs_the_same_queries_however_long_the_record_is(inside, django_assert_num_queries):
    write(3)
    with django_assert_num_queries(4):
        inside.get(ADDRESS)
    write(100)
    with django_assert_num_queries(4):
        inside.get(ADDRESS)


@pytest.mark.rule("VAL-04")
@pytest.mark.parametrize("key", ["x", "-1", "1e3", "٣", "9" * 40, ""])
def test_a_page_key_that_is_none_is_not_found(inside, key):
    assert inside.get(ADDRESS, {"before": key}).status_code == 404


@pytest.mark.rule("D7", "AUZ-05")
def test_who_does_not_hold_the_function_is_refused(visitor):
    cast.membership("HC", "孙雅静").identities.clear()
    visitor.sign_in_by_password("HC", "孙雅静")
    assert visitor.get(ADDRESS).status_code == 403


@pytest.mark.rule("VAL-05")
def test_what_is_written_comes_out_escaped(inside):
    person = cast.person("孙雅静")
    person.name = "<script>alert(1)</script>"
    person.save()
    write(1)
    assert "<script>alert" not in inside.get(ADDRESS).content.decode()


def test_the_newest_entry_comes_first(inside):
    write(1)
    AuditEntry.objects.create(kind=Kind.SIGN_OUT, taxpayer=cast.taxpayer("HC"), at=timezone.now() - timedelta(days=9))
    page = words(inside.get(ADDRESS)).split("网络地址", 1)[1]
    assert page.index("退出") < page.index("打开功能")


EXPORT = "/staff/operations/export/"


def exported(visitor, **filters) -> list[list[str]]:
    answer = visitor.post(EXPORT, filters)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(StringIO(text[1:])))


@pytest.mark.rule("LOG-07", "D27", "D28")
def test_the_export_holds_what_the_page_shows_masked_and_is_recorded(inside, other_visitor):
    other_visitor.give_enterprise_password("HC")
    other_visitor.choose("黄志强")
    head, *rows = exported(inside, kind="person_chosen", result="refused")
    assert head[:4] == ["时间", "操作", "人员", "对象"]
    assert [row[1:6] for row in rows] == [["选择办税人", "", "黄*强", "未成功", "办税人员已冻结"]]
    assert AuditEntry.objects.filter(kind=Kind.RECORD_EXPORTED, taxpayer=cast.taxpayer("HC")).count() == 1


@pytest.mark.rule("LOG-07", "VAL-05")
@pytest.mark.parametrize("nasty", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", 'a"b,c\nd'])
def test_no_cell_is_a_formula_and_none_breaks_the_file(inside, nasty):
    record(Kind.IDENTITY_ADDED, by=Actor(taxpayer=cast.taxpayer("HC")), name=nasty)
    _head, row = exported(inside, kind="identity_added")
    assert (len(row), row[-1]) == (9, nasty if nasty.startswith("a") else "'" + nasty)


@pytest.mark.rule("LOG-07", "AUZ-02")
def test_the_export_holds_no_other_firms_entries_and_refuses_what_the_page_did_not_offer(inside, other_visitor):
    other_visitor.sign_in_by_password("MH", "徐明湖")
    assert all("徐*湖" not in row for row in exported(inside))
    assert inside.post(EXPORT, {"kind": "nothing"}).status_code == 400
