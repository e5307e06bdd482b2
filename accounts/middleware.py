"""Who asks: the sign-in behind a request, judged anew every time."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import signins
from accounts.actor import Actor
from accounts.addresses import client_ip
from accounts.models import SignIn
from accounts.models.signins import EndReason
from accounts.requests import Request, is_signing_out
from accounts.words import storable

_PASSWORD_THERE = _("您在该企业的登录方式或该企业的登录密码已变更，请重新切换到该企业。")


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
        lost = sign_in.lost_because if _is_its_owners(request, sign_in) and not is_signing_out(request) else None
        if lost is not None:
            if signins.fall_back(request, sign_in, by=actor):
                messages.warning(request, _PASSWORD_THERE if lost == EndReason.PASSWORD_CHANGED else lost.label)
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


def _is_its_owners(request: Request, sign_in: SignIn) -> bool:
    return sign_in.person.is_active and request.session.get(SESSION_KEY) == str(sign_in.person_id)
