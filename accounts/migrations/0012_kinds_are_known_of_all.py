"""What the record says of kinds holds for every entry; they are read beside those who write (F21)."""

from django.db import migrations

from accounts.migration_operations import ValidateCheck


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_engagements_that_end")]

    operations = [ValidateCheck("auditentry", "audit_entry_kind_is_known")]
