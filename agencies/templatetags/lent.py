"""Which agencies act with an identity: asked by pages of the staff floor, which knows nothing of agencies."""

from collections.abc import Iterable

from django import template

from agencies.models import Engagement
from staff import functions
from staff.models import Identity

register = template.Library()
_MOST = 50


@register.simple_tag
def engagements_with(identity: Identity | None) -> list[Engagement]:
    """The recognised engagements that lend this identity, fifty at most; none where there is no identity yet."""
    if identity is None:
        return []
    lending = Engagement.objects.recognised().filter(identity=identity)
    return list(lending.select_related("agency").order_by("agency__name", "pk")[:_MOST])


@register.filter
def lendable(codes: Iterable[str]) -> list[str]:
    """Those of the functions that an agency may use at all (D23)."""
    return sorted(functions.LENDABLE.intersection(codes))
