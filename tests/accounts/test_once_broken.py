"""What was broken once, each found by a hostile reader: it must stay mended."""

import base64
import hashlib
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from accounts import (
    addresses,
    flows,
    gateways,
    numbers,
    outbox,
    passwords,
    pictures,
    sealing,
    signins,
    sms,
    throttles,
)
from accounts.actor import Actor
from accounts.limits import CODE_CHECKS
from accounts.models import AuditEntry, SignIn, SmsCode, SmsMessage
from accounts.models.messages import FOR_STRANGERS
from accounts.models.signins import EndReason
from accounts.passwords import Setting
from accounts.requests import came_from
from tests.accounts import test_pictures
from tests.accounts.test_constraints import a_person, a_sign_in
from tests.accounts.test_outbox import FIVE_MINUTES, PHONE, TEXT
from tests.accounts.test_sms import binding  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
still = test_pictures.still


def test_a_solved_picture_gives_back_one_and_not_thirty(rf, still):
    request = rf.get("/")
    assert sum(addresses.may_see_picture(request, "192.0.2.1") for _ in range(40)) == 30
    addresses.solved_picture(request, "192.0.2.1")
    assert sum(addresses.may_see_picture(request, "192.0.2.1") for _ in range(40)) == 1


@pytest.mark.django_db(transaction=True)
def test_the_whole_record_cannot_be_emptied_or_overwritten():
    entry = AuditEntry.objects.create(kind="sign_in")
    empty = "TRUNCATE accounts_auditentry"
    overwrite = (
        "INSERT OR REPLACE INTO accounts_auditentry (seq, at, kind, result, reason, proof, request_id, details) "
        f"VALUES ({entry.seq}, '2026-01-01', 'sign_out', 'done', '', '', '', '{{}}')"
    )
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(empty if connection.vendor == "postgresql" else overwrite)
    assert AuditEntry.objects.get().kind == "sign_in"


def test_a_code_that_is_used_is_closed(person):
    now = timezone.now()
    dates = {"created_at": now, "expires_at": now, "used_at": now, "closed_at": None}
    with pytest.raises(IntegrityError), transaction.atomic():
        SmsCode.objects.create(person=person, purpose="sign_in", bound_to="b", code_hash="h", **dates)


