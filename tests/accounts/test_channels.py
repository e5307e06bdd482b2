"""Two gateways, a breaker before each, a day's budget, and what is in doubt: F7 to F9, OTP-12."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import channels, gateways, outbox, sms
from accounts.limits import CODE_DAY, CODE_HOUR, CODE_PREFIX, CODE_TOTAL
from accounts.models import AuditEntry, SmsCode, SmsMessage, Throttle
from accounts.models.messages import FOR_STRANGERS, Purpose, SmsChannel, SmsTally
from accounts.sms import Binding
from tests.accounts.conftest import Gateway

PHONE, TEXT = "13800001234", "【某局】验证码246813，用于登录，请勿转发。"
FIVE_MINUTES = timedelta(minutes=5)

pytestmark = pytest.mark.django_db


@contextmanager
def running() -> Iterator[Gateway]:
    """A second gateway."""
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.slow.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def second(settings) -> Iterator[Gateway]:
    """The gateway that SMS_FALLBACK_URL names."""
    with running() as server:
        settings.SMS_FALLBACK_URL = server.url
        yield server


@pytest.fixture
def binding(person, firm) -> Binding:
    """A code to sign in by."""
    return Binding(person=person, purpose=Purpose.SIGN_IN, taxpayer=firm, login="a" * 32, phone=person.phone)


def message(**changed) -> SmsMessage:
    """A message that waits."""
    return SmsMessage.objects.create(
        **{"to": PHONE, "text": TEXT, "useful_until": timezone.now() + FIVE_MINUTES} | changed
    )


def again(row: SmsMessage) -> bool:
    """Try once more, as after the pause."""
    SmsMessage.objects.filter(pk=row.pk).update(next_try_at=timezone.now())
    return outbox.deliver(row.pk)


def minutes_later() -> None:
    """The breakers have been open long enough: the database's clock counts, so the dates move instead."""
    SmsChannel.objects.update(open_until=F("open_until") - channels.OPEN_FOR)


def count(name: str) -> int:
    """What a limit holds, whoever it counts for."""
    return sum(row.count for row in Throttle.objects.filter(key__startswith=f"{name}:"))


# The breaker


@pytest.mark.rule("F8", "F9")
def test_five_failures_open_the_breaker_and_then_nobody_asks_that_gateway(gateway):
    gateway.status = 503
    for _ in range(7):
        assert outbox.deliver(message().pk) is False
    assert len(gateway.calls) == 5
    assert channels.open_channels() == [gateways.sender().name]


@pytest.mark.rule("F9")
def test_half_open_one_message_asks_and_its_success_closes_the_breaker(gateway):
    gateway.status = 503
    for _ in range(5):
        outbox.deliver(message().pk)
    minutes_later()
    name = gateways.sender().name
    assert [channels.may_try(name), channels.may_try(name)] == [True, False]
    minutes_later()
    gateway.status = 202
    assert outbox.deliver(message().pk) is True
    assert channels.open_channels() == []
    assert [channels.may_try(name), channels.may_try(name)] == [True, True]


@pytest.mark.rule("F9")
def test_half_open_a_failure_opens_the_breaker_again_at_once(gateway):
    gateway.status = 503
    for _ in range(5):
        outbox.deliver(message().pk)
    minutes_later()
    outbox.deliver(message().pk)
    outbox.deliver(message().pk)
    assert len(gateway.calls) == 6


@pytest.mark.rule("F8")
def test_failures_that_lie_further_apart_do_not_open_the_breaker(gateway):
    gateway.status = 503
    for _ in range(9):
        outbox.deliver(message().pk)
        SmsChannel.objects.update(counted_from=F("counted_from") - channels.WINDOW / 4)
    assert len(gateway.calls) == 9


def test_a_success_starts_the_count_anew(gateway):
    for status in (503, 503, 503, 503, 202, 503, 503, 503, 503):
        gateway.status = status
        outbox.deliver(message().pk)
    assert channels.open_channels() == []


