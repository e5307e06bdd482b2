"""Telling downstream systems at once when somebody leaves the portal in this request."""

from collections.abc import Callable

from django.http.response import HttpResponseBase

from accounts import signins
from accounts.requests import Request
from etax.models import SystemVisit
from etax.sso import logout


class LeavingMiddleware:
    """After a request that ended or replaced the sign-in with which it came; nothing is asked of the database else."""

    def __init__(self, get_response: Callable[[Request], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        before = request.session.get(signins.SESSION_KEY)
        response = self.get_response(request)
        if before is not None and request.session.get(signins.SESSION_KEY) != before:
            visit = SystemVisit.objects.filter(sign_in__uid=before, told_at__isnull=True).first()
            if visit is not None:
                logout.tell_soon(visit.sign_in_id)
        return response
