"""The SMS gateway slow, breaking off and refusing: F7, F8, F9."""

import pytest

from tests import cast
from tests.faults.children import wait_until
from tests.faults.crowd import at_once, count, percentile

pytestmark = pytest.mark.fault
WAITING = "SELECT count(*) FROM accounts_smsmessage WHERE sent_at IS NULL AND given_up_at IS NULL"
SENDERS = 4
"""Threads that send in one worker (`accounts.outbox`)."""
ASKERS = ("钱思远", "林若兰", "孙雅静", "郑海涛", "何晨曦")
FIVE = (("钱思远", "HC"), ("孙雅静", "HC"), ("郑海涛", "HC"), ("马文涛", "HC"), ("冯天宇", "XD"))


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
    assert all(answer.is_done for answer in answers)
    assert slowest <= 1
    assert queued == len(ASKERS)
    assert 1 <= busy <= SENDERS * len(portal.workers)
    assert p95[1] <= 2 * p95[0] + 50


def ask_all_at_once(portal) -> None:
    """Five people ask for a code at the same moment, and the gateway has heard of all of them."""
    heard = len(portal.gateway.lines())
    at_once(len(FIVE), lambda number: ask(portal, *FIVE[number]))
    wait_until(lambda: len(portal.gateway.lines()) >= heard + len(FIVE), 20, "five were tried")


def make_due(portal) -> None:
    """As if the pause until the next try were over."""
    portal.sql("UPDATE accounts_smsmessage SET next_try_at = now() WHERE sent_at IS NULL AND given_up_at IS NULL")


@pytest.mark.rule("F8", "REL-01", "OTP-06")
@pytest.mark.fault("F8", "code not doubled, ≤ 1 extra message; password offered; breaker after 5 failures in 30 s")
def test_a_gateway_that_breaks_off_after_taking_a_message_doubles_no_code(portal, seen):
    portal.gateway.behave("drop")
    browser, told = ask(portal, "林若兰")
    phone = cast.PHONES["林若兰"]
    code = portal.gateway.code(phone)
    waiting = browser.get("/login/enterprise/sms/")
    portal.gateway.behave("ok")
    for _ in range(3):
        make_due(portal)
        portal.manage("send_sms")
    texts = [line["text"] for line in portal.gateway.lines(phone)]
    codes = portal.scalar("SELECT count(*) FROM accounts_smscode WHERE closed_at IS NULL")
    let_in = browser.post("/login/enterprise/sms/", {"code": code}).location

    portal.gateway.behave("drop")
    ask_all_at_once(portal)
    tried = len(portal.gateway.lines())
    later = ask(portal, "何晨曦")[1]
    for _ in range(2):
        make_due(portal)
        portal.manage("send_sms")
    more = len(portal.gateway.lines()) - tried
    seen(messages=len(texts), different=len(set(texts)), tries_after_five_failures=more, told_then=later.status)
    assert told.is_done
    assert "/login/enterprise/password/" in waiting.text
    assert len(texts) <= 2
    assert len(set(texts)) == codes == 1
    assert let_in == "/"
    assert more <= 1
    assert later.is_done or (later.status in (400, 503) and "密码登录" in later.words)


@pytest.mark.rule("F9", "REL-01", "OTP-06")
@pytest.mark.fault("F9", "clear words, nobody locked out, the queue bounded, and it recovers alone")
def test_a_gateway_that_refuses_everything_locks_nobody_out(portal, seen):
    portal.gateway.behave("refuse")
    ask_all_at_once(portal)
    browser, told = ask(portal, "林若兰")
    by_password = browser.post("/login/enterprise/password/", {"password": cast.PERSONAL_PASSWORDS["HC", "林若兰"]})
    queued = portal.scalar(WAITING)
    portal.gateway.behave("ok")
    make_due(portal)

    def recovers() -> bool:
        make_due(portal)
        portal.manage("send_sms")
        portal.sql("DELETE FROM accounts_throttle WHERE key LIKE 'code_gap%%'")
        try:
            return portal.browser().sign_in_by_sms("徐明湖", portal.gateway, "MH").location == "/"
        except AssertionError:  # no code came
            return False

    took = wait_until(recovers, 90, "codes are sent again", every=3)
    make_due(portal)
    portal.manage("send_sms")  # what waited goes as well, now that the gateway is known to be back
    left = portal.scalar(WAITING)
    seen(told=told.status, queued=queued, left=left, recovered_after=f"{took:.0f} s")
    assert told.is_done or (told.status in (400, 503) and "密码登录" in told.words)
    assert by_password.location == "/"
    assert queued <= len(FIVE) + 1
    assert left == 0
