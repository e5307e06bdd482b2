"""Downstream systems connected for single sign-on, and who is in them."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0009_record_of_systems"),
        ("etax", "0001_officer_groups"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConnectedSystem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "system",
                    models.CharField(
                        choices=[
                            ("portal", "电子税务局门户"),
                            ("registration", "登记系统"),
                            ("declaration", "申报系统"),
                            ("collection", "征收系统"),
                            ("invoice", "电子发票服务平台"),
                            ("refund", "出口退税系统"),
                            ("social_insurance", "社保费征收系统"),
                            ("credit", "纳税信用系统"),
                            ("document", "文书系统"),
                            ("query", "查询系统"),
                            ("interaction", "征纳互动系统"),
                            ("service", "公众服务系统"),
                        ],
                        max_length=20,
                        unique=True,
                    ),
                ),
                ("client_id", models.CharField(max_length=100, unique=True)),
                ("logout_url", models.URLField(blank=True, default="")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "system__in",
                                [
                                    "portal",
                                    "registration",
                                    "declaration",
                                    "collection",
                                    "invoice",
                                    "refund",
                                    "social_insurance",
                                    "credit",
                                    "document",
                                    "query",
                                    "interaction",
                                    "service",
                                ],
                            )
                        ),
                        name="connected_system_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("client_id", ""), _negated=True), name="connected_system_has_a_client"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SystemVisit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("engagement", models.UUIDField(blank=True, null=True)),
                ("issuer", models.URLField()),
                ("code_hash", models.CharField(max_length=64, unique=True)),
                ("token_hash", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                (
                    "connected",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="visits", to="etax.connectedsystem"
                    ),
                ),
                (
                    "sign_in",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="visits", to="accounts.signin"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("told_at__isnull", True)),
                        fields=["next_try_at"],
                        name="system_visit_not_told",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("code_hash", ""), _negated=True), name="system_visit_has_a_code"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("token_hash__isnull", True),
                            models.Q(("token_hash", models.F("code_hash")), _negated=True),
                            _connector="OR",
                        ),
                        name="system_visit_token_is_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("told_at__isnull", True), ("told_at__gte", models.F("started_at")), _connector="OR"
                        ),
                        name="system_visit_told_after_start",
                    ),
                ],
            },
        ),
    ]
