"""Checks over the whole record are added without keeping anybody waiting (F21)."""

import pytest
from django.db import connection, transaction
from django.db.migrations import AddConstraint, AddIndex
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import CheckConstraint, Index, Q

from accounts import partitions, triggers
from accounts.migration_operations import AddCheck, AddIndexByParts, RemoveCheck, ValidateCheck

NAME = "audit_entry_is_a_probe"


def _is_validated() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT convalidated FROM pg_constraint WHERE conname = %s AND conrelid = 'accounts_auditentry'::regclass",
            [NAME],
        )
        return cursor.fetchone()[0]


def _run(operation, before, *, backwards: bool = False):
    after = before.clone()
    operation.state_forwards("accounts", after)
    with connection.schema_editor(atomic=False) as editor:
        if backwards:
            operation.database_backwards("accounts", editor, after, before)
        else:
            operation.database_forwards("accounts", editor, before, after)
    return after


@pytest.mark.postgresql
@pytest.mark.rule("F21", "REL-01")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite remakes the table for a check")
@pytest.mark.usefixtures("db")
def test_a_check_is_added_for_new_entries_and_the_others_are_read_later():
    executor = MigrationExecutor(connection)
    before = executor.loader.project_state(executor.loader.graph.leaf_nodes("accounts"))
    probe = CheckConstraint(condition=~Q(result="probed"), name=NAME)
    checked = _run(AddCheck("auditentry", probe), before)
    assert not _is_validated()
    _run(ValidateCheck("auditentry", NAME), checked)
    assert _is_validated()
    _run(RemoveCheck("auditentry", NAME), checked)
    with pytest.raises(TypeError):
        _is_validated()
    _run(RemoveCheck("auditentry", NAME), checked, backwards=True)
    assert not _is_validated()


def _plan_of_a_search() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT seq FROM accounts_auditentry WHERE reason = 'probed'")
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.postgresql
@pytest.mark.rule("F21", "REL-01")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no parts, and one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_an_index_of_the_record_is_made_part_by_part_and_goes_on_where_it_was_broken_off():
    executor = MigrationExecutor(connection)
    before = executor.loader.project_state(executor.loader.graph.leaf_nodes("accounts"))
    index = "audit_entry_probe"
    operation = AddIndexByParts("auditentry", Index("reason", name=index))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {index} ON ONLY accounts_auditentry (reason)")
        cursor.execute(f"CREATE INDEX {index}_other ON accounts_auditentry_other (reason)")  # not put together yet
    after = _run(operation, before)
    try:
        with connection.cursor() as cursor:
            assert partitions.indexed_parts(cursor, index) == triggers.parts(cursor)
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [index])
            assert cursor.fetchone()[0]
        with transaction.atomic():
            assert "Seq Scan" not in _plan_of_a_search()
        _run(operation, before)  # once more: there is nothing left to do
    finally:
        _run(operation, after, backwards=True)
    with connection.cursor() as cursor:
        assert partitions.indexed_parts(cursor, index) == set()


def test_no_migration_reads_all_the_record_while_everybody_waits():
    found = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    waiting = [
        f"{name}: {operation.describe()}"
        for (app, name), migration in found.items()
        if app == "accounts" and name >= "0009"
        for operation in migration.operations
        if type(operation) in (AddConstraint, AddIndex) and operation.model_name == "auditentry"
    ]
    assert waiting == []
