"""Races around 实名采集, with real threads and real transactions: PostgreSQL only (F12, F13, FIL-05)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from accounts import sms
from accounts.actor import Actor
from accounts.models import AuditEntry, Person
from accounts.models.messages import Purpose
from realname import collecting as services
from realname import counter, photos
from realname.models import Collection, Photo, RealNameRecord
from tests import cast
from tests.races.crowd import at_once
from tests.realname import cards
from tests.realname.collecting import NAME, officer

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time: run on PostgreSQL"),
    pytest.mark.usefixtures("committed_world"),
]
NUMBER, PHONE = "11010519491231002X", "13900000001"


def outcome_of(call: Callable[[], object]) -> str:
    """`done`, or the code of the refusal."""
    try:
        call()
    except ValidationError as error:
        return str(error.code)
    return "done"


def begun(phone: str = PHONE) -> Collection:
    """A passage with consent and all photos (rows alone), not yet sent in."""
    now = timezone.now()
    data = {"name": "没见过", "id_type": "resident", "id_number": NUMBER, "phone": phone, "begun_at": now}
    collection = Collection.objects.create(**data, consent_version="2026-11", consented_at=now)
    for kind in Photo.Kind:
        Photo.objects.create(collection=collection, kind=kind, name=f"{collection.pk}/{kind}", key="k", size=1)
    return collection


@pytest.mark.rule("REL-01", "D26")
def test_one_document_sent_in_from_twenty_phones_at_once_waits_once():
    passages = [begun(f"139000000{number:02}") for number in range(20)]
    outcomes = at_once(20, lambda n: outcome_of(lambda: services.submit(passages[n], by=Actor())))
    assert Counter(outcomes) == {"done": 1, "already_open": 19}
    assert Collection.objects.waiting().count() == 1
    assert AuditEntry.objects.filter(kind="collection_submitted").count() == 1


@pytest.mark.rule("REL-01", "D26")
def test_of_twenty_decisions_at_once_one_counts():
    collection, by = services.submit(begun(), by=Actor()), officer()

    def decide(number: int) -> str:
        if number % 2:
            return outcome_of(lambda: services.return_to_person(collection, "照片不清", by=by))
        return outcome_of(lambda: services.approve(collection, by=by))

    assert Counter(at_once(20, decide)) == {"done": 1, "not_open": 19}
    collection.refresh_from_db()
    assert RealNameRecord.objects.filter(person__name="没见过").count() == (collection.outcome == "approved")


@pytest.mark.rule("REL-01", "M83")
def test_twenty_counters_that_collect_one_unknown_person_make_one_person_with_one_valid_record():
    by = officer("顾前程")

    def collect() -> None:
        person = counter.consent("没见过", id_type="resident", id_number=NUMBER, by=by)
        counter.collect(person, name="没见过", phone=PHONE, by=by)

    assert set(at_once(20, lambda n: outcome_of(collect))) == {"done"}
    person = Person.objects.by_id_number("resident", NUMBER).get()
    assert person.real_name_records.filter(revoked_at=None).count() == 1


@pytest.mark.rule("OTP-03", "OTP-04")
def test_a_code_that_proves_a_phone_is_good_once_however_many_try_it_at_once(own_folder, visitor):
    binding = sms.Binding(
        person=None, purpose=Purpose.COLLECTION, taxpayer=None, login="one", phone=PHONE, proves_phone=True
    )
    sms.send_code(binding, by=Actor())
    code = visitor.code_on(PHONE)
    outcomes = at_once(30, lambda n: outcome_of(lambda: sms.check_code(binding, code, by=Actor())))
    assert outcomes.count("done") == 1
    other = replace(binding, phone="13900000002")
    sms.send_code(other, by=Actor())
    wrong = at_once(30, lambda n: outcome_of(lambda: sms.check_code(other, f"{n:06}", by=Actor())))
    assert set(wrong) <= {"sms_code", "sms_blocked", "done"}


@pytest.mark.rule("FIL-05", "REL-01")
def test_one_picture_taken_ten_times_at_once_is_kept_once_with_one_file(own_folder):
    now = timezone.now()
    data = {"name": NAME, "id_type": "resident", "id_number": cast.ID_NUMBERS[NAME], "phone": PHONE, "begun_at": now}
    collection = Collection.objects.create(**data, consent_version="2026-11", consented_at=now)
    content = cards.jpeg()
    at_once(10, lambda n: outcome_of(lambda: photos.add(collection, Photo.Kind.FRONT, content)))
    assert collection.photos.kept().count() == 1
    assert len([path for path in (own_folder / "photos").rglob("*") if path.is_file()]) == 1
