"""A code is made before it expires and before it is closed.

A database whose clock was set back may have put them into the wrong order: those rows are brought in line first. The
checks hold for what is written from here on; the next migration has the other rows read beside those who write (F21).
"""

from django.db import migrations, models
from django.db.models import Case, F, Q, When

from accounts.migration_operations import AddCheck

DATES = ("expires_at", "used_at", "closed_at")


def in_line(apps, schema_editor):
    """What is said to have happened before the code was made happened with it."""
    codes = apps.get_model("accounts", "SmsCode").objects.using(schema_editor.connection.alias)
    early = Q(*((f"{date}__lt", F("created_at")) for date in DATES), _connector=Q.OR)
    codes.filter(early).update(
        **{
            date: Case(When(**{f"{date}__lt": F("created_at")}, then=F("created_at")), default=F(date))
            for date in DATES
        }
    )


def after_the_making(date: str, name: str) -> AddCheck:
    """A check that this isn't before the making."""
    condition = Q((f"{date}__isnull", True), (f"{date}__gte", F("created_at")), _connector=Q.OR)
    return AddCheck("smscode", models.CheckConstraint(condition=condition, name=name))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_entries_of_a_request")]

    operations = [
        migrations.RunPython(in_line, migrations.RunPython.noop),
        after_the_making("expires_at", "sms_code_created_before_it_expires"),
        after_the_making("closed_at", "sms_code_created_before_closed"),
    ]
