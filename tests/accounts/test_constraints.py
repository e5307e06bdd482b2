"""What the database refuses by itself on the accounts floor: every constraint of every model, each with its case."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from accounts.models import (
    AuditEntry,
    Credential,
    PastPassword,
    Person,
    RecordBlock,
    SignIn,
    SmsCode,
    SmsMessage,
    Taxpayer,
    Throttle,
    UsedPicture,
)
from accounts.models.messages import Outcome, Purpose, SmsChannel, SmsTally
from accounts.models.signins import EndReason, Proof
from accounts.numbers import IdType

NOW = timezone.now()
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
UID = uuid.UUID("12345678-1234-4234-8234-123456789abc")


def a_person(**changed) -> Person:
    """Somebody whom the database takes."""
    number = f"E{uuid.uuid4().int % 10**8:08}"
    return Person.objects.create(**{"name": "某人", "id_type": IdType.PASSPORT, "id_number": number, **changed})


def a_taxpayer(**changed) -> Taxpayer:
    """A firm that the database takes."""
    return Taxpayer.objects.create(**{"code": f"{uuid.uuid4().int % 10**15:015}", "name": "某公司", **changed})


def a_credential(**changed) -> Credential:
    """A password that the database takes."""
    return Credential.objects.create(**{"password": "argon2$x", **changed})


def a_code(**changed) -> SmsCode:
    """A code that the database takes."""
    person = changed.pop("person", None) or a_person()
    usual = {"purpose": Purpose.SIGN_IN, "bound_to": "b", "code_hash": "h", "created_at": NOW, "expires_at": LATER}
    return SmsCode.objects.create(person=person, **{**usual, **changed})


def a_message(**changed) -> SmsMessage:
    """A message that the database takes."""
    return SmsMessage.objects.create(**{"to": "13800001234", "text": "x", "useful_until": LATER, **changed})


def a_channel(**changed) -> SmsChannel:
    """A gateway's state that the database takes."""
    return SmsChannel.objects.create(**{"name": "http a", **changed})


def a_tally(**changed) -> SmsTally:
    """A figure that the database takes."""
    usual = {"day": NOW.date(), "channel": "http a", "outcome": Outcome.SENT}
    return SmsTally.objects.create(**{**usual, **changed})


def a_sign_in(**changed) -> SignIn:
    """A sign-in that the database takes."""
    return SignIn.objects.create(person=a_person(), **{"proof": Proof.ENTERPRISE_SMS, **changed})


def an_entry(**changed) -> AuditEntry:
    """An entry that the database takes."""
    return AuditEntry.objects.create(**{"kind": "sign_in", **changed})


def a_block(**changed) -> RecordBlock:
    """A block of the record that the database takes."""
    usual = {"month": NOW.date(), "first_seq": 1, "last_seq": 2, "entries": b"", "key": "k", "digest": "d"}
    return RecordBlock.objects.create(**{**usual, **changed})


def twice(make: Callable, **same) -> None:
    """Two rows that agree in what may be there only once."""
    make(**same)
    make(**same)


def two_open_codes() -> None:
    """Of one person and purpose."""
    person = a_person()
    twice(a_code, person=person)


