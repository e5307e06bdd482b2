"""The database stopped, hung, cut and killed: F1, F2, F3, F11."""

import random
import threading
import time

import pytest

from tests.faults.browser import NoAnswer
from tests.faults.crowd import ask_in_a_loop, at_once, count
from tests.faults.ledger import Ledger

pytestmark = pytest.mark.fault


@pytest.mark.rule("F1", "REL-01")
@pytest.mark.fault("F1", "≤ 3 s: 503 page with Retry-After, no stack, no login; alive, not ready; heals ≤ 5 s, no worker restarted")
def test_with_the_database_stopped_everybody_is_told_to_wait_and_it_heals_alone(portal, seen):
    inside = portal.browser()
    assert inside.sign_in_by_password("钱思远").location == "/"
    before = portal.workers
    portal.cluster.stop_at_once()
    try:
        answers = ask_in_a_loop(
            [lambda: portal.browser().give_enterprise_password(), lambda: inside.get("/"), lambda: inside.get("/staff/")],
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
    portal.cluster.freeze()
    try:
        liveness: list[float] = []

        def ask(number: int):
            if number == 20:
                time.sleep(0.5)
                answer = portal.liveness()
                liveness.append(answer.seconds)
                return answer
            return inside.get("/") if number % 2 else portal.browser().get("/staff/")

        answers = at_once(21, ask)
    finally:
        portal.cluster.thaw()
    healed = portal.heals(10)
    told = [answer for answer in answers[:20] if not isinstance(answer, NoAnswer)]
    slowest = max(answer.seconds for answer in told)
    seen(slowest=f"{slowest:.2f} s", liveness=f"{liveness[0] * 1000:.0f} ms", healed_after=f"{healed:.1f} s")
    assert len(told) == 20
    assert slowest <= 5
    assert {answer.status for answer in told} <= {200, 503}
    assert answers[20].status == 200
    assert liveness[0] <= 0.5


@pytest.mark.rule("F3", "LOG-02", "REL-01")
@pytest.mark.fault("F3", "whole act or nothing; staff row and record agree; a retry is safe")
def test_an_act_whose_connection_is_cut_is_done_whole_or_not_at_all(portal, seen):
    ledger, chance = Ledger(portal), random.Random(3)
    clerks, cuts = ledger.clerks(), count(100, 500)
    browsers = [portal.browser(), portal.browser()]
    assert browsers[0].sign_in_by_sms("钱思远", portal.gateway).location == "/"
    assert browsers[1].sign_in_by_sms("林若兰", portal.gateway).location == "/"
    done = threading.Event()
    threads = [ledger.work(browser, clerks[number::2], done, number) for number, browser in enumerate(browsers)]
    for number in range(cuts):
        time.sleep(chance.uniform(0.01, 0.12))
        if number % 2:
            portal.to_database.cut()
        else:
            portal.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'portal'")
    done.set()
    for thread in threads:
        thread.join(60)
    seen(cuts=cuts, acts=ledger.tried, acknowledged=len(ledger.acknowledged), statuses=ledger.statuses)
    assert ledger.differences() == []
    assert len(ledger.acknowledged) > cuts // 10
    assert set(ledger.statuses) <= {302, 400, 409, 503}
    portal.heals(5)
    for uid in clerks[:4]:  # and who tries again once it is over gets it done, once
        ledger.act(browsers[0], uid)
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
        time.sleep(1.5)
        portal.cluster.kill()
        done.set()
        for thread in threads:
            thread.join(60)
        portal.cluster.start()
        portal.heals(10)
    seen(kills=kills, acts=ledger.tried, acknowledged=len(ledger.acknowledged))
    assert portal.cluster.sql("SHOW synchronous_commit") == [("on",)]
    assert ledger.differences() == []
    assert len(ledger.acknowledged) > 10 * kills
