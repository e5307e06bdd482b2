"""What the database refuses by itself between agencies and clients: every constraint, each with its case."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from agencies.models import ClientGroup, EndReason, Engagement, Handler, State
from tests import cast
from tests.agencies.acting import engagement, identity, today

NOW = timezone.now()
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)


def made(**changed) -> Engagement:
    """An engagement of 沈阳云帆 that the database takes."""
    usual = {"agency": cast.taxpayer("HX"), "client": cast.taxpayer("YF"), "proposed_at": NOW}
    return Engagement.objects.create(**{**usual, **changed})


def recognised(**changed) -> Engagement:
    return made(**{"recognised_at": NOW, "identity": identity("HC", "查询员"), "valid_from": today(), **changed})


def twice(make: Callable[[], object]) -> None:
    make()
    make()


def named() -> object:
    return Handler.objects.create(engagement=engagement("MH"), person=cast.person("冯天宇"))


CASES: dict[str, Callable[[], object]] = {
    "engagement_is_between_two": lambda: made(client=cast.taxpayer("HX")),
    "one_open_engagement_per_pair": lambda: twice(made),
    "engagement_open_and_recognised_lends_an_identity": lambda: recognised(identity=None),
    "engagement_ended_holds_no_identity": lambda: recognised(ended_at=LATER, ended_because="cancelled"),
    "engagement_end_reason_is_known": lambda: made(ended_at=LATER, ended_because="whim"),
    "engagement_end_has_a_reason": lambda: made(ended_at=LATER),
    "engagement_valid_from_before_until": lambda: recognised(valid_until=today(-1)),
    "engagement_proposed_before_recognised": lambda: recognised(recognised_at=EARLIER),
    "engagement_proposed_before_ended": lambda: made(ended_at=EARLIER, ended_because="withdrawn"),
    "engagement_recognised_before_ended": lambda: recognised(
        recognised_at=LATER, ended_at=NOW, ended_because="cancelled", identity=None
    ),
    "client_group_has_a_name": lambda: ClientGroup.objects.create(agency=cast.taxpayer("XD"), name=""),
    "client_group_name_once_per_agency": lambda: twice(
        lambda: ClientGroup.objects.create(agency=cast.taxpayer("XD"), name="一组")
    ),
    "handler_named_once_per_engagement": lambda: twice(named),
}


def test_every_constraint_has_its_case():
    found = {each.name for model in apps.get_app_config("agencies").get_models() for each in model._meta.constraints}
    assert found == set(CASES)


@pytest.mark.rule("D23")
@pytest.mark.parametrize("name", CASES)
def test_the_database_refuses(world, name):
    constraint = next(
        each
        for model in apps.get_app_config("agencies").get_models()
        for each in model._meta.constraints
        if each.name == name
    )
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        CASES[name]()
    assert name in str(caught.value) or isinstance(constraint, models.UniqueConstraint)


@pytest.mark.rule("D23")
def test_what_is_right_passes(world):
    recognised(valid_until=today())
    for reason in EndReason.values:
        made(ended_at=LATER, ended_because=reason)
    lent = {"lent_name": "查询员", "lent_functions": ["query.record.progress"]}
    recognised(client=cast.taxpayer("MH"), identity=None, ended_at=LATER, ended_because="cancelled", **lent)


@pytest.mark.rule("D23")
def test_an_open_engagement_keeps_its_identity_from_being_deleted_and_an_ended_one_does_not(world):
    lent = recognised(identity=identity("HC", "空身份"))
    with pytest.raises(ProtectedError):
        identity("HC", "空身份").delete()
    Engagement.objects.filter(pk=lent.pk).update(identity=None, ended_at=LATER, ended_because="cancelled")
    cast.membership("HC", "马文涛").identities.clear()
    identity("HC", "空身份").delete()


@pytest.mark.rule("D23")
@pytest.mark.parametrize(
    ("state", "row"),
    [
        (State.PENDING, {}),
        (State.RECOGNISED, {"recognised_at": NOW, "valid_from": today(), "valid_until": today()}),
        (State.NOT_YET, {"recognised_at": NOW, "valid_from": today(1)}),
        (State.EXPIRED, {"recognised_at": NOW, "valid_from": today(-9), "valid_until": today(-1)}),
        (State.EXPIRED, {"ended_at": LATER, "ended_because": "expired"}),
        (State.DECLINED, {"ended_at": LATER, "ended_because": "declined"}),
        (State.WITHDRAWN, {"ended_at": LATER, "ended_because": "withdrawn"}),
        (State.CANCELLED, {"ended_at": LATER, "ended_because": "cancelled"}),
        (State.AGENCY_GONE, {"ended_at": LATER, "ended_because": "agency_gone"}),
    ],
)
def test_state_and_the_filter_by_state_say_the_same(world, state, row):
    lent = {"identity": identity("HC", "查询员")} if "recognised_at" in row else {}
    found = made(**row, **lent)
    assert found.state == state
    for each in State:
        assert Engagement.objects.in_state(each).filter(pk=found.pk).exists() == (each == state)
