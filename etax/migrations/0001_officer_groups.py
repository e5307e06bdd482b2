"""The two groups of tax officers: the counter (前台) and the reviewers (审核)."""

from django.db import migrations

NAMES = ("前台", "审核")


def make(apps, schema_editor):
    for name in NAMES:
        apps.get_model("auth", "Group").objects.get_or_create(name=name)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.RunPython(make, migrations.RunPython.noop),
    ]
