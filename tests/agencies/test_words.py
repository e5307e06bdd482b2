"""What the pages between agencies and clients say: times with a word, counts that are true, no framework's words."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Taxpayer
from agencies.services import groups, recognition
from staff import functions
from tests import cast
from tests.agencies.acting import engagement, identity, sign_in, today
from tests.staff.acting import actor
from tests.visitor import words


@pytest.mark.rule("D23")
def test_an_ended_engagement_says_when_it_ended_and_when_it_was_asked_for_and_recognised(visitor):
    found = engagement("HC")
    recognition.cancel(found, by=actor("HC", "林若兰"))
    visitor.sign_in_by_sms("HC", "钱思远")
    assert "结束于" in words(visitor.get(reverse("agencies:recognitions")))
    detail = words(visitor.get(reverse("agencies:recognition", args=[found.uid])))
    assert "认定时间" in detail
    asked = words(visitor.get(reverse("agencies:recognition", args=[engagement("HC", "HX").uid])))
    assert "申请时间" in asked
    assert "认定时间" not in asked
    assert "申请或认定的时间" not in detail + asked


@pytest.mark.rule("D23", "M53")
def test_an_identity_is_offered_with_what_can_be_lent_of_it_and_not_where_nothing_can(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    page = words(visitor.get(reverse("agencies:recognise", args=[cast.taxpayer("HX").uid])))
    assert f"全量办税（可出借{len(functions.LENDABLE)}项功能）" in page
    assert identity("HC", "空身份").grants.count() == 0
    assert "空身份" not in page


@pytest.mark.rule("VAL-03", "D33")
@pytest.mark.parametrize("has_groups", [True, False])
def test_a_group_that_is_none_in_an_address_is_said_in_the_portals_words(visitor, has_groups):
    if has_groups:
        groups.add(name="一组", by=actor("XD", "冯天宇"))
    sign_in(visitor, "罗建平")
    answer = visitor.get(reverse("agencies:clients"), {"group": "zzz"})
    said = words(answer)
    assert answer.status_code == 400
    assert "请从列表中选择分组。" in said
    assert not {each for each in ("UUID", "没有保存", "刷新") if each in said}


@pytest.mark.rule("VAL-03")
def test_a_handler_that_is_none_is_said_in_the_portals_words(visitor):
    visitor.sign_in_by_sms("XD", "冯天宇")
    where = reverse("agencies:handlers", args=[engagement("HC").uid])
    answer = visitor.post(where, {"version": 1, "people": ["zzz"]})
    assert answer.status_code == 400
    assert "请从列表中选择人员。" in words(answer)
    assert "UUID" not in words(answer)


@pytest.mark.rule("VAL-03", "D23")
@pytest.mark.parametrize("day", ["9999-01-01", "1001-01-01"])
def test_a_day_beyond_all_bounds_is_said_in_the_portals_words(visitor, day):
    visitor.sign_in_by_sms("HC", "钱思远")
    data = {"identity": str(identity("HC", "查询员").uid), "valid_from": today().isoformat(), "valid_until": day}
    said = words(visitor.post(reverse("agencies:review_recognition", args=[cast.taxpayer("HX").uid]), data))
    assert "请填写2000-01-01至2199-12-31之间的日期。" in said
    assert "确保该值" not in said


@pytest.mark.rule("D23")
def test_a_client_that_is_no_more_is_marked_in_the_agencys_list_and_asks_for_no_handlers(visitor):
    Taxpayer.objects.filter(pk=cast.taxpayer("MH").pk).update(cancelled_at=timezone.now())
    engagement("MH").namings.all().delete()
    visitor.sign_in_by_sms("XD", "冯天宇")
    page = visitor.get(reverse("agencies:engagements"))
    assert words(page).count("委托企业已注销") == 1
    assert reverse("agencies:handlers", args=[engagement("MH").uid]) not in page.content.decode()
    assert "委托企业已注销" in words(visitor.get(reverse("agencies:engagement", args=[engagement("MH").uid])))
