"""A collection is found by the document that its own takes the place of, and one that became nobody's record by both."""

from django.conf import settings
from django.db import migrations, models

import accounts.fields


class Migration(migrations.Migration):
    dependencies = [
        ("realname", "0004_change_request"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="former_id_number_hash",
            field=accounts.fields.LookupHashField(
                blank=True, db_default="", editable=False, max_length=96, of="former_id_number"
            ),
        ),
        migrations.AddIndex(
            model_name="collection",
            index=models.Index(
                models.F("id_number_hash"), condition=models.Q(("record__isnull", True)), name="collection_of_nobody"
            ),
        ),
        migrations.AddIndex(
            model_name="collection",
            index=models.Index(
                models.F("former_id_number_hash"),
                condition=models.Q(("record__isnull", True)),
                name="collection_of_nobody_by_former",
            ),
        ),
    ]
