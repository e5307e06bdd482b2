"""The chain over the record: what it shows, and what it lets go (LOG-03, LOG-04, LOG-06)."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import audit, chain, triggers
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, RecordBlock
from tests import cast

LONG_AGO = datetime(2026, 1, 10, 4, 0, tzinfo=UTC)


def written(count: int, at: datetime = LONG_AGO) -> list[AuditEntry]:
    """So many entries of that time, one after another."""
    rows = AuditEntry.objects.bulk_create(
        AuditEntry(kind=Kind.SIGN_IN, at=at + timedelta(seconds=number), details={"b": number, "a": "字"})
        for number in range(count)
    )
    return list(AuditEntry.objects.filter(pk__in=[row.pk for row in rows]).order_by("seq"))


def behind_the_triggers(statement: str, *args: object) -> None:
    """What somebody with the owner's rights on the database could do."""
    with triggers.lifted(connection), connection.cursor() as cursor:
        cursor.execute(statement, args)


def findings(anchor: str = "") -> list[tuple[str, int]]:
    return [(finding.what, finding.seq) for finding in chain.verify(anchor=anchor)]


@pytest.mark.rule("LOG-03")
def test_a_record_left_alone_is_whole_over_many_blocks_and_months(db):
    written(2_300)
    written(3, LONG_AGO + timedelta(days=31))
    assert chain.seal_entries() >= 2_303
    assert chain.seal_entries() == 0
    assert {block.month for block in RecordBlock.objects.all()} >= {date(2026, 1, 1), date(2026, 2, 1)}
    assert findings(chain.head()) == []


@pytest.mark.rule("LOG-03", "F26")
def test_a_changed_a_missing_and_a_slipped_in_entry_are_each_named(db):
    rows = written(6)
    gap = rows[3].seq
    behind_the_triggers("DELETE FROM accounts_auditentry WHERE seq = %s", gap)
    chain.seal_entries()
    behind_the_triggers("UPDATE accounts_auditentry SET reason = 'x' WHERE seq = %s", rows[1].seq)
    behind_the_triggers("DELETE FROM accounts_auditentry WHERE seq = %s", rows[2].seq)
    with triggers.lifted(connection):
        AuditEntry.objects.create(seq=gap, kind=Kind.SIGN_IN)
    assert findings() == [("changed", rows[1].seq), ("missing", rows[2].seq), ("slipped_in", gap)]


@pytest.mark.rule("LOG-03")
@pytest.mark.parametrize("field", ["at", "person_id", "details", "ip", "kind"])
def test_no_column_of_an_entry_can_be_changed_unseen(db, world, field):
    row = written(2)[0]
    chain.seal_entries()
    new = {
        "at": row.at + timedelta(microseconds=1),
        "person_id": cast.person("钱思远").pk,
        "details": '{"b": 1, "a": "字"}',
        "ip": "10.0.0.1",
        "kind": Kind.SIGN_OUT,
    }[field]
    behind_the_triggers(f"UPDATE accounts_auditentry SET {field} = %s WHERE seq = %s", new, row.seq)
    assert findings() == [("changed", row.seq)]


@pytest.mark.rule("LOG-03")
def test_a_block_that_was_rewritten_to_fit_breaks_the_chain(db):
    written(3)
    chain.seal_entries()
    first = RecordBlock.objects.order_by("first_seq").first()
    RecordBlock.objects.filter(pk=first.pk).update(last_seq=first.last_seq + 1)
    assert ("chain_broken", first.first_seq) in findings()


@pytest.mark.rule("LOG-03")
def test_an_end_that_was_cut_off_is_seen_by_the_anchor(db):
    written(3)
    chain.seal_entries()
    written(3, LONG_AGO + timedelta(days=40))
    chain.seal_entries()
    anchor = chain.head()
    last = RecordBlock.objects.order_by("-first_seq").first()
    behind_the_triggers("DELETE FROM accounts_auditentry WHERE seq >= %s", last.first_seq)
    last.delete()
    assert findings() == []
    assert [what for what, _seq in findings(anchor)] == ["chain_broken"]


