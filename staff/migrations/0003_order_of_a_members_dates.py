"""Nothing happens to a member before he is added, nor a ticket's use after its end; who is removed manages nothing.

Rows that a clock set back has put into the wrong order are brought in line first. The checks hold for what is written
from here on; the next migration has the other rows read beside those who write (F21).
"""

from django.db import migrations, models
from django.db.models import Case, F, Q, When

from accounts.migration_operations import AddCheck

DATES = ("bound_at", "frozen_at", "frozen_until", "unregistered_at")


def in_line(apps, schema_editor):
    """What is said to have happened before the adding happened with it."""
    members = apps.get_model("staff", "Membership").objects.using(schema_editor.connection.alias)
    early = Q(*((f"{date}__lt", F("added_at")) for date in DATES), _connector=Q.OR)
    members.filter(early).update(
        **{date: Case(When(**{f"{date}__lt": F("added_at")}, then=F("added_at")), default=F(date)) for date in DATES}
    )
    members.filter(removed_at__isnull=False, is_manager=True).update(is_manager=False)


def after_the_adding(date: str, name: str) -> AddCheck:
    """A check that this isn't before the adding."""
    condition = Q((f"{date}__isnull", True), (f"{date}__gte", F("added_at")), _connector=Q.OR)
    return AddCheck("membership", models.CheckConstraint(condition=condition, name=name))


class Migration(migrations.Migration):
    dependencies = [("staff", "0002_declaration_password")]

    operations = [
        migrations.RunPython(in_line, migrations.RunPython.noop),
        after_the_adding("bound_at", "membership_added_before_bound"),
        after_the_adding("frozen_at", "membership_added_before_frozen"),
        after_the_adding("unregistered_at", "membership_added_before_unregistered"),
        AddCheck(
            "membership",
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(is_manager=False), name="membership_removed_manages_nothing"
            ),
        ),
        AddCheck(
            "handoverticket",
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(used_at__lte=F("expires_at")),
                name="handover_ticket_used_before_it_expires",
            ),
        ),
    ]
