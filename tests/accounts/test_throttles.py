"""Counts of tries: taken all or none, blocked, lapsed, given back, all by the database's clock (D13, D14)."""

from datetime import timedelta

import pytest
import time_machine
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts import limits, throttles
from accounts.limits import CODE_CHECKS, CODE_DAY, CODE_GAP, CODE_HOUR, PASSWORD, Limit
from accounts.models import Throttle
from accounts.models.record import REASONS

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(days=2)
TWO_A_MINUTE = Limit("two", 2, timedelta(minutes=1), None, "", "")
THREE_AN_HOUR = Limit("three", 3, timedelta(hours=1), None, "", "")


def age(by: timedelta) -> None:
    """Let time go by for every count: the database's clock is the one that counts, so the dates move instead."""
    Throttle.objects.update(resets_at=F("resets_at") - by, blocked_until=F("blocked_until") - by)


def count_of(limit: Limit, subject: str) -> int:
    """What is counted now."""
    return Throttle.objects.get(key=f"{limit.name}:{subject}").count


def failed(limit: Limit, subject: str, times: int) -> None:
    """So many failures."""
    for _ in range(times):
        throttles.fail(limit, subject)


@pytest.mark.rule("D13")
def test_as_many_as_the_limit_allows_and_no_more():
    assert throttles.take((TWO_A_MINUTE, "a")) is None
    assert throttles.take((TWO_A_MINUTE, "a")) is None
    limit, seconds = throttles.take((TWO_A_MINUTE, "a"))
    assert limit is TWO_A_MINUTE
    assert 0 < seconds <= 60
    assert count_of(TWO_A_MINUTE, "a") == 2


@pytest.mark.rule("D13")
def test_every_subject_and_every_limit_is_counted_apart():
    throttles.take((TWO_A_MINUTE, "a"))
    throttles.take((TWO_A_MINUTE, "a"))
    assert throttles.take((TWO_A_MINUTE, "b")) is None
    assert throttles.take((THREE_AN_HOUR, "a")) is None
    assert throttles.wait(TWO_A_MINUTE, "b") == 0


@pytest.mark.rule("D14", "OTP-06")
def test_from_several_counts_one_is_taken_from_each_or_from_none():
    for _ in range(2):
        assert throttles.take((TWO_A_MINUTE, "a"), (THREE_AN_HOUR, "a")) is None
    limit, _seconds = throttles.take((THREE_AN_HOUR, "a"), (TWO_A_MINUTE, "a"))
    assert limit is TWO_A_MINUTE
    assert (count_of(TWO_A_MINUTE, "a"), count_of(THREE_AN_HOUR, "a")) == (2, 2)


@pytest.mark.rule("D14")
def test_of_several_limits_in_the_way_the_longest_is_told():
    for _ in range(3):
        throttles.take((THREE_AN_HOUR, "a"))
    for _ in range(2):
        throttles.take((TWO_A_MINUTE, "a"))
    for order in ((TWO_A_MINUTE, THREE_AN_HOUR), (THREE_AN_HOUR, TWO_A_MINUTE)):
        limit, seconds = throttles.take(*((each, "a") for each in order))
        assert limit is THREE_AN_HOUR
        assert 3590 < seconds <= 3600


@pytest.mark.rule("D14", "OTP-06")
def test_a_gap_is_over_after_its_minute():
    assert throttles.take((CODE_GAP, "a")) is None
    assert 0 < throttles.wait(CODE_GAP, "a") <= 60
    age(timedelta(seconds=50))
    assert 0 < throttles.wait(CODE_GAP, "a") <= 10
    assert throttles.take((CODE_GAP, "a")) is not None
    age(timedelta(seconds=10))
    assert throttles.wait(CODE_GAP, "a") == 0
    assert throttles.take((CODE_GAP, "a")) is None


