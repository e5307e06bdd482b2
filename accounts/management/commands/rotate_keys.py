"""The command `manage.py rotate_keys`."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Cast
from tqdm import tqdm

from accounts import sealing
from accounts.fields import LookupHashField, SealedTextField

_BATCH = 500


def models_with_sealed_fields() -> Iterator[tuple[type[models.Model], list[SealedTextField], list[LookupHashField]]]:
    """Every model that keeps something sealed, with its sealed fields and their look-up hashes."""
    for model in apps.get_models():
        fields = model._meta.concrete_fields
        sealed = [field for field in fields if isinstance(field, SealedTextField)]
        if sealed:
            yield model, sealed, [field for field in fields if isinstance(field, LookupHashField)]


def rotate(model: type[models.Model], sealed: list[SealedTextField], hashes: list[LookupHashField]) -> int:
    """Seal and hash anew every row of a model that isn't under the current keys yet; returns how many were."""
    raw = {f"raw_{field.attname}": Cast(F(field.attname), models.TextField()) for field in sealed}
    rows = model._default_manager.annotate(**raw).order_by("pk")
    names = [field.attname for field in (*sealed, *hashes)]
    done, last = 0, None
    progress = tqdm(desc=model._meta.label, unit=" rows", total=rows.count())
    while batch := list((rows.filter(pk__gt=last) if last is not None else rows)[:_BATCH]):
        last = batch[-1].pk
        old = [row.pk for row in batch if _is_old(row, sealed, hashes)]
        done += len(old)
        with transaction.atomic():
            for row in model._default_manager.select_for_update().filter(pk__in=old):
                row.save(update_fields=names)
        progress.update(len(batch))
    progress.close()
    return done


def _is_old(row: models.Model, sealed: list[SealedTextField], hashes: list[LookupHashField]) -> bool:
    texts = [getattr(row, f"raw_{field.attname}") for field in sealed]
    under_old_seal = any(text and not text.startswith(f"{sealing.current_key()}.") for text in texts)
    return under_old_seal or any(
        getattr(row, field.attname) != (sealing.lookup_hash(value) if (value := getattr(row, field.of)) else "")
        for field in hashes
    )


class Command(BaseCommand):
    """Writes all personal data anew under the first key of each ring; it can be stopped and run again."""

    help = "Seal and hash all personal data anew under the current keys; afterwards old keys may be taken away."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print, for each model, how many rows were written anew."""
        for model, sealed, hashes in models_with_sealed_fields():
            self.stdout.write(f"{model._meta.label}: {rotate(model, sealed, hashes)}")
