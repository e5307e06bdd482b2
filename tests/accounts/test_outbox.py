"""The outbox and its gateways: sent once, tried again, given up in time, silent about secrets (F7 to F9, OTP-11)."""

import io
import json
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts import gateways, outbox
from accounts.models import SmsMessage
from tests.accounts.conftest import Gateway

PHONE, TEXT = "13800001234", "【某局】验证码246813，用于登录，请勿转发。"
FIVE_MINUTES = timedelta(minutes=5)

pytestmark = pytest.mark.django_db


@pytest.fixture
def nobody_listens(settings) -> None:
    """SMS_URL names a port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.SMS_URL = f"http://bureau:geheim7@127.0.0.1:{free.getsockname()[1]}/send"


@pytest.fixture
def waiting() -> SmsMessage:
    """A message that waits."""
    return SmsMessage.objects.create(to=PHONE, text=TEXT, useful_until=timezone.now() + FIVE_MINUTES)


def kept(message: SmsMessage) -> tuple[str, str]:
    """Number and words as the database holds them, not opened."""
    with connection.cursor() as cursor:
        to = connection.ops.quote_name("to")
        cursor.execute(f"SELECT {to}, text FROM accounts_smsmessage WHERE id = %s", [message.pk])
        return cursor.fetchone()


# The outbox


@pytest.mark.rule("LOG-02")
def test_a_message_goes_when_its_act_is_committed_and_not_before(outgoing, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        message = outbox.queue(PHONE, TEXT, useful_for=FIVE_MINUTES)
        assert outgoing() == []
        assert "" not in kept(message)
    assert len(callbacks) == 1
    assert [(sent["to"], sent["text"]) for sent in outgoing()] == [(PHONE, TEXT)]
    message.refresh_from_db()
    assert message.sent_at is not None
    assert kept(message) == ("", "")


@pytest.mark.rule("LOG-02")
def test_a_message_of_an_act_that_is_rolled_back_never_goes(outgoing, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        outbox.queue(PHONE, TEXT, useful_for=FIVE_MINUTES)
        transaction.set_rollback(True)
    assert outgoing() == []
    assert not SmsMessage.objects.exists()


def test_a_message_is_sent_once(waiting, outgoing):
    assert outbox.deliver(waiting.pk) is True
    assert outbox.deliver(waiting.pk) is False
    assert len(outgoing()) == 1
    assert outbox.waiting() == []


def test_a_message_that_somebody_is_sending_is_not_sent_by_another(waiting, outgoing):
    SmsMessage.objects.update(tries=1, next_try_at=timezone.now() + outbox.FIRST_PAUSE)  # claimed, not finished
    assert outbox.waiting() == []
    assert outbox.deliver(waiting.pk) is False
    assert outgoing() == []
    waiting.refresh_from_db()
    assert waiting.tries == 1


def test_a_message_whose_sender_died_is_tried_again(waiting, outgoing):
    SmsMessage.objects.update(tries=1, next_try_at=timezone.now() + outbox.FIRST_PAUSE)
    with time_machine.travel(timezone.now() + outbox.FIRST_PAUSE, tick=False):
        assert outbox.waiting() == [waiting.pk]
        assert outbox.deliver(waiting.pk) is True
    assert len(outgoing()) == 1


def test_a_message_that_cannot_go_is_tried_with_growing_pauses_until_it_is_of_no_more_use(waiting, nobody_listens):
    now = timezone.now()
    SmsMessage.objects.update(useful_until=now + timedelta(hours=1), next_try_at=now)
    pauses = []
    while True:
        with time_machine.travel(now, tick=False):
            assert outbox.waiting() == [waiting.pk]
            assert outbox.deliver(waiting.pk) is False
            assert outbox.waiting() == []
        waiting.refresh_from_db()
        if waiting.given_up_at is not None:
            break
        pauses.append(waiting.next_try_at - now)
        now = waiting.next_try_at
    assert pauses[:4] == [outbox.FIRST_PAUSE * 2**n for n in (1, 2, 3, 4)]
    assert max(pauses) == outbox.LONGEST_PAUSE
    assert waiting.sent_at is None
    assert kept(waiting) == ("", "")
    with time_machine.travel(now + timedelta(days=30), tick=False):
        assert outbox.waiting() == []
        assert outbox.deliver(waiting.pk) is False


def test_a_message_goes_at_the_next_try_once_the_gateway_is_back(waiting, gateway):
    gateway.status = 503
    assert outbox.deliver(waiting.pk) is False
    assert "" not in kept(waiting)
    gateway.status = 202
    SmsMessage.objects.update(next_try_at=timezone.now())
    assert outbox.deliver(waiting.pk) is True
    assert len(gateway.calls) == 2


@pytest.mark.rule("D14")
def test_a_message_that_is_of_no_use_any_more_is_not_sent(waiting, outgoing):
    with time_machine.travel(waiting.useful_until, tick=False):
        assert outbox.deliver(waiting.pk) is False
    assert outgoing() == []
    waiting.refresh_from_db()
    assert waiting.given_up_at is not None
    assert kept(waiting) == ("", "")


def test_waiting_messages_go_oldest_first_and_only_when_due(waiting):
    now = timezone.now()
    later = SmsMessage.objects.create(
        to=PHONE, text=TEXT, useful_until=now + FIVE_MINUTES, next_try_at=now + timedelta(minutes=1)
    )
    first = SmsMessage.objects.create(
        to=PHONE, text=TEXT, useful_until=now + FIVE_MINUTES, next_try_at=now - timedelta(minutes=1)
    )
    assert outbox.waiting() == [first.pk, waiting.pk]
    with time_machine.travel(now + timedelta(minutes=2), tick=False):
        assert outbox.waiting() == [first.pk, waiting.pk, later.pk]


def test_the_command_sends_what_is_due_and_says_how_many(waiting, outgoing, settings, nobody_listens, own_folder):
    out = io.StringIO()
    call_command("send_sms", stdout=out)
    assert out.getvalue() == "0 sent, 1 not sent\n"
    SmsMessage.objects.update(next_try_at=timezone.now())
    settings.SMS_URL = f"file://{own_folder / 'sms.jsonl'}"
    SmsMessage.objects.create(to="13900000001", text=TEXT, useful_until=timezone.now() + FIVE_MINUTES)
    call_command("send_sms", stdout=out)
    call_command("send_sms", stdout=out)
    assert out.getvalue().splitlines()[1:] == ["2 sent, 0 not sent", "0 sent, 0 not sent"]
    assert [message["to"] for message in outgoing()] == [PHONE, "13900000001"]


# The file


@pytest.mark.rule("OTP-11")
def test_a_line_of_the_file_has_number_text_and_time(own_folder):
    gateways.sender().send(gateways.Message(PHONE, TEXT))
    gateways.sender().send(gateways.Message(PHONE, 'zwei\nZeilen "und" \u2028 mehr'))
    lines = (own_folder / "sms.jsonl").read_bytes().decode().split("\n")
    assert len(lines) == 3
    assert lines[2] == ""
    first, second = json.loads(lines[0]), json.loads(lines[1])
    assert list(first) == ["to", "text", "at"]
    assert (first["to"], first["text"]) == (PHONE, TEXT)
    assert TEXT in lines[0]  # readable as it stands
    assert second["text"] == 'zwei\nZeilen "und" \u2028 mehr'
    assert abs(datetime.fromisoformat(first["at"]) - timezone.now()) < timedelta(minutes=1)


def test_many_threads_write_whole_lines(own_folder):
    sender = gateways.sender()
    threads = [threading.Thread(target=sender.send, args=(gateways.Message(str(n), "长" * 5000),)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    lines = (own_folder / "sms.jsonl").read_text().splitlines()
    assert {json.loads(line)["to"] for line in lines} == {str(n) for n in range(20)}


@pytest.mark.rule("OTP-11")
def test_nothing_goes_to_a_file_where_debug_is_off(settings):
    settings.DEBUG = False
    with pytest.raises(ImproperlyConfigured):
        gateways.sender()


def test_a_file_that_cannot_be_written_leaves_the_message_waiting(waiting, own_folder, settings):
    settings.SMS_URL = f"file://{own_folder}"  # a folder is no file
    with pytest.raises(gateways.NotSent):
        gateways.sender().send(gateways.Message(PHONE, TEXT))
    assert outbox.deliver(waiting.pk) is False
    assert "" not in kept(waiting)


@pytest.mark.parametrize("url", ["", "ftp://host/path", "http:///path", "/var/sms", "https://"])
def test_an_address_of_another_kind_is_refused(settings, url):
    settings.SMS_URL = url
    with pytest.raises(ImproperlyConfigured):
        gateways.sender()


# The HTTP gateway


def test_the_gateway_is_asked_with_kannels_parameters(gateway):
    gateways.sender().send(gateways.Message(PHONE, TEXT))
    (call,) = gateway.calls
    assert urlsplit(call).path == "/cgi-bin/sendsms"
    assert {name: values[0] for name, values in parse_qs(urlsplit(call).query).items()} == {
        "username": "bureau@ln",
        "password": "geheim/7",
        "to": PHONE,
        "text": TEXT,
        "charset": "UTF-8",
        "coding": "2",
    }


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_gateway_that_takes_the_message_has_sent_it(waiting, gateway, status):
    gateway.status = status
    assert outbox.deliver(waiting.pk) is True
    waiting.refresh_from_db()
    assert waiting.sent_at is not None
    assert kept(waiting) == ("", "")


def failing(gateway: Gateway, how: str, settings) -> None:
    """Make the gateway fail."""
    if how.isdigit():
        gateway.status = int(how)
    elif how == "silent":
        settings.SMS_TIMEOUT_SECONDS = 0.05
        gateway.slow.clear()
    else:
        gateway.shutdown()
        gateway.socket.close()


@pytest.mark.rule("PW-12", "LOG-05")
@pytest.mark.parametrize("how", ["403", "404", "500", "503", "204", "silent", "gone"])
def test_a_gateway_that_fails_leaves_the_message_waiting_and_the_log_without_secrets(
    waiting, gateway, settings, caplog, how
):
    failing(gateway, how, settings)
    with caplog.at_level("DEBUG"):
        assert outbox.deliver(waiting.pk) is False
    waiting.refresh_from_db()
    assert (waiting.tries, waiting.sent_at, waiting.given_up_at) == (1, None, None)
    assert (waiting.to, waiting.text) == (PHONE, TEXT)
    (record,) = [record for record in caplog.records if record.name == "accounts.outbox"]
    assert record.levelname == "WARNING"
    assert str(waiting.uid) in record.getMessage()
    assert record.exc_info is None
    for secret in ("geheim", "246813", PHONE, "bureau", str(gateway.server_port)):
        assert secret not in caplog.text


@pytest.mark.rule("PW-12")
@pytest.mark.parametrize(("how", "words"), [("500", "status 500"), ("silent", "Timeout"), ("gone", "URLError")])
def test_the_error_of_a_gateway_names_its_kind_and_nothing_else(gateway, settings, how, words):
    failing(gateway, how, settings)
    with pytest.raises(gateways.NotSent) as caught:
        gateways.sender().send(gateways.Message(PHONE, TEXT))
    assert words.lower() in str(caught.value).lower()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    for secret in ("geheim", "246813", PHONE, "http"):
        assert secret not in str(caught.value)


def test_a_gateway_counts_as_slow_and_a_file_as_quick(gateway, settings, own_folder):
    assert gateways.sender().is_quick is False
    settings.SMS_URL = f"file://{own_folder / 'sms.jsonl'}"
    assert gateways.sender().is_quick is True


@pytest.fixture
def workers() -> Callable[[], None]:
    """Wait until every thread of the pool is idle again."""

    def wait() -> None:
        barrier = threading.Barrier(outbox._SLOTS)
        for done in [outbox._pool.submit(barrier.wait, 10) for _ in range(outbox._SLOTS)]:
            done.result(10)

    return wait


def test_no_more_messages_are_handed_to_the_threads_than_they_have_room_for(gateway, workers, monkeypatch):
    handed: list[int] = []
    # What a thread does with one is tested elsewhere.
    monkeypatch.setattr(outbox, "deliver", lambda pk, *_message: handed.append(pk))
    monkeypatch.setattr(outbox, "_room", threading.BoundedSemaphore(3))
    stop = threading.Event()
    plugs = [outbox._pool.submit(stop.wait, 10) for _ in range(outbox._SLOTS)]
    for pk in range(10):
        outbox._dispatch(SmsMessage(pk=pk))
    assert handed == []
    stop.set()
    for plug in plugs:
        plug.result(10)
    workers()
    assert sorted(handed) == [0, 1, 2]
    outbox._dispatch(SmsMessage(pk=11))
    workers()
    assert sorted(handed) == [0, 1, 2, 11]