@pytest.mark.rule("D14")
def test_the_period_starts_with_the_first_and_is_not_prolonged_by_others():
    throttles.take((THREE_AN_HOUR, "a"))
    ends = Throttle.objects.get().resets_at
    age(timedelta(minutes=30))
    throttles.take((THREE_AN_HOUR, "a"))
    throttles.take((THREE_AN_HOUR, "a"))
    throttles.take((THREE_AN_HOUR, "a"))
    assert Throttle.objects.get().resets_at == ends - timedelta(minutes=30)
    age(timedelta(minutes=31))
    assert throttles.take((THREE_AN_HOUR, "a")) is None
    assert count_of(THREE_AN_HOUR, "a") == 1


@pytest.mark.rule("D13")
def test_five_wrong_in_a_row_block_for_ten_minutes():
    for expected in (1, 2, 3, 4):
        assert throttles.fail(PASSWORD, "a") == expected
        assert throttles.wait(PASSWORD, "a") == 0
    throttles.fail(PASSWORD, "a")
    assert 590 < throttles.wait(PASSWORD, "a") <= 600


@pytest.mark.rule("D13")
def test_whoever_is_blocked_is_not_blocked_for_longer_by_further_tries():
    failed(PASSWORD, "a", 5)
    until = Throttle.objects.get().blocked_until
    age(timedelta(minutes=5))
    failed(PASSWORD, "a", 20)
    assert Throttle.objects.get().blocked_until == until - timedelta(minutes=5)
    assert count_of(PASSWORD, "a") == 5


@pytest.mark.rule("D13")
def test_a_block_lapses_and_five_more_tries_are_allowed():
    failed(PASSWORD, "a", 5)
    age(timedelta(minutes=10, milliseconds=1))  # SQLite's clock ticks in these: not within the same one
    assert throttles.wait(PASSWORD, "a") == 0
    failed(PASSWORD, "a", 4)
    assert throttles.wait(PASSWORD, "a") == 0
    failed(PASSWORD, "a", 1)
    assert throttles.wait(PASSWORD, "a") > 0


@pytest.mark.rule("D13")
def test_wrong_tries_in_a_row_have_no_end_but_a_right_one():
    failed(PASSWORD, "a", 4)
    age(LONG_AGO)
    failed(PASSWORD, "a", 1)
    assert throttles.wait(PASSWORD, "a") > 0


@pytest.mark.rule("OTP-05")
def test_wrong_codes_are_counted_for_an_hour_alone():
    failed(CODE_CHECKS, "a", 9)
    age(timedelta(hours=1))
    failed(CODE_CHECKS, "a", 9)
    assert throttles.wait(CODE_CHECKS, "a") == 0
    failed(CODE_CHECKS, "a", 1)
    assert 590 < throttles.wait(CODE_CHECKS, "a") <= 600


@pytest.mark.rule("D13")
def test_a_right_try_starts_the_count_anew():
    failed(PASSWORD, "a", 4)
    assert throttles.succeed(PASSWORD, "a") is True
    failed(PASSWORD, "a", 4)
    assert throttles.wait(PASSWORD, "a") == 0
    assert throttles.succeed(PASSWORD, "nobody counted him yet") is True


@pytest.mark.rule("D13")
def test_a_right_try_is_worth_nothing_while_blocked():
    failed(PASSWORD, "a", 5)
    assert throttles.succeed(PASSWORD, "a") is False
    assert throttles.wait(PASSWORD, "a") > 0
    age(timedelta(minutes=10))
    assert throttles.succeed(PASSWORD, "a") is True


@pytest.mark.rule("D13")
def test_what_is_released_is_free_at_once_and_nobody_else_is():
    failed(PASSWORD, "a", 5)
    failed(PASSWORD, "b", 5)
    throttles.release(PASSWORD, "a")
    assert throttles.wait(PASSWORD, "a") == 0
    assert throttles.wait(PASSWORD, "b") > 0
    throttles.release(PASSWORD, "nobody")


@pytest.mark.rule("D13", "OTP-06")
def test_what_is_given_back_can_be_taken_again_once():
    throttles.take((TWO_A_MINUTE, "a"))
    throttles.take((TWO_A_MINUTE, "a"))
    throttles.give_back(TWO_A_MINUTE, "a")
    assert throttles.take((TWO_A_MINUTE, "a")) is None
    assert throttles.take((TWO_A_MINUTE, "a")) is not None


