"""代理机构登录, page by page (M49 to M52)."""

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from accounts import browsers, flows
from accounts.flows import Progress
from accounts.models import Taxpayer
from accounts.pages import form_page, get_or_post
from accounts.requests import Request
from agencies.door import DOOR, FLOW, steps_at
from agencies.forms import AgencyLoginForm
from staff import doors, enterprise
from staff.views.login import choose_at, send_code_at, set_password_at, verify_by_password_at, verify_by_sms_at


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
def agency_login(request: Request) -> HttpResponse:
    """Number and password of the agency, picture code, agreement (M50); any other kind of taxpayer is wrong (D3)."""
    form = AgencyLoginForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        code, password = form.cleaned_data["code"], form.cleaned_data["password"]
        subject = browsers.subject(request, enterprise.account_word(code))
        kinds = [Taxpayer.Kind.AGENCY]
        try:
            agency = enterprise.check_password(code, password, subject=subject, kinds=kinds, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            doors.begin(request, DOOR, agency)
            return redirect("agencies:agency_person")
    return form_page(
        request, "agencies/agency_login.html", {"form": form, "picture": form.picture, "steps": steps_at(0)}
    )


@get_or_post
@login_not_required
@flows.step(FLOW, "person")
def agency_person(request: Request, progress: Progress) -> HttpResponse:
    """待办人员: who is going to act (M51)."""
    return choose_at(request, progress, DOOR)


@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def agency_sms(request: Request, progress: Progress) -> HttpResponse:
    """短信登录 (M51)."""
    return verify_by_sms_at(request, progress, DOOR)


@get_or_post
@login_not_required
@flows.step(FLOW, "proof", post_only=True)
def agency_send_code(request: Request, progress: Progress) -> HttpResponse:
    """获取验证码."""
    return send_code_at(request, progress, DOOR)


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def agency_password(request: Request, progress: Progress) -> HttpResponse:
    """密码登录: the personal password (M51)."""
    return verify_by_password_at(request, progress, DOOR)


@sensitive_post_parameters("new_password", "confirm_password")
@get_or_post
@login_not_required
@flows.step(FLOW, "own_password")
def agency_new_password(request: Request, progress: Progress) -> HttpResponse:
    """The personal password that a first sign-in asks for, at this door as at the other (D23)."""
    return set_password_at(request, progress, DOOR)