# Each must be refused under the constraint's own name.
CASES: dict[str, list[Callable[[], object]]] = {
    "credential_in_reset_state_stores_no_password": [
        lambda: a_credential(temporary_until=LATER),
        lambda: a_credential(temporary_until=EARLIER),
    ],
    "past_password_is_a_hash": [lambda: PastPassword.objects.create(credential=a_credential(), password="")],
    "record_block_begins_once": [lambda: twice(a_block)],
    "record_block_first_before_last": [lambda: a_block(first_seq=2, last_seq=1)],
    "record_block_sealed_before_retired": [lambda: a_block(retired_at=EARLIER)],
    "record_block_has_a_digest": [lambda: a_block(digest="")],
    "throttle_has_a_key": [lambda: Throttle.objects.create(key="")],
    "used_picture_has_a_nonce": [lambda: UsedPicture.objects.create(nonce="")],
    "person_id_type_is_known": [lambda: a_person(id_type="driving_licence"), lambda: a_person(id_type="")],
    "person_has_a_name": [lambda: a_person(name="")],
    "person_has_an_id_number": [lambda: a_person(id_number="")],
    "person_username_is_null_or_something": [lambda: a_person(username="")],
    "one_person_per_identity_document": [lambda: twice(a_person, id_number="E12345678")],
    "taxpayer_kind_is_known": [lambda: a_taxpayer(kind="charity"), lambda: a_taxpayer(kind="")],
    "taxpayer_has_a_code": [lambda: a_taxpayer(code="")],
    "taxpayer_has_a_name": [lambda: a_taxpayer(name="")],
    "taxpayer_opened_before_cancelled": [lambda: a_taxpayer(opened_at=NOW, cancelled_at=EARLIER)],
    "sms_code_purpose_is_known": [lambda: a_code(purpose="chat"), lambda: a_code(purpose="")],
    "sms_code_is_hashed": [lambda: a_code(code_hash="")],
    "one_open_code_per_person_and_purpose": [two_open_codes],
    "sms_code_created_before_it_expires": [lambda: a_code(expires_at=EARLIER)],
    "sms_code_created_before_closed": [
        lambda: a_code(closed_at=EARLIER),
        lambda: a_code(used_at=EARLIER, closed_at=EARLIER),
    ],
    "sms_code_used_is_closed": [lambda: a_code(used_at=NOW, closed_at=LATER)],
    "sms_message_is_wiped_when_done": [
        lambda: a_message(sent_at=NOW),
        lambda: a_message(given_up_at=NOW),
        lambda: a_message(sent_at=NOW, to=""),
        lambda: a_message(sent_at=NOW, text=""),
        lambda: a_message(sent_at=NOW, to="", text="", code="246813"),
    ],
    "sms_message_kind_is_known": [lambda: a_message(kind="chat"), lambda: a_message(kind="")],
    "sms_channel_has_a_name": [lambda: a_channel(name="")],
    "sms_tally_outcome_is_known": [lambda: a_tally(outcome="lost"), lambda: a_tally(outcome="")],
    "one_sms_tally_per_day_and_outcome": [lambda: twice(a_tally)],
    "sms_message_sent_or_given_up": [lambda: a_message(to="", text="", sent_at=NOW, given_up_at=NOW)],
    "sms_message_useful_after_created": [lambda: a_message(useful_until=EARLIER)],
    "sign_in_proof_is_known": [lambda: a_sign_in(proof="smile"), lambda: a_sign_in(proof="")],
    "sign_in_ends_after_it_started": [
        lambda: a_sign_in(started_at=NOW, ended_at=EARLIER, ended_because=EndReason.IDLE)
    ],
    "sign_in_end_has_a_reason": [
        lambda: a_sign_in(started_at=NOW, ended_at=LATER),
        lambda: a_sign_in(ended_because=EndReason.IDLE),
    ],
    "sign_in_end_reason_is_known": [
        lambda: a_sign_in(started_at=NOW, ended_at=LATER, ended_because="tired"),
    ],
    "audit_entry_kind_is_known": [lambda: an_entry(kind="tea"), lambda: an_entry(kind="")],
    "audit_entry_result_is_known": [lambda: an_entry(result="perhaps"), lambda: an_entry(result="")],
}

# SQLite names the columns of a broken unique index, not the index.
IN_SQLITES_WORDS = {
    "record_block_begins_once": "accounts_recordblock.first_seq",
    "one_person_per_identity_document": "accounts_person.id_type, accounts_person.id_number_hash",
    "one_sms_tally_per_day_and_outcome": "accounts_smstally.day, accounts_smstally.channel, accounts_smstally.outcome",
    "one_open_code_per_person_and_purpose": "accounts_smscode.person_id, accounts_smscode.purpose",
}

