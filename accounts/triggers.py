"""Triggers that make the record append-only in the database itself (D28, LOG-03)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper

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
POSTGRESQL_NUMBER_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION accounts_auditentry_own_number() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.seq IS NOT NULL THEN
        RAISE EXCEPTION 'the record is append-only: its numbers are given by the database'
          USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      NEW.seq := nextval('{TABLE}_seq_seq');
      RETURN NEW;
    END $$"""
ROWS = f"""
    CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION accounts_auditentry_refuse()"""
# In parts, no key can forbid the same number twice: it would have to hold the moment as well. So nobody
# chooses one: this trigger gives it, and the column has no default.
NUMBERS = f"""
    CREATE TRIGGER {TABLE}_own_number BEFORE INSERT ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION accounts_auditentry_own_number()"""


def no_truncate(table: str) -> str:
    """The trigger that each part needs for itself, because one for statements isn't handed down."""
    return f"""
        CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION accounts_auditentry_refuse()"""


def is_split(cursor: CursorWrapper) -> bool:
    """Whether the record lies in parts (`accounts.partitions`)."""
    cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(%s)", [TABLE])
    row = cursor.fetchone()
    return bool(row and row[0])


def parts(cursor: CursorWrapper) -> set[str]:
    """The names of its parts."""
    cursor.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(%s)",
        [TABLE],
    )
    return {row[0] for row in cursor.fetchall()}


def _by_row(cursor: CursorWrapper) -> dict[str, str]:
    """The triggers for rows on PostgreSQL, which every part inherits."""
    own = {f"{TABLE}_own_number": NUMBERS} if is_split(cursor) else {}
    return {f"{TABLE}_append_only": ROWS} | own


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Lift the triggers within the transaction under way, for the retention job alone (LOG-04).

    Asks for the table's owner: the portal's own database role can't.
    """
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        names = _by_row(cursor) if is_postgresql else SQLITE
        for name in names:
            cursor.execute(f"DROP TRIGGER {name} ON {TABLE}" if is_postgresql else f"DROP TRIGGER {name}")
        yield
        for statement in names.values():
            cursor.execute(statement)


def create(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Put the triggers in place, in the words of the database at hand."""
    if schema_editor.connection.vendor != "postgresql":
        for statement in SQLITE.values():
            schema_editor.execute(statement)
        return
    schema_editor.execute(POSTGRESQL_FUNCTION)
    schema_editor.execute(POSTGRESQL_NUMBER_FUNCTION)
    with schema_editor.connection.cursor() as cursor:
        statements = [*_by_row(cursor).values(), *map(no_truncate, sorted({TABLE, *parts(cursor)}))]
    for statement in statements:
        schema_editor.execute(statement)


def drop(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the triggers away: only a migration, or a test that empties its database, may."""
    if schema_editor.connection.vendor != "postgresql":
        for name in SQLITE:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}")
        return
    with schema_editor.connection.cursor() as cursor:
        tables = sorted({TABLE, *parts(cursor)})
    for name in ("append_only", "own_number"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TABLE}_{name} ON {TABLE}")
    for table in tables:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TABLE}_no_truncate ON {table}")
