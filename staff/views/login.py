"""普通登录, page by page (M11 to M35)."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import browsers, flows
from accounts.flows import Progress
from accounts.forms import NewPasswordForm, SmsCodeForm
from accounts.keypages import keys_of
from accounts.models import Taxpayer
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from staff import doors, enterprise, handover, ordinary
from staff.doors import Chosen, Door
from staff.forms import OrdinaryLoginForm, PeopleSearchForm, PersonalPasswordForm, PersonChoiceForm
from staff.ordinary import FLOW
from staff.steps import steps_at


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
def login(request: Request) -> HttpResponse:
    """Number, enterprise password, picture code, agreement; then on to the person, or out to the 社保费征收系统."""
    form = OrdinaryLoginForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        subject = browsers.subject(request, enterprise.account_word(code))
        try:
            taxpayer = enterprise.check_password(code, form.cleaned_data["password"], subject=subject, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _first_factor_is_right(request, taxpayer)
    return form_page(request, "staff/login.html", {"form": form, "picture": form.picture, "steps": steps_at(0)})


def _first_factor_is_right(request: Request, taxpayer: Taxpayer) -> HttpResponse:
    if taxpayer.kind == Taxpayer.Kind.SOCIAL_INSURANCE:
        return redirect(handover.issue(taxpayer, by=request.actor))
    doors.begin(request, ordinary.DOOR, taxpayer)
    return redirect("staff:choose_person")


def start_again(request: Request, progress: Progress) -> HttpResponse:
    """Back to the door's first page: what was proven no longer holds."""
    progress.forget()
    messages.warning(request, doors.START_AGAIN)
    return redirect(progress.flow.steps[0].url_name)


@get_or_post
@login_not_required
@flows.step(FLOW, "person")
def choose_person(request: Request, progress: Progress) -> HttpResponse:
    """Everybody of the firm, names masked; whoever can't be chosen with the reason and the next step (D4)."""
    return choose_at(request, progress, ordinary.DOOR)


def choose_at(request: Request, progress: Progress, door: Door) -> HttpResponse:
    """The page on which a person is chosen, at any enterprise door."""
    form = PersonChoiceForm(request.POST if request.method == "POST" else None)
    try:
        if request.method == "POST" and form.is_valid() and _choose(request, progress, door, form):
            return progress.go_on()
        taxpayer, first_is_due = doors.firm_of(progress, by=request.actor)
    except ValidationError:
        return start_again(request, progress)
    search = PeopleSearchForm(request.GET)
    name = search.cleaned_data["name"] if search.is_valid() else ""
    keys = keys_of(request)
    people = door.people_of(taxpayer, first_is_due=first_is_due, name=name, before=keys.get("before"))
    context = {
        "form": form,
        "errors_heading": _("该人员现在不能登录") if _is_refused(form) else "",
        "taxpayer": taxpayer,
        "people": people.pairs,
        "older_url": f"?{urlencode({'name': name, 'before': people.older})}" if people.older else "",
        "search": search if people.older or name or keys or search.errors else None,
        "first_is_due": first_is_due and door.opens_first,
        "login_url": door.flow.steps[0].url_name,
        "choose_url": door.flow.steps[1].url_name,
        "steps": door.line(1),
    }
    status = 400 if form.errors or search.errors else 200
    return page(request, "staff/choose_person.html", context, status=status)


def _is_refused(form: PersonChoiceForm) -> bool:
    """Whether it is the person that can't be chosen; whoever chose nobody of the list can choose again."""
    return bool(form.non_field_errors()) and not form.has_error(NON_FIELD_ERRORS, "not_listed")


def _choose(request: Request, progress: Progress, door: Door, form: PersonChoiceForm) -> bool:
    """Whether this person could be chosen; why not, the form says. Raises ValidationError `start_again`."""
    try:
        doors.choose(progress, door, form.cleaned_data["person"], by=request.actor)
    except ValidationError as refusal:
        if refusal.code == "start_again":
            raise
        form.add_error(None, refusal)
        if refusal.params:
            form.add_error(None, ValidationError(refusal.params["next_step"], code="next_step"))
        return False
    return True


def chosen_at(request: Request, progress: Progress, door: Door) -> Chosen | HttpResponse:
    """Firm and person, or the way back when they no longer hold."""
    try:
        return doors.chosen_of(progress, door, by=request.actor)
    except ValidationError as refusal:
        if refusal.code == "start_again":
            return start_again(request, progress)
        messages.error(request, refusal.messages[0])
        if refusal.params:
            messages.info(request, str(refusal.params["next_step"]))
        return redirect(progress.flow.steps[1].url_name)


def _verify_context(progress: Progress, door: Door, chosen: Chosen, *, countdown: int | None = None) -> dict[str, Any]:
    seconds = ordinary.seconds_until_next_code(progress, chosen) if countdown is None else countdown
    return {
        "by_sms_url": reverse(door.url_name("proof")),
        "by_password_url": reverse(door.other_way),
        "send_url": reverse(door.send),
        "back_url": reverse(door.url_name("person")),
        "chosen": chosen,
        "taxpayer": chosen.taxpayer,
        "phone": chosen.phone,
        "countdown": seconds,
        "steps": door.line(door.verifies_at),
    }


