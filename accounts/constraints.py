"""What the database refuses by itself, said in one way everywhere."""

from django.db import models
from django.db.models import F, Q


def one_of(field: str, choices: type[models.TextChoices], *, name: str) -> models.CheckConstraint:
    """The column holds one of the choices and nothing else."""
    return models.CheckConstraint(condition=Q(**{f"{field}__in": choices.values}), name=name)


def in_order(earlier: str, later: str, *, name: str) -> models.CheckConstraint:
    """The later date, where there is one, isn't before the earlier."""
    later_missing = Q(**{f"{later}__isnull": True})
    return models.CheckConstraint(condition=later_missing | Q(**{f"{later}__gte": F(earlier)}), name=name)


def not_empty(field: str, *, name: str) -> models.CheckConstraint:
    """The text column isn't the empty string."""
    return models.CheckConstraint(condition=~Q(**{field: ""}), name=name)
