"""Paging by key: every row once, in order, whichever way one turns the pages (D33)."""

import pytest
from django.http import Http404

from accounts import keypages
from accounts.models import Throttle


@pytest.fixture
def rows(db) -> list[Throttle]:
    """Seven rows, newest first."""
    for n in range(7):
        Throttle.objects.create(key=f"k{n}")
    return list(Throttle.objects.order_by("-pk"))


@pytest.mark.rule("D33")
@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8])
def test_turning_to_older_pages_shows_every_row_once_newest_first(rows, size):
    page = keypages.page_of(Throttle.objects.all(), size=size)
    assert page.newer is None
    shown = list(page.rows)
    while page.older is not None:
        page = keypages.page_of(Throttle.objects.all(), size=size, before=page.older)
        assert page.newer is not None
        shown += page.rows
    assert shown == rows


@pytest.mark.rule("D33")
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_turning_back_shows_every_row_again(rows, size):
    page = keypages.page_of(Throttle.objects.all(), size=size)
    while page.older is not None:
        page = keypages.page_of(Throttle.objects.all(), size=size, before=page.older)
    shown = page.rows
    while page.newer is not None:
        page = keypages.page_of(Throttle.objects.all(), size=size, after=page.newer)
        assert page.older is not None
        shown = page.rows + shown
    assert shown == rows


@pytest.mark.rule("D33")
def test_nothing_leads_nowhere(db):
    for keys in ({}, {"before": 5}, {"after": 5}):
        page = keypages.page_of(Throttle.objects.all(), size=3, **keys)
        assert (page.rows, page.newer, page.older) == ([], None, None)
        assert page.links({"kind": "x"}) == keypages.PageLinks("", "")


def test_the_links_keep_what_was_searched_for(rows):
    page = keypages.page_of(Throttle.objects.all(), size=2, before=rows[1].pk)
    links = page.links({"name": "王&晓"})
    assert links.newer_url == f"?name=%E7%8E%8B%26%E6%99%93&after={rows[2].pk}"
    assert links.older_url == f"?name=%E7%8E%8B%26%E6%99%93&before={rows[3].pk}"


@pytest.mark.rule("D33")
def test_a_page_is_found_without_counting_or_skipping(rows, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        keypages.page_of(Throttle.objects.all(), size=2, before=rows[1].pk)
    sql = captured[0]["sql"].upper()
    assert "OFFSET" not in sql
    assert "COUNT(*)" not in sql


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "\u0661", "\u00b2", "1" * 19, " 1", "1e3", "\x00"])
@pytest.mark.parametrize("name", ["before", "after"])
def test_what_is_no_key_is_a_page_that_does_not_exist(rf, name, text):
    with pytest.raises(Http404):
        keypages.keys_of(rf.get("/", {name: text}))


def test_keys_come_out_of_the_address_as_numbers(rf):
    assert keypages.keys_of(rf.get("/", {"before": "12", "size": "x"})) == {"before": 12}
    assert keypages.keys_of(rf.get("/", {"after": "9" * 18})) == {"after": int("9" * 18)}
    assert keypages.keys_of(rf.get("/")) == {}
