import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

KEY = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))
PERSON_OR_NOBODY = {"blank": True, "null": True, "on_delete": django.db.models.deletion.PROTECT, "related_name": "+"}
END_REASONS = [
    ("declined", "已拒绝"),
    ("withdrawn", "已撤回"),
    ("cancelled", "已取消"),
    ("expired", "已到期"),
    ("agency_gone", "代理机构已注销"),
]


def keep_handlers(apps, schema_editor):
    """Carry over who was named before it was kept by whom."""
    handler = apps.get_model("agencies", "Handler")
    named = apps.get_model("agencies", "Engagement").handlers.through.objects.values_list("engagement_id", "person_id")
    handler.objects.bulk_create([handler(engagement_id=e, person_id=p) for e, p in named], batch_size=1000)


def explain_ends(apps, schema_editor):
    """What was ended before reasons were kept was cancelled, or never more than asked for; it lends nothing any more."""
    for row in apps.get_model("agencies", "Engagement").objects.filter(ended_at__isnull=False):
        if row.identity is not None:
            row.lent_name = row.identity.name
            row.lent_functions = sorted(row.identity.grants.values_list("function", flat=True))
        row.identity, row.ended_because = None, "cancelled" if row.recognised_at else "withdrawn"
        row.ended_at = max(filter(None, (row.ended_at, row.recognised_at)))
        row.save()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_later_words"),
        ("agencies", "0001_initial"),
        ("staff", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientGroup",
            fields=[
                KEY,
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=50, verbose_name="分组名称")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="client_groups",
                        to="accounts.taxpayer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="client_group_has_a_name"
                    ),
                    models.UniqueConstraint(
                        models.F("agency"), models.F("name"), name="client_group_name_once_per_agency"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Handler",
            fields=[
                KEY,
                ("named_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "engagement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="namings", to="agencies.engagement"
                    ),
                ),
                ("named_by", models.ForeignKey(to=settings.AUTH_USER_MODEL, **PERSON_OR_NOBODY)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("engagement"), models.F("person"), name="handler_named_once_per_engagement"
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("person"),
                        models.OrderBy(models.F("engagement"), descending=True),
                        name="handler_of_engagements",
                    ),
                ],
            },
        ),
        migrations.AddField(
            "engagement",
            "group",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="engagements",
                to="agencies.clientgroup",
                verbose_name="分组",
            ),
        ),
        migrations.AddField(
            "engagement", "proposed_by", models.ForeignKey(to=settings.AUTH_USER_MODEL, **PERSON_OR_NOBODY)
        ),
        migrations.AddField(
            "engagement", "ended_because", models.CharField(blank=True, choices=END_REASONS, default="", max_length=16)
        ),
        migrations.AddField(
            "engagement", "note", models.CharField(blank=True, default="", max_length=100, verbose_name="说明")
        ),
        migrations.AddField("engagement", "lent_name", models.CharField(blank=True, default="", max_length=50)),
        migrations.AddField("engagement", "lent_functions", models.JSONField(blank=True, default=list)),
        migrations.AddField("engagement", "version", models.PositiveIntegerField(default=1)),
        migrations.RemoveConstraint("engagement", "engagement_recognised_lends_an_identity"),
        migrations.RunPython(keep_handlers, migrations.RunPython.noop),
        migrations.RunPython(explain_ends, migrations.RunPython.noop),
    ]
