"""切换身份: the list of what a person can be, and the page that asks for what is missing (D16, D32)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import browsers, signins
from accounts.forms import Form, SmsCodeForm
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from staff import capacity as capacities
from staff import enterprise
from staff.capacity import Choice
from staff.forms import EnterprisePasswordForm


@require_safe
def capacity(request: Request) -> HttpResponse:
    """Everything that he can be now; what he can't, with the reason and the next step."""
    choices = capacities.choices_of(request, by=request.actor)
    context = {
        "choices": choices,
        "must_choose": signins.must_choose(request),
        "lost": signins.lost_taxpayer(request),
    }
    return page(request, "staff/capacity.html", context)


def _choice_or_404(request: Request, uid: uuid.UUID) -> Choice:
    choice = capacities.choice_of(request, uid, by=request.actor)
    if choice is None:
        raise Http404
    return choice


def _form_of(choice: Choice, request: Request) -> Form:
    """The form of the first thing that is missing; an empty one where nothing is."""
    kind = EnterprisePasswordForm if choice.asks_password else SmsCodeForm if choice.asks_code else Form
    return kind(request.POST if request.method == "POST" else None)


def _context(request: Request, choice: Choice, form: Form) -> dict[str, Any]:
    countdown = capacities.seconds_until_next_code(choice, by=request.actor) if choice.asks_code else 0
    return {"choice": choice, "form": form, "phone": choice.phone, "countdown": countdown}


def _closed(request: Request, choice: Choice) -> HttpResponse:
    """Back to the list, with the reason and the next step."""
    try:
        capacities.refuse_if_closed(choice, by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    if choice.obstacle is not None:
        messages.info(request, str(choice.obstacle.next_step))
    return redirect("staff:capacity")


@sensitive_post_parameters("password", "code")
@get_or_post
def switch(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Asks for what is missing, one thing after the other, and switches (D32)."""
    choice = _choice_or_404(request, uid)
    if choice.obstacle is not None:
        return _closed(request, choice)
    form = _form_of(choice, request)
    if request.method == "POST" and form.is_valid():
        try:
            return _go_on(request, choice, form)
        except ValidationError as refusal:
            form.add_error(None, refusal)
    return form_page(request, "staff/switch.html", _context(request, choice, form))


def _go_on(request: Request, choice: Choice, form: Form) -> HttpResponse:
    """To the next thing that is missing, or in. Raises ValidationError as the services do."""
    if choice.asks_password:
        capacities.give_password(request, choice, form.cleaned_data["password"], by=request.actor)
        if choice.asks_code:
            return redirect("staff:switch", choice.uid)
        capacities.switch(request, choice, by=request.actor)
    elif choice.asks_code:
        capacities.switch_by_code(request, choice, form.cleaned_data["code"], by=request.actor)
    else:
        capacities.switch(request, choice, by=request.actor)
    messages.success(request, _("已切换身份：%(name)s。") % {"name": choice.name})
    response = redirect("home")
    if choice.taxpayer is not None:
        browsers.remember(request, response, [enterprise.account_word(choice.taxpayer.code)])
    return response


@require_POST
def send_switch_code(request: Request, uid: uuid.UUID) -> HttpResponse:
    """获取验证码 for the switch."""
    choice = _choice_or_404(request, uid)
    if choice.obstacle is not None:
        return _closed(request, choice)
    if choice.asks_password or not choice.asks_code:
        return redirect("staff:switch", choice.uid)
    try:
        capacities.send_code(choice, by=request.actor)
    except ValidationError as refusal:
        context = {**_context(request, choice, SmsCodeForm(None)), "refusal": refusal.messages[0]}
        return page(request, "staff/switch.html", context, status=400)
    messages.success(request, _("验证码已发送至%(phone)s，5分钟内有效。") % {"phone": choice.phone.masked})
    return redirect("staff:switch", choice.uid)