@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def verify_by_sms(request: Request, progress: Progress) -> HttpResponse:
    """短信登录: a code to the phone on file, or why none can be sent (M18 to M20, M90 to M93)."""
    return verify_by_sms_at(request, progress, ordinary.DOOR)


def verify_by_sms_at(request: Request, progress: Progress, door: Door) -> HttpResponse:
    """短信登录 at any door that sends to the phone on file."""
    chosen = chosen_at(request, progress, door)
    if isinstance(chosen, HttpResponse):
        return chosen
    form = SmsCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            ordinary.verify_by_code(progress, chosen, form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return go_in(request, progress, chosen, inside=door.inside)
    return form_page(request, "staff/verify_by_sms.html", {**_verify_context(progress, door, chosen), "form": form})


@get_or_post
@login_not_required
@flows.step(FLOW, "proof", post_only=True)
def send_code(request: Request, progress: Progress) -> HttpResponse:
    """获取验证码 (M20)."""
    return send_code_at(request, progress, ordinary.DOOR)


def send_code_at(request: Request, progress: Progress, door: Door) -> HttpResponse:
    """获取验证码 at any door that sends to the phone on file; the answer is the page that takes the code."""
    chosen = chosen_at(request, progress, door)
    if isinstance(chosen, HttpResponse):
        return chosen
    form, template = SmsCodeForm(None), "staff/verify_by_sms.html"
    try:
        countdown = ordinary.send_code(progress, chosen, by=request.actor)
    except ValidationError as refusal:
        context = {**_verify_context(progress, door, chosen), "form": form, "refusal": refusal.messages[0]}
        return page(request, template, context, status=400)
    messages.success(request, _("验证码已发送至%(phone)s，5分钟内有效。") % {"phone": chosen.phone.masked})
    return page(request, template, {**_verify_context(progress, door, chosen, countdown=countdown), "form": form})


@sensitive_post_parameters("password")
@get_or_post
@login_not_required
@flows.step(FLOW, "proof")
def verify_by_password(request: Request, progress: Progress) -> HttpResponse:
    """密码登录: the personal password (M33, M34, M88, M95)."""
    return verify_by_password_at(request, progress, ordinary.DOOR)


def verify_by_password_at(request: Request, progress: Progress, door: Door) -> HttpResponse:
    """密码登录 at any door that takes the personal password."""
    chosen = chosen_at(request, progress, door)
    if isinstance(chosen, HttpResponse):
        return chosen
    form = PersonalPasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            subject = browsers.subject(request, ordinary.personal_account(chosen.standing))
            password = form.cleaned_data["password"]
            ordinary.verify_by_password(progress, chosen, password, subject=subject, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return go_in(request, progress, chosen, inside=door.inside)
    context = {
        **_verify_context(progress, door, chosen),
        "form": form,
        "not_set": form.has_error("__all__", "password_not_set"),
    }
    return form_page(request, "staff/verify_by_password.html", context)


@sensitive_post_parameters("new_password", "confirm_password")
@get_or_post
@login_not_required
@flows.step(FLOW, "own_password")
def set_password(request: Request, progress: Progress) -> HttpResponse:
    """The personal password that a first sign-in asks for (M21, M22)."""
    return set_password_at(request, progress, ordinary.DOOR)


def set_password_at(request: Request, progress: Progress, door: Door) -> HttpResponse:
    """The first personal password at any door where a first sign-in can be made."""
    chosen = chosen_at(request, progress, door)
    if isinstance(chosen, HttpResponse):
        return chosen
    if progress.has("own_password"):
        return go_in(request, progress, chosen, inside=door.inside)
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            ordinary.set_first_password(progress, chosen, form.cleaned_data["new_password"], by=request.actor)
        except ValidationError as refusal:
            if refusal.code == "start_again":
                return start_again(request, progress)
            form.add_error("new_password", refusal)
        else:
            return go_in(request, progress, chosen, inside=door.inside)
    context = {
        "form": form,
        "chosen": chosen,
        "taxpayer": chosen.taxpayer,
        "action": reverse(door.url_name("own_password")),
        "steps": door.line(door.verifies_at),
    }
    return form_page(request, "staff/set_password.html", context)


def go_in(request: Request, progress: Progress, chosen: Chosen, *, inside: str = "home") -> HttpResponse:
    """To the next missing fact, under a new session id; or in, to the page of this name."""
    if progress.next_url_name is not None:
        request.session.cycle_key()
        return progress.go_on()
    try:
        doors.finish(request, progress, chosen, by=request.actor)
    except ValidationError:
        return start_again(request, progress)
    response = redirect(inside)
    accounts = [enterprise.account_word(chosen.taxpayer.code), ordinary.personal_account(chosen.standing)]
    browsers.remember(request, response, accounts)
    return response
