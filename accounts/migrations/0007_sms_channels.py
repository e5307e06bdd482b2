"""The breaker before SMS gateways, delivery figures, and what a message needs to be sent by template, at most twice."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.fields


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_record_of_agency"),
    ]

    operations = [
        migrations.CreateModel(
            name="SmsChannel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("counted_from", models.DateTimeField(blank=True, null=True)),
                ("open_until", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SmsTally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("channel", models.CharField(max_length=40)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("sent", "已提交"),
                            ("declined", "被拒收"),
                            ("failed", "通道故障"),
                            ("maybe_sent", "结果不明"),
                        ],
                        max_length=10,
                    ),
                ),
                ("count", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="smsmessage",
            name="sms_message_is_wiped_when_done",
        ),
        migrations.AddField(
            model_name="smsmessage",
            name="code",
            field=accounts.fields.SealedTextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="smsmessage",
            name="counts",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="smsmessage",
            name="kind",
            field=models.CharField(default="notice", max_length=20),
        ),
        migrations.AddField(
            model_name="smsmessage",
            name="maybe_sent",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="smsmessage",
            name="of_code",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="messages",
                to="accounts.smscode",
            ),
        ),
        migrations.AddField(
            model_name="smsmessage",
            name="sent_by",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddIndex(
            model_name="smsmessage",
            index=models.Index(fields=["created_at"], name="sms_message_by_age"),
        ),
        migrations.AddConstraint(
            model_name="smsmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "sign_in",
                            "change_password",
                            "step_up",
                            "person_sign_in",
                            "forgotten",
                            "register",
                            "phone_change",
                            "collection",
                            "switch_capacity",
                            "officer_sign_in",
                            "declaration_password",
                            "notice",
                        ],
                    )
                ),
                name="sms_message_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="smsmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("sent_at__isnull", True), ("given_up_at__isnull", True)),
                    models.Q(("to", ""), ("text", ""), ("code", "")),
                    _connector="OR",
                ),
                name="sms_message_is_wiped_when_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="smschannel",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="sms_channel_has_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="smstally",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["sent", "declined", "failed", "maybe_sent"])),
                name="sms_tally_outcome_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="smstally",
            constraint=models.UniqueConstraint(
                fields=("day", "channel", "outcome"), name="one_sms_tally_per_day_and_outcome"
            ),
        ),
    ]
