"""Guards of the agency's views."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.translation import gettext as _

from accounts import audit
from accounts.audit import Kind
from accounts.requests import Request
from agencies.acting import person_and_agency
from staff.decorators import manager_required

P = ParamSpec("P")
View = Callable[Concatenate[Request, P], HttpResponse]


def agency_required(view: View[P]) -> View[P]:
    """Open a view to whoever is signed in for an agency, acting for a client or not."""

    @functools.wraps(view)
    def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if person_and_agency(request.actor) is None:
            audit.record(Kind.ACT_REFUSED, by=request.actor, reason="not_an_agency", page=request.path)
            raise PermissionDenied(_("只有涉税代理机构可以使用此功能。请用【代理机构登录】登录。"))
        return view(request, *args, **kwargs)

    return guarded


def agency_manager_required(view: View[P]) -> View[P]:
    """Open a view to an agency's LR and FR, and to whom they gave 管理权限 (D8, D15)."""
    return agency_required(manager_required(view))
