"""On PostgreSQL the record lies in parts by month; elsewhere nothing changes, and the model is the same."""

from django.db import migrations

from accounts import partitions


class Migration(migrations.Migration):
    """Not one transaction: the index and the check over all rows are made beside those who write.

    Interrupted, it can be run again.
    """

    atomic = False
    dependencies = [("accounts", "0007_sms_channels")]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: partitions.split(schema_editor),
            lambda apps, schema_editor: partitions.join(schema_editor),
        )
    ]
