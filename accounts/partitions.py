"""The record by month on PostgreSQL: what is written goes to its month's part, and an old month goes whole (LOG-04).

SQLite keeps one table. The parts: one a month in the portal's time zone, `…_other` for moments that no part covers (a
clock that went wrong must not stop an act), and where there was a record before, `…_before` with all of it.
"""

# ruff: noqa: S608 - the names in these statements are our own tables', never a visitor's word

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts import triggers

TABLE = triggers.TABLE
OTHER, BEFORE = f"{TABLE}_other", f"{TABLE}_before"
_SEQUENCE = f"{TABLE}_seq_seq"
_ENDS = f"{TABLE}_before_ends"
MONTHS_AHEAD = 3
LOCK_TIMEOUT = "400ms"
"""Nobody waits longer for the record because its parts are changed; who changes them tries again (F21)."""


def name_of(month: date) -> str:
    """The part of a month."""
    return f"{TABLE}_{month:%Y_%m}"


def start_of(month: date) -> datetime:
    """Its first moment, in the portal's time zone."""
    return timezone.make_aware(datetime(month.year, month.month, 1))  # noqa: DTZ001 - made aware here


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def is_split(wrapper: BaseDatabaseWrapper = connection) -> bool:
    """Whether the record lies in parts here."""
    if wrapper.vendor != "postgresql":
        return False
    with wrapper.cursor() as cursor:
        return triggers.is_split(cursor)


def indexed_parts(cursor: CursorWrapper, index: str) -> set[str]:
    """The parts that have their share of this index of the record."""
    cursor.execute(
        "SELECT t.relname FROM pg_inherits h JOIN pg_index i ON i.indexrelid = h.inhrelid "
        "JOIN pg_class t ON t.oid = i.indrelid WHERE h.inhparent = to_regclass(%s)",
        [f'"{index}"'],
    )
    return {row[0] for row in cursor.fetchall()}


@contextmanager
def _briefly(wrapper: BaseDatabaseWrapper) -> Iterator[CursorWrapper]:
    """A transaction that gives up rather than keep others waiting."""
    with transaction.atomic(using=wrapper.alias), wrapper.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        yield cursor
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")


# --- Months ahead ----------------------------------------------------------------------------------------------------


def make_ahead(wrapper: BaseDatabaseWrapper = connection) -> list[str]:
    """Make the parts of this month and the next three that are missing; returns their names. Run it every night.

    Raises OperationalError, with what was made so far kept, where the record is too busy for a moment: run it again.
    """
    made, month = [], timezone.localdate().replace(day=1)
    for _ in range(MONTHS_AHEAD + 1):
        with _briefly(wrapper) as cursor:
            if name_of(month) not in triggers.parts(cursor) and start_of(month) >= _end_of_before(cursor):
                _make(cursor, wrapper, month)
                _keep_from_others(cursor)
                made.append(name_of(month))
        month = next_month(month)
    with wrapper.cursor() as cursor:
        _keep_from_others(cursor)
    return made


def _keep_from_others(cursor: CursorWrapper) -> None:
    """Take from every part the rights that it got as a table of its own, but for reading (LOG-03).

    Who writes the record needs rights to the record alone; default privileges would give the portal's role more in each
    part than it has there. Where somebody else owns the parts there is nothing that may be taken.
    """
    cursor.execute(
        "SELECT DISTINCT a.privilege_type, c.oid::regclass::text, "
        "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END "
        "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid CROSS JOIN aclexplode(c.relacl) a "
        "WHERE i.inhparent = to_regclass(%s) AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT' "
        "AND pg_has_role(c.relowner, 'USAGE')",
        [TABLE],
    )
    for right, part, role in cursor.fetchall():
        cursor.execute(f"REVOKE {right} ON {part} FROM {role} CASCADE")


