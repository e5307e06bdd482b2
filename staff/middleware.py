"""In what capacity: whether the signed-in person may still act for the taxpayer, judged at every request (D16)."""

from collections.abc import Callable
from dataclasses import replace

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import resolve, reverse

from accounts import audit, passwords, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models.signins import EndReason
from accounts.requests import Request
from staff import standing
from staff.standing import NOT_ADDED, PASSWORD_NOT_SET, REMOVED, Problem, Standing

GetResponse = Callable[[Request], HttpResponse]

_OPEN_BEFORE_THE_CHANGE = frozenset({"staff:step_up", "staff:send_step_up_code", "sign_out"})


class CapacityMiddleware:
    """Completes `request.actor`; who may no longer act for the taxpayer is out, with the reason (D4, SES-05)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        actor = request.actor
        if actor.sign_in is None or actor.person is None or actor.taxpayer is None:
            return self.get_response(request)
        found = standing.of_person(actor.person, actor.taxpayer)
        problem = found.problem
        if problem is None and found.needs_own_password:  # the 111111 state died while he was in (D10, RST-05)
            problem = PASSWORD_NOT_SET
        if problem is not None:
            return self._out(request, REMOVED if problem is NOT_ADDED else problem)
        request.actor = _completed(actor, found)
        return self.get_response(request)

    @staticmethod
    def _out(request: Request, problem: Problem) -> HttpResponse:
        actor = request.actor
        if actor.sign_in is not None:
            signins.end(actor.sign_in, EndReason.CAPACITY_LOST, by=actor)
        audit.record(Kind.CAPACITY_LOST, by=actor, reason=problem.code)
        signins.leave(request)
        messages.error(request, str(problem.text))
        messages.info(request, str(problem.next_step))
        return redirect("login")


def _completed(actor: Actor, found: Standing) -> Actor:
    membership = found.membership
    credential = membership.signing_credential if membership else None
    return replace(
        actor,
        functions=found.held_functions(),
        is_lead=found.is_lead,
        is_manager=found.is_lead or (membership is not None and membership.is_manager),
        holds_reset=credential is not None and credential.is_temporary,
        holds_printed=found.is_lead and found.holds_printed,
        has_old_password=passwords.is_too_old(credential),
        position=str(found.position.label),
    )


class MustChangePasswordMiddleware:
    """In the 111111 state every address leads to 【修改密码】 (D10, RST-04).

    With the password that the counter printed, every address of LR and FR leads to 【修改企业密码】 (D22).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Request, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Lead away from every view but the few that end the state; pictures and other open views stay open."""
        actor = request.actor
        if not (actor.holds_reset or actor.holds_printed) or not getattr(view, "login_required", True):
            return None
        page = "staff:change_password" if actor.holds_reset else "staff:change_enterprise_password"
        if resolve(request.path_info).view_name in {page, *_OPEN_BEFORE_THE_CHANGE}:
            return None
        return redirect(reverse(page))
