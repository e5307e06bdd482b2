"""A visit may be over before its sign-in is: its owner acts for another client."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_engagements_that_end"),
        ("etax", "0002_single_sign_on"),
    ]

    operations = [
        migrations.AddField(
            model_name="systemvisit",
            name="left_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="systemvisit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("left_at__isnull", True), ("left_at__gte", models.F("started_at")), _connector="OR"
                ),
                name="system_visit_left_after_start",
            ),
        ),
    ]
