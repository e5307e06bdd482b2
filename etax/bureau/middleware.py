"""Where the back office is, and to whom it is open (CFG-05, AUZ-01)."""

from collections.abc import Callable
from dataclasses import replace

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import officers, signins
from accounts.models.signins import EndReason, Proof
from accounts.requests import Request
from etax.errors import error_page

PLACE = "/bureau"
_OPEN_TO_OFFICERS = frozenset(
    {
        "accounts:sign_ins",
        "accounts:end_sign_in",
        "accounts:end_other_sign_ins",
        "accounts:acknowledge",
        "realname:photo",  # beside what a reviewer decides; it knows itself who may look
    }
)


class BureauHostMiddleware:
    """On a host that isn't one of BUREAU_HOSTS there is no back office, not even its missing slash."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asked = request.path_info == PLACE or request.path_info.startswith(PLACE + "/")
        if asked and not _is_here(request):
            return error_page(request, 404)
        return self.get_response(request)


def _is_here(request: HttpRequest) -> bool:
    try:
        host, _port = split_domain_port(request.get_host())
    except DisallowedHost:  # refused by Django itself, further on
        return True
    return "*" in settings.BUREAU_HOSTS or host in settings.BUREAU_HOSTS


class OfficerMiddleware:
    """Keeps the two apart: to an officer little but the back office is open, and the back office to nobody else."""

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        actor = request.actor
        if actor.proof == Proof.OFFICER_SMS and actor.sign_in is not None:
            if not actor.is_officer:
                signins.end(actor.sign_in, EndReason.CAPACITY_LOST, by=actor)
                signins.leave(request)
                return redirect("bureau:login")
            duties = officers.groups_of(officers.require(actor))
            request.actor = replace(actor, position=_("、").join(_(duty) for duty in duties) or _("税务人员"))
        return self.get_response(request)

    def process_view(self, request: Request, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Lead visitors to the officers' door, officers to their own pages; nobody else is told that there are any."""
        match = request.resolver_match
        if match is None or not getattr(view, "login_required", True):
            return None
        actor = request.actor
        if "bureau" not in match.namespaces:
            kept_out = actor.is_officer and match.view_name not in _OPEN_TO_OFFICERS
            return redirect("bureau:index") if kept_out else None
        if actor.person is None:
            return redirect("bureau:login")
        if not actor.is_officer:
            raise Http404
        return None