def test_a_message_that_the_gateway_refuses_for_itself_is_no_failure_of_the_gateway_and_is_given_up(gateway):
    gateway.status = 400
    rows = [message() for _ in range(6)]
    for row in rows:
        assert outbox.deliver(row.pk) is False
    assert len(gateway.calls) == 6
    assert SmsMessage.objects.filter(given_up_at__isnull=False, to="", text="").count() == 6


# The second gateway


@pytest.mark.rule("F9")
@pytest.mark.parametrize("status", [403, 503, 400])
def test_what_the_first_gateway_does_not_take_goes_to_the_second_at_once(gateway, second, status):
    gateway.status = status
    row = message()
    assert outbox.deliver(row.pk) is True
    row.refresh_from_db()
    assert row.sent_by == gateways.senders()[1].name
    assert (len(gateway.calls), len(second.calls)) == (1, 1)


@pytest.mark.rule("F9")
def test_with_the_first_breaker_open_only_the_second_is_asked(gateway, second):
    gateway.status = 503
    for _ in range(8):
        assert outbox.deliver(message().pk) is True
    assert (len(gateway.calls), len(second.calls)) == (5, 8)


def test_a_message_declined_by_one_and_not_taken_by_the_other_is_tried_again(gateway, second):
    gateway.status, second.status = 503, 400
    row = message()
    assert outbox.deliver(row.pk) is False
    row.refresh_from_db()
    assert row.given_up_at is None
    gateway.status = 202
    assert again(row) is True


# In doubt (F8)


@pytest.mark.rule("F8")
@pytest.mark.parametrize("status", [500, 502, 504])
def test_what_may_have_arrived_is_tried_once_more_and_never_a_third_time(gateway, status):
    gateway.status = status
    row = message(useful_until=timezone.now() + timedelta(days=1))
    assert outbox.deliver(row.pk) is False
    row.refresh_from_db()
    assert row.given_up_at is None
    assert again(row) is False
    row.refresh_from_db()
    assert row.given_up_at is not None
    assert again(row) is False
    assert len(gateway.calls) == 2


@pytest.mark.rule("F8")
def test_what_may_have_arrived_does_not_go_to_the_second_gateway_at_once_but_then_to_it_first(gateway, second):
    gateway.status = 500
    row = message()
    assert outbox.deliver(row.pk) is False
    assert second.calls == []
    assert again(row) is True
    assert (len(gateway.calls), len(second.calls)) == (1, 1)


@pytest.mark.rule("F8", "F10")
def test_a_try_that_a_killed_process_left_counts_as_one_that_may_have_arrived(gateway):
    row = message(tries=2, maybe_sent=2)
    assert outbox.deliver(row.pk) is False
    row.refresh_from_db()
    assert row.given_up_at is not None
    assert gateway.calls == []


@pytest.mark.rule("F8")
@pytest.mark.parametrize("how", ["used", "replaced"])
def test_a_code_that_is_used_or_replaced_is_not_sent_again(gateway, binding, by, how):
    gateway.status = 500
    with transaction.atomic():
        sms.send_code(binding, by=by)
    row = SmsMessage.objects.get()
    assert outbox.deliver(row.pk) is False
    if how == "used":
        sms.check_code(binding, _digits(gateway), by=by)
    else:
        sms.close_codes(binding.person)
    gateway.status = 202
    assert again(row) is False
    assert len(gateway.calls) == 1
    row.refresh_from_db()
    assert (row.given_up_at is not None, row.to, row.text, row.code) == (True, "", "", "")


def _digits(gateway: Gateway) -> str:
    """The code that the gateway was handed last."""
    text = parse_qs(urlsplit(gateway.calls[-1]).query)["text"][0]
    return text.partition("验证码")[2][:6]


