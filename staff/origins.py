"""From which of the two lists of a firm's people something was begun, and so where it leads back to (M23, M147)."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from accounts.requests import Request
from accounts.words import Words


@dataclass(frozen=True, slots=True)
class Origin:
    """A list: its address, the words of the way back, what its last button says, and the query that remembers it."""

    url_name: str
    back: Words
    adding: Words
    query: str = ""


MEMBERS = Origin("staff:members", _("返回企业人员维护"), _("确定"))
AUTHORISATIONS = Origin("staff:authorisations", _("返回用户授权管理"), _("授权"), "?from=authorisations")


def origin_of(request: Request) -> Origin:
    """企业人员维护, or 用户授权管理 where the address says so and the actor may open it."""
    if request.GET.get("from") == "authorisations" and request.actor.is_lead:
        return AUTHORISATIONS
    return MEMBERS
