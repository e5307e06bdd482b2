"""忘记密码, page by page (M131 to M136, D21)."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts import claims, flows
from accounts.claims import Claim
from accounts.flows import Progress
from accounts.forms import NewPasswordForm
from accounts.models.messages import Purpose
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from accounts.words import Words
from staff import recovery
from staff.forms import ForgottenEnterpriseForm, ForgottenPersonForm
from staff.views.claims import begin, code_page, resend

_ENTERPRISE, _NATURAL = _("找回企业登录密码"), _("找回自然人登录密码")
_ENTERPRISE_CODE_PAGE = "staff/forgotten_enterprise_code.html"
_SEND_ENTERPRISE, _SEND_NATURAL = "staff:forgotten_enterprise_send", "staff:forgotten_person_send"
_DONE = _("密码已重设，用原密码登录的已全部退出。请用新密码登录。")


@require_safe
@login_not_required
def forgotten(request: Request) -> HttpResponse:
    """Which of the three passwords was forgotten, and the way for each (M66, D21)."""
    return page(request, "staff/forgotten.html")


@get_or_post
@login_not_required
def forgotten_enterprise(request: Request) -> HttpResponse:
    """The firm's number and the phone on file (M133, M134)."""
    form = ForgottenEnterpriseForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        claim = recovery.claim_for_enterprise(form.cleaned_data["code"], form.cleaned_data["phone"])
        answer = begin(request, recovery.ENTERPRISE, Purpose.FORGOTTEN, claim, form)
        if answer is not None:
            return answer
    context = {"form": form, "picture": form.picture, "title": _ENTERPRISE}
    return form_page(request, "staff/forgotten_enterprise.html", context)


@get_or_post
@login_not_required
@flows.step(recovery.ENTERPRISE, "proof")
def forgotten_enterprise_code(request: Request, progress: Progress) -> HttpResponse:
    """The code; a clerk is told afterwards who can (D21)."""
    answer = code_page(
        request,
        progress,
        Purpose.FORGOTTEN,
        title=_ENTERPRISE,
        send_url=_SEND_ENTERPRISE,
        template=_ENTERPRISE_CODE_PAGE,
    )
    if answer is not None:
        return answer
    request.session.cycle_key()
    try:
        recovery.refuse_once_proven(claims.of(progress), by=request.actor)
    except ValidationError as refusal:
        progress.forget()
        messages.warning(request, refusal.messages[0])
        return redirect("staff:forgotten")
    return progress.go_on()


@get_or_post
@login_not_required
@flows.step(recovery.ENTERPRISE, "proof", post_only=True)
def forgotten_enterprise_send(request: Request, progress: Progress) -> HttpResponse:
    """Another code."""
    return resend(
        request,
        progress,
        Purpose.FORGOTTEN,
        title=_ENTERPRISE,
        send_url=_SEND_ENTERPRISE,
        template=_ENTERPRISE_CODE_PAGE,
    )


@sensitive_post_parameters("new_password", "confirm_password")
@get_or_post
@login_not_required
@flows.step(recovery.ENTERPRISE, "done")
def forgotten_enterprise_password(request: Request, progress: Progress) -> HttpResponse:
    """The new enterprise password."""
    return _new_password(request, progress, recovery.set_enterprise_password, title=_ENTERPRISE, then="login")


@get_or_post
@login_not_required
def forgotten_person(request: Request) -> HttpResponse:
    """The account and its owner's real-name phone."""
    form = ForgottenPersonForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        claim = recovery.claim_for_person(form.cleaned_data["username"], form.cleaned_data["phone"])
        answer = begin(request, recovery.NATURAL, Purpose.FORGOTTEN, claim, form)
        if answer is not None:
            return answer
    context = {"form": form, "picture": form.picture, "title": _NATURAL}
    return form_page(request, "staff/forgotten_person.html", context)


@get_or_post
@login_not_required
@flows.step(recovery.NATURAL, "proof")
def forgotten_person_code(request: Request, progress: Progress) -> HttpResponse:
    """The code."""
    answer = code_page(request, progress, Purpose.FORGOTTEN, title=_NATURAL, send_url=_SEND_NATURAL)
    if answer is not None:
        return answer
    request.session.cycle_key()
    return progress.go_on()


@get_or_post
@login_not_required
@flows.step(recovery.NATURAL, "proof", post_only=True)
def forgotten_person_send(request: Request, progress: Progress) -> HttpResponse:
    """Another code."""
    return resend(request, progress, Purpose.FORGOTTEN, title=_NATURAL, send_url=_SEND_NATURAL)


@sensitive_post_parameters("new_password", "confirm_password")
@get_or_post
@login_not_required
@flows.step(recovery.NATURAL, "done")
def forgotten_person_password(request: Request, progress: Progress) -> HttpResponse:
    """The new natural-person password."""
    return _new_password(request, progress, recovery.set_natural_password, title=_NATURAL, then="staff:natural_login")


def _new_password(
    request: Request, progress: Progress, service: Callable[..., None], *, title: Words, then: str
) -> HttpResponse:
    """Set it, forget the passage (it is good once), lead to the door: nobody is signed in by it (RST-02, RST-03)."""
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    claim: Claim = claims.of(progress)
    if request.method == "POST" and form.is_valid():
        try:
            service(claim, form.cleaned_data["new_password"], by=request.actor)
        except ValidationError as refusal:
            form.add_error("new_password" if str(refusal.code).startswith("password_") else None, refusal)
        else:
            progress.forget()
            request.session.cycle_key()
            messages.success(request, _DONE)
            return redirect(then)
    person = claim.person.username if claim.person else ""
    username = claim.taxpayer.code if claim.taxpayer else person
    context = {"form": form, "title": title, "username": username, "login_url": then}
    return form_page(request, "staff/recovered_password.html", context)
