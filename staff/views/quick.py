"""快捷登录, page by page (M36 to M46)."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from accounts import browsers, flows
from accounts.flows import Progress
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from staff import doors, enterprise, quick
from staff.forms import QuickCodeForm, QuickLoginForm, QuickPhoneForm
from staff.quick import DOOR, FLOW, SENT_IF_SAME
from staff.steps import steps_at
from staff.views.login import choose_at, chosen_at, go_in


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
def quick_login(request: Request) -> HttpResponse:
    """Number, enterprise password, picture code (M42)."""
    form = QuickLoginForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        code, password = form.cleaned_data["code"], form.cleaned_data["password"]
        subject = browsers.subject(request, enterprise.account_word(code))
        try:
            taxpayer = enterprise.check_password(code, password, subject=subject, by=request.actor)
            quick.refuse_wrong_kind(taxpayer, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            doors.begin(request, DOOR, taxpayer)
            return redirect("staff:quick_person")
    return form_page(request, "staff/quick_login.html", {"form": form, "picture": form.picture, "steps": steps_at(0)})


@get_or_post
@login_not_required
@flows.step(FLOW, "person")
def quick_person(request: Request, progress: Progress) -> HttpResponse:
    """Whose identity to sign in with; whoever isn't set up yet is sent to 普通登录 (M101, D6)."""
    return choose_at(request, progress, DOOR)


@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def quick_code(request: Request, progress: Progress) -> HttpResponse:
    """The phone, the code to it, the agreement, 【登录】 (M43 to M46)."""
    chosen = chosen_at(request, progress, DOOR)
    if isinstance(chosen, HttpResponse):
        return chosen
    form = QuickCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            quick.verify(progress, chosen, form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return go_in(request, progress, chosen)
    typed = QuickPhoneForm(request.POST)  # beside a code that was wrong the phone needn't be typed again
    phone = typed.cleaned_data["phone"] if typed.is_valid() else ""
    context = {"form": form, "phone_form": QuickPhoneForm(initial={"phone": phone}), "chosen": chosen}
    context |= {"countdown": quick.seconds_until_next_code(progress, chosen, phone) if phone else 0}
    context |= {"steps": steps_at(2)}
    return form_page(request, "staff/quick_code.html", context)


@get_or_post
@login_not_required
@flows.step(FLOW, "proof", post_only=True)
def send_quick_code(request: Request, progress: Progress) -> HttpResponse:
    """获取验证码: the page says the same whether or not the phone is the right one (D5)."""
    chosen = chosen_at(request, progress, DOOR)
    if isinstance(chosen, HttpResponse):
        return chosen
    phone_form, countdown = QuickPhoneForm(request.POST), 0
    if phone_form.is_valid():
        phone = phone_form.cleaned_data["phone"]
        try:
            quick.send_code(progress, chosen, phone, by=request.actor)
            messages.info(request, SENT_IF_SAME)
        except ValidationError as refusal:
            phone_form.add_error("phone", refusal)
        countdown = quick.seconds_until_next_code(progress, chosen, phone)
    context = {"form": QuickCodeForm(), "phone_form": phone_form, "chosen": chosen, "countdown": countdown}
    status = 400 if phone_form.errors else 200
    return page(request, "staff/quick_code.html", {**context, "steps": steps_at(2)}, status=status)
