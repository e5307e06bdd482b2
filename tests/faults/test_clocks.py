"""Clocks that jump and clocks that differ: F16, F17. Either the portal or the database has another clock."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import cast
from tests.faults.ledger import Ledger
from tests.faults.stack import Portal

pytestmark = pytest.mark.fault
HOUR, DAY = 3600, 86400
WRONG = "Wrong-2026-wrong"


@pytest.fixture
def shift(tmp_path) -> Callable[[int], None]:
    """Sets the portal's clock so many seconds before or after the true time."""
    return lambda seconds: (tmp_path / "clock").write_text(str(seconds))


@pytest.fixture
def portal(bureau, tmp_path, shift) -> Iterator[Portal]:
    """A portal with a clock of its own, before a database that is right."""
    shift(0)
    with bureau.open(FAULTS_CLOCK=str(tmp_path / "clock")) as portal:
        yield portal


def faked(folder: Path) -> dict[str, str]:
    """What a server is given to live by the clock in this folder; time-outs still run by the true one."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not libraries:
        pytest.skip("libfaketime is not installed (apt-get install libfaketime)")
    given = {"LD_PRELOAD": str(libraries[0]), "FAKETIME_TIMESTAMP_FILE": str(folder / "clock")}
    return {**given, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


def set_clock(folder: Path, seconds: int) -> None:
    """The clock of whoever lives by this folder, so many seconds before or after the true time."""
    (folder / "clock").write_text(f"{seconds:+d}s\n")
    (folder / "clock").chmod(0o644)


def lock(portal, key: str = "MH") -> None:
    """Five wrong enterprise passwords: locked for ten minutes."""
    for _ in range(5):
        assert portal.browser().give_enterprise_password(key, WRONG).status == 400
    assert portal.browser().give_enterprise_password(key).status == 400


def asked(portal, name: str, key: str = "HC"):
    """A browser waiting for a code, and the code."""
    browser, had = portal.browser(), len(portal.gateway.lines(cast.PHONES[name]))
    assert browser.go_to_verify(name, key).status == 302
    sent = browser.ask_for_code()
    assert sent.is_done, sent.words
    return browser, portal.gateway.code(cast.PHONES[name], after=had)


def give(browser, code: str):
    """The code in its form."""
    return browser.post("/login/enterprise/sms/", {"code": code})


def forget_pauses(portal) -> None:
    """As if the minute between two codes were over."""
    portal.sql("DELETE FROM accounts_throttle WHERE key LIKE 'code_%%'")


def make_too_old(portal) -> None:
    """As if the five minutes of every open code were over."""
    dates = "created_at = created_at - interval '5 minutes', expires_at = now() - interval '1 second'"
    portal.sql(f"UPDATE accounts_smscode SET {dates} WHERE closed_at IS NULL")


@pytest.mark.rule("F16", "OTP-02", "D13", "D28", "REL-01")
@pytest.mark.fault(
    "F16", "clock of the portal ±1 h, ±1 day, stepped back: codes live 5 min by the database, locks stay, order by seq"
)
def test_a_jumping_clock_of_the_portal_lengthens_no_code_and_lifts_no_lock(portal, shift, seen):
    statuses = []
    lock(portal)
    for jump in (HOUR, -HOUR, DAY, -DAY, 0):
        shift(jump)
        assert portal.browser().give_enterprise_password("MH").status == 400, "the lock was lifted"
        forget_pauses(portal)
        browser, code = asked(portal, "林若兰")
        lives = portal.scalar(
            "SELECT extract(epoch FROM expires_at - now()) FROM accounts_smscode ORDER BY id DESC LIMIT 1"
        )
        assert 280 <= lives <= 300
        make_too_old(portal)
        assert give(browser, code).status == 400, "a code outlived the database's five minutes"
        forget_pauses(portal)
        browser, code = asked(portal, "林若兰")
        statuses.append(give(browser, code).status)
        assert browser.get("/").status == 200
    steps = step_back(portal, shift)
    entries = portal.sql("SELECT kind FROM accounts_auditentry ORDER BY seq DESC LIMIT 4")
    seen(signed_in=statuses, after_the_step_back=steps, newest=[kind for (kind,) in entries])
    assert set(statuses) == {302}
    assert set(steps.values()) == {302}
    assert "sign_out" in [kind for (kind,) in entries]


def step_back(portal, shift) -> dict[str, int]:
    """Acts begun an hour ahead and ended after the clock was stepped back: how each was answered."""
    clerks = Ledger(portal).clerks()
    shift(HOUR)
    forget_pauses(portal)
    lead, code = asked(portal, "钱思远")
    assert give(lead, code).location == "/"
    done = {}
    for number, act in enumerate(("freeze", "bind", "reset-password")):
        done[act] = lead.post(f"/staff/members/{clerks[number]}/{act}/", {}).status
    done.pop("bind")  # these clerks have no account of their own
    shift(0)
    done["unfreeze"] = lead.post(f"/staff/members/{clerks[0]}/unfreeze/", {}).status
    done["remove"] = lead.post(f"/staff/members/{clerks[2]}/remove/", {}).status
    done["freeze again"] = lead.post(f"/staff/members/{clerks[0]}/freeze/", {}).status
    done["sign out"] = lead.post("/logout/", {}, page=lead.get("/")).status
    return done


@pytest.mark.rule("F16", "OTP-02", "REL-01")
@pytest.mark.fault("F16", "clock of the database alone +10 min: a code has expired, and nothing breaks")
def test_a_jumping_clock_of_the_database_ends_codes_and_breaks_nothing(bureau, seen):
    clock = faked(bureau.folder)
    set_clock(bureau.folder, 0)
    bureau.cluster.stop_at_once()
    bureau.cluster.env.update(clock)
    bureau.cluster.start()
    try:
        with bureau.open() as portal:
            browser, code = asked(portal, "林若兰")
            set_clock(bureau.folder, 600)
            late = give(browser, code)
            forget_pauses(portal)
            browser, code = asked(portal, "孙雅静")
            set_clock(bureau.folder, -HOUR)
            early = give(browser, code)
            back = portal.browser().sign_in_by_password("钱思远")
            seen(after_ten_minutes=late.status, after_an_hour_back=early.status)
            assert (late.status, early.status) == (400, 302)
            assert back.location == "/"
    finally:
        bureau.cluster.stop_at_once()
        for name in clock:
            bureau.cluster.env.pop(name)
        bureau.cluster.start()


@pytest.mark.rule("F17", "OTP-02", "REL-01")
@pytest.mark.fault("F17", "90 s apart: a code in time is accepted, one too old refused")
def test_a_portal_ninety_seconds_off_takes_every_code_in_time_and_none_after(portal, shift, seen):
    told = {}
    for apart in (90, -90):
        shift(apart)
        forget_pauses(portal)
        browser, code = asked(portal, "林若兰")
        told[f"{apart:+d} s in time"] = give(browser, code).status
        forget_pauses(portal)
        browser, code = asked(portal, "林若兰")
        make_too_old(portal)
        told[f"{apart:+d} s too late"] = give(browser, code).status
        time.sleep(0.1)
    seen(answers=told)
    assert list(told.values()) == [302, 400, 302, 400]