def _end_of_before(cursor: CursorWrapper) -> datetime:
    """From when on there are months: what was there before they were made lies in one part."""
    cursor.execute(f"SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = '{BEFORE}' AND relispartition")
    row = cursor.fetchone()
    if row is None:
        return datetime.min.replace(tzinfo=timezone.get_default_timezone()) + timedelta(days=2)
    end = re.search(r"TO \('([^']+)'\)", row[0])
    cursor.execute("SELECT %s::timestamptz", [end[1] if end else "infinity"])
    moment: datetime = cursor.fetchone()[0]
    return moment


def _make(cursor: CursorWrapper, wrapper: BaseDatabaseWrapper, month: date) -> None:
    """A part is made beside the record and then attached, which stops nobody's writing."""
    name, span = name_of(month), [start_of(month), start_of(next_month(month))]
    start, end = (moment.isoformat() for moment in span)
    cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {OTHER} WHERE at >= %s AND at < %s)", span)
    if cursor.fetchone()[0]:  # the job ran late, or a clock was early: they belong here
        with triggers.lifted(wrapper):
            moved = f"WITH moved AS (DELETE FROM {OTHER} WHERE at >= %s AND at < %s RETURNING *)"
            cursor.execute(f"{moved} INSERT INTO {name} SELECT * FROM moved", span)
    cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')")
    cursor.execute(triggers.no_truncate(name))


# --- Retiring a month ------------------------------------------------------------------------------------------------


def drop_month(month: date, first: int, last: int, foreign: Sequence[tuple[int, int]]) -> bool:
    """Drop a month's part within the transaction under way; False where the month has none.

    `first` to `last` are the numbers of the month's blocks, `foreign` the ranges of other months' blocks in between.
    Entries that carry a moment of this month but belong to no block of it are kept; those of its blocks that carry
    another moment go as well. The triggers must be lifted.
    """
    name, span = name_of(month), [start_of(month), start_of(next_month(month))]
    own = "seq BETWEEN %s AND %s" + "".join(" AND NOT seq BETWEEN %s AND %s" for _ in foreign)
    numbers = [first, last, *(number for pair in foreign for number in pair)]
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql" or name not in triggers.parts(cursor):
            return False
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks outstanding can't be dropped
        cursor.execute(f"DELETE FROM {TABLE} WHERE {own} AND NOT (at >= %s AND at < %s)", [*numbers, *span])
        cursor.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {name}")
        cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM {name} WHERE NOT ({own})", numbers)
        cursor.execute(f"DROP TABLE {name}")
    return True


# --- From one table to parts, and back -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the new table takes over from the old: keys to other tables, indexes, rights."""

    foreign_keys: list[tuple[str, str]]
    indexes: list[tuple[str, str]]
    rights: list[tuple[str, str]]


def _shape(cursor: CursorWrapper) -> _Shape:
    def found(statement: str) -> list[tuple[Any, ...]]:
        cursor.execute(statement)
        return list(cursor.fetchall())

    return _Shape(
        found(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            f"WHERE conrelid = '{TABLE}'::regclass AND contype = 'f' AND conparentid = 0"
        ),
        found(
            "SELECT c.relname, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') FROM pg_index i "
            f"JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = '{TABLE}'::regclass "
            f"AND NOT i.indisprimary AND c.relname <> '{BEFORE}_pkey'"
        ),
        found(
            "SELECT a.grantee::regrole::text, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a "
            f"WHERE c.oid = '{TABLE}'::regclass AND a.grantee NOT IN (0, c.relowner)"
        ),
    )


def _take_over(cursor: CursorWrapper, shape: _Shape, *, indexes: bool) -> None:
    for name, definition in shape.foreign_keys:
        cursor.execute(f'ALTER TABLE {TABLE} ADD CONSTRAINT "{name}" {definition}')
    for _name, definition in shape.indexes if indexes else ():
        cursor.execute(definition)
    for role, right in shape.rights:
        cursor.execute(f"GRANT {right} ON {TABLE} TO {role}")


