"""The record by month on PostgreSQL: made ahead, dropped whole when old, changed in no part (LOG-03, LOG-04)."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import audit, chain, partitions, triggers
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, RecordBlock
from tests import cast

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps the record in one table"),
]
JANUARY = date(2026, 1, 1)
THEN = datetime(2026, 1, 10, 4, 0, tzinfo=UTC)


def parts() -> set[str]:
    with connection.cursor() as cursor:
        return triggers.parts(cursor)


def part_of(entry: AuditEntry) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM accounts_auditentry WHERE seq = %s", [entry.seq])
        return cursor.fetchone()[0]


def make(month: date) -> None:
    """A month's part, as the job made it in its time."""
    with connection.cursor() as cursor:
        partitions._make(cursor, connection, month)


def written(count: int, at: datetime = THEN) -> list[AuditEntry]:
    rows = AuditEntry.objects.bulk_create(
        AuditEntry(kind=Kind.SIGN_IN, at=at + timedelta(seconds=number)) for number in range(count)
    )
    return list(AuditEntry.objects.filter(pk__in=[row.pk for row in rows]).order_by("seq"))


@pytest.mark.rule("LOG-04")
def test_this_month_and_the_next_three_have_their_parts(db):
    month, wanted = timezone.localdate().replace(day=1), set()
    for _ in range(4):
        wanted.add(partitions.name_of(month))
        month = partitions.next_month(month)
    assert wanted <= parts()
    assert part_of(audit.record(Kind.SIGN_IN, by=Actor())) in wanted
    out = StringIO()
    call_command("partition_record", stdout=out)
    assert out.getvalue() == "made: none\n"


@pytest.mark.rule("LOG-04", "F16")
def test_a_moment_that_no_part_covers_stops_no_act_and_comes_to_its_month_when_that_is_made(db):
    (entry,) = written(1)
    assert part_of(entry) == partitions.OTHER
    make(JANUARY)
    assert part_of(entry) == "accounts_auditentry_2026_01"
    assert AuditEntry.objects.get(seq=entry.seq).at == entry.at


@pytest.mark.rule("LOG-04")
def test_a_month_begins_and_ends_by_the_bureaus_clock(db):
    make(JANUARY)
    first, last = datetime(2025, 12, 31, 16, 0, tzinfo=UTC), datetime(2026, 1, 31, 15, 59, 59, tzinfo=UTC)
    inside = [*written(1, first), *written(1, last)]
    outside = [*written(1, first - timedelta(seconds=1)), *written(1, last + timedelta(seconds=1))]
    assert {part_of(entry) for entry in inside} == {"accounts_auditentry_2026_01"}
    assert {part_of(entry) for entry in outside} == {partitions.OTHER}


@pytest.mark.rule("LOG-03")
@pytest.mark.parametrize("statement", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["accounts_auditentry", "accounts_auditentry_2026_01", "accounts_auditentry_other"])
def test_no_part_lets_an_entry_be_changed_or_taken_away(db, statement, table):
    make(JANUARY)
    written(1)
    written(1, THEN - timedelta(days=300))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(statement.format(table))


@pytest.mark.rule("LOG-03")
def test_the_portals_role_may_change_no_part_on_its_own(db):
    role = "etax_rights_of_parts"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role}")
        cursor.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}, PUBLIC")
        make(JANUARY)
        cursor.execute(f"GRANT SELECT, INSERT ON accounts_auditentry TO {role}")
        cursor.execute(f"GRANT ALL ON {partitions.OTHER} TO {role} WITH GRANT OPTION")
        cursor.execute(f"SET LOCAL ROLE {role}")
        cursor.execute(f"GRANT DELETE ON {partitions.OTHER} TO PUBLIC")
        cursor.execute("RESET ROLE")
        partitions.make_ahead()
        for part in parts():
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [role, part, right])
                reads = right == "SELECT" and part in ("accounts_auditentry_2026_01", partitions.OTHER)  # a dump does
                assert cursor.fetchone() == (reads,), (part, right)
        cursor.execute(f"SELECT has_table_privilege('{role}', 'accounts_auditentry', 'INSERT')")
        assert cursor.fetchone() == (True,)


