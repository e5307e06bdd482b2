"""The officers' door: user name, password and picture code, then a code to the phone."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import browsers, flows, sms
from accounts.flows import Progress
from accounts.forms import SmsCodeForm
from accounts.models import Person
from accounts.pages import form_page, get_or_post
from accounts.requests import Request
from etax.bureau import door
from etax.bureau.door import FLOW
from etax.bureau.forms import OfficerLoginForm
from etax.bureau.views.acts import data_of
from staff import natural


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
def login(request: Request) -> HttpResponse:
    """User name, password, picture code; then a code goes to the officer's phone."""
    form = OfficerLoginForm(data_of(request), request=request)
    if request.method == "POST" and form.is_valid():
        username, password = form.cleaned_data["username"], form.cleaned_data["password"]
        subject = browsers.subject(request, natural.account_word(username))
        try:
            officer = door.check_password(username, password, subject=subject, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _send(request, door.begin(request, officer))
    return form_page(request, "bureau/login.html", {"form": form, "picture": form.picture})


@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def code(request: Request, progress: Progress) -> HttpResponse:
    """The code, and in."""
    form = SmsCodeForm(data_of(request))
    try:
        officer = door.officer_of(progress, by=request.actor)
        if request.method == "POST" and form.is_valid():
            return _enter(request, progress, form)
    except ValidationError as refusal:
        if refusal.code == "start_again":
            return _begin_again(request, progress, refusal)
        form.add_error(None, refusal)
    return form_page(request, "bureau/code.html", _context(progress, officer, form))


@get_or_post
@login_not_required
@flows.step(FLOW, "proof", post_only=True)
def send_code(request: Request, progress: Progress) -> HttpResponse:
    """Another code."""
    return _send(request, progress)


def _send(request: Request, progress: Progress) -> HttpResponse:
    try:
        door.send_code(progress, by=request.actor)
    except ValidationError as refusal:
        if refusal.code == "start_again":
            return _begin_again(request, progress, refusal)
        messages.warning(request, refusal.messages[0])
    else:
        messages.info(request, _("验证码已发送，5分钟内有效。"))
    return redirect("bureau:code")


def _enter(request: Request, progress: Progress, form: SmsCodeForm) -> HttpResponse:
    officer = door.enter(request, progress, form.cleaned_data["code"], by=request.actor)
    response = redirect("bureau:index")
    browsers.remember(request, response, [natural.account_word(officer.get_username())])
    return response


def _begin_again(request: Request, progress: Progress, refusal: ValidationError) -> HttpResponse:
    progress.forget()
    messages.error(request, refusal.messages[0])
    return redirect("bureau:login")


def _context(progress: Progress, officer: Person, form: SmsCodeForm) -> dict[str, object]:
    countdown = sms.seconds_until_next(door.binding_of(progress, officer))
    return {"form": form, "phone": officer.masked_phone, "countdown": countdown}
