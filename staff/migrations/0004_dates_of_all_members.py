"""The order of dates holds for every member and ticket; they are read beside those who write (F21)."""

from django.db import migrations

from accounts.migration_operations import ValidateCheck


class Migration(migrations.Migration):
    dependencies = [("staff", "0003_order_of_a_members_dates")]

    operations = [
        ValidateCheck("membership", "membership_added_before_bound"),
        ValidateCheck("membership", "membership_added_before_frozen"),
        ValidateCheck("membership", "membership_added_before_unregistered"),
        ValidateCheck("membership", "membership_removed_manages_nothing"),
        ValidateCheck("handoverticket", "handover_ticket_used_before_it_expires"),
    ]
