"""The SMS gateway slow, breaking off and refusing: F7, F8, F9."""

import time

import pytest

from tests import cast
from tests.faults.children import wait_until
from tests.faults.crowd import count, percentile

pytestmark = pytest.mark.fault
SENDERS = 4
"""Threads that send in one worker (`accounts.outbox`)."""
ASKERS = ("钱思远", "林若兰", "孙雅静", "郑海涛", "何晨曦")


def pages(portal, times: int) -> list[float]:
    """Seconds of the other pages."""
    browser = portal.browser()
    return [browser.get(path).seconds for _ in range(times) for path in ("/login/", "/help/", "/login/person/")]


def ask(portal, name: str, key: str = "HC"):
    """A browser that has asked for a code, and what it was told."""
    browser = portal.browser()
    assert browser.go_to_verify(name, key).status == 302
    return browser, browser.ask_for_code()


@pytest.mark.rule("F7", "REL-01")
@pytest.mark.fault("F7", "“已发送” within 1 s once queued; at most N senders busy; other pages as quick as before")
def test_a_slow_gateway_slows_nobody(portal, seen):
    usual = pages(portal, count(8, 40))
    portal.to_gateway.delay(30)
    answers = [ask(portal, name)[1] for name in ASKERS]
    slow = pages(portal, count(8, 40))
    queued = int(portal.scalar("SELECT count(*) FROM accounts_smsmessage WHERE sent_at IS NULL"))
    busy = portal.to_gateway.most_at_once
    p95 = percentile(usual, 0.95) * 1000, percentile(slow, 0.95) * 1000
    slowest = max(answer.seconds for answer in answers)
    seen(answered_in=f"{slowest:.2f} s", senders_busy=busy, p95_before_and_after=f"{p95[0]:.0f}/{p95[1]:.0f} ms")
    assert {answer.status for answer in answers} == {302}
    assert slowest <= 1
    assert queued == len(ASKERS)
    assert 1 <= busy <= SENDERS * len(portal.workers)
    assert p95[1] <= 2 * p95[0] + 50


@pytest.mark.rule("F8", "REL-01", "OTP-06")
@pytest.mark.fault(
    "F8", "code not doubled, ≤ 1 extra message; may ask again; breaker after 5 failures; password offered"
)
def test_a_gateway_that_breaks_off_after_taking_a_message_doubles_no_code(portal, seen):
    portal.gateway.behave("drop")
    browser, told = ask(portal, "林若兰")
    phone = cast.PHONES["林若兰"]
    code = portal.gateway.code(phone)
    assert told.status == 302
    waiting = browser.get("/login/enterprise/sms/")
    assert "/login/enterprise/password/" in waiting.text
    portal.gateway.behave("ok")
    portal.sql("UPDATE accounts_smsmessage SET next_try_at = now() WHERE sent_at IS NULL AND given_up_at IS NULL")
    portal.manage("send_sms")
    texts = [line["text"] for line in portal.gateway.lines(phone)]
    assert len(texts) <= 2
    assert len(set(texts)) == 1
    assert portal.scalar("SELECT count(*) FROM accounts_smscode WHERE closed_at IS NULL") == 1
    assert browser.post("/login/enterprise/sms/", {"code": code}).location == "/"

    portal.gateway.behave("drop")
    for name, key in (("钱思远", "HC"), ("孙雅静", "HC"), ("郑海涛", "HC"), ("徐明湖", "MH"), ("冯天宇", "XD")):
        ask(portal, name, key)
    time.sleep(1)
    tried = len(portal.gateway.lines())
    for number in range(1, 5):  # once five have failed, no more is tried for half a minute
        portal.sql("UPDATE accounts_smsmessage SET next_try_at = now() WHERE sent_at IS NULL AND given_up_at IS NULL")
        portal.manage("send_sms")
        seen(tries_after_five_failures=len(portal.gateway.lines()) - tried, rounds=number)
    assert len(portal.gateway.lines()) - tried <= 5


@pytest.mark.rule("F9", "REL-01", "OTP-06")
@pytest.mark.fault("F9", "clear words, nobody locked out, the queue bounded, and it recovers alone")
def test_a_gateway_that_refuses_everything_locks_nobody_out(portal, seen):
    portal.gateway.behave("refuse")
    browser, told = ask(portal, "林若兰")
    assert told.status == 302
    assert (
        browser.post("/login/enterprise/password/", {"password": cast.PERSONAL_PASSWORDS["HC", "林若兰"]}).location
        == "/"
    )
    portal.gateway.behave("ok")
    had = len(portal.gateway.lines(cast.PHONES["林若兰"]))
    portal.sql("UPDATE accounts_smsmessage SET next_try_at = now() WHERE sent_at IS NULL AND given_up_at IS NULL")

    def recovers() -> bool:
        portal.manage("send_sms")
        return (
            portal.scalar("SELECT count(*) FROM accounts_smsmessage WHERE sent_at IS NULL AND given_up_at IS NULL") == 0
        )

    took = wait_until(recovers, 45, "the queue is empty", every=2)
    seen(queue_empty_after=f"{took:.0f} s", messages=len(portal.gateway.lines(cast.PHONES["林若兰"])) - had)