# Columns that may hold a value only once: model and column, and two rows that agree in it.
ONCE: dict[tuple[type[models.Model], str], Callable[[], object]] = {
    (Person, "uid"): lambda: twice(a_person, uid=UID),
    (Person, "username"): lambda: twice(a_person, username="wang"),
    (Person, "credential"): lambda: twice(a_person, credential=a_credential()),
    (Taxpayer, "uid"): lambda: twice(a_taxpayer, uid=UID),
    (Taxpayer, "code"): lambda: twice(a_taxpayer, code="210102600037341"),
    (Taxpayer, "credential"): lambda: twice(a_taxpayer, credential=a_credential()),
    (SignIn, "uid"): lambda: twice(a_sign_in, uid=UID),
    (SmsMessage, "uid"): lambda: twice(a_message, uid=UID),
    (SmsChannel, "name"): lambda: twice(a_channel),
    (Throttle, "key"): lambda: twice(Throttle.objects.create, key="a"),
    (UsedPicture, "nonce"): lambda: twice(UsedPicture.objects.create, nonce="a"),
}

# What stands close to the border and must be taken: a constraint that refuses everything would pass the cases above.
TAKEN: list[Callable[[], object]] = [
    lambda: a_credential(password="", temporary_until=LATER),
    lambda: a_credential(password=""),
    a_person,
    lambda: twice(a_person, username=None),
    lambda: twice(a_person, phone="13800001234"),
    lambda: [a_person(id_type=kind, id_number="E12345678") for kind in IdType],
    lambda: [a_taxpayer(kind=kind) for kind in Taxpayer.Kind],
    lambda: a_taxpayer(opened_at=NOW, cancelled_at=NOW),
    lambda: [a_code(purpose=purpose) for purpose in Purpose],
    lambda: a_code(used_at=NOW, closed_at=NOW),
    lambda: a_code(expires_at=NOW, closed_at=LATER),
    lambda: twice(a_code, person=a_person(), closed_at=NOW),
    lambda: a_code(person=a_code(closed_at=NOW).person),
    lambda: a_code(person=a_code().person, purpose=Purpose.STEP_UP),
    a_message,
    lambda: a_message(to="", text="", sent_at=NOW),
    lambda: a_message(to="", text="", given_up_at=NOW),
    lambda: a_message(created_at=NOW, useful_until=NOW),
    lambda: [a_sign_in(proof=proof) for proof in Proof],
    lambda: [a_sign_in(started_at=NOW, ended_at=NOW, ended_because=reason) for reason in EndReason],
    an_entry,
]


def names_of(model: type[models.Model]) -> set[str]:
    """The names of a model's constraints."""
    return {constraint.name for constraint in model._meta.constraints}


FLOOR = list(apps.get_app_config("accounts").get_models())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "act"),
    [pytest.param(name, act, id=f"{name}-{n}") for name, acts in CASES.items() for n, act in enumerate(acts)],
)
def test_the_database_refuses_what_a_constraint_forbids(name, act):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    words = name if connection.vendor == "postgresql" else IN_SQLITES_WORDS.get(name, name)
    assert words in str(caught.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "field", "act"),
    [pytest.param(model, field, act, id=f"{model.__name__}.{field}") for (model, field), act in ONCE.items()],
)
def test_the_database_refuses_a_second_row_where_there_may_be_one(model, field, act):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    column = model._meta.get_field(field).column
    words = f"Key ({column})=" if connection.vendor == "postgresql" else f"{model._meta.db_table}.{column}"
    assert words in str(caught.value)


@pytest.mark.django_db
@pytest.mark.parametrize("act", TAKEN, ids=range(len(TAKEN)))
def test_the_database_takes_what_stands_at_the_border(act):
    act()


def test_every_constraint_has_a_case():
    assert set.union(*(names_of(model) for model in FLOOR)) == set(CASES)


def test_every_column_that_holds_a_value_once_has_a_case():
    once = {(m, f.name) for m in FLOOR for f in m._meta.local_fields if f.unique and not f.primary_key}
    assert once == set(ONCE)


def test_every_constraint_says_in_its_name_what_holds():
    for model in FLOOR:
        assert not model._meta.unique_together
        for name in names_of(model):
            assert len(name) <= 63  # PostgreSQL would cut it
            assert name.count("_") >= 2


@pytest.mark.django_db
def test_every_constraint_is_in_the_database_under_its_name():
    with connection.cursor() as cursor:
        for model in FLOOR:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
            assert names_of(model) <= set(found), model
