"""The record: one entry of one shape for every act, in its own transaction, and never changed (D28, LOG-01 to 06)."""

import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import ProtectedError

from accounts import audit, triggers
from accounts.actor import Actor
from accounts.models import AuditEntry, Person, SignIn, Taxpayer
from accounts.models.record import REASONS, Kind, Result
from accounts.models.signins import Proof


@pytest.fixture
def entry(person, firm) -> AuditEntry:
    """One entry of the record."""
    return AuditEntry.objects.create(kind=Kind.SIGN_IN, person=person, taxpayer=firm, details={"how": "真"})


def as_kept(entry: AuditEntry) -> tuple:
    """The whole row as the database holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_auditentry WHERE seq = %s", [entry.seq])
        return cursor.fetchone()


def refused(act) -> str:
    """Do what the database must refuse; its words."""
    # In parts (PostgreSQL) there is no key of the number alone that an upsert could name.
    with pytest.raises((IntegrityError, ProgrammingError)) as caught, transaction.atomic():
        act()
    return str(caught.value)


def run(sql: str, *values) -> None:
    """Past the portal, straight to the database."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def changed_by_hand(entry: AuditEntry) -> None:
    """Through the model."""
    entry.reason = "nothing_happened"
    entry.save()


# Nobody changes it


@pytest.mark.rule("D28", "LOG-03")
@pytest.mark.parametrize(
    "act",
    [
        changed_by_hand,
        lambda entry: entry.delete(),
        lambda entry: AuditEntry.objects.update(result=Result.REFUSED),
        lambda entry: AuditEntry.objects.filter(seq=entry.seq).update(details={}),
        lambda entry: AuditEntry.objects.filter(seq=entry.seq).delete(),
        lambda entry: AuditEntry.objects.all()._raw_delete(using="default"),
        lambda entry: AuditEntry.objects.bulk_update([entry], ["kind"]),
        lambda entry: AuditEntry.objects.bulk_create(
            [AuditEntry(seq=entry.seq, kind=Kind.SIGN_OUT)],
            update_conflicts=True,
            unique_fields=["seq"],
            update_fields=["kind"],
        ),
        lambda entry: run("UPDATE accounts_auditentry SET reason = 'x' WHERE seq = %s", entry.seq),
        lambda entry: run("UPDATE accounts_auditentry SET seq = seq + 1000"),
        lambda entry: run("DELETE FROM accounts_auditentry WHERE seq = %s", entry.seq),
        lambda entry: run("DELETE FROM accounts_auditentry"),
    ],
    ids=[
        "save",
        "delete",
        "update all",
        "update one",
        "delete one",
        "raw delete",
        "bulk update",
        "upsert",
        "UPDATE",
        "UPDATE seq",
        "DELETE one",
        "DELETE all",
    ],
)
def test_the_database_refuses_to_change_or_delete_an_entry(entry, act):
    before = as_kept(entry)
    assert re.search("append-only|no unique or exclusion constraint", refused(lambda: act(entry)))
    assert as_kept(entry) == before


@pytest.mark.rule("D28", "LOG-03")
def test_an_entry_of_the_same_number_is_refused(entry):
    before = as_kept(entry)
    refused(lambda: AuditEntry(seq=entry.seq, kind=Kind.SIGN_OUT).save(force_insert=True))
    assert as_kept(entry) == before


@pytest.mark.rule("D28", "LOG-03")
def test_whoever_stands_in_the_record_cannot_be_deleted(entry, person, firm):
    for model, row in ((Person, person), (Taxpayer, firm)):
        with pytest.raises(ProtectedError):
            model.objects.filter(pk=row.pk).delete()


@pytest.mark.rule("LOG-03")
def test_the_triggers_can_be_taken_away_and_put_back_by_a_migration(entry):
    editor = connection.schema_editor()
    with transaction.atomic():
        triggers.drop(editor)
        triggers.drop(editor)  # twice does no harm
        AuditEntry.objects.filter(seq=entry.seq).update(reason="changed")
        triggers.create(editor)
        refused(lambda: AuditEntry.objects.filter(seq=entry.seq).update(reason=""))
        transaction.set_rollback(True)
    entry.refresh_from_db()
    assert entry.reason == ""


# What an entry holds


@pytest.mark.rule("D28", "LOG-01")
@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_can_be_written_and_has_words(person, by, kind):
    entry = audit.record(kind, by=by, person=person)
    entry.refresh_from_db()
    assert entry.kind == kind
    assert kind.label != kind.value
    assert str(entry) == f"{entry.seq} {kind}"


