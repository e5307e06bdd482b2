"""The order of dates holds for every code; they are read beside those who write (F21)."""

from django.db import migrations

from accounts.migration_operations import ValidateCheck


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_order_of_a_codes_dates")]

    operations = [
        ValidateCheck("smscode", "sms_code_created_before_it_expires"),
        ValidateCheck("smscode", "sms_code_created_before_closed"),
    ]