@pytest.mark.rule("F8", "F9", "D14")
@pytest.mark.parametrize("status", [500, 503])
def test_a_code_that_is_not_known_to_have_gone_costs_its_owner_none_of_his_codes(gateway, binding, by, status):
    gateway.status = status
    sms.send_code(binding, by=by)
    outbox.deliver(SmsMessage.objects.get().pk)
    for limit in (CODE_HOUR, CODE_DAY, CODE_TOTAL, CODE_PREFIX):
        assert count(limit.name) == 0
    assert count("code_address") == 0
    assert count("code_gap") == 1  # sixty seconds lie between two, whatever becomes of them
    again(SmsMessage.objects.get())
    assert count(CODE_HOUR.name) == 0  # given back once


@pytest.mark.rule("D21", "RST-01", "F9")
@pytest.mark.parametrize("purpose", sorted(FOR_STRANGERS))
def test_a_strangers_told_counts_stay_the_same_whether_his_code_failed_or_went_to_nobody(gateway, binding, by, purpose):
    gateway.status = 503
    told = {}
    for name, person in (("real", binding.person), ("nobody", None)):
        stranger = replace(binding, purpose=purpose, taxpayer=None, person=person, typed=name)
        sms.send_code(stranger, by=by)
        outbox.deliver(SmsMessage.objects.latest("pk").pk)
        told[name] = {
            row.key.partition(":")[0]: row.count for row in Throttle.objects.filter(key__contains=stranger.asked_count)
        }
    assert told["real"] == told["nobody"]


# All gateways down (F9)


@pytest.mark.rule("F9")
def test_while_every_gateway_is_down_a_code_is_refused_in_clear_words_and_costs_nothing(gateway, binding, by):
    gateway.status = 503
    for _ in range(5):
        outbox.deliver(message().pk)
    for _ in range(12):  # more than a day's codes
        with pytest.raises(ValidationError) as caught:
            sms.send_code(binding, by=by)
        assert caught.value.code == "sms_unavailable"
        assert "密码登录" in caught.value.messages[0]
    assert not SmsCode.objects.exists()
    assert not Throttle.objects.exists()
    assert AuditEntry.objects.filter(kind="code_sent", reason="sms_unavailable").count() == 12
    minutes_later()
    gateway.status = 202
    sms.send_code(binding, by=by)  # it recovers alone: this one is the probe
    assert outbox.deliver(SmsMessage.objects.latest("pk").pk) is True


@pytest.mark.rule("F9", "D21", "D5")
def test_that_no_gateway_works_is_told_to_everybody_alike(gateway, binding, by):
    gateway.status = 503
    for _ in range(5):
        outbox.deliver(message().pk)
    nobody = replace(binding, person=None, purpose=Purpose.FORGOTTEN, taxpayer=None)
    other = replace(binding, phone="13900000000")
    for ask in (
        lambda: sms.send_code(nobody, by=by),
        lambda: sms.send_if_same(binding, real_phone=binding.phone, by=by),
        lambda: sms.send_if_same(other, real_phone=binding.phone, by=by),
    ):
        with pytest.raises(ValidationError) as caught:
            ask()
        assert caught.value.code == "sms_unavailable"


@pytest.mark.rule("F9")
def test_the_queue_is_bounded(gateway, binding, by, monkeypatch, request):
    outbox.deliver(message().pk)
    monkeypatch.setattr(channels, "MOST_WAITING", 3)
    channels._composed.cache_clear()  # the number is part of the question, which is composed once
    request.addfinalizer(channels._composed.cache_clear)
    for _ in range(3):
        message()
    assert outbox.is_open()
    message()
    with pytest.raises(ValidationError) as caught:
        sms.send_code(binding, by=by)
    assert caught.value.code == "sms_unavailable"


# Budget, ranges of numbers and figures


