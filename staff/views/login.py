"""普通登录, page by page (M11 to M35)."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import browsers, flows
from accounts.flows import Progress
from accounts.forms import NewPasswordForm, SmsCodeForm
from accounts.models import Taxpayer
from accounts.pages import form_page, page
from accounts.requests import Request
from staff import enterprise, handover, ordinary, standing
from staff.forms import OrdinaryLoginForm, PersonalPasswordForm, PersonChoiceForm
from staff.ordinary import FLOW, START_AGAIN, Chosen
from staff.steps import steps_at

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
def login(request: Request) -> HttpResponse:
    """Number, enterprise password, picture code, agreement; then on to the person, or out to the 社保费征收系统."""
    form = OrdinaryLoginForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        subject = browsers.subject(request, enterprise.account_word(code))
        try:
            taxpayer = enterprise.check_password(code, form.cleaned_data["password"], subject=subject, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _first_factor_is_right(request, taxpayer)
    return form_page(request, "staff/login.html", {"form": form, "picture": form.picture, "steps": steps_at(0)})


def _first_factor_is_right(request: Request, taxpayer: Taxpayer) -> HttpResponse:
    if taxpayer.kind == Taxpayer.Kind.SOCIAL_INSURANCE:
        return redirect(handover.issue(taxpayer, by=request.actor))
    ordinary.begin(request, taxpayer)
    return redirect("staff:choose_person")


def _start_again(request: Request, progress: Progress) -> HttpResponse:
    progress.forget()
    messages.warning(request, START_AGAIN)
    return redirect("login")


@get_or_post
@login_not_required
@flows.step(FLOW, "person")
def choose_person(request: Request, progress: Progress) -> HttpResponse:
    """Everybody of the firm, names masked; whoever can't be chosen with the reason and the next step (D4)."""
    form = PersonChoiceForm(request.POST if request.method == "POST" else None)
    try:
        taxpayer = ordinary.taxpayer_of(progress)
        if request.method == "POST" and form.is_valid():
            ordinary.choose(progress, form.cleaned_data["person"], by=request.actor)
            return redirect("staff:verify_by_sms")
    except ValidationError as refusal:
        if refusal.code == "start_again":
            return _start_again(request, progress)
        form.add_error(None, refusal)
    first_is_due = standing.first_sign_in_is_due(taxpayer)
    people = [(each, each.problem_at_sign_in(first_is_due=first_is_due)) for each in standing.of_all(taxpayer)]
    people.sort(key=lambda pair: pair[1] is not None)  # who can be chosen comes first
    context = {"form": form, "taxpayer": taxpayer, "people": people, "first_is_due": first_is_due}
    return form_page(request, "staff/choose_person.html", {**context, "steps": steps_at(1)})


def _chosen(request: Request, progress: Progress) -> Chosen | HttpResponse:
    """Firm and person, or the way back when they no longer hold."""
    try:
        return ordinary.chosen_of(progress)
    except ValidationError as refusal:
        if refusal.code == "start_again":
            return _start_again(request, progress)
        messages.error(request, refusal.messages[0])
        return redirect("staff:choose_person")


def _verify_context(progress: Progress, chosen: Chosen) -> dict[str, Any]:
    return {
        "chosen": chosen,
        "taxpayer": chosen.taxpayer,
        "phone": chosen.phone,
        "countdown": ordinary.seconds_until_next_code(progress, chosen),
        "steps": steps_at(2),
    }


@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def verify_by_sms(request: Request, progress: Progress) -> HttpResponse:
    """短信登录: a code to the phone on file, or why none can be sent (M18 to M20, M90 to M93)."""
    chosen = _chosen(request, progress)
    if isinstance(chosen, HttpResponse):
        return chosen
    form = SmsCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            ordinary.verify_by_code(progress, chosen, form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _go_in(request, progress, chosen)
    return form_page(request, "staff/verify_by_sms.html", {**_verify_context(progress, chosen), "form": form})


@require_POST
@login_not_required
@flows.step(FLOW, "proof")
def send_code(request: Request, progress: Progress) -> HttpResponse:
    """获取验证码 (M20)."""
    chosen = _chosen(request, progress)
    if isinstance(chosen, HttpResponse):
        return chosen
    form = SmsCodeForm(None)
    try:
        ordinary.send_code(progress, chosen, by=request.actor)
    except ValidationError as refusal:
        context = {**_verify_context(progress, chosen), "form": form, "refusal": refusal.messages[0]}
        return page(request, "staff/verify_by_sms.html", context, status=400)
    messages.success(request, _("验证码已发送至%(phone)s，5分钟内有效。") % {"phone": chosen.phone.masked})
    return redirect("staff:verify_by_sms")


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def verify_by_password(request: Request, progress: Progress) -> HttpResponse:
    """密码登录: the personal password (M33, M34, M88, M95)."""
    chosen = _chosen(request, progress)
    if isinstance(chosen, HttpResponse):
        return chosen
    form = PersonalPasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            subject = browsers.subject(request, ordinary.personal_account(chosen.standing))
            password = form.cleaned_data["password"]
            ordinary.verify_by_password(progress, chosen, password, subject=subject, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _go_in(request, progress, chosen)
    context = {
        **_verify_context(progress, chosen),
        "form": form,
        "not_set": form.has_error("__all__", "password_not_set"),
    }
    return form_page(request, "staff/verify_by_password.html", context)


@sensitive_post_parameters("new_password", "confirm_password")
@get_or_post
@login_not_required
@flows.step(FLOW, "own_password")
def set_password(request: Request, progress: Progress) -> HttpResponse:
    """The personal password that a first sign-in asks for (M21, M22)."""
    chosen = _chosen(request, progress)
    if isinstance(chosen, HttpResponse):
        return chosen
    if progress.has("own_password"):
        return _go_in(request, progress, chosen)
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            ordinary.set_first_password(progress, chosen, form.cleaned_data["new_password"], by=request.actor)
        except ValidationError as refusal:
            form.add_error("new_password", refusal)
        else:
            return _go_in(request, progress, chosen)
    context = {"form": form, "chosen": chosen, "taxpayer": chosen.taxpayer, "steps": steps_at(2)}
    return form_page(request, "staff/set_password.html", context)


def _go_in(request: Request, progress: Progress, chosen: Chosen) -> HttpResponse:
    """To the next missing fact, under a new session id; or in."""
    if progress.next_url_name is not None:
        request.session.cycle_key()
        return progress.go_on()
    try:
        ordinary.finish(request, progress, chosen, by=request.actor)
    except ValidationError:
        return _start_again(request, progress)
    response = redirect("home")
    accounts = [enterprise.account_word(chosen.taxpayer.code), ordinary.personal_account(chosen.standing)]
    browsers.remember(request, response, accounts)
    return response
