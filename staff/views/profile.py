"""个人信息: who I am, my own numbers in full, and my real-name phone (M145, M146, D27)."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import flows
from accounts.flows import Progress
from accounts.forms import SmsCodeForm
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from realname.models import RealNameRecord
from staff.decorators import fresh_code_required
from staff.person_forms import NewPhoneForm
from staff.services import own_number, own_phone
from staff.services.own_phone import FLOW


@require_safe
def profile(request: Request) -> HttpResponse:
    """Name, document, phone, user name and real-name collection; numbers masked."""
    collected = RealNameRecord.objects.filter(person=request.actor.person, revoked_at__isnull=True).first()
    return page(request, "staff/profile.html", {"person": request.actor.person, "collected": collected})


@require_POST
@fresh_code_required
def show_own_number(request: Request, which: str) -> HttpResponse:
    """My full id number or phone, recorded (D27)."""
    number = own_number.show(which, by=request.actor)
    name = request.actor.person.name if request.actor.person else ""
    context = {"whose": name, "which": which, "number": number}
    context |= {"back_url": reverse("staff:profile"), "back": _("返回个人信息")}
    return page(request, "staff/number.html", context)


@get_or_post
@fresh_code_required
def change_phone(request: Request) -> HttpResponse:
    """The new phone, after a fresh code where the sign-in was weak (D15); a code goes to it."""
    form = NewPhoneForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        try:
            progress = own_phone.begin(request, form.cleaned_data["phone"], by=request.actor)
        except ValidationError as refusal:
            form.add_error("phone" if refusal.code == "phone_same" else None, refusal)
        else:
            return progress.go_on()
    context = {"form": form, "picture": form.picture, "person": request.actor.person}
    return form_page(request, "staff/change_phone.html", context)


def _context(request: Request, progress: Progress, form: SmsCodeForm) -> dict[str, Any]:
    return {
        "form": form,
        "phone": own_phone.phone_now(progress, by=request.actor),
        "countdown": own_phone.seconds_until_next_code(progress, by=request.actor),
        "new_is_proven": progress.has("new_proof"),
        "action": request.path,
    }


@get_or_post
@flows.step(FLOW, "new_proof")
def confirm_new_phone(request: Request, progress: Progress) -> HttpResponse:
    """The code to the new phone; coming back to it asks for it anew."""
    if progress.has("new_proof"):
        return progress.go_on()
    form = SmsCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            own_phone.prove_new(progress, form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return progress.go_on()
    return form_page(request, "staff/phone_code.html", _context(request, progress, form))


@get_or_post
@flows.step(FLOW, "done")
def confirm_old_phone(request: Request, progress: Progress) -> HttpResponse:
    """The code to the old phone, and the phone is changed."""
    form = SmsCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            own_phone.change(progress, form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            progress.forget()
            request.session.cycle_key()
            messages.success(
                request,
                _(
                    "实名手机号码已变更，用原号码短信验证的其他登录已全部退出。各企业税务登记中的【移动电话】仍是原号码的，须同时变更，否则不能用短信验证码登录。"
                ),
            )
            return redirect("staff:profile")
    return form_page(request, "staff/phone_code.html", _context(request, progress, form))


@get_or_post
@flows.step(FLOW, "new_proof", post_only=True)
def send_phone_code(request: Request, progress: Progress) -> HttpResponse:
    """获取验证码 for the phone whose turn it is."""
    try:
        own_phone.send_code(progress, by=request.actor)
    except ValidationError as refusal:
        context = {**_context(request, progress, SmsCodeForm(None)), "refusal": refusal.messages[0]}
        return page(request, "staff/phone_code.html", context, status=400)
    phone = own_phone.phone_now(progress, by=request.actor)
    messages.success(request, _("验证码已发送至%(phone)s，5分钟内有效。") % {"phone": phone.masked})
    return progress.go_on()
