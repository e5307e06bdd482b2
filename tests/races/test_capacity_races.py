"""Races of 切换身份, 解除 and 非本人任职, with real threads and real transactions: PostgreSQL only (F12, F14)."""

from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import RequestFactory

from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, SignIn
from accounts.models.signins import EndReason
from realname import misuse
from realname.models import MisuseCase
from staff import capacity
from staff.models import Membership
from staff.services import members, own_posts
from tests import cast
from tests.races.crowd import at_once
from tests.staff.acting import actor, settle_yunfan
from tests.visitor import Visitor

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time: run on PostgreSQL"),
    pytest.mark.usefixtures("committed_world"),
]
NAME, ROUNDS = "孙雅静", 25


def outcome_of(call) -> str:
    """`done`, or the code of the refusal."""
    try:
        call()
    except ValidationError as error:
        return str(error.code)
    return "done"


def request_of(session) -> object:
    """A request with a session of its own, in which 沈阳云帆's enterprise password was given."""
    request = RequestFactory().get("/")
    credential = cast.taxpayer("YF").credential
    session["enterprise_passwords"] = {str(credential.pk): credential.version}
    session.save()
    request.session = session
    return request


@pytest.mark.rule("STF-02", "SES-05", "D32")
def test_no_switch_outlives_a_removal_at_the_same_moment(own_folder):
    member, lead = settle_yunfan(), actor("YF", "王晓敏")
    outcomes = Counter()
    for _ in range(ROUNDS):
        Membership.objects.filter(pk=member.pk).update(version=1, removed_at=None)
        member.identities.set(member.taxpayer.identities.all())
        by = actor("HC", NAME)
        request = request_of(Visitor(own_folder / "sms.jsonl").session)
        choice = capacity.choice_of(request, member.taxpayer.uid, by=by)

        def race(number: int, request=request, choice=choice, by=by) -> str:
            if number:
                return outcome_of(lambda: members.remove(Membership(pk=member.pk), version=1, by=lead))
            return outcome_of(lambda: capacity.switch(request, choice, by=by))

        switched, removed = at_once(2, race)
        assert removed == "done"
        outcomes[switched] += 1
        live = SignIn.objects.filter(person=member.person, taxpayer=member.taxpayer, ended_at__isnull=True)
        assert not live.exists()
    assert set(outcomes) <= {"done", "not_added"}


@pytest.mark.rule("STF-02", "SES-05", "D16")
def test_a_switch_away_at_the_moment_of_the_removal_leaves_no_session_that_rests_on_it(own_folder):
    member, lead = settle_yunfan(), actor("HC", "钱思远")
    own = cast.membership("HC", NAME)
    for _ in range(ROUNDS):
        Membership.objects.filter(pk=own.pk).update(version=1, removed_at=None)
        by = actor("HC", NAME)
        request = request_of(Visitor(own_folder / "sms.jsonl").session)
        choice = capacity.choice_of(request, member.taxpayer.uid, by=by)

        def race(number: int, request=request, choice=choice, by=by) -> str:
            if number:
                return outcome_of(lambda: members.remove(Membership(pk=own.pk), version=1, by=lead))
            return outcome_of(lambda: capacity.switch(request, choice, by=by))

        switched, removed = at_once(2, race)
        assert removed == "done"
        assert switched in ("done", "stale")
        first = SignIn.objects.get(pk=by.sign_in.pk)
        assert first.ended_because == EndReason.REMOVED
        later = SignIn.objects.filter(origin=first).select_related("origin")
        assert [each.why_over() for each in later] == [EndReason.REMOVED] * later.count()


@pytest.mark.rule("D16", "SES-02")
def test_one_sign_in_switched_in_twenty_tabs_at_once_goes_on_in_one(own_folder):
    member, by = settle_yunfan(), actor("HC", NAME)
    requests = [request_of(Visitor(own_folder / "sms.jsonl").session) for _ in range(20)]
    choices = [capacity.choice_of(request, member.taxpayer.uid, by=by) for request in requests]
    outcomes = at_once(20, lambda n: outcome_of(lambda: capacity.switch(requests[n], choices[n], by=by)))
    assert Counter(outcomes) == {"done": 1, "stale": 19}
    assert SignIn.objects.filter(person=member.person, ended_at__isnull=True).count() == 1
    assert AuditEntry.objects.filter(kind=Kind.CAPACITY_SWITCHED, result="done").count() == 1


@pytest.mark.rule("D35", "REL-01")
def test_one_report_and_one_leave_sent_twenty_times_at_once_have_one_effect():
    by: Actor = actor("HC", NAME)
    firm = cast.taxpayer("HC")
    report = lambda n: outcome_of(lambda: misuse.report(firm, statement="不是我", by=by))  # noqa: E731
    assert Counter(at_once(20, report)) == {"done": 1, "already_reported": 19}
    assert MisuseCase.objects.count() == 1
    leave = lambda n: outcome_of(lambda: own_posts.leave(firm, by=by))  # noqa: E731
    assert Counter(at_once(20, leave)) == {"done": 1, "nothing_to_leave": 19}
    assert AuditEntry.objects.filter(kind=Kind.POST_LEFT, result="done").count() == 1
