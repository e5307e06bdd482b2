"""Races for the register and the 申报密码, with real threads and real transactions: PostgreSQL only (F12, F13)."""

from collections import Counter
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accounts import passwords
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, Person, Throttle
from realname import changes
from realname.models import ChangeRequest, ChangeScan, Post
from staff.models import DeclarationPassword
from staff.services import declaration
from tests import cast
from tests.races.crowd import at_once
from tests.realname.asking import NEWCOMER, ask_for_finance, officer
from tests.staff.acting import actor

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time: run on PostgreSQL"),
    pytest.mark.usefixtures("committed_world"),
]
ROUNDS = 8


def outcome_of(call: Callable[[], object]) -> str:
    """`done`, or the code of the refusal."""
    try:
        call()
    except ValidationError as error:
        return str(error.code)
    return "done"


@pytest.mark.rule("M143")
def test_of_ten_equal_requests_at_once_one_is_taken():
    by = actor("HC", "钱思远")
    outcomes = Counter(at_once(10, lambda _n: outcome_of(lambda: ask_for_finance(by))))
    assert outcomes == {"done": 1, "request_open": 9}
    assert (ChangeRequest.objects.count(), ChangeScan.objects.count()) == (1, 1)
    assert AuditEntry.objects.filter(kind=Kind.CHANGE_SUBMITTED).count() == 1


@pytest.mark.rule("D25")
def test_one_decision_holds_whoever_else_decides_or_withdraws_at_the_same_moment():
    cast.person("顾前程").groups.set(cast.person("高明远").groups.all())  # a second reviewer
    by, judge, other = actor("HC", "钱思远"), officer("高明远"), officer("顾前程")
    for _round in range(ROUNDS):
        request = ask_for_finance(by)
        acts: list[Callable[[], object]] = [
            lambda request=request: changes.approve(request, by=judge),
            lambda request=request: changes.approve(request, by=other),
            lambda request=request: changes.return_(request, "不行", by=other),
            lambda request=request: changes.withdraw(request, by=by),
        ]
        *decided, withdrawn = at_once(4, lambda n, acts=acts: outcome_of(acts[n]))
        assert decided.count("done") + (withdrawn == "done") in (1, 2)
        assert decided.count("done") <= 1
        request.refresh_from_db()
        assert (request.withdrawn_at is not None) == (withdrawn == "done")
        if request.outcome == "approved":
            return
        if request.withdrawn_at is None:
            changes.withdraw(request, by=by)


@pytest.mark.rule("D25")
def test_two_firms_bring_the_same_newcomer_at_once_and_he_is_one_person():
    asked = [changes.submit_clerk(NEWCOMER, by=actor(key, name)) for key, name in (("HC", "钱思远"), ("MH", "徐明湖"))]
    judge = officer()
    assert at_once(2, lambda n: outcome_of(lambda: changes.approve(asked[n], by=judge))) == ["done", "done"]
    person = Person.objects.by_id_number("resident", NEWCOMER.id_number).get()
    assert Post.objects.filter(person=person).count() == 2


@pytest.mark.rule("D24")
def test_the_first_password_is_made_once():
    def make(_number: int) -> tuple[str, bool]:
        with transaction.atomic():
            password, is_new = declaration._first_of(cast.taxpayer("HC"))
        return password.first, is_new

    made = at_once(20, make)
    assert len({first for first, _is_new in made}) == 1
    assert [is_new for _first, is_new in made].count(True) == 1


@pytest.mark.rule("D13", "OTP-04")
def test_a_right_one_among_many_wrong_ones_at_once_is_worth_nothing_once_five_are_counted():
    own = passwords.store(None, passwords.hash_new("Shenbao-2026-ok"))
    DeclarationPassword.objects.create(taxpayer=cast.taxpayer("HC"), credential=own)
    code = cast.CODES["HC"]
    at_once(20, lambda n: declaration.check(code, f"wrong-{n}", "kehuduan", by=Actor()))
    assert Throttle.objects.get(key=f"declaration:{code}").blocked_until is not None
    assert declaration.check(code, "Shenbao-2026-ok", "kehuduan", by=Actor()).answer is declaration.Answer.LOCKED
