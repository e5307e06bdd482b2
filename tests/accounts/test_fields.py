"""Sealed columns and their look-up hashes in the database, and the change of keys from end to end (CRY-01, D33)."""

import base64
import io
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from accounts import sealing
from accounts.fields import LookupHashField, SealedTextField
from accounts.management.commands import rotate_keys
from accounts.models import Person, SmsMessage
from accounts.numbers import IdType
from realname.models import Post

PHONE, ID_NUMBER = "13800001234", "11010519491231002X"
NEW_SEAL = "new2:" + base64.b64encode(b"s" * 32).decode()
NEW_LOOKUP = "new2:" + base64.b64encode(b"l" * 32).decode()


def column(model, name: str, pk: int) -> str:
    """What the database itself holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name} FROM {model._meta.db_table} WHERE id = %s", [pk])
        return cursor.fetchone()[0]


def put(model, name: str, pk: int, value: str) -> None:
    """Write into a column behind the portal's back."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET {name} = %s WHERE id = %s", [value, pk])


def newcomer(**changed) -> Person:
    """Somebody who isn't stored yet."""
    return Person(**{"name": "新来", "id_type": IdType.PASSPORT, "id_number": "E12345678", **changed})


def is_sealed(model, name: str, pk: int, text: str) -> bool:
    """Whether the column holds a seal that opens to the text."""
    field = model._meta.get_field(name)
    return sealing.unseal(column(model, name, pk), place=field.place) == text


@pytest.mark.rule("CRY-01")
def test_the_database_never_sees_a_number_or_a_phone(person, stored):
    assert PHONE not in stored()
    assert ID_NUMBER not in stored()
    again = Person.objects.get(pk=person.pk)
    assert (again.phone, again.id_number) == (PHONE, ID_NUMBER)


@pytest.mark.rule("CRY-01")
def test_every_way_of_writing_seals(person, stored):
    Person.objects.filter(pk=person.pk).update(phone="13900000001")
    assert is_sealed(Person, "phone", person.pk, "13900000001")
    person.phone = "13900000002"
    Person.objects.bulk_update([person], ["phone", "phone_hash"])
    assert is_sealed(Person, "phone", person.pk, "13900000002")
    (bulk,) = Person.objects.bulk_create([newcomer(phone="13900000003")])
    assert is_sealed(Person, "phone", bulk.pk, "13900000003")
    person.phone = "13900000004"
    person.save(update_fields=["phone", "phone_hash"])
    assert is_sealed(Person, "phone", person.pk, "13900000004")
    assert "1390000000" not in stored()


@pytest.mark.rule("CRY-01")
def test_every_way_of_reading_opens(person):
    row = Person.objects.filter(pk=person.pk)
    assert row.get().phone == PHONE
    assert row.values_list("phone", flat=True)[0] == PHONE
    assert row.annotate(number=F("phone")).values("number")[0] == {"number": PHONE}
    assert row.only("name").get().phone == PHONE
    person.phone = ""
    person.refresh_from_db()
    assert person.phone == PHONE


@pytest.mark.rule("CRY-01")
def test_empty_stays_empty_and_has_no_hash(person):
    person.phone = ""
    person.save()
    assert column(Person, "phone", person.pk) == column(Person, "phone_hash", person.pk) == ""
    assert Person.objects.get(pk=person.pk).phone == ""


@pytest.mark.rule("CRY-01")
def test_a_value_moved_to_another_column_is_not_shown(person):
    put(Person, "phone", person.pk, column(Person, "id_number", person.pk))
    with pytest.raises(sealing.SealBroken):
        Person.objects.get(pk=person.pk)


@pytest.mark.rule("CRY-01")
def test_a_value_put_there_in_clear_is_not_shown(person):
    put(Person, "phone", person.pk, "13900000009")
    with pytest.raises(sealing.SealBroken):
        Person.objects.get(pk=person.pk)


