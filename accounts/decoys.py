"""The work of reading rows, for who has none: else the answer to a name that nobody bears came a little sooner (D3)."""

from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Model

from accounts import sealing
from accounts.fields import SealedTextField

_AS_LONG_AS_A_NUMBER = "000000000000000000"


def read(*models: type[Model]) -> None:
    """Make an object of each of these models as reading a row does, sealed fields opened, and forget it (FLOW-09)."""
    for model in models:
        names, values = _row_of(model, tuple(settings.SEALING_KEYS))
        opened = [
            field.from_db_value(value, None, connection) if isinstance(field, SealedTextField) else value
            for field, value in zip(model._meta.concrete_fields, values, strict=True)
        ]
        model.from_db(connection.alias, names, opened)


@cache
def _row_of(model: type[Model], keys: tuple[str, ...]) -> tuple[list[str], list[Any]]:
    """Names and values of a row that nobody has, as the database would hold it under these keys."""
    fields = model._meta.concrete_fields
    values = [
        sealing.seal(_AS_LONG_AS_A_NUMBER, place=field.place)
        if isinstance(field, SealedTextField)
        else field.get_default()
        for field in fields
    ]
    return [field.attname for field in fields], values
