"""The database refuses to change or delete an entry of the record."""

from django.db import migrations

from accounts import triggers


class Migration(migrations.Migration):
    """A later migration that alters the record's table on SQLite remakes it and must create the triggers anew."""

    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: triggers.create(schema_editor),
            lambda apps, schema_editor: triggers.drop(schema_editor),
        )
    ]
