"""For which client: whether the handler may still act for it, judged at every request (D16, D23, AUZ-06)."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import audit
from accounts.acting import is_open_while_acting
from accounts.audit import Kind
from accounts.requests import Request, is_signing_out
from agencies import acting, standing
from agencies.standing import Standing


class ClientMiddleware:
    """Completes `request.actor` with the client; who may no longer act for it is led to the list of clients.

    Whatever he was about to do is dropped: a client's form must never land on the agency itself.
    """

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        chosen = request.session.get(acting.SESSION_KEY)
        if chosen is None or is_signing_out(request):
            return self.get_response(request)
        whose = acting.person_and_agency(request.actor)
        if whose is None:  # signed out meanwhile: there is nobody to act for anybody
            del request.session[acting.SESSION_KEY]
            return self.get_response(request)
        found = standing.of(UUID(chosen), *whose)
        if found.engagement is None or found.problem is not None:
            return self._out(request, found)
        request.actor = acting.completed(request.actor, found.engagement)
        return self.get_response(request)

    @staticmethod
    def _out(request: Request, found: Standing) -> HttpResponse:
        problem = found.problem or standing.NOT_FOUND
        client = found.engagement.client if found.engagement is not None else None
        by = replace(request.actor, via=request.actor.taxpayer)
        audit.record(Kind.CLIENT_LOST, by=by, taxpayer=client, reason=problem.code)
        acting.forget(request, by=by)
        name = client.name if client is not None else ""
        messages.error(request, _("已退出代理%(client)s：%(why)s。") % {"client": name, "why": problem.text})
        if request.method not in ("GET", "HEAD"):
            messages.warning(request, _("刚才提交的内容没有保存。"))
        messages.info(request, str(problem.next_step))
        return redirect("agencies:clients")

    def process_view(self, request: Request, view: object, args: object, kwargs: object) -> None:
        """While acting only what is marked is open, whatever it asks for itself (D23); who signs out leaves the client.

        Raises PermissionDenied, with an entry in the record, for the rest: own password, staff, identities, binding.
        """
        if is_signing_out(request) and acting.person_and_agency(request.actor) is not None:
            acting.leave(request, by=request.actor)
        if request.actor.via is None or not getattr(view, "login_required", True) or is_open_while_acting(view):
            return
        audit.record(Kind.ACT_REFUSED, by=request.actor, reason="acting", page=request.path)
        raise PermissionDenied(
            _("代理办税期间不能办理此事项。请先点击页面上方的【退出代理】，再以本人所在企业的身份办理。")
        )
