"""An agency reads the entries of what it did for its clients."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_sign_in_origin"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                models.F("via"),
                models.OrderBy(models.F("seq"), descending=True),
                condition=models.Q(("via__isnull", False)),
                name="audit_entry_of_agency",
            ),
        ),
    ]
