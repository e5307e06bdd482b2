"""Operations of migrations that change checks of tables too large to be read through while everybody waits (F21).

PostgreSQL reads all rows when a check is added, and lets nobody in meanwhile. Here it is added for what is written from
now on, in a moment; a migration of its own, after that one, has the rows read beside those who work. SQLite remakes the
table either way.
"""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


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
