"""Namings used to outlive the membership of who was named: those of who has left since, added again or not, go."""

from django.db import migrations
from django.db.models import Exists, OuterRef


def drop_departed(apps, schema_editor):
    """Drop the namings of whoever wasn't one of the agency's people ever since, by membership or as a lead by post."""
    whose = {"taxpayer": OuterRef("engagement__agency"), "person": OuterRef("person")}
    member = apps.get_model("staff", "Membership").objects.filter(
        **whose, removed_at__isnull=True, added_at__lte=OuterRef("named_at")
    )
    lead = apps.get_model("realname", "Post").objects.filter(
        **whose, position__in=["legal_rep", "finance"], until__isnull=True
    )
    namings = apps.get_model("agencies", "Handler").objects.filter(engagement__ended_at__isnull=True)
    namings.exclude(Exists(member) | Exists(lead)).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("agencies", "0003_what_the_database_refuses"),
        ("realname", "0004_change_request"),
        ("staff", "0002_declaration_password"),
    ]

    operations = [migrations.RunPython(drop_departed, migrations.RunPython.noop)]
