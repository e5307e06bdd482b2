"""自然人登录, by password and by SMS (M47, M48, M119)."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import browsers, claims, flows
from accounts.flows import Progress
from accounts.models import Person
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from accounts.pages import form_page, get_or_post
from accounts.requests import Request
from staff import natural
from staff.forms import NaturalLoginForm, NaturalSmsForm
from staff.natural import BY_SMS
from staff.views.claims import begin, code_page, resend

_TITLE, _SEND = _("自然人短信登录"), "staff:natural_sms_send"


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
def natural_login(request: Request) -> HttpResponse:
    """User name, password, picture code, agreement (M47)."""
    form = NaturalLoginForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        username, password = form.cleaned_data["username"], form.cleaned_data["password"]
        subject = browsers.subject(request, natural.account_word(username))
        try:
            person = natural.check_password(username, password, subject=subject, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _enter(request, person, Proof.PERSON_PASSWORD)
    return form_page(request, "staff/natural_login.html", {"form": form, "picture": form.picture})


def _enter(request: Request, person: Person, proof: Proof) -> HttpResponse:
    try:
        natural.enter(request, person, proof, by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
        return redirect("staff:natural_login")
    response = redirect("home")
    browsers.remember(request, response, [natural.account_word(person.get_username())])
    return response


@get_or_post
@login_not_required
def natural_sms(request: Request) -> HttpResponse:
    """User name, picture code, agreement; the code goes to his real-name phone (M119, D21)."""
    form = NaturalSmsForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        claim = natural.claim_by_name(form.cleaned_data["username"])
        answer = begin(request, BY_SMS, Purpose.PERSON_SIGN_IN, claim, form)
        if answer is not None:
            return answer
    return form_page(request, "staff/natural_sms.html", {"form": form, "picture": form.picture})


@get_or_post
@login_not_required
@flows.step(BY_SMS, "proof")
def natural_sms_code(request: Request, progress: Progress) -> HttpResponse:
    """The code, and in."""
    answer = code_page(request, progress, Purpose.PERSON_SIGN_IN, title=_TITLE, send_url=_SEND)
    if answer is not None:
        return answer
    person = claims.of(progress).person
    if person is None:
        return redirect("staff:natural_sms")
    return _enter(request, person, Proof.PERSON_SMS)


@get_or_post
@login_not_required
@flows.step(BY_SMS, "proof", post_only=True)
def natural_sms_send(request: Request, progress: Progress) -> HttpResponse:
    """Another code."""
    return resend(request, progress, Purpose.PERSON_SIGN_IN, title=_TITLE, send_url=_SEND)
