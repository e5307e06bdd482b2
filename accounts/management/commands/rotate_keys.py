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
    raw = {f"raw_{field.attname}": Cast(F(field.attname), models.TextField()) for field in sealed}
    keys = model._default_manager.order_by("pk").values_list("pk", flat=True)
    done, broken, last = 0, 0, None
    size = getattr(model, "ROTATION_BATCH", _BATCH)  # smaller for rows that hold pictures
    progress = tqdm(desc=model._meta.label, unit=" rows", total=keys.count())
    while batch := list((keys.filter(pk__gt=last) if last is not None else keys)[:size]):
        last = batch[-1]
        for row in _opened(model, batch, raw):
            if row is None:
                broken += 1
            elif _is_old(row, sealed, hashes):
                row.save(update_fields=[field.attname for field in (*sealed, *hashes)])
                done += 1
        progress.update(len(batch))
    progress.close()
    return done, broken


def _opened(model: type[models.Model], keys: list[Any], raw: dict[str, Any]) -> Iterator[models.Model | None]:
    """These rows, locked and opened; None, and a line in the log, for each that can't be."""
    rows = model._default_manager.select_for_update().annotate(**raw)
    with transaction.atomic():
        try:
            yield from list(rows.filter(pk__in=keys))
            return
        except sealing.SealBroken:
            pass
        for key in keys:
            try:
                yield rows.get(pk=key)
            except sealing.SealBroken:
                logger.exception("%s %s can't be opened and stays as it is", model._meta.label, key)
                yield None


def _is_old(row: models.Model, sealed: list[SealedTextField], hashes: list[LookupHashField]) -> bool:
    """Whether a seal isn't under the first key, or a hash isn't the one that its seal's content has now."""
    seals = [getattr(row, f"raw_{field.attname}") for field in sealed]
    if any(seal and not seal.startswith(f"{sealing.current_key()}.") for seal in seals):
        return True
    contents = {field.attname: getattr(row, field.of) for field in hashes}
    return any(getattr(row, name) != (sealing.lookup_hash(text) if text else "") for name, text in contents.items())


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
