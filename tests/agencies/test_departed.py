"""Who has left an agency, or may not act for it any more: nobody's handler, and told nothing of its clients."""

from importlib import import_module

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Kind
from agencies.models import Handler
from agencies.services import recognition
from agencies.services.handlers import name_handlers
from realname.models import Post
from staff.models import Membership
from staff.services import members, own_posts
from tests import cast
from tests.agencies.acting import engagement, sign_in
from tests.staff.acting import actor, entries, refusal
from tests.visitor import words

WHO = "罗建平"


def removed() -> None:
    members.remove(cast.membership("XD", WHO), version=1, by=actor("XD", "冯天宇"))


def left() -> None:
    own_posts.leave(cast.taxpayer("XD"), by=actor("XD", WHO))


def no_longer_registered() -> None:
    Post.objects.filter(taxpayer=cast.taxpayer("XD"), person=cast.person(WHO)).update(until=timezone.localdate())


def frozen() -> None:
    members.freeze(cast.membership("XD", WHO), version=1, by=actor("XD", "冯天宇"))


def handled() -> list[str]:
    """Whose handler he is."""
    rows = Handler.objects.filter(person=cast.person(WHO), engagement__ended_at=None)
    return sorted(rows.values_list("engagement__client__name", flat=True))


@pytest.mark.rule("D23", "M55", "AUZ-06")
@pytest.mark.parametrize("end", [removed, left])
def test_who_is_no_longer_one_of_the_agencys_people_is_nobodys_handler_and_the_record_says_so(world, end):
    assert len(handled()) == 2
    end()
    assert handled() == []
    dropped = entries(Kind.HANDLERS_CHANGED)
    assert {entry.details["name"] for entry in dropped} == {"沈阳海川贸易有限公司", "大连明湖餐饮店"}
    assert {(entry.target.name, entry.taxpayer) for entry in dropped} == {(WHO, cast.taxpayer("XD"))}
    assert dropped[0].details_in_words[0] == "不再是代办人员"


@pytest.mark.rule("D23", "AUZ-06")
def test_added_again_he_enters_nobody_until_he_is_named_anew(visitor):
    removed()
    old = Membership.objects.filter(person=cast.person(WHO), taxpayer=cast.taxpayer("XD")).get()
    credential, old.credential = old.credential, None
    old.save()
    Membership.objects.create(taxpayer=old.taxpayer, person=old.person, credential=credential)
    sign_in(visitor, WHO)
    assert "您还没有代办的企业" in words(visitor.get(reverse("agencies:clients")))
    visitor.post(reverse("agencies:enter", args=[engagement("HC").uid]))
    assert "您不是该委托企业的代办人员" in words(visitor.get(reverse("agencies:clients")))


@pytest.mark.rule("D23", "LOG-05")
@pytest.mark.parametrize("end", [removed, left, no_longer_registered, frozen])
def test_whoever_may_not_act_for_the_agency_is_not_told_of_a_cancellation(visitor, end):
    end()
    visitor.sign_in_by_sms("HC", "钱思远")
    visitor.post(reverse("agencies:cancel", args=[engagement("HC").uid]), {"version": 1})
    assert "海川" in visitor.texts_to(cast.PHONES["邓丽娟"])[-1]
    assert not [text for text in visitor.texts_to(cast.PHONES[WHO]) if "海川" in text]


@pytest.mark.rule("D23", "D4")
@pytest.mark.parametrize("end", [removed, no_longer_registered, frozen])
def test_a_client_whose_only_handler_cannot_act_asks_for_another(visitor, end):
    end()
    visitor.sign_in_by_sms("XD", "冯天宇")
    page = visitor.get(reverse("agencies:engagements"))
    where = reverse("agencies:handlers", args=[engagement("MH").uid])
    assert f'href="{where}"' in page.content.decode()
    assert ("有人员不能代办" in words(page)) == (end is not removed)
    detail = words(visitor.get(reverse("agencies:engagement", args=[engagement("MH").uid])))
    assert ("罗*平（不能代办）" in detail) == (end is not removed)
    assert "尚未指定" in detail or "罗*平不能再进入该委托企业" in detail
    if end is frozen:
        assert "原因：办税人员已冻结" in detail


@pytest.mark.rule("D23", "D4")
@pytest.mark.parametrize("end", [removed, no_longer_registered, frozen])
def test_the_client_reads_who_of_the_handlers_cannot_act_but_not_what_happened_to_him(visitor, end):
    end()
    visitor.sign_in_by_sms("HC", "钱思远")
    for page in (
        visitor.get(reverse("agencies:recognitions")),
        visitor.get(reverse("agencies:recognition", args=[engagement("HC").uid])),
    ):
        said = words(page)
        assert "邓*娟" in said
        assert ("罗*平（不能代办）" in said) == (end is not removed)
        assert "罗*平" not in said.replace("罗*平（不能代办）", "").replace("罗*平现在不能代本企业办税", "")
        assert "冻结" not in said


@pytest.mark.rule("D23")
def test_namings_of_what_is_over_stay_as_its_history(world):
    found = engagement("HC")
    recognition.cancel(found, by=actor("HC", "钱思远"))
    removed()
    assert WHO in {person.name for person in found.handlers.all()}


@pytest.mark.rule("D23", "STF-03")
def test_who_is_being_removed_is_not_named(world):
    removed()
    who, by = [cast.person(WHO)], actor("XD", "冯天宇")
    assert refusal(name_handlers, engagement("MH"), version=1, people=who, by=by) == "not_usable"


@pytest.mark.rule("D23", "AUZ-06")
def test_namings_that_outlived_a_membership_before_are_dropped_once(world):
    migration = import_module("agencies.migrations.0004_namings_of_who_has_left")
    kept = Handler.objects.exclude(person=cast.person(WHO)).count()
    migration.drop_departed(apps, None)
    assert len(handled()) == 2
    Membership.objects.filter(pk=cast.membership("XD", WHO).pk).update(added_at=timezone.now())  # gone, and back
    migration.drop_departed(apps, None)
    assert (handled(), Handler.objects.count()) == ([], kept)