@pytest.mark.rule("D13")
def test_nothing_can_be_saved_up_by_giving_back():
    throttles.give_back(TWO_A_MINUTE, "nobody")
    throttles.take((TWO_A_MINUTE, "a"))
    for _ in range(5):
        throttles.give_back(TWO_A_MINUTE, "a")
    assert count_of(TWO_A_MINUTE, "a") == 0
    throttles.take((TWO_A_MINUTE, "a"))
    throttles.take((TWO_A_MINUTE, "a"))
    assert throttles.take((TWO_A_MINUTE, "a")) is not None


@pytest.mark.rule("D13")
@pytest.mark.parametrize("jump", [timedelta(days=30), -timedelta(days=30)])
def test_the_clock_of_the_application_neither_lifts_nor_prolongs_anything(jump):
    with time_machine.travel(timezone.now() + jump, tick=False):
        failed(PASSWORD, "a", 5)
        throttles.take((CODE_GAP, "a"))
    assert 590 < throttles.wait(PASSWORD, "a") <= 600
    assert 50 < throttles.wait(CODE_GAP, "a") <= 60
    with time_machine.travel(timezone.now() + jump, tick=False):
        assert 590 < throttles.wait(PASSWORD, "a") <= 600
        assert throttles.take((CODE_GAP, "a")) is not None
        assert throttles.succeed(PASSWORD, "a") is False


def test_the_wait_is_told_in_whole_seconds_and_never_as_nought():
    throttles.take((CODE_GAP, "a"))
    Throttle.objects.update(resets_at=Now() + timedelta(milliseconds=700))
    limit, seconds = throttles.take((CODE_GAP, "a"))
    assert (limit, seconds) == (CODE_GAP, 1)


def test_what_nobody_tried_waits_for_nothing_and_leaves_no_row():
    assert throttles.wait(PASSWORD, "a") == 0
    assert not Throttle.objects.exists()


def test_tidying_deletes_what_binds_nobody_any_more():
    throttles.take((CODE_GAP, "a"), (CODE_HOUR, "a"), (CODE_DAY, "a"))
    failed(PASSWORD, "a", 5)
    failed(CODE_CHECKS, "a", 3)
    assert throttles.tidy(timedelta(0)) == 0
    age(timedelta(hours=2))
    assert throttles.tidy(timedelta(days=1)) == 0
    assert throttles.tidy(timedelta(0)) == 4
    assert [row.key for row in Throttle.objects.all()] == ["code_day:a"]


@pytest.mark.rule("D13", "D14", "OTP-05", "OTP-06", "OTP-12", "CAP-06")
@pytest.mark.parametrize(
    ("limit", "count", "minutes", "block"),
    [
        (limits.PASSWORD, 5, None, 10),
        (limits.CODE_CHECKS, 10, 60, 10),
        (limits.CODE_GAP, 1, 1, None),
        (limits.CODE_HOUR, 5, 60, None),
        (limits.CODE_DAY, 10, 24 * 60, None),
        (limits.CODE_ADDRESS, 20, 60, None),
        (limits.PICTURES, 30, 1, None),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_figures_are_those_of_the_manual(limit, count, minutes, block):
    period = None if minutes is None else timedelta(minutes=minutes)
    pause = None if block is None else timedelta(minutes=block)
    assert (limit.count, limit.period, limit.block) == (count, period, pause)


def test_the_limits_have_names_of_their_own_and_the_table_lists_them_all():
    made = {value for value in vars(limits).values() if isinstance(value, Limit)}
    assert set(limits.ALL) == made
    assert len({limit.name for limit in limits.ALL}) == len(limits.ALL)


@pytest.mark.rule("D28")
def test_a_limit_that_refuses_a_code_has_words_in_the_record():
    assert {limit.name for limit in limits.ALL if limit.name.startswith("code_") and limit is not CODE_CHECKS} <= set(
        REASONS
    )
