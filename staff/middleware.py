"""In what capacity: whether the signed-in person may still act for the taxpayer, judged at every request (D16)."""

from collections.abc import Callable
from dataclasses import replace

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, passwords, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Credential, SignIn, Taxpayer
from accounts.models.signins import EndReason
from accounts.passwords import Whose
from accounts.requests import Request, is_signing_out
from staff import standing
from staff.standing import NOT_ADDED, PASSWORD_NOT_SET, REMOVED, Problem, Standing

GetResponse = Callable[[Request], HttpResponse]

_OPEN_WITHOUT_CAPACITY = frozenset({"staff:capacity", "staff:switch", "staff:send_switch_code", "sign_out"})
_OPEN_BEFORE_THE_CHANGE = frozenset({"staff:step_up", "staff:send_step_up_code", "sign_out"})


class CapacityMiddleware:
    """Completes `request.actor`; who may no longer act for the taxpayer is out, with the reason (D4, SES-05)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        actor = request.actor
        if actor.sign_in is None or actor.person is None or is_signing_out(request):
            return self.get_response(request)
        proving = actor.sign_in.origin.taxpayer if actor.sign_in.origin and actor.sign_in.rests_on_another else None
        if proving is not None:  # the capacity that proved the session goes first: with it, all is lost
            problem = problem_of(standing.of_person(actor.person, proving), actor.sign_in)
            if problem is not None:
                return self._out(request, actor.sign_in, proving, problem)
        if actor.taxpayer is None:
            return self.get_response(request)
        found = standing.of_person(actor.person, actor.taxpayer)
        problem = problem_of(found, actor.sign_in)
        if problem is not None:
            return self._lost(request, actor.sign_in, actor.taxpayer, problem)
        request.actor = completed(actor, found)
        return self.get_response(request)

    def _lost(self, request: Request, sign_in: SignIn, taxpayer: Taxpayer, problem: Problem) -> HttpResponse:
        """Out, or on to 切换身份 where another capacity proved the session (D16)."""
        if not sign_in.rests_on_another:
            return self._out(request, sign_in, taxpayer, problem)
        if signins.fall_back(request, sign_in, by=request.actor):
            audit.record(Kind.CAPACITY_LOST, by=request.actor, reason=_said(problem).code)
            _say(request, problem)
        return redirect("staff:capacity")

    @staticmethod
    def _out(request: Request, sign_in: SignIn, taxpayer: Taxpayer, problem: Problem) -> HttpResponse:
        signins.end(sign_in, EndReason.CAPACITY_LOST, by=request.actor)
        audit.record(Kind.CAPACITY_LOST, by=request.actor, taxpayer=taxpayer, reason=_said(problem).code)
        signins.leave(request)
        if sign_in.rests_on_another:
            text = _("本次登录由您在%(firm)s的身份验证，该身份已不能使用，为了安全已退出。")
            messages.warning(request, text % {"firm": f"“{taxpayer.name}”"})
        _say(request, problem)
        return redirect("login")


def problem_of(found: Standing, sign_in: SignIn) -> Problem | None:
    """Why he may not go on there."""
    if found.problem is None and _has_outlived_the_reset(found, sign_in):
        return PASSWORD_NOT_SET
    return found.problem


def _has_outlived_the_reset(found: Standing, sign_in: SignIn) -> bool:
    """Whether the 111111 state in which this sign-in began is over, and no password was set in it (D10, RST-05)."""
    credential = found.membership.signing_credential if found.membership else None
    if credential is None or credential.is_set or credential.temporary_until is None:
        return False
    return sign_in.started_at < credential.temporary_until <= timezone.now()


def _said(problem: Problem) -> Problem:
    """To who was in before, not being added means that he was removed."""
    return REMOVED if problem is NOT_ADDED else problem


def _say(request: Request, problem: Problem) -> None:
    said = _said(problem)
    messages.error(request, str(said.text))
    messages.info(request, str(said.next_step))


def completed(actor: Actor, found: Standing) -> Actor:
    """The actor with what his standing in the taxpayer gives him."""
    membership = found.membership
    credential = membership.signing_credential if membership else None
    return replace(
        actor,
        functions=found.held_functions(),
        is_lead=found.is_lead,
        is_manager=found.is_lead or (membership is not None and membership.is_manager),
        holds_reset=credential is not None and credential.is_temporary,
        holds_printed=found.is_lead and found.holds_printed,
        old_passwords=_old_passwords(found, credential),
        position=str(found.position.label),
    )


def _old_passwords(found: Standing, own: Credential | None) -> frozenset[Whose]:
    """The password that he signs in with, and a lead's that of the firm, where he should change them (D12)."""
    is_bound = found.membership is not None and found.membership.is_bound
    enterprise = found.taxpayer.credential if found.is_lead else None
    return passwords.too_old({Whose.NATURAL if is_bound else Whose.PERSONAL: own, Whose.ENTERPRISE: enterprise})


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


class MustChooseCapacityMiddleware:
    """After the loss of a capacity that was switched to, every address leads to 切换身份 until one is chosen (D16)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Request, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Lead away from every view but those of 切换身份; pictures and other open views stay open."""
        if not signins.must_choose(request) or not getattr(view, "login_required", True):
            return None
        if request.actor.sign_in is None or resolve(request.path_info).view_name in _OPEN_WITHOUT_CAPACITY:
            return None
        return redirect(reverse("staff:capacity"))