@pytest.mark.rule("LOG-03")
@pytest.mark.parametrize("table", ["accounts_auditentry", "accounts_auditentry_2026_01"])
def test_nobody_chooses_an_entrys_number(db, table):
    make(JANUARY)
    (entry,) = written(1)
    copied = f"INSERT INTO {table} SELECT * FROM accounts_auditentry WHERE seq = %s"
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="numbers"), transaction.atomic():
        cursor.execute(copied, [entry.seq])


@pytest.mark.rule("LOG-04")
def test_a_month_that_is_retired_goes_as_a_whole_part_and_what_is_not_its_own_stays(db):
    make(JANUARY)
    own = written(5)
    later = written(2, THEN + timedelta(days=31))
    chain.seal_entries()
    late = written(1, THEN + timedelta(hours=1))  # its moment is in January, its block in February
    chain.seal_entries()
    RecordBlock.objects.filter(first_seq=late[0].seq).update(month=date(2026, 2, 1))
    last = RecordBlock.objects.order_by("-first_seq").first()
    RecordBlock.objects.filter(pk=last.pk).update(digest=chain._digest(_fresh(last), _before(last)))
    assert chain.retire(JANUARY, by=Actor()) >= 5
    assert "accounts_auditentry_2026_01" not in parts()
    assert not AuditEntry.objects.filter(pk__in=[entry.pk for entry in own]).exists()
    assert AuditEntry.objects.filter(pk__in=[entry.pk for entry in (*later, *late)]).count() == 3
    assert list(chain.verify(anchor=chain.head())) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.filter(pk=later[0].pk).delete()


def _fresh(block: RecordBlock) -> RecordBlock:
    return RecordBlock.objects.get(pk=block.pk)


def _before(block: RecordBlock) -> str:
    return RecordBlock.objects.filter(first_seq__lt=block.first_seq).order_by("-first_seq").first().digest


@pytest.mark.rule("LOG-04")
def test_every_month_that_is_due_goes_by_one_command(db):
    make(JANUARY)
    written(3)
    written(2, THEN - timedelta(days=31))
    written(1)
    chain.seal_entries()
    out = StringIO()
    call_command("retire_record", due=True, stdout=out)
    assert AuditEntry.objects.filter(at__lt=THEN + timedelta(days=20)).count() == 0
    assert chain.due() == []
    assert list(chain.verify(anchor=chain.head())) == []


@pytest.mark.rule("F21")
def test_a_later_migration_that_changes_a_constraint_reaches_every_part(db):
    make(JANUARY)
    known = next(each for each in AuditEntry._meta.constraints if each.name == "audit_entry_kind_is_known")
    with connection.schema_editor() as editor:
        editor.remove_constraint(AuditEntry, known)
    for moment in (THEN, timezone.now(), THEN - timedelta(days=300)):
        AuditEntry.objects.create(kind="brand_new", at=moment)


@pytest.mark.rule("F21", "LOG-03")
def test_a_record_that_was_one_table_becomes_the_first_part_and_back_without_losing_an_entry(committed_world):
    audit.record(Kind.SIGN_IN, by=Actor(person=cast.person("钱思远")))
    before = list(AuditEntry.objects.order_by("seq").values_list("seq", "at", "person_id", "kind"))
    call_command("migrate", "accounts", "0007_sms_channels", verbosity=0)
    try:
        assert not partitions.is_split()
        assert list(AuditEntry.objects.order_by("seq").values_list("seq", "at", "person_id", "kind")) == before
        one = audit.record(Kind.SIGN_OUT, by=Actor())
        with pytest.raises(IntegrityError, match="append-only"):
            AuditEntry.objects.filter(seq=one.seq).delete()
    finally:
        call_command("migrate", verbosity=0)  # what other apps built on it as well
    assert partitions.is_split()
    after = list(AuditEntry.objects.order_by("seq").values_list("seq", "at", "person_id", "kind"))
    assert after[:-1] == before
    assert part_of(one) == partitions.BEFORE
    assert audit.record(Kind.SIGN_OUT, by=Actor()).seq > one.seq
    with pytest.raises(IntegrityError, match="append-only"):
        AuditEntry.objects.filter(seq=one.seq).delete()
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "accounts_auditentry")
    wanted = {"audit_entry_of_taxpayer", "audit_entry_of_person", "audit_entry_of_agency", "audit_entry_kind_is_known"}
    assert wanted <= set(found)
    assert sum(1 for each in found.values() if each["foreign_key"]) == 4
    next_one = partitions.name_of(partitions.next_month(timezone.localdate()))
    assert next_one in parts()