@pytest.mark.rule("LOG-03")
def test_the_newest_entries_wait_until_no_earlier_one_can_follow(db):
    young = audit.record(Kind.SIGN_IN, by=Actor())
    chain.seal_entries()
    assert not RecordBlock.objects.filter(last_seq__gte=young.seq).exists()


@pytest.mark.rule("LOG-03")
def test_the_database_lets_no_two_blocks_begin_with_the_same_entry(db):
    written(2)
    chain.seal_entries()
    block = RecordBlock.objects.order_by("first_seq").first()
    block.pk = None
    with pytest.raises(IntegrityError, match=r"record_block_begins_once|first_seq"), transaction.atomic():
        block.save(force_insert=True)


@pytest.mark.rule("LOG-04")
def test_a_month_of_more_than_180_days_ago_is_retired_whole_and_that_is_recorded(db):
    rows = written(5)
    later = written(2, LONG_AGO + timedelta(days=31))
    chain.seal_entries()
    before = AuditEntry.objects.filter(at__lt=datetime(2026, 2, 1, tzinfo=timezone.get_default_timezone())).count()
    assert chain.retire(date(2026, 1, 1), by=Actor()) == before >= 5
    assert not AuditEntry.objects.filter(pk__in=[row.pk for row in rows]).exists()
    assert AuditEntry.objects.filter(pk__in=[row.pk for row in later]).count() == 2
    (entry,) = AuditEntry.objects.filter(kind=Kind.RECORD_RETIRED)
    assert (entry.details["month"], entry.details["count"]) == ("2026-01-01", before)
    assert findings(chain.head()) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.filter(pk=later[0].pk).delete()


def refused(month: date) -> str:
    with pytest.raises(ValidationError) as caught:
        chain.retire(month, by=Actor())
    return str(caught.value.code)


@pytest.mark.rule("LOG-04")
def test_a_young_an_unsealed_and_a_damaged_month_stay(db):
    rows = written(3)
    assert refused(date(2026, 1, 1)) == "not_sealed"
    chain.seal_entries()
    behind_the_triggers("UPDATE accounts_auditentry SET reason = 'x' WHERE seq = %s", rows[0].seq)
    assert refused(date(2026, 1, 1)) == "damaged"
    assert refused(timezone.localdate() - timedelta(days=100)) == "too_young"
    assert AuditEntry.objects.filter(pk__in=[row.pk for row in rows]).count() == 3


@pytest.mark.rule("LOG-03", "LOG-04")
def test_the_commands_say_what_they_did_and_found(db):
    rows = written(3)
    out = StringIO()
    call_command("seal_record", stdout=out)
    anchor = out.getvalue().split("anchor: ")[1].strip()
    call_command("verify_record", anchor=anchor, stdout=out)
    assert "the record is whole" in out.getvalue()
    behind_the_triggers("UPDATE accounts_auditentry SET reason = 'x' WHERE seq = %s", rows[0].seq)
    with pytest.raises(CommandError):
        call_command("verify_record", stdout=out)
    assert f"changed {rows[0].seq}" in out.getvalue()
    for month, words in (("2026-13", "a month is written"), (f"{timezone.localdate():%Y-%m}", "180")):
        with pytest.raises(CommandError, match=words):
            call_command("retire_record", month, stdout=out)


@pytest.mark.rule("LOG-06", "LOG-05")
def test_each_entry_is_exported_as_one_line_whatever_it_says(world):
    last = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    nasty = '一\r\n二\x1b[31m\u2028"}'
    audit.record(Kind.MEMBER_FROZEN, by=Actor(), target=cast.person("孙雅静"), reason_given=nasty)
    out = StringIO()
    call_command("export_record", after=last, stdout=out)
    (line,) = out.getvalue().splitlines()
    told = json.loads(line)
    assert told["details"] == {"reason_given": nasty}
    assert told["target"] == str(cast.person("孙雅静").uid)
    assert cast.ID_NUMBERS["孙雅静"] not in line
