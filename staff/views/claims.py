"""Pages shared by the ways in that begin without a password: a code to the phone of who is claimed (D21)."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import claims, sms
from accounts.claims import Claim
from accounts.flows import Flow, Progress
from accounts.forms import PictureForm, SmsCodeForm
from accounts.models.messages import Purpose
from accounts.pages import form_page, page
from accounts.requests import Request
from accounts.words import Words


def begin(request: Request, flow: Flow, purpose: Purpose, claim: Claim, form: PictureForm) -> HttpResponse | None:
    """Lay the claim down and send a code; None, with the refusal on the form, while a limit stands in the way."""
    progress = flow.begin(request)
    claims.lay(progress, claim)
    try:
        claims.send_code(progress, purpose, by=request.actor)
    except ValidationError as refusal:
        progress.forget()
        form.add_error(None, refusal)
        return None
    request.session.cycle_key()
    return progress.go_on()


PAGE = "staff/claim_code.html"


def code_page(
    request: Request, progress: Progress, purpose: Purpose, *, title: Words, send_url: str, template: str = PAGE
) -> HttpResponse | None:
    """The page of the code; None once it has proven the claim."""
    form = SmsCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            claims.prove(progress, purpose, form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return None
    return form_page(request, template, _context(progress, purpose, form, title, send_url))


def resend(
    request: Request, progress: Progress, purpose: Purpose, *, title: Words, send_url: str, template: str = PAGE
) -> HttpResponse:
    """Another code, after the pause."""
    try:
        claims.send_code(progress, purpose, by=request.actor)
    except ValidationError as refusal:
        context = _context(progress, purpose, SmsCodeForm(None), title, send_url)
        return page(request, template, {**context, "refusal": refusal.messages[0]}, status=400)
    messages.info(request, _("如所填信息无误，验证码已发送。"))
    return redirect(progress.flow.steps[1].url_name)


def _context(progress: Progress, purpose: Purpose, form: SmsCodeForm, title: Words, send_url: str) -> dict[str, object]:
    countdown = sms.seconds_until_next(claims.binding_of(progress, purpose))
    return {
        "form": form,
        "title": title,
        "countdown": countdown,
        "send_url": send_url,
        "back_url": progress.flow.steps[0].url_name,
    }
