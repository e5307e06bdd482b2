"""The command `manage.py rotate_keys`."""

import logging
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Cast
from tqdm import tqdm

from accounts import sealing
from accounts.fields import LookupHashField, SealedTextField

logger = logging.getLogger(__name__)

_BATCH = 500


def models_with_sealed_fields() -> Iterator[tuple[type[models.Model], list[SealedTextField], list[LookupHashField]]]:
    """Every model that keeps something sealed, with its sealed fields and their look-up hashes."""
    for model in apps.get_models():
        fields = model._meta.concrete_fields
        sealed = [field for field in fields if isinstance(field, SealedTextField)]
        if sealed:
            yield model, sealed, [field for field in fields if isinstance(field, LookupHashField)]


def rotate(model: type[models.Model], sealed: list[SealedTextField], hashes: list[LookupHashField]) -> tuple[int, int]:
    """Seal and hash anew every row not under the current keys yet; how many were, and how many couldn't be opened."""
    rows = _raw(model, sealed, hashes)
    names = [field.attname for field in (*sealed, *hashes)]
    done, broken, last = 0, 0, None
    progress = tqdm(desc=model._meta.label, unit=" rows", total=rows.count())
    while batch := list((rows.filter(pk__gt=last) if last is not None else rows)[:_BATCH]):
        last = batch[-1]["pk"]
        for row in batch:
            if _is_old(row, sealed, hashes):
                renewed = _renew(model, row["pk"], names)
                done, broken = done + renewed, broken + (not renewed)
        progress.update(len(batch))
    progress.close()
    return done, broken


def _raw(model: type[models.Model], sealed: list[SealedTextField], hashes: list[LookupHashField]) -> Any:
    """Seals and hashes as they are stored, unopened."""
    seals = {f"raw_{field.attname}": Cast(F(field.attname), models.TextField()) for field in sealed}
    return model._default_manager.order_by("pk").values("pk", *(field.attname for field in hashes), **seals)


def _is_old(row: dict[str, Any], sealed: list[SealedTextField], hashes: list[LookupHashField]) -> bool:
    """Whether a seal isn't under the first key, or a hash isn't, or has fallen behind the seal it is of."""
    seals = [row[f"raw_{field.attname}"] for field in sealed]
    if any(seal and not seal.startswith(f"{sealing.current_key()}.") for seal in seals):
        return True
    current = f"{sealing.current_lookup_key()}:"
    return any(bool(row[f"raw_{h.of}"]) != row[h.attname].startswith(current) for h in hashes)


def _renew(model: type[models.Model], pk: Any, names: list[str]) -> bool:
    """Write one row anew; False, and a line in the log, where it can't be opened."""
    try:
        with transaction.atomic():
            model._default_manager.select_for_update().get(pk=pk).save(update_fields=names)
    except sealing.SealBroken:
        logger.exception("%s %s can't be opened and stays as it is", model._meta.label, pk)
        return False
    return True


class Command(BaseCommand):
    """Writes all personal data anew under the first key of each ring; it can be stopped and run again."""

    help = "Seal and hash all personal data anew under the current keys; afterwards old keys may be taken away."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print, for each model, how many rows were written anew.

        Raises CommandError, once all others are done, where some can't be opened.
        """
        unopened = 0
        for model, sealed, hashes in models_with_sealed_fields():
            done, broken = rotate(model, sealed, hashes)
            unopened += broken
            self.stdout.write(f"{model._meta.label}: {done}")
        if unopened:
            raise CommandError(f"{unopened} rows can't be opened with the keys of the ring: see the log")
