"""The counter finds what the record says of one request without reading all of it."""

from django.db import migrations, models

from accounts.migration_operations import AddIndexByParts


class Migration(migrations.Migration):
    atomic = False  # an index is made beside those who write
    dependencies = [("accounts", "0013_code_at_the_counter")]

    operations = [AddIndexByParts("auditentry", models.Index("request_id", name="audit_entry_of_request"))]
