"""Questions that are composed once answer as the queryset itself would, whoever asks and with whatever values."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.db.models import BigIntegerField, CharField, DateField, Exists, OuterRef, UUIDField
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.composed import Composed, Given
from accounts.models import Person, Taxpayer
from realname.models import Post
from staff import standing
from tests import cast

pytestmark = pytest.mark.django_db


def test_the_answer_is_that_of_the_queryset_with_what_was_joined_and_annotated(world):
    posts = Post.objects.filter(person=OuterRef("pk"))
    asked = Composed(
        lambda: (
            Person.objects.select_related("credential")
            .annotate(works=Exists(posts))
            .filter(uid=Given("uid", UUIDField()))
        )
    )
    person = cast.person("钱思远")
    with CaptureQueriesContext(connection) as queries:
        [found] = asked.ask(uid=str(person.uid))
        assert (found, found.name, found.phone, found.works) == (person, person.name, person.phone, True)
        assert found.credential == person.credential
    assert len(queries) == 1
    assert found._state.db == person._state.db


def test_each_asking_has_its_own_values(world):
    asked = Composed(lambda: Taxpayer.objects.filter(code=Given("code", CharField())))
    codes = [cast.CODES["HC"], cast.CODES["MH"], "0", cast.CODES["HC"]]
    assert [[each.code for each in asked.ask(code=code)] for code in codes] == [
        [code] if code != "0" else [] for code in codes
    ]
    assert asked.first(code="0") is None


def test_columns_alone_come_as_tuples_and_a_day_may_be_moved(world):
    today = Given("today", DateField())
    span = Post.objects.filter(since__gte=today.later(timedelta(days=-1)), since__lte=today)
    asked = Composed(lambda: span.values_list("person", "since").order_by("pk"))
    post = Post.objects.order_by("pk").first()
    for day in (post.since, post.since + timedelta(days=1)):
        assert (post.person_id, post.since) in asked.ask(today=day)
    assert (post.person_id, post.since) not in asked.ask(today=post.since - timedelta(days=1))


def test_a_value_that_is_missing_is_said_before_anything_is_asked(world):
    asked = Composed(lambda: Taxpayer.objects.filter(pk=Given("firm", BigIntegerField())))
    with CaptureQueriesContext(connection) as queries, pytest.raises(KeyError, match="firm"):
        asked.ask(taxpayer=1)
    assert not queries.captured_queries


def test_it_is_composed_once_for_a_thread_and_anew_for_another(world):
    made = []

    def question():
        made.append(threading.get_ident())
        return Taxpayer.objects.filter(pk=Given("firm", BigIntegerField()))

    asked = Composed(question)
    asked.ask(firm=1)
    asked.ask(firm=2)
    assert made == [threading.get_ident()]
    other = threading.Thread(target=asked._in_words)
    other.start()
    other.join()
    assert len(made) == 2
    assert len(set(made)) == 2


@pytest.mark.rule("D16")
def test_who_is_asked_for_on_another_day_is_judged_by_that_day(world):
    person, firm = cast.person("钱思远"), cast.taxpayer("HC")
    tomorrow = timezone.now() + timedelta(days=1)
    Post.objects.filter(person=person, taxpayer=firm).update(until=timezone.localdate(tomorrow))
    assert standing.of_person(person, firm).posts
    with time_machine.travel(tomorrow):
        assert not standing.of_person(person, firm).posts
