"""Around every request: who leaves is told to his systems at once, and a silent question gets no page."""

from collections.abc import Callable

from django.http.response import HttpResponseBase

from accounts import signins
from accounts.requests import Request
from agencies import acting
from etax.models import SystemVisit
from etax.sso import authorisation, logout


class LeavingMiddleware:
    """After a request that ended or replaced the sign-in with which it came, or changed for which client it acts.

    Nothing is asked of the database else. It stands outside everything that leads away from a page, and so it is here
    that a system which asked silently is told so (see `authorisation.answered`).
    """

    def __init__(self, get_response: Callable[[Request], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        before = self._capacity(request)
        response = self.get_response(request)
        if before[0] is not None and self._capacity(request) != before:
            visit = SystemVisit.objects.filter(sign_in__uid=before[0], told_at__isnull=True).first()
            if visit is not None:
                logout.tell_soon(visit.sign_in_id)
        return authorisation.answered(request, response)

    @staticmethod
    def _capacity(request: Request) -> tuple[str | None, str | None]:
        """Which sign-in the session stands for, and by which engagement it acts."""
        return request.session.get(signins.SESSION_KEY), request.session.get(acting.SESSION_KEY)
