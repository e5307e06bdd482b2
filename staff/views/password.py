"""修改密码, and the code to the phone that a weaker sign-in needs before it (M73, M74, M78, D10, D15)."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import browsers, signins, sms
from accounts.forms import ChangePasswordForm, NewPasswordForm, SmsCodeForm
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from staff import interrupted, stepup
from staff.decorators import fresh_code_required, new_code_required
from staff.services import own_password

_PERSONAL_CHANGED = gettext_lazy("个人登录密码已修改，其他地方的登录已全部退出。")
_NATURAL_CHANGED = gettext_lazy("自然人登录密码已修改，其他地方的登录已全部退出。")


@sensitive_post_parameters("old_password", "new_password", "confirm_password")
@get_or_post
@fresh_code_required
def change_password(request: Request) -> HttpResponse:
    """旧密码, 新密码, 确认新密码, 验证码, and 【保存】 at the top left (M74)."""
    form = ChangePasswordForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        old, new = form.cleaned_data["old_password"], form.cleaned_data["new_password"]
        try:
            credential = own_password.change(old, new, subject=partial(browsers.subject, request), by=request.actor)
        except ValidationError as refusal:
            form.add_error("new_password" if str(refusal.code).startswith("password_") else None, refusal)
        else:
            signins.renew_session(request, credential)
            messages.success(request, _PERSONAL_CHANGED if request.actor.taxpayer else _NATURAL_CHANGED)
            return redirect("home")
    return form_page(request, "staff/change_password.html", {"form": form, "picture": form.picture})


@sensitive_post_parameters("new_password", "confirm_password")
@get_or_post
@new_code_required
def set_password_anew(request: Request) -> HttpResponse:
    """Another personal password in the place of a forgotten one, after a code of the last five minutes (D21)."""
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            credential = own_password.set_anew(form.cleaned_data["new_password"], by=request.actor)
        except ValidationError as refusal:
            form.add_error("new_password" if str(refusal.code).startswith("password_") else None, refusal)
        else:
            signins.renew_session(request, credential)
            messages.success(request, _PERSONAL_CHANGED)
            return redirect("home")
    return form_page(request, "staff/set_password_anew.html", {"form": form})


def _next(request: Request) -> str:
    """Where to go on after the code: an address of this portal, or home."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if safe else reverse("home")


def _context(request: Request, way: stepup.StepUp, form: SmsCodeForm) -> dict[str, Any]:
    countdown = way.seconds_until_next_code()
    return {"form": form, "phone": way.phone, "countdown": countdown, "next": _next(request)}


@get_or_post
def step_up(request: Request) -> HttpResponse:
    """Prove yourself by a code to the phone on file; good for five minutes (D15)."""
    way = stepup.of(request.actor)
    form = SmsCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            sms.check_code(way.binding(), form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            if request.actor.sign_in is not None:
                signins.step_up(request, request.actor.sign_in)
            waiting = interrupted.take(request, back=_next(request))
            if waiting is not None:
                return page(request, "staff/go_on.html", {"waiting": waiting, "next": _next(request)})
            return redirect(_next(request))
    return form_page(request, "staff/step_up.html", _context(request, way, form))


@require_POST
def send_step_up_code(request: Request) -> HttpResponse:
    """获取验证码 for the step up."""
    way = stepup.of(request.actor)
    try:
        sms.send_code(way.binding(), by=request.actor)
    except ValidationError as refusal:
        context = {**_context(request, way, SmsCodeForm(None)), "refusal": refusal.messages[0]}
        return page(request, "staff/step_up.html", context, status=400)
    messages.success(request, _("验证码已发送至%(phone)s，5分钟内有效。") % {"phone": way.phone.masked})
    return page(request, "staff/step_up.html", _context(request, way, SmsCodeForm(None)))
