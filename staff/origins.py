"""From which of the two lists of a firm's people something was begun, and so where it leads back to (M23, M147).

What was searched for, and the page of it, is carried along in `list`: not as an address, which could lead anywhere, but
as the list's own parameters, of which none but those it knows are believed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.keypages import LONGEST_KEY
from accounts.requests import Request
from accounts.words import Words
from staff.members import State

_LONGEST = 500


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_KEY


_CARRIED: dict[str, Callable[[str], bool]] = {
    "name": lambda text: text.isprintable(),
    "state": lambda text: text in State.values,
    "before": _is_key,
    "after": _is_key,
}
"""The lists' own parameters, and what each may be."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A list: its address, the words of the way back, what its last button says, and where in it one was."""

    url_name: str
    back: Words
    adding: Words
    source: str = ""
    position: str = ""

    @property
    def url(self) -> str:
        """The way back to where in the list one was."""
        return reverse(self.url_name) + (f"?{self.position}" if self.position else "")

    @property
    def query(self) -> str:
        """What an address carries on so that the list is remembered; empty for the whole of 企业人员维护."""
        carried = {"from": self.source, "list": self.position}
        text = urlencode({name: value for name, value in carried.items() if value})
        return f"?{text}" if text else ""


MEMBERS = Origin("staff:members", _("返回企业人员维护"), _("确定"))
AUTHORISATIONS = Origin("staff:authorisations", _("返回用户授权管理"), _("授权"), "authorisations")


def origin_of(request: Request) -> Origin:
    """企业人员维护, or 用户授权管理 where the address says so and the actor may open it; and where in it."""
    is_other = request.GET.get("from") == AUTHORISATIONS.source and request.actor.is_lead
    return at(AUTHORISATIONS if is_other else MEMBERS, request.GET.get("list", ""))


def here(origin: Origin, request: Request) -> Origin:
    """The list that this very request shows, at where it is."""
    return at(origin, request.GET.urlencode())


def at(origin: Origin, carried: str) -> Origin:
    """The list at where these parameters of it say, as far as they are its own."""
    try:
        given = parse_qsl(carried if len(carried) <= _LONGEST else "", max_num_fields=len(_CARRIED) * 2)
    except ValueError:  # more fields than the list has
        given = []
    known = {name: value for name, value in given if name in _CARRIED and _CARRIED[name](value)}
    return replace(origin, position=urlencode(known))
