"""Tables that must stay true: rules named by tests, limits shown to operators, messages through gettext."""

from pathlib import Path

import pytest

from accounts import audit, limits
from accounts.actor import Actor
from accounts.models.record import Kind
from tests import messages, rules

ROOT = Path(__file__).resolve().parent.parent


def test_every_rule_that_a_test_names_exists():
    assert rules.unknown() == []


@pytest.mark.rule("D30")
def test_every_word_of_the_pages_goes_through_gettext():
    assert [*messages.in_templates(), *messages.in_python()] == []


@pytest.mark.rule("D30")
def test_no_english_word_is_stuck_to_a_link():
    assert list(messages.stuck_together()) == []


@pytest.mark.rule("D13", "D14")
def test_the_operators_table_of_limits_is_the_one_in_force():
    shown = (ROOT / "docs" / "limits.md").read_text()
    for limit in limits.ALL:
        period = f"{int(limit.period.total_seconds())} s" if limit.period else "in a row"
        block = f"{int(limit.block.total_seconds())} s" if limit.block else "until the period is over"
        assert f"| `{limit.name}` | {limit.count} | {period} | {block} | {limit.subject} | {limit.why} |" in shown


@pytest.mark.rule("D28")
def test_no_two_kinds_of_acts_are_called_the_same():
    assert len(Kind.values) == len(set(Kind.labels))


@pytest.mark.rule("D28")
def test_a_refusal_without_words_makes_every_test_fail_that_meets_it(db):
    audit.record(Kind.SIGN_IN, by=Actor(), reason="frozen")
    with pytest.raises(AssertionError, match="brand_new"):
        audit.record(Kind.SIGN_IN, by=Actor(), reason="brand_new")
