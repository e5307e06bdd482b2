"""Apart from the rows' own change before: PostgreSQL takes no new constraint on rows changed in the same transaction."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

REASONS = ["declined", "withdrawn", "cancelled", "expired", "agency_gone"]
CONSTRAINTS = {
    "engagement_open_and_recognised_lends_an_identity": Q(
        ("recognised_at__isnull", True),
        ("ended_at__isnull", False),
        Q(("identity__isnull", False), ("valid_from__isnull", False)),
        _connector="OR",
    ),
    "engagement_ended_holds_no_identity": Q(("ended_at__isnull", True), ("identity__isnull", True), _connector="OR"),
    "engagement_end_reason_is_known": Q(("ended_because__in", ["", *REASONS])),
    "engagement_end_has_a_reason": Q(
        Q(("ended_at__isnull", True), ("ended_because", "")),
        Q(("ended_at__isnull", False), Q(("ended_because", ""), _negated=True)),
        _connector="OR",
    ),
    "engagement_recognised_before_ended": Q(
        ("ended_at__isnull", True), ("ended_at__gte", F("recognised_at")), _connector="OR"
    ),
}


class Migration(migrations.Migration):
    dependencies = [
        ("agencies", "0002_requests_handlers_groups"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveField("engagement", "handlers"),
        migrations.AddField(
            "engagement",
            "handlers",
            models.ManyToManyField(
                blank=True,
                related_name="handled_engagements",
                through="agencies.Handler",
                through_fields=("engagement", "person"),
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            "engagement",
            models.Index(F("agency"), models.OrderBy(F("id"), descending=True), name="engagement_of_agency"),
        ),
        migrations.AddIndex(
            "engagement",
            models.Index(F("client"), models.OrderBy(F("id"), descending=True), name="engagement_of_client"),
        ),
        migrations.AddIndex(
            "engagement",
            models.Index(
                condition=Q(("ended_at__isnull", True), ("recognised_at__isnull", False)),
                fields=["agency", "valid_until"],
                name="engagement_by_last_day",
            ),
        ),
        *(
            migrations.AddConstraint("engagement", models.CheckConstraint(condition=condition, name=name))
            for name, condition in CONSTRAINTS.items()
        ),
    ]
