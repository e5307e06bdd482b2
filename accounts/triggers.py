"""Triggers that make the record append-only in the database itself (D28, LOG-03)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "accounts_auditentry"

SQLITE = {
    "accounts_auditentry_no_update": f"""
        CREATE TRIGGER accounts_auditentry_no_update BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END""",
    "accounts_auditentry_no_delete": f"""
        CREATE TRIGGER accounts_auditentry_no_delete BEFORE DELETE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END""",
    # INSERT OR REPLACE deletes without asking the trigger above.
    "accounts_auditentry_no_replace": """
        CREATE TRIGGER accounts_auditentry_no_replace BEFORE INSERT ON accounts_auditentry
        WHEN EXISTS (SELECT 1 FROM accounts_auditentry WHERE seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END""",
}
POSTGRESQL_FUNCTION = """
    CREATE OR REPLACE FUNCTION accounts_auditentry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the record is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"""
POSTGRESQL = {
    "accounts_auditentry_append_only": f"""
        CREATE TRIGGER accounts_auditentry_append_only BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION accounts_auditentry_refuse()""",
    "accounts_auditentry_no_truncate": f"""
        CREATE TRIGGER accounts_auditentry_no_truncate BEFORE TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION accounts_auditentry_refuse()""",
}


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Lift the triggers within the transaction under way, for the retention job alone (LOG-04).

    Asks for the table's owner: the portal's own database role can't.
    """
    is_postgresql = connection.vendor == "postgresql"
    names = POSTGRESQL if is_postgresql else SQLITE
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP TRIGGER {name} ON {TABLE}" if is_postgresql else f"DROP TRIGGER {name}")
        yield
        for statement in names.values():
            cursor.execute(statement)


def create(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Put the triggers in place, in the words of the database at hand."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL_FUNCTION)
        for statement in POSTGRESQL.values():
            schema_editor.execute(statement)
    else:
        for statement in SQLITE.values():
            schema_editor.execute(statement)


def drop(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the triggers away: only a migration, or a test that empties its database, may."""
    if schema_editor.connection.vendor == "postgresql":
        for name in POSTGRESQL:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
    else:
        for name in SQLITE:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}")
