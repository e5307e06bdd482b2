"""前台采集: the form, a code to the phone that the person holds in his hand, and done (M83, M106)."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import flows, sms
from accounts.audit import Kind
from accounts.flows import Progress
from accounts.forms import SmsCodeForm
from accounts.pages import form_page, get_or_post
from accounts.refusals import refusals_recorded
from accounts.requests import Request
from etax.bureau import collection
from etax.bureau.collection import FLOW
from etax.bureau.forms import CollectForm
from etax.bureau.views.acts import about_person, counter_required, data_of


@get_or_post
@counter_required
def collect(request: Request) -> HttpResponse:
    """What stands on the document and what the officer saw; a code goes to the phone."""
    form = CollectForm(data_of(request))
    if request.method == "POST" and form.is_valid():
        try:
            with refusals_recorded(Kind.REAL_NAME_COLLECTED, by=request.actor):
                progress = collection.begin(request, form.cleaned_data, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _send(request, progress)
    return form_page(request, "bureau/collect.html", {"form": form})


@get_or_post
@counter_required
@flows.step(FLOW, "proof")
def collect_code(request: Request, progress: Progress) -> HttpResponse:
    """The code that the person reads out, and the collection is done."""
    form = SmsCodeForm(data_of(request))
    if request.method == "POST" and form.is_valid():
        try:
            person = collection.finish(progress, form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            progress.forget()
            messages.success(request, _("实名信息已采集。"))
            return redirect("bureau:person", person.uid)
    return form_page(request, "bureau/collect_code.html", _context(progress, form))


@require_POST
@counter_required
@flows.step(FLOW, "proof")
def send_collect_code(request: Request, progress: Progress) -> HttpResponse:
    """Another code."""
    return _send(request, progress)


def _send(request: Request, progress: Progress) -> HttpResponse:
    try:
        sms.send_code(collection.of(progress).binding(progress), by=request.actor)
    except ValidationError as refusal:
        messages.warning(request, refusal.messages[0])
    else:
        messages.info(request, _("验证码已发送，请本人报出收到的6位数字。"))
    return redirect("bureau:collect_code")


def _context(progress: Progress, form: SmsCodeForm) -> dict[str, object]:
    subject = collection.of(progress)
    return {
        "form": form,
        "facts": about_person(subject.person),
        "phone": subject.masked_phone,
        "countdown": sms.seconds_until_next(subject.binding(progress)),
    }
