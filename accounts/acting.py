"""What stays open while somebody acts for a client of his agency: closed by default, opened at the view (D23)."""

from collections.abc import Callable
from typing import TypeVar

View = TypeVar("View", bound=Callable[..., object])
_MARK = "is_open_while_acting"


def open_while_acting(view: View) -> View:
    """Mark a view that concerns the client, or nobody's rows at all. Wrappers outside keep the mark."""
    setattr(view, _MARK, True)
    return view


def is_open_while_acting(view: object) -> bool:
    """Whether the view bears the mark."""
    return getattr(view, _MARK, False) is True
