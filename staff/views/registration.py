"""注册, page by page: who, the code to his phone, name and password (M84, D26)."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import claims, flows
from accounts.flows import Progress
from accounts.models.messages import Purpose
from accounts.pages import form_page, get_or_post
from accounts.requests import Request
from staff import registration
from staff.person_forms import AccountForm, RegistrationForm
from staff.registration import FLOW
from staff.views.claims import begin, code_page, resend

_TITLE, _SEND, _CODE_PAGE = _("注册自然人账户"), "staff:register_send", "staff/register_code.html"
_ON_THE_WHO = ("name", "id_type", "id_number", "phone")


@get_or_post
@login_not_required
def register(request: Request) -> HttpResponse:
    """Name, document, number, real-name phone, picture code, agreement; who isn't collected is led there (M84)."""
    form = RegistrationForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        claim = registration.claim(**{name: form.cleaned_data[name] for name in _ON_THE_WHO})
        answer = begin(request, FLOW, Purpose.REGISTER, claim, form)
        if answer is not None:
            return answer
    return form_page(request, "staff/register.html", {"form": form, "picture": form.picture, "title": _TITLE})


@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def register_code(request: Request, progress: Progress) -> HttpResponse:
    """The code; whom none reaches is told what may be the reason, whichever it is."""
    answer = code_page(request, progress, Purpose.REGISTER, title=_TITLE, send_url=_SEND, template=_CODE_PAGE)
    if answer is not None:
        return answer
    request.session.cycle_key()
    return progress.go_on()


@get_or_post
@login_not_required
@flows.step(FLOW, "proof", post_only=True)
def register_send(request: Request, progress: Progress) -> HttpResponse:
    """Another code."""
    return resend(request, progress, Purpose.REGISTER, title=_TITLE, send_url=_SEND, template=_CODE_PAGE)


@sensitive_post_parameters("new_password", "confirm_password")
@get_or_post
@login_not_required
@flows.step(FLOW, "done")
def register_account(request: Request, progress: Progress) -> HttpResponse:
    """用户注册名 and password; then to the door, as nobody is signed in by it."""
    form = AccountForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        name, password = form.cleaned_data["username"], form.cleaned_data["new_password"]
        try:
            registration.register(claims.of(progress), name, password, by=request.actor)
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            progress.forget()
            request.session.cycle_key()
            messages.success(request, _("注册成功，请用用户注册名和密码登录。"))
            return redirect("staff:natural_login")
    return form_page(request, "staff/register_account.html", {"form": form, "title": _TITLE})
