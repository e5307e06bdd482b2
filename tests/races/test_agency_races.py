"""Races between clients and agencies, with real threads and real transactions: PostgreSQL only (STF-03, D23)."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry
from agencies.models import ClientGroup, Engagement, Handler
from agencies.services import groups, handlers, recognition, requests
from staff.models import Identity
from staff.services import identities
from tests import cast
from tests.agencies.acting import engagement, terms, today
from tests.races.crowd import at_once
from tests.staff.acting import actor

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time: run on PostgreSQL"),
    pytest.mark.usefixtures("committed_world"),
]
ROUNDS = 40


def outcome_of(call: Callable[[], object]) -> str:
    """`done`, or the code of the refusal; anything else is a failure of the test."""
    try:
        call()
    except ValidationError as error:
        return str(error.code)
    return "done"


def outcomes_of(*calls: Callable[[], object]) -> list[str]:
    """What became of each of these, done at the same moment."""
    return at_once(len(calls), lambda number: outcome_of(calls[number]))


def open_ones(agency: str = "HX") -> list[Engagement]:
    """What is open between 海川 and the agency."""
    return list(Engagement.objects.open().filter(client=cast.taxpayer("HC"), agency=cast.taxpayer(agency)))


def nothing_between() -> None:
    """As if 恒信 had never asked 海川."""
    Engagement.objects.filter(client=cast.taxpayer("HC"), agency=cast.taxpayer("HX")).delete()


@pytest.fixture
def leads(committed_world) -> tuple[Actor, Actor]:
    """Both leads of the client."""
    return actor("HC", "钱思远"), actor("HC", "林若兰")


@pytest.fixture
def asking(committed_world) -> Actor:
    """The lead of the agency that asks."""
    return actor("HX", "高振华")


@pytest.mark.rule("D23", "STF-03")
def test_of_two_leads_who_recognise_one_agency_one_does_and_the_other_is_told(leads):
    for _round in range(ROUNDS):
        nothing_between()
        codes = outcomes_of(*map(recognising, leads))
        assert sorted(codes) == ["already_recognised", "done"]
        (found,) = open_ones()
        assert found.recognised_at is not None
    assert AuditEntry.objects.filter(kind=Kind.ENGAGEMENT_RECOGNISED, result="done").count() == ROUNDS


def recognising(by: Actor) -> Callable[[], object]:
    """认定 of 恒信 by this lead."""
    return lambda: recognition.recognise(cast.taxpayer("HX"), terms=terms(), by=by)


def ask(by: Actor) -> Engagement:
    """恒信 asks 海川, past the limits on asking."""
    return requests._ask(cast.taxpayer("HX"), cast.taxpayer("HC"), by.person)


@pytest.mark.rule("D23", "STF-03")
def test_an_agency_that_asks_while_it_is_recognised_makes_no_second_engagement_and_no_error(leads, asking):
    seen = Counter[tuple[str, ...]]()
    for _round in range(ROUNDS):
        nothing_between()
        codes = outcomes_of(recognising(leads[0]), partial(ask, asking))
        seen[tuple(codes)] += 1
        (found,) = open_ones()
        assert (found.recognised_at is not None) == (codes[0] == "done")
    assert set(seen) <= {("done", "done"), ("stale", "done"), ("done", "stale")}


@pytest.mark.rule("D23", "STF-03")
def test_a_request_withdrawn_while_it_is_accepted_leaves_one_recognised_engagement_or_the_withdrawal_is_refused(
    leads, asking
):
    for _round in range(ROUNDS):
        nothing_between()
        asked = ask(asking)
        codes = outcomes_of(recognising(leads[0]), partial(requests.withdraw, asked, version=1, by=asking))
        assert codes[0] == "done"  # the client wants it, asked or not
        assert codes[1] in ("done", "stale")
        (found,) = open_ones()
        assert found.recognised_at is not None
        assert (found.pk == asked.pk) == (codes[1] == "stale")


@pytest.mark.rule("D16", "D23", "STF-03")
def test_a_cancellation_is_put_off_by_nothing_that_happens_at_the_same_moment(leads):
    agency = actor("XD", "冯天宇")
    for _round in range(ROUNDS):
        found = engagement("HC")
        seen = {"version": found.version}
        codes = outcomes_of(
            partial(recognition.cancel, found, by=leads[0]),
            partial(recognition.change, found, **seen, terms=terms(valid_until=today(30)), by=leads[1]),
            partial(handlers.name_handlers, found, **seen, people=[agency.person], by=agency),
            partial(groups.place, found, **seen, group=None, by=agency),
        )
        assert codes[0] == "done"
        assert codes[1:].count("done") <= 1
        assert set(codes[1:]) <= {"done", "stale", "over"}
        found.refresh_from_db()
        assert (found.ended_because, found.identity) == ("cancelled", None)
        put_back(found)


def put_back(found: Engagement) -> None:
    """The engagement as it was, with nobody named."""
    lent = Identity.objects.get(taxpayer=found.client, name="全量办税")
    Engagement.objects.filter(pk=found.pk).update(ended_at=None, ended_because="", identity=lent, note="")
    Handler.objects.filter(engagement=found).delete()


@pytest.mark.rule("D23", "M25")
def test_an_identity_deleted_while_it_is_lent_is_either_lent_or_gone(leads):
    for _round in range(ROUNDS):
        nothing_between()
        lent = Identity.objects.create(taxpayer=cast.taxpayer("HC"), name="出借")
        lent.grant(["tax.invoice.issue"])
        what = recognition.Terms(identity=lent, valid_from=today())
        codes = outcomes_of(
            partial(recognition.recognise, cast.taxpayer("HX"), terms=what, by=leads[0]),
            partial(identities.delete, lent, version=1, by=leads[1]),
        )
        assert tuple(codes) in {("done", "lent"), ("stale", "done"), ("nothing_lent", "done")}
        assert Identity.objects.filter(pk=lent.pk).exists() == (codes[1] == "lent") == bool(open_ones())
        nothing_between()
        Identity.objects.filter(pk=lent.pk).delete()


@pytest.mark.rule("D23")
def test_one_name_given_to_twenty_groups_at_once_is_taken_once(committed_world):
    by = actor("XD", "冯天宇")
    codes = Counter(outcomes_of(*[partial(groups.add, name="东区", by=by)] * 20))
    assert codes == {"done": 1, "group_name_taken": 19}
    assert ClientGroup.objects.count() == 1
