"""The database stopped, hung, cut and killed: F1, F2, F3, F11."""

import random
import threading
import time

import pytest

from tests.faults.browser import NoAnswer
from tests.faults.children import wait_until
from tests.faults.crowd import ask_in_a_loop, at_once, count
from tests.faults.ledger import Ledger

pytestmark = pytest.mark.fault
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'portal'"


@pytest.mark.rule("F1", "REL-01")
@pytest.mark.fault(
    "F1", "≤ 3 s: 503 page with Retry-After, no stack, no login; alive, not ready; heals ≤ 5 s, no worker restarted"
)
def test_with_the_database_stopped_everybody_is_told_to_wait_and_it_heals_alone(portal, seen):
    inside = portal.browser()
    assert inside.sign_in_by_password("钱思远").location == "/"
    before = portal.workers
    portal.cluster.stop_at_once()
    try:
        answers = ask_in_a_loop(
            [
                lambda: portal.browser().give_enterprise_password(),
                lambda: inside.get("/"),
                lambda: inside.get("/staff/"),
            ],
            seconds=count(6, 20),
        )
        probes = {name: portal.browser().get(name) for name in ("/healthz", "/readyz")}
    finally:
        portal.cluster.start()
    healed = portal.heals(5)
    slowest = max(answer.seconds for answer in answers)
    seen(requests=len(answers), slowest=f"{slowest:.2f} s", healed_after=f"{healed:.1f} s")
    assert [answer for answer in answers if not answer.is_friendly_503()] == []
    assert slowest <= 3
    assert (probes["/healthz"].status, probes["/readyz"].status) == (200, 503)
    assert portal.browser().sign_in_by_password("林若兰").location == "/"
    assert inside.is_in
    assert portal.workers == before


@pytest.mark.rule("F2", "REL-01")
@pytest.mark.fault("F2", "every request of 20 clients ends ≤ 5 s; the liveness address answers at once")
def test_with_the_database_hung_no_request_hangs_with_it(portal, seen):
    inside = portal.browser()
    assert inside.sign_in_by_password("钱思远").location == "/"
    with portal.behind_nginx() as front:
        assert front.browser().get("/alive").status == 200
        portal.cluster.freeze()
        try:

            def ask(number: int):
                if number == 20:
                    time.sleep(0.5)
                    return front.browser().get("/alive")
                return inside.get("/") if number % 2 else inside.get("/staff/")

            *answers, alive = at_once(21, ask)
        finally:
            portal.cluster.thaw()
    healed = portal.heals(10)
    told = [answer for answer in answers if not isinstance(answer, NoAnswer)]
    slowest = max(answer.seconds for answer in told)
    seen(slowest=f"{slowest:.2f} s", liveness=f"{alive.seconds * 1000:.0f} ms", healed_after=f"{healed:.1f} s")
    assert len(told) == 20
    assert [answer for answer in told if not answer.is_friendly_503()] == []
    assert slowest <= 5
    assert (alive.status, alive.seconds <= 0.5) == (200, True)


@pytest.mark.rule("F3", "LOG-02", "REL-01")
@pytest.mark.fault("F3", "whole act or nothing; staff row and record agree; a retry is safe")
def test_an_act_whose_connection_is_cut_is_done_whole_or_not_at_all(portal, seen):
    ledger, chance, lead = Ledger(portal), random.Random(3), portal.browser()
    clerks, acts = ledger.clerks(), count(100, 500)
    assert lead.sign_in_by_sms("钱思远", portal.gateway).location == "/"
    usual = ledger.usual_seconds(lead, clerks[:5])
    ways = (portal.to_database.cut, lambda: portal.sql(TERMINATE))
    for number in range(acts):
        uid, way = clerks[number % len(clerks)], ways[number % 2]
        ledger.broken_act(lead, uid, way, chance.uniform(0, usual))
    seen(acts=ledger.tried, acknowledged=len(ledger.acknowledged), statuses=ledger.statuses)
    assert ledger.differences() == []
    assert ledger.refused > acts // 20, "hardly any was cut"
    assert len(ledger.acknowledged) > acts // 20
    assert set(ledger.statuses) <= {302, 409, 503}
    portal.heals(10)
    retried = len(ledger.acknowledged)
    for uid in clerks[:4]:  # and who tries again once it is over gets it done, once
        ledger.act(lead, uid)
    assert len(ledger.acknowledged) == retried + 4
    assert ledger.differences() == []


@pytest.mark.rule("F11", "REL-01")
@pytest.mark.fault("F11", "every acknowledged act is there after recovery (synchronous_commit on)")
def test_no_acknowledged_act_is_lost_when_the_database_is_killed(portal, seen):
    ledger, kills = Ledger(portal), count(3, 10)
    clerks, browsers = ledger.clerks(), [portal.browser(), portal.browser()]
    assert browsers[0].sign_in_by_sms("钱思远", portal.gateway).location == "/"
    assert browsers[1].sign_in_by_sms("林若兰", portal.gateway).location == "/"
    for number in range(kills):
        done = threading.Event()
        threads = [ledger.work(browser, clerks, done, number * 2 + side) for side, browser in enumerate(browsers)]
        enough = len(ledger.acknowledged) + 6
        wait_until(lambda enough=enough: len(ledger.acknowledged) >= enough, 60, "acts are acknowledged")
        portal.cluster.kill()
        done.set()
        for thread in threads:
            thread.join(60)
        portal.cluster.start()
        portal.heals(10)
    seen(kills=kills, acts=ledger.tried, acknowledged=len(ledger.acknowledged))
    assert portal.cluster.sql("SHOW synchronous_commit") == [("on",)]
    assert ledger.differences() == []
    assert len(ledger.acknowledged) >= 6 * kills
