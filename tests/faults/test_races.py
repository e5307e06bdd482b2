"""Several who act on one row at once: F13, F14, F15. The races are those of `tests/races`, on the rig's own servers."""

import os
import sys
from xml.etree import ElementTree as ET

import pytest

from tests.faults.children import run

pytestmark = pytest.mark.fault
CHOSEN = {
    "F13": (
        "test_of_two_leads_on_one_clerk_one_wins_and_the_other_is_told_a_thousand_times",
        "test_who_reloads_after_losing_acts_on_what_the_winner_left",
    ),
    "F14": (
        "test_no_sign_in_outlives_a_removal_at_the_same_moment_and_no_membership_comes_back",
        "test_no_clerk_who_changes_his_password_while_being_removed_gets_it_into_a_new_membership",
        "test_a_clerk_who_sets_his_first_password_while_being_removed_makes_no_membership_for_himself",
    ),
    "F15": ("test_two_leads_who_remove_each_other_at_once_both_stay",),
}


@pytest.fixture(scope="module")
def races(bureau) -> dict[str, str]:
    """How the chosen races went, each by name: `passed` or what was wrong; and how many seconds each took."""
    report = bureau.folder / "races.xml"
    servers = {"DATABASE_URL": bureau.cluster.url("races"), "CACHE_URL": f"redis://127.0.0.1:{bureau.redis.port}"}
    env = {"PATH": os.environ["PATH"], "VAR_DIR": str(bureau.folder / "var-races"), **servers}
    wanted = " or ".join(name for names in CHOSEN.values() for name in names)
    options = ["-n0", "-q", "-k", wanted, f"--junitxml={report}"]
    bureau.cluster.make("races")
    try:
        run([sys.executable, "-m", "pytest", *options, "tests/races/test_staff_races.py"], env=env, seconds=800)
    except AssertionError:
        if not report.exists():
            raise
    outcomes = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        wrong = [each.get("message", each.tag) for each in case if each.tag in ("failure", "error", "skipped")]
        outcomes[case.get("name", "")] = wrong[0] if wrong else f"passed in {float(case.get('time', 0)):.0f} s"
    return outcomes


def check(races: dict[str, str], fault: str, seen) -> None:
    """All races of this fault went well."""
    told = {name: races.get(name, "not run") for name in CHOSEN[fault]}
    seen(races="; ".join(told.values()))
    assert all(outcome.startswith("passed") for outcome in told.values()), told


@pytest.mark.rule("F13", "STF-03", "STF-02", "REL-01")
@pytest.mark.fault(
    "F13", "1000 pairs: one wins, the other is told “信息已变更，请刷新后重试”, the state is legal", seconds=900
)
def test_of_two_managers_on_one_row_one_wins_and_the_other_is_told(races, seen):
    check(races, "F13", seen)


@pytest.mark.rule("F14", "STF-02", "SES-05", "REL-01")
@pytest.mark.fault("F14", "no session outlives the removal, no row comes back")
def test_nobody_gets_in_while_being_removed(races, seen):
    check(races, "F14", seen)


@pytest.mark.rule("F15", "STF-04", "REL-01")
@pytest.mark.fault("F15", "never without a manager")
def test_two_managers_never_remove_each_other(races, seen):
    check(races, "F15", seen)
