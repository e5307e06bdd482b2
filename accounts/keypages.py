"""Paging by key: newest first, no counting, no offset, so that page and size don't slow each other (D33)."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

M = TypeVar("M", bound=Model)
LONGEST_KEY = 18
"""Digits of a key, at most."""


@dataclass(frozen=True, slots=True)
class KeyPage(Generic[M]):
    """One page of rows; `newer` and `older` are the keys to go on from, or None at an end."""

    rows: list[M]
    newer: int | None
    older: int | None

    def links(self, kept: dict[str, str]) -> "PageLinks":
        """The addresses of the neighbouring pages, keeping these parameters of the search."""
        return PageLinks(
            f"?{urlencode({**kept, 'after': self.newer})}" if self.newer else "",
            f"?{urlencode({**kept, 'before': self.older})}" if self.older else "",
        )


@dataclass(frozen=True, slots=True)
class PageLinks:
    """Where 上一页 and 下一页 lead; empty at an end."""

    newer_url: str
    older_url: str


def page_of(rows: QuerySet[M], *, size: int, before: int | None = None, after: int | None = None) -> KeyPage[M]:
    """The page of rows older than one primary key, or newer than another, or the newest."""
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        return KeyPage(found, found[0].pk if more and found else None, found[-1].pk if found else None)
    older_than = rows.filter(pk__lt=before) if before is not None else rows
    found = list(older_than.order_by("-pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    return KeyPage(found, found[0].pk if before is not None and found else None, found[-1].pk if more else None)


def keys_of(request: HttpRequest) -> dict[str, int]:
    """`before` or `after` out of the address. Raises Http404 for what is no key."""
    keys = {name: request.GET[name] for name in ("before", "after") if name in request.GET}
    for text in keys.values():
        if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_KEY):
            raise Http404
    return {name: int(text) for name, text in keys.items()}