@pytest.mark.rule("OTP-12")
def test_beyond_the_days_budget_nothing_is_sent_and_no_code_is_taken_on(gateway, binding, by, settings):
    settings.SMS_DAILY_BUDGET = 2
    assert [outbox.deliver(message().pk) for _ in range(3)] == [True, True, False]
    assert len(gateway.calls) == 2
    with pytest.raises(ValidationError) as caught:
        sms.send_code(binding, by=by)
    assert caught.value.code == "sms_unavailable"
    SmsTally.objects.update(day=F("day") - timedelta(days=1))
    sms.send_code(binding, by=by)


@pytest.mark.rule("OTP-12")
def test_a_range_of_numbers_gets_so_many_unused_codes_an_hour(binding, by, send):
    Throttle.objects.create(
        key=f"code_prefix:{binding.prefix_count}",
        count=CODE_PREFIX.count - 1,
        resets_at=timezone.now() + CODE_PREFIX.period,
    )
    send(binding)
    with pytest.raises(ValidationError) as caught:
        sms.send_code(replace(binding, phone=binding.phone[:7] + "9999"), by=by)
    assert caught.value.code == "sms_wait"
    send(replace(binding, phone="13900000001"))  # another range


@pytest.mark.rule("OTP-12")
def test_a_used_code_is_taken_off_its_range(binding, by, send):
    code = send(binding)
    assert count("code_prefix") == 1
    sms.check_code(binding, code, by=by)
    assert count("code_prefix") == 0


@pytest.mark.rule("OTP-12", "D14")
def test_what_strangers_ask_for_uses_up_no_range_for_who_gave_a_password(binding, by):
    stranger = replace(binding, purpose=Purpose.FORGOTTEN)
    assert stranger.prefix_count != binding.prefix_count
    assert binding.phone[:7] not in stranger.prefix_count


def test_the_figures_tell_how_each_gateway_did(gateway, second):
    for first, other in ((202, 202), (503, 202), (400, 202), (500, 202), (503, 503)):
        gateway.status, second.status = first, other
        outbox.deliver(message().pk)
    names = [each.name for each in gateways.senders()]
    figures = {figure.channel: figure for figure in channels.figures(1)}
    one, two = figures[names[0]], figures[names[1]]
    assert (one.sent, one.failed, one.declined, one.maybe_sent) == (1, 2, 1, 1)
    assert (two.sent, two.failed) == (2, 1)
    assert one.share_sent == pytest.approx(0.2)
    out = io.StringIO()
    call_command("sms_figures", stdout=out)
    assert f"{names[0]}\t1\t1\t2\t1\t20.0%" in out.getvalue()
    assert f"breaker of {names[1]}: closed" in out.getvalue()


@pytest.mark.rule("PW-12", "LOG-05")
def test_the_name_of_a_gateway_holds_no_secret(gateway):
    name = gateways.sender().name
    assert "geheim" not in name
    assert "bureau" not in name


# Slow gateways (F7)


@pytest.mark.rule("F7")
def test_the_worker_sends_what_waits_and_stops_when_told(gateway, monkeypatch):
    sent: list[int] = []
    rows = [message() for _ in range(3)]
    stop = threading.Event()

    def deliver(pk: int) -> bool:  # what a thread does with one is tested elsewhere
        sent.append(pk)
        stop.set()
        return True

    monkeypatch.setattr(outbox, "deliver", deliver)
    outbox.deliver_all(stop, every=0.01)
    assert sorted(sent) == [row.pk for row in rows]


def test_messages_closed_long_ago_are_tidied_away_and_waiting_ones_are_not():
    old = timezone.now() - timedelta(days=8)
    done = message(created_at=old, to="", text="", sent_at=timezone.now())
    waits = message(created_at=old)
    fresh = message(to="", text="", sent_at=timezone.now())
    assert outbox.tidy(timedelta(days=7)) == 1
    assert set(SmsMessage.objects.values_list("pk", flat=True)) == {waits.pk, fresh.pk}
    assert done.pk not in {waits.pk, fresh.pk}
