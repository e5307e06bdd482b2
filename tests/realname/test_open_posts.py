"""Which posts the register holds today: of several legal representatives the one who began last."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from realname.models import LEADS, Position, Post
from staff import standing
from tests import cast
from tests.visitor import words


def today(days: int = 0):
    """So many days from today."""
    return timezone.localdate() + timedelta(days=days)


def leaves(name: str, *, until: int) -> None:
    """The end of somebody's post at 海川, so many days from today."""
    Post.objects.filter(taxpayer=cast.taxpayer("HC"), person=cast.person(name)).update(until=today(until))


def begins(name: str, position: Position, *, since: int) -> Post:
    """A new post at 海川 from that day on."""
    whose = {"taxpayer": cast.taxpayer("HC"), "person": cast.person(name)}
    return Post.objects.create(**whose, position=position, since=today(since), linked_at=timezone.now())


def holders(position: Position) -> list[str]:
    """Who holds it at 海川 today."""
    posts = Post.objects.open().filter(taxpayer=cast.taxpayer("HC"), position=position)
    return sorted(post.person.name for post in posts)


@pytest.mark.rule("D20", "D31")
@pytest.mark.parametrize("position", LEADS)
def test_where_two_hold_one_lead_post_it_is_who_began_last(world, position):
    old = {Position.LEGAL_REP: "钱思远", Position.FINANCE: "林若兰"}[position]
    leaves(old, until=30)
    assert holders(position) == [old]
    begins("宋雨桐", position, since=0)
    assert holders(position) == ["宋雨桐"]


@pytest.mark.rule("D20", "D31")
def test_who_begins_tomorrow_takes_nobodys_post_today_and_of_one_day_the_later_line_counts(world):
    leaves("钱思远", until=30)
    later = begins("宋雨桐", Position.LEGAL_REP, since=1)
    assert holders(Position.LEGAL_REP) == ["钱思远"]
    since = Post.objects.get(taxpayer=cast.taxpayer("HC"), person=cast.person("钱思远")).since
    Post.objects.filter(pk=later.pk).update(since=since)
    assert holders(Position.LEGAL_REP) == ["宋雨桐"]


@pytest.mark.rule("D20", "D31")
def test_a_successor_who_is_gone_again_supersedes_nobody_and_clerks_supersede_no_clerks(world):
    clerks = holders(Position.CLERK)
    leaves("钱思远", until=30)
    gone = begins("宋雨桐", Position.LEGAL_REP, since=-5)
    Post.objects.filter(pk=gone.pk).update(until=today(-1))
    assert holders(Position.LEGAL_REP) == ["钱思远"]
    begins("罗建平", Position.CLERK, since=0)
    assert holders(Position.CLERK) == sorted([*clerks, "罗建平"])


@pytest.mark.rule("D20", "M102", "SES-05")
def test_the_superseded_lead_is_out_at_his_next_click_with_m102(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    leaves("钱思远", until=30)
    begins("宋雨桐", Position.LEGAL_REP, since=0)
    assert visitor.get(reverse("staff:members")).url == reverse("login")
    assert "当前办税人与税务登记办税人信息不符" in words(visitor.get(reverse("login")))
    assert standing.of_person(cast.person("宋雨桐"), cast.taxpayer("HC")).is_lead
