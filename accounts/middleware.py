"""Who asks: the sign-in behind a request, judged anew every time."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import signins
from accounts.actor import Actor
from accounts.addresses import client_ip
from accounts.models import SignIn
from accounts.models.signins import LOSSES, EndReason
from accounts.requests import Request, is_signing_out
from accounts.words import storable


class ActorMiddleware:
    """Sets `request.actor`; ends a sign-in that must not go on, and says why (D16, SES-05)."""

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        visitor = Actor(
            ip=client_ip(request),
            request_id=request.request_id,
            browser=storable(request.headers.get("User-Agent", ""))[:200],
        )
        request.actor = visitor
        sign_in = signins.current(request)
        if sign_in is None:
            if SESSION_KEY in request.session:  # a session that no door of ours made
                signins.leave(request)
            return self.get_response(request)
        reason = self._why_out(request, sign_in)
        actor = Actor(
            person=sign_in.person,
            taxpayer=sign_in.taxpayer,
            sign_in=sign_in,
            ip=visitor.ip,
            request_id=visitor.request_id,
            browser=visitor.browser,
        )
        if reason == EndReason.SWITCHED and request.path != reverse("home"):
            return redirect("home")  # another tab has just switched; this browser has its new session id already
        if self._falls_back(request, sign_in) and not is_signing_out(request):
            signins.fall_back(request, sign_in, by=actor)
            messages.warning(request, EndReason(sign_in.ended_because).label)
            return redirect("staff:capacity")
        if reason is not None:
            signins.end(sign_in, reason, by=actor)
            signins.leave(request)
            messages.warning(request, reason.label)
            return redirect(signins.door_of(sign_in))
        signins.seen(sign_in)
        request.user = sign_in.person
        request.actor = actor
        return self.get_response(request)

    @staticmethod
    def _why_out(request: Request, sign_in: SignIn) -> EndReason | None:
        if sign_in.ended_at is not None:
            return EndReason(sign_in.ended_because)
        if not _is_its_owners(request, sign_in):
            return EndReason.CAPACITY_LOST
        return sign_in.why_over()

    @staticmethod
    def _falls_back(request: Request, sign_in: SignIn) -> bool:
        """Whether only a capacity that was switched to was lost, and what proved the session still holds (D16)."""
        is_lost = sign_in.ended_because in LOSSES and sign_in.rests_on_another
        return is_lost and _is_its_owners(request, sign_in) and sign_in.why_over() is None


def _is_its_owners(request: Request, sign_in: SignIn) -> bool:
    return sign_in.person.is_active and request.session.get(SESSION_KEY) == str(sign_in.person_id)
