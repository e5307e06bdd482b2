"""Operations of migrations that change tables too large to be read through while everybody waits (F21).

PostgreSQL reads all rows when a check is added, and lets nobody in meanwhile. Here it is added for what is written from
now on, in a moment; a migration of its own, after that one, has the rows read beside those who work. SQLite remakes the
table either way. An index of the record is made part by part, which PostgreSQL can't do beside the writers by itself.
"""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from accounts import partitions, triggers


def _add(operation: Operation, app_label: str, editor: BaseDatabaseSchemaEditor, state: ProjectState, *of: str) -> bool:
    """Add the check `of` a model and a name for new rows alone; False where Django's own way is the right one.

    That is where the database knows no such thing, and where nothing of this model is kept there.
    """
    model_name, name = of
    model = state.apps.get_model(app_label, model_name)
    is_here = operation.allow_migrate_model(editor.connection.alias, model)
    if editor.connection.vendor != "postgresql" or not is_here:
        return False
    check = state.models[app_label, model._meta.model_name].get_constraint_by_name(name)
    editor.execute(f"{check.create_sql(model, editor)} NOT VALID", params=None)
    return True


class AddCheck(migrations.AddConstraint):
    """Add a check that holds for new rows at once; `ValidateCheck` has the others read."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Add it."""
        if not _add(self, app_label, schema_editor, to_state, self.model_name, self.constraint.name):
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class RemoveCheck(migrations.RemoveConstraint):
    """Remove a check, and on the way back add it for new rows alone: the others may say what it didn't know.

    So far back as to where the rows are copied (`partitions.join`) that doesn't help: a copied row is a new one.
    """

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Add it again."""
        if not _add(self, app_label, schema_editor, to_state, self.model_name, self.name):
            super().database_backwards(app_label, schema_editor, from_state, to_state)


class ValidateCheck(Operation):
    """Have the rows read that a check was added without, beside those who read and write them."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, model_name: str, name: str) -> None:
        self.model_name, self.name = model_name, name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the check is known already."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Read them; a check that holds for all is left as it is."""
        model = to_state.apps.get_model(app_label, self.model_name)
        is_here = self.allow_migrate_model(schema_editor.connection.alias, model)
        if schema_editor.connection.vendor == "postgresql" and is_here:
            table = schema_editor.quote_name(model._meta.db_table)
            schema_editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {schema_editor.quote_name(self.name)}")

    def database_backwards(self, *_args: Any) -> None:
        """Nothing: it stays a check."""

    def describe(self) -> str:
        """What Django says of it."""
        return f"Validate check {self.name} on model {self.model_name}"


class AddIndexByParts(migrations.AddIndex):
    """Add an index to the record, part by part beside those who write; its migration can't be `atomic`.

    Broken off, it goes on where it was when it is run again.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Make the index of the whole, which holds nothing yet, then each part's, and put them together."""
        model = to_state.apps.get_model(app_label, self.model_name)
        is_here = self.allow_migrate_model(schema_editor.connection.alias, model)
        if not is_here or not partitions.is_split(schema_editor.connection):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        definition = str(self.index.create_sql(model, schema_editor))
        table, name = (schema_editor.quote_name(each) for each in (model._meta.db_table, self.index.name))
        head = f"CREATE INDEX {name} ON {table} "
        if not definition.startswith(head):
            raise ValueError(f"an index that begins otherwise than {head!r} can't be made by parts: {definition!r}")
        rows = definition.removeprefix(head)
        schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} {rows}", params=None)
        with schema_editor.connection.cursor() as cursor:
            missing = sorted(triggers.parts(cursor) - partitions.indexed_parts(cursor, self.index.name))
        for part in missing:
            own = schema_editor.quote_name(
                f"{self.index.name}_{part.removeprefix(partitions.TABLE)}".replace("__", "_")
            )
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {own}", params=None)
            schema_editor.execute(
                f"CREATE INDEX CONCURRENTLY {own} ON {schema_editor.quote_name(part)} {rows}", params=None
            )
            schema_editor.execute(f"ALTER INDEX {name} ATTACH PARTITION {own}", params=None)
