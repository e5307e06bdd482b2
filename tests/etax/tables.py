"""What the database holds, to be held against what it held before."""

from typing import Any

from django.apps import apps
from django.db import connection

LOOKS = ("sessions.Session", "accounts.AuditEntry", "accounts.SignIn.seen_at")
"""What a mere look may change: sessions, the record, when somebody was last seen."""
TRIES = (*LOOKS, "accounts.Throttle", "accounts.UsedPicture")
"""What a refused try may change as well: the counts of tries, the picture that was used up."""


def rows(but: tuple[str, ...] = LOOKS) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but those (or those columns) named."""
    kept = {}
    for model in apps.get_models(include_auto_created=True):
        label = model._meta.label
        fields = [f.attname for f in model._meta.concrete_fields if f"{label}.{f.attname}" not in but]
        if label not in but:
            kept[label] = list(model._default_manager.order_by("pk").values_list(*fields))
    return kept


def raw() -> dict[str, list[tuple[Any, ...]]]:
    """Every table as the database itself gives it, sealed columns sealed."""
    with connection.cursor() as cursor:
        found = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = cursor.fetchall()
    return found