@pytest.mark.rule("CRY-01", "D33")
def test_a_person_is_found_by_the_whole_number_and_phone_in_any_form(person, other_person):
    assert list(Person.objects.by_id_number(IdType.RESIDENT, "110105 19491231-002x")) == [person]
    assert set(Person.objects.by_phone("138 0000-1234")) == {person, other_person}
    assert not Person.objects.by_id_number(IdType.PASSPORT, ID_NUMBER).exists()
    assert not Person.objects.by_id_number(IdType.RESIDENT, ID_NUMBER[:-1]).exists()
    assert not Person.objects.by_phone("1380000").exists()


@pytest.mark.rule("CRY-01", "D33")
def test_the_hash_follows_the_value_at_every_save(person):
    person.phone = "13900000001"
    person.save()
    assert list(Person.objects.by_phone("13900000001")) == [person]
    assert not Person.objects.by_phone(PHONE).exists()
    assert person.phone_hash == column(Person, "phone_hash", person.pk) == sealing.lookup_hash("13900000001")


@pytest.mark.rule("D33")
@pytest.mark.parametrize(
    "condition",
    [
        Q(phone=PHONE),
        ~Q(phone=PHONE),
        Q(phone=F("id_number")),
        Q(phone__in=[PHONE]),
        Q(phone__contains="138"),
        Q(phone__startswith="138"),
        Q(phone__iexact=PHONE),
        Q(phone__regex="1.*"),
        Q(phone__gt=""),
        Q(sms_codes__person__id_number=ID_NUMBER),
    ],
    ids=str,
)
def test_a_sealed_column_refuses_to_be_searched(db, condition):
    with pytest.raises(FieldError):
        list(Person.objects.filter(condition))


@pytest.mark.rule("D33")
def test_a_sealed_column_tells_whether_it_is_empty(person):
    assert list(Person.objects.filter(phone="", pk=person.pk)) == []
    assert list(Person.objects.exclude(phone="").filter(pk=person.pk)) == [person]
    assert list(Person.objects.filter(phone__isnull=False, pk=person.pk)) == [person]
    person.phone = ""
    person.save()
    assert list(Person.objects.filter(phone="", pk=person.pk)) == [person]


def test_a_migration_keeps_which_field_a_hash_is_of():
    field = Person._meta.get_field("phone_hash")
    _name, _path, args, kwargs = field.deconstruct()
    assert kwargs["of"] == "phone"
    assert LookupHashField(*args, **kwargs).of == "phone"


# The change of keys


@pytest.mark.rule("CRY-01", "D33")
def test_while_two_look_up_keys_are_in_the_ring_old_and_new_rows_are_found(person, settings):
    settings.LOOKUP_KEYS = [NEW_LOOKUP, *settings.LOOKUP_KEYS]
    fresh = newcomer(phone=PHONE)
    fresh.save()
    assert fresh.phone_hash.startswith("new2:")
    assert not person.phone_hash.startswith("new2:")
    assert set(Person.objects.by_phone(PHONE)) == {person, fresh}
    assert Person.objects.by_id_number(IdType.RESIDENT, ID_NUMBER).get() == person
    assert Person.objects.by_id_number(IdType.PASSPORT, "E12345678").get() == fresh


def rotated() -> dict[str, int]:
    """Run the command; how many rows of each model it says it wrote."""
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    return {line.split(": ")[0]: int(line.split(": ")[1]) for line in out.getvalue().splitlines()}


