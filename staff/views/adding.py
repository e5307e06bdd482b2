"""添加办税人员: 搜索, 身份与权限, 确定 (M27 to M31)."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from accounts.pages import form_page, get_or_post
from accounts.requests import Request
from realname import changes
from staff import finding, lacking
from staff.decorators import manager_required
from staff.forms import AddMemberForm, CandidateForm
from staff.models import Identity
from staff.origins import Origin, origin_of
from staff.services import adding
from staff.steps import adding_steps_at

_NOT_TOLD = gettext_lazy("已添加%(name)s为办税人员。本人没有实名手机号，未能短信告知，请自行通知。")


@get_or_post
@manager_required
def search_candidate(request: Request) -> HttpResponse:
    """Search by name, document type and number; the person found is shown masked (M28 to M30, D19)."""
    form = CandidateForm(request.POST if request.method == "POST" else None)
    found, token, already = None, "", None
    has_identities = Identity.objects.filter(taxpayer=request.actor.taxpayer).exists()
    # Without any identity nobody can be added (M94): no search is spent on finding that out.
    if request.method == "POST" and has_identities and form.is_valid():
        try:
            found = adding.find(**form.cleaned_data, by=request.actor)
            token = adding.token_for(found, by=request.actor)
        except ValidationError as refusal:
            already = (refusal.params or {}).get("member")
            form.add_error(None, refusal)
    context = {
        "form": form,
        "found": found,
        "token": token,
        "already": already,
        "may_change_register": request.actor.holds(changes.FUNCTION),
        "has_identities": has_identities,
        "not_found": form.has_error("__all__", "candidate_not_found"),
        "steps": adding_steps_at(0),
        "origin": origin_of(request),
    }
    return form_page(request, "staff/search_candidate.html", context)


@sensitive_post_parameters("password")
@get_or_post
@manager_required
def add_member(request: Request, token: str) -> HttpResponse:
    """Personal password, identities, 管理权限, 【确定】 (M31); without any identity the way to 身份维护 (M94)."""
    origin = origin_of(request)
    try:
        found = adding.candidate(token, by=request.actor)
    except ValidationError as refusal:
        return _no_candidate(request, refusal, origin)
    finding.refuse_foreign_identities(request.POST.getlist("identities"), by=request.actor)
    data = request.POST if request.method == "POST" else None
    form = AddMemberForm(data, taxpayer=found.taxpayer, giver=request.actor)
    if request.method == "POST" and form.is_valid():
        chosen = {**form.cleaned_data, "is_manager": form.cleaned_data.get("is_manager", False)}
        try:
            adding.add(found, **chosen, by=request.actor)
        except ValidationError as refusal:
            if refusal.code == "already_added" and adding.was_just_added(found, by=request.actor):
                return _just_added(request, origin)
            form.add_error("password" if str(refusal.code).startswith("password_") else None, refusal)
        else:
            told = _("已添加%(name)s为办税人员，并已短信告知本人。") if found.person.phone else _NOT_TOLD
            name = {"name": found.person.masked_name}
            messages.success(request, told % name)
            if warning := lacking.warning_of(chosen["identities"]):
                messages.warning(request, warning % name)
            return redirect(origin.url)
    context = {"form": form, "found": found, "has_identities": form.offers_any("identities"), "origin": origin}
    return form_page(request, "staff/add_member.html", {**context, "steps": adding_steps_at(1)})


def _no_candidate(request: Request, refusal: ValidationError, origin: Origin) -> HttpResponse:
    if refusal.code == "just_added":
        return _just_added(request, origin)
    messages.error(request, refusal.messages[0])
    return redirect(reverse("staff:search_candidate") + origin.query)


def _just_added(request: Request, origin: Origin) -> HttpResponse:
    """The answer to the same form sent twice, one after the other or both at once: as to the first (F12)."""
    messages.info(request, _("该人员刚刚已添加。"))
    return redirect(origin.url)
