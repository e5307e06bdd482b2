"""The function tree's words for templates of the floors below, which know only its codes."""

from collections.abc import Iterable

from django import template
from django.utils.translation import gettext as _

from staff import functions

register = template.Library()


@register.filter
def function_names(codes: Iterable[str] | None) -> str:
    """The names of these functions, in the tree's order; what has left the tree shows by its code."""
    given = set(codes or ())
    known = [str(leaf.name) for code, leaf in functions.FUNCTIONS.items() if code in given]
    return str(_("、")).join([*known, *sorted(given - functions.ALL)])