@pytest.mark.rule("D28", "LOG-01")
def test_an_entry_says_who_for_whom_what_how_proved_with_what_result_and_from_where(person, other_person, firm):
    agency = Taxpayer.objects.create(code="210102600037341", name="代理", kind=Taxpayer.Kind.AGENCY)
    sign_in = SignIn.objects.create(person=person, taxpayer=firm, proof=Proof.ENTERPRISE_SMS)
    by = Actor(
        person=person, taxpayer=firm, via=agency, sign_in=sign_in, ip="2001:db8::7", request_id="a" * 32, browser="x"
    )
    moment = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        audit.record(Kind.PASSWORD_RESET, by=by, target=other_person, membership=7, name="李*红")
    entry = AuditEntry.objects.get()
    assert (entry.at, entry.kind, entry.result, entry.reason) == (moment, "password_reset", "done", "")
    assert (entry.person, entry.taxpayer, entry.via, entry.target) == (person, firm, agency, other_person)
    assert (entry.proof, entry.ip, entry.request_id) == ("enterprise_sms", "2001:db8::7", "a" * 32)
    assert entry.details == {"membership": 7, "name": "李*红"}
    assert entry.proof_in_words == "企业密码+短信验证码"
    assert entry.reason_in_words == ""


@pytest.mark.rule("D28", "LOG-01")
def test_a_reason_makes_it_a_refusal(by, person, firm):
    entry = audit.record(Kind.PERSONAL_PASSWORD, by=by, person=person, taxpayer=firm, reason="locked", proof="x")
    entry.refresh_from_db()
    assert (entry.result, entry.reason, entry.proof) == (Result.REFUSED, "locked", "x")
    assert entry.reason_in_words == "连续输错，已锁定"
    assert (entry.person, entry.taxpayer) == (person, firm)


@pytest.mark.rule("D28")
def test_a_visitors_act_has_no_person_and_no_proof(db, by):
    audit.record(Kind.ENTERPRISE_PASSWORD, by=by, reason="wrong_password")
    entry = AuditEntry.objects.get()
    assert (entry.person, entry.taxpayer, entry.via, entry.target, entry.proof) == (None, None, None, None, "")
    assert entry.ip == "192.0.2.1"


@pytest.mark.rule("LOG-02")
def test_an_entry_goes_with_the_act_that_is_rolled_back(db, by):
    with transaction.atomic():
        audit.record(Kind.SIGN_IN, by=by)
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


@pytest.mark.rule("LOG-02")
def test_an_act_goes_with_the_entry_that_cannot_be_written(db, by, firm):
    def act() -> None:
        Taxpayer.objects.filter(pk=firm.pk).update(name="另一个名称")
        audit.record("not_a_kind", by=by)

    assert "audit_entry_kind_is_known" in refused(act)
    firm.refresh_from_db()
    assert firm.name == "测试有限公司"


@pytest.mark.rule("LOG-01")
def test_entries_keep_their_order_when_the_clock_goes_back(db, by):
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False):
        first = audit.record(Kind.SIGN_IN, by=by)
    second = audit.record(Kind.SIGN_OUT, by=by)
    assert second.at < first.at
    assert list(AuditEntry.objects.order_by("seq")) == [first, second]


@pytest.mark.rule("LOG-06")
@pytest.mark.parametrize(
    "text", ["a\r\nb", "\x1b[31mred", '"}],{"', "<script>", "'; DROP TABLE", "名\u202e称"], ids=repr
)
def test_odd_characters_stay_within_their_entry(db, by, text):
    audit.record(Kind.FUNCTION_OPENED, by=by, function=text)
    entry = AuditEntry.objects.get()
    assert entry.details == {"function": text}


@pytest.mark.rule("D28")
@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_fits_its_column_and_has_words(code):
    assert len(code) <= AuditEntry._meta.get_field("reason").max_length
    assert AuditEntry(reason=code).reason_in_words not in ("", code)


@pytest.mark.rule("D28")
def test_a_code_without_words_is_shown_as_it_is():
    assert AuditEntry(reason="brand_new").reason_in_words == "brand_new"
    assert AuditEntry(proof="brand_new").proof_in_words == "brand_new"
    assert {AuditEntry(proof=proof).proof_in_words for proof in Proof.values} == {str(p.label) for p in Proof}