def split(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Put the record into parts: what is there becomes the first, where it lies; nothing is copied (F21).

    What takes time (an index, a check over all rows) is done beside the writers; then comes a moment's exclusive lock.
    """
    wrapper = schema_editor.connection
    if wrapper.vendor != "postgresql" or is_split(wrapper):
        return
    with wrapper.cursor() as cursor:
        cursor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {BEFORE}_pkey ON {TABLE} (seq, at)")
        end = _first_month_apart(cursor)
        cursor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {_ENDS}")
        cursor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {_ENDS} CHECK (at < '{end.isoformat()}') NOT VALID")
        cursor.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {_ENDS}")
    with _briefly(wrapper) as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        triggers.drop(schema_editor)
        _swap(cursor, end)
        triggers.create(schema_editor)
    make_ahead(wrapper)


def _first_month_apart(cursor: CursorWrapper) -> datetime:
    cursor.execute(f"SELECT greatest(max(at), now()) FROM {TABLE}")
    newest = timezone.localdate(cursor.fetchone()[0] + timedelta(days=1))
    return start_of(next_month(newest))


def _swap(cursor: CursorWrapper, end: datetime) -> None:
    shape, last = _shape(cursor), _last_number(cursor)
    cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {TABLE})")
    has_entries = cursor.fetchone()[0]
    for statement in (
        f"ALTER TABLE {TABLE} ALTER seq DROP IDENTITY IF EXISTS, DROP CONSTRAINT {TABLE}_pkey",
        f"ALTER TABLE {TABLE} ADD CONSTRAINT {BEFORE}_pkey PRIMARY KEY USING INDEX {BEFORE}_pkey",
        f"ALTER TABLE {TABLE} RENAME TO {BEFORE}",
        *(f'ALTER INDEX "{name}" RENAME TO "b_{name[:60]}"' for name, _definition in shape.indexes),
        f"CREATE TABLE {TABLE} (LIKE {BEFORE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (at)",
        f"ALTER TABLE {TABLE} DROP CONSTRAINT {_ENDS}, ADD CONSTRAINT {TABLE}_pkey PRIMARY KEY (seq, at)",
        f"CREATE SEQUENCE {_SEQUENCE} OWNED BY {TABLE}.seq START WITH {last + 1}",
    ):
        cursor.execute(statement)
    for role in {role for role, right in shape.rights if right == "INSERT"}:
        cursor.execute(f"GRANT USAGE, SELECT ON SEQUENCE {_SEQUENCE} TO {role}")
    _take_over(cursor, shape, indexes=False)
    if has_entries:
        cursor.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE) TO ('{end.isoformat()}')"
        )
    else:
        cursor.execute(f"DROP TABLE {BEFORE}")
    for _name, definition in shape.indexes:  # those that the first part has already are taken as they are
        cursor.execute(definition)
    cursor.execute(f"CREATE TABLE {OTHER} PARTITION OF {TABLE} DEFAULT")


def _last_number(cursor: CursorWrapper) -> int:
    """The last number that was given away, also to entries that were rolled back or retired."""
    cursor.execute(f"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {_SEQUENCE}")
    return int(cursor.fetchone()[0])


def join(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Back to one table, by copying: for who goes back a release; nobody can write meanwhile."""
    wrapper = schema_editor.connection
    if not is_split(wrapper):
        return
    with transaction.atomic(using=wrapper.alias), wrapper.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        triggers.drop(schema_editor)
        shape, last = _shape(cursor), _last_number(cursor)
        for statement in (
            f"CREATE TABLE {TABLE}_whole (LIKE {TABLE} INCLUDING CONSTRAINTS)",
            f"INSERT INTO {TABLE}_whole SELECT * FROM {TABLE}",
            f"DROP TABLE {TABLE}",
            f"ALTER TABLE {TABLE}_whole RENAME TO {TABLE}",
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_pkey PRIMARY KEY (seq)",
            f"ALTER TABLE {TABLE} ALTER seq ADD GENERATED BY DEFAULT AS IDENTITY (START WITH {last + 1})",
        ):
            cursor.execute(statement)
        _take_over(cursor, shape, indexes=True)
        triggers.create(schema_editor)
