"""申报密码: the notice and the look (M121 to M125), and 【个人中心】-【企业办税权限】 with the reset (M114 to M118)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from accounts import sms
from accounts.forms import SmsCodeForm
from accounts.models import Taxpayer
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from realname import phones
from staff import finding, standing
from staff.declaration_forms import DeclarationNoticeForm, ResetDeclarationPasswordForm
from staff.decorators import function_required
from staff.services import declaration as services

holder_required = function_required(services.FUNCTION)
PEOPLE_SHOWN = 50


@get_or_post
@holder_required
def declaration(request: Request) -> HttpResponse:
    """申报说明; once 查看申报密码 is ticked at its bottom, a code goes to the phone (M123, M124)."""
    form = DeclarationNoticeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            _send(request)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return redirect("staff:declaration_code")
    own = services.OWN_PASSWORD if services.has_own(_firm(request)) else ""
    context = {"form": form, "phone": services.phone_at_firm(request.actor), "own_password": own}
    return form_page(request, "staff/declaration.html", context)


@sensitive_variables("password")
@get_or_post
@holder_required
def declaration_code(request: Request) -> HttpResponse:
    """The code, and for it, once, the 申报密码 (M125)."""
    form = SmsCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            password = services.show(form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return page(request, "staff/declaration_password.html", {"password": password})
    return form_page(request, "staff/declaration_code.html", _code_context(request, form))


@require_POST
@holder_required
def send_declaration_code(request: Request) -> HttpResponse:
    """Another code, after the pause."""
    try:
        _send(request)
    except ValidationError as refusal:
        context = {**_code_context(request, SmsCodeForm(None)), "refusal": refusal.messages[0]}
        return page(request, "staff/declaration_code.html", context, status=400)
    return redirect("staff:declaration_code")


def _send(request: Request) -> None:
    taxpayer, phone = _firm(request), services.phone_at_firm(request.actor)
    sms.send_code(services.code_binding(taxpayer, phone, by=request.actor), by=request.actor)
    messages.success(request, _("验证码已发送至%(phone)s，5分钟内有效。") % {"phone": phone.masked})


def _firm(request: Request) -> Taxpayer:
    taxpayer = request.actor.taxpayer
    assert taxpayer is not None  # noqa: S101 - who acts for no taxpayer holds no function
    return taxpayer


def _code_context(request: Request, form: SmsCodeForm) -> dict[str, Any]:
    phone = services.phone_at_firm(request.actor)
    return {"form": form, "phone": phone, "countdown": _countdown(_firm(request), phone, request)}


def _countdown(taxpayer: Taxpayer, phone: phones.OnFile, request: Request) -> int:
    if phone.problem is not None:
        return 0
    return sms.seconds_until_next(services.code_binding(taxpayer, phone, by=request.actor))


@require_safe
def declaration_firms(request: Request) -> HttpResponse:
    """企业办税权限: the firms where I am LR or FR (M114)."""
    person = request.actor.person
    assert person is not None  # noqa: S101 - the page is closed to visitors
    return page(request, "staff/declaration_firms.html", {"firms": services.firms_of(person)})


@require_safe
def declaration_people(request: Request, uid: uuid.UUID) -> HttpResponse:
    """企业办税人员列表, with 【重置申报密码】 at the bottom left for LR and FR (M114, M115)."""
    taxpayer = finding.own_standing(uid, by=request.actor).taxpayer
    services.require_lead_of(taxpayer, by=request.actor)
    people, more = standing.page_of(taxpayer, size=PEOPLE_SHOWN)
    return page(request, "staff/declaration_people.html", {"firm": taxpayer, "people": people, "has_more": bool(more)})


@sensitive_post_parameters("new_password", "confirm_password", "code")
@get_or_post
def reset_declaration_password(request: Request, uid: uuid.UUID) -> HttpResponse:
    """重置申报密码: new password twice and a code, then “重置成功” (M116 to M118)."""
    taxpayer = finding.own_standing(uid, by=request.actor).taxpayer
    services.require_lead_of(taxpayer, by=request.actor)
    form = ResetDeclarationPasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        new, code = form.cleaned_data["new_password"], form.cleaned_data["code"]
        try:
            services.reset(taxpayer, new, code, by=request.actor)
        except ValidationError as refusal:
            form.add_error("new_password" if str(refusal.code).startswith("password_") else None, refusal)
        else:
            messages.success(request, _("重置成功"))
            return redirect("staff:declaration_people", uid)
    return form_page(request, "staff/reset_declaration_password.html", _reset_context(request, taxpayer, form))


@require_POST
def send_reset_code(request: Request, uid: uuid.UUID) -> HttpResponse:
    """获取验证码 for the reset, to the phone bound to one's own account (M116, M117)."""
    taxpayer = finding.own_standing(uid, by=request.actor).taxpayer
    person, _found = services.require_lead_of(taxpayer, by=request.actor)
    phone = services.bound_phone(person)
    refusal = ""
    try:
        sms.send_code(services.code_binding(taxpayer, phone, by=request.actor), by=request.actor)
    except ValidationError as refused:
        refusal = refused.messages[0]
    else:
        messages.success(request, _("验证码已发送至%(phone)s，5分钟内有效。") % {"phone": phone.masked})
    context = {**_reset_context(request, taxpayer, ResetDeclarationPasswordForm(None)), "refusal": refusal}
    return page(request, "staff/reset_declaration_password.html", context, status=400 if refusal else 200)


def _reset_context(request: Request, taxpayer: Taxpayer, form: ResetDeclarationPasswordForm) -> dict[str, Any]:
    person = request.actor.person
    assert person is not None  # noqa: S101 - require_lead_of lets nobody else so far
    phone = services.bound_phone(person)
    countdown = _countdown(taxpayer, phone, request)
    return {"form": form, "firm": taxpayer, "phone": phone, "countdown": countdown}