@pytest.mark.rule("CRY-01", "D33")
def test_after_the_rotation_the_old_keys_can_be_taken_away(world, person, settings, stored):
    (old_seal,), (old_lookup,) = settings.SEALING_KEYS, settings.LOOKUP_KEYS
    old = old_seal.partition(":")[0]
    assert old == old_lookup.partition(":")[0]
    waiting = SmsMessage.objects.create(to=PHONE, text="你好", useful_until=timezone.now() + timedelta(hours=1))
    done = SmsMessage.objects.create(sent_at=timezone.now(), useful_until=timezone.now() + timedelta(hours=1))
    people = {(each.pk, each.id_number, each.phone) for each in Person.objects.all()}
    mobiles = set(Post.objects.values_list("pk", "mobile", "landline"))
    assert f"'{old}." in stored()
    assert f"'{old}:" in stored()

    settings.SEALING_KEYS, settings.LOOKUP_KEYS = [NEW_SEAL, old_seal], [NEW_LOOKUP, old_lookup]
    counts = rotated()
    assert counts["accounts.Person"] == len(people)
    assert counts["accounts.SmsMessage"] == 1  # the sent one keeps nothing
    assert counts["realname.Post"] > 0
    assert set(rotated().values()) == {0}

    settings.SEALING_KEYS, settings.LOOKUP_KEYS = [NEW_SEAL], [NEW_LOOKUP]
    assert f"'{old}." not in stored()
    assert f"'{old}:" not in stored()
    assert {(each.pk, each.id_number, each.phone) for each in Person.objects.all()} == people
    assert set(Post.objects.values_list("pk", "mobile", "landline")) == mobiles
    assert Person.objects.by_id_number(IdType.RESIDENT, ID_NUMBER).get() == person
    assert list(Person.objects.by_phone(PHONE)) == [person]
    waiting.refresh_from_db()
    assert (waiting.to, waiting.text) == (PHONE, "你好")
    done.refresh_from_db()
    assert (done.to, done.text) == ("", "")


@pytest.mark.rule("CRY-01", "D33")
@pytest.mark.parametrize(("ring", "key"), [("SEALING_KEYS", NEW_SEAL), ("LOOKUP_KEYS", NEW_LOOKUP)])
def test_each_ring_is_rotated_alone(person, settings, ring, key):
    setattr(settings, ring, [key, *getattr(settings, ring)])
    assert rotated()["accounts.Person"] >= 1
    setattr(settings, ring, [key])
    again = Person.objects.by_phone(PHONE).get()
    assert (again, again.id_number) == (person, ID_NUMBER)


@pytest.mark.rule("CRY-01")
def test_the_rotation_leaves_alone_what_is_under_the_current_keys(person):
    before = column(Person, "phone", person.pk), column(Person, "id_number", person.pk)
    assert rotated()["accounts.Person"] == 0
    assert (column(Person, "phone", person.pk), column(Person, "id_number", person.pk)) == before


@pytest.mark.rule("CRY-01", "D33")
def test_the_rotation_mends_a_hash_that_is_out_of_step(person):
    Person.objects.filter(pk=person.pk).update(phone="13900000001")  # the hash is left behind
    assert list(Person.objects.by_phone("13900000001")) == []
    assert rotated()["accounts.Person"] == 1
    assert list(Person.objects.by_phone("13900000001")) == [person]


@pytest.mark.rule("CRY-01")
def test_the_rotation_goes_through_many_batches(person, settings, monkeypatch):
    monkeypatch.setattr(rotate_keys, "_BATCH", 2)
    Person.objects.bulk_create([newcomer(id_number=f"E1234567{n}") for n in range(5)])
    settings.SEALING_KEYS = [NEW_SEAL, *settings.SEALING_KEYS]
    assert rotated()["accounts.Person"] == Person.objects.count()
    settings.SEALING_KEYS = [NEW_SEAL]
    assert {p.id_number for p in Person.objects.filter(id_type=IdType.PASSPORT)} >= {f"E1234567{n}" for n in range(5)}


def test_the_rotation_knows_every_model_that_keeps_something_sealed():
    found = {model: set(sealed) for model, sealed, _hashes in rotate_keys.models_with_sealed_fields()}
    expected = {
        model: {field for field in model._meta.get_fields() if isinstance(field, SealedTextField)}
        for model in apps.get_models()
    }
    assert found == {model: fields for model, fields in expected.items() if fields}
    assert {Person, SmsMessage, Post} <= set(found)