def test_one_message_that_does_not_open_does_not_stop_the_others():
    broken, good = (
        SmsMessage.objects.create(to=PHONE, text=TEXT, useful_until=timezone.now() + FIVE_MINUTES) for _ in range(2)
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_smsmessage SET text = 'gone.AAAA' WHERE id = %s", [broken.pk])
    SmsMessage.objects.filter(pk=broken.pk).update(next_try_at=timezone.now() - timedelta(minutes=1))
    call_command("send_sms")
    assert SmsMessage.objects.filter(pk=good.pk, sent_at__isnull=False).exists()


def test_a_gateway_that_does_not_speak_http_has_not_taken_the_message(settings):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _address = server.accept()
            with caller:
                caller.recv(65536)
                caller.sendall(b"220 smtp ready\r\n")

        threading.Thread(target=answer, daemon=True).start()
        settings.SMS_URL = f"http://u:p@127.0.0.1:{server.getsockname()[1]}/send"
        with pytest.raises(gateways.NotSent):
            gateways.sender().send(gateways.Message(PHONE, TEXT))


def test_a_notice_outlives_an_hour_without_a_gateway(settings, outgoing, own_folder):
    message = SmsMessage.objects.create(to=PHONE, text=TEXT, useful_until=timezone.now() + timedelta(days=1))
    settings.SMS_URL = f"file://{own_folder}"  # a folder: nothing can be sent
    start = timezone.now()
    for minute in range(60):
        with time_machine.travel(start + timedelta(minutes=minute), tick=False):
            call_command("send_sms")
    settings.SMS_URL = f"file://{own_folder / 'sms.jsonl'}"
    with time_machine.travel(start + timedelta(minutes=90), tick=False):
        outbox.deliver(message.pk)
    assert len(outgoing()) == 1


@pytest.mark.parametrize("purpose", sorted(FOR_STRANGERS))
def test_a_strangers_wrong_codes_do_not_stop_who_gave_a_password(binding, by, purpose):  # noqa: F811
    stranger = replace(binding, purpose=purpose, taxpayer=None, login="s" * 32)
    for _ in range(10):
        with pytest.raises(ValidationError):
            sms.check_code(stranger, "000000", by=replace(by, ip="192.0.2.77"))
    with pytest.raises(ValidationError) as caught:
        sms.check_code(binding, "000000", by=by)
    assert caught.value.code == "sms_code"


def test_a_code_is_refused_when_the_block_came_while_it_was_judged(binding, by, monkeypatch):  # noqa: F811
    sms._make(binding, ())
    SmsCode.objects.update(code_hash=binding.hash("123456"))
    hold = throttles.hold

    def after_the_tenth_wrong_one(limit, subjects):
        for _ in range(10):  # as other requests do until this one has the lock
            throttles.fail(CODE_CHECKS, binding.whose)
        return hold(limit, subjects)

    monkeypatch.setattr(throttles, "hold", after_the_tenth_wrong_one)
    with pytest.raises(ValidationError):
        sms.check_code(binding, "123456", by=by)


def test_the_kept_word_of_a_code_does_not_tell_the_phone(binding):  # noqa: F811
    known = f"{binding.taxpayer.uid}|{binding.login}|"  # both stand in the database
    assert hashlib.sha256(f"{known}{binding.phone}".encode()).hexdigest() != binding.word


@pytest.mark.parametrize("number", ["H12345678", "E12345678", "1234567801"])
def test_a_short_document_number_is_masked_for_the_better_part(number):
    assert numbers.mask_id_number(number).count("*") >= len(number) / 2


@pytest.mark.parametrize("area", ["810000", "820000", "830000", "911124"])
def test_one_document_is_not_taken_under_two_types(area):
    number = next(
        f"{area}19900406004{check}"
        for check in "0123456789X"
        if numbers.is_resident_number(f"{area}19900406004{check}")
    )
    with pytest.raises(ValidationError):
        numbers.clean_id_number("resident", number)


def test_a_ring_with_two_keys_of_one_name_is_refused(settings):
    settings.SEALING_KEYS = ["a:" + base64.b64encode(byte * 32).decode() for byte in (b"1", b"2")]
    with pytest.raises(ImproperlyConfigured):
        sealing.seal("x", place="p")


@pytest.mark.parametrize(
    "state",
    [
        {"flow": "f"},
        {"flow": "f", "started_at": "x", "id": "i", "facts": {}},
        {"flow": "f", "started_at": "2026-01-01T00:00:00", "id": "i", "facts": {}},
        {"flow": "f", "started_at": timezone.now().isoformat(), "id": "i"},
    ],
    ids=range(4),
)
def test_a_passage_of_another_shape_is_no_passage(rf, state):
    flow = flows.Flow("f", (flows.Step("login", "a"),))
    request = rf.get("/")
    request.session = {flows._SESSION_KEY: state}
    progress = flow.under_way(request)
    assert progress is None or not progress.has("a")


def test_dengbao_remembers_the_password_that_a_reset_wiped(person, settings):
    settings.PASSWORD_POLICY = "dengbao"
    credential = passwords.store(None, passwords.hash_new("Gutes-Wetter-7"))
    passwords.reset(credential)
    with pytest.raises(ValidationError):
        passwords.validate_new("Gutes-Wetter-7", Setting(person=person, old=credential))


def test_one_broken_row_does_not_stop_the_rotation(person, settings):
    broken = a_person()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_person SET phone = 'gone.AAAA' WHERE id = %s", [broken.pk])
    settings.SEALING_KEYS = ["new:" + base64.b64encode(b"n" * 32).decode(), *settings.SEALING_KEYS]
    with suppress(Exception):  # it may complain, once the others are done
        call_command("rotate_keys")
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM accounts_person WHERE id = %s", [person.pk])
        assert cursor.fetchone()[0].startswith("new.")


def test_a_sign_in_ends_for_a_known_reason_alone():
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        a_sign_in(started_at=now, ended_at=now, ended_because="tired")
    assert not SignIn.objects.exists()


def test_a_picture_that_runs_out_while_it_is_judged_is_refused(rf, monkeypatch):
    request, start = rf.get("/"), timezone.now().replace(microsecond=0)
    compare = pictures.constant_time_compare
    with time_machine.travel(start, tick=False) as clock:
        token = pictures.new_token(request, "f")
        clock.shift(119.5)

        def slow(one, other):
            clock.shift(1)
            return compare(one, other)

        monkeypatch.setattr(pictures, "constant_time_compare", slow)
        assert pictures.redeem(request, token, "WRONG", "f") is False


def test_a_gateway_at_an_ipv6_address_is_asked_there():
    assert gateways.KannelSender("http://u:p@[::1]:8080/send", 1).address == "http://[::1]:8080/send"


def test_a_redirected_message_is_not_sent(gateway):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _address = server.accept()
            with caller:
                caller.recv(65536)
                place = f"http://127.0.0.1:{gateway.server_port}/welcome"
                caller.sendall(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())

        threading.Thread(target=answer, daemon=True).start()
        sender = gateways.KannelSender(f"http://u:p@127.0.0.1:{server.getsockname()[1]}/send", 2)
        with pytest.raises(gateways.NotSent):
            sender.send(gateways.Message(PHONE, TEXT))


@pytest.mark.rule("LOG-02", "F18")
def test_a_sign_in_does_not_end_without_its_entry(monkeypatch):
    sign_in = a_sign_in()
    monkeypatch.setattr(signins.audit, "record", refuse_to_write)
    with pytest.raises(DatabaseError):
        signins.end(sign_in, EndReason.SIGNED_OUT, by=Actor(person=sign_in.person, sign_in=sign_in))
    sign_in.refresh_from_db()
    assert sign_in.ended_at is None


def refuse_to_write(*args, **kwargs):
    raise DatabaseError("the disk is full")


@pytest.mark.rule("F18")
def test_a_code_that_the_file_of_messages_cannot_take_waits_for_another_try(
    settings,
    own_folder,
    binding,  # noqa: F811
    django_capture_on_commit_callbacks,
):
    settings.SMS_URL = f"file://{own_folder}"  # a folder: nothing can be written there
    with django_capture_on_commit_callbacks(execute=True):
        sms.send_code(binding, by=Actor())
    message = SmsMessage.objects.get()
    assert (message.tries, message.maybe_sent, message.sent_at, message.counts) == (1, 0, None, [])
    assert message.next_try_at > timezone.now()


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize(
    ("referer", "page"),
    [
        ("http://testserver/account/?a=b", "/account/?a=b"),
        ("http://[::1", ""),
        ("//", ""),
        ("http://elsewhere.example/account/", ""),
        ("http://testserver", ""),
        ("http://testserver//elsewhere.example/x", ""),
        ("http://testserver/\\elsewhere.example/x", ""),
    ],
)
def test_only_a_page_of_ours_is_one_that_somebody_came_from(rf, referer, page):
    assert came_from(rf.post("/", headers={"referer": referer})) == page


@pytest.mark.rule("D15")
def test_a_form_from_an_address_that_is_none_is_asked_for_a_code(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    answer = visitor.post("/account/profile/phone/", headers={"referer": "http://[::1"})
    assert answer.url.startswith("/account/step-up/?next=")
