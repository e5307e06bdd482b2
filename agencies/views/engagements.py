"""委托关系管理 of an agency: its clients and requests (D23)."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.audit import Kind
from accounts.keypages import keys_of, page_of
from accounts.models import Taxpayer
from accounts.pages import form_page, get_or_post
from accounts.requests import Request
from agencies import finding
from agencies.decorators import agency_manager_required
from agencies.forms import EngagementFilterForm, PlaceForm, ProposalForm
from agencies.lists import PAGE_SIZE, engagement_rows, engagements_of
from agencies.models import Engagement
from agencies.services import requests
from agencies.services.engagements import has_just_done
from agencies.views.states import AGENCYS_PAGE, led_away
from agencies.views.words import lent_words
from staff.forms import ActForm

_LONGEST_CODE = 20


@require_safe
@agency_manager_required
def engagements(request: Request) -> HttpResponse:
    """All clients and requests: search, state, group, what expires within thirty days; page by key."""
    agency = request.actor.taxpayer
    if agency is None:
        raise Http404
    form = EngagementFilterForm(request.GET, agency=agency)
    filters = form.cleaned_data if form.is_valid() else {}
    key_page = page_of(engagements_of(agency, filters), size=PAGE_SIZE, **keys_of(request))
    kept = {name: str(request.GET[name]) for name in form.fields if request.GET.get(name)}
    rows = engagement_rows(key_page.rows)
    context = {"form": form, "filtered": bool(kept), "rows": rows, "pages": key_page.links(kept)}
    return form_page(request, "agencies/engagements.html", context)


@get_or_post
@agency_manager_required
def propose(request: Request) -> HttpResponse:
    """申请代理: ask a taxpayer by its number; one asked before comes with it already typed."""
    again = {"code": request.GET.get("code", "")[:_LONGEST_CODE]}
    form = ProposalForm(request.POST if request.method == "POST" else None, initial=again)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        try:
            requests.propose(code, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        if not form.errors or requests.has_just_proposed(code, by=request.actor):
            text = _("已向“%(client)s”发送代理申请，对方接受后即可指定代办人员。")
            messages.success(request, text % {"client": Taxpayer.objects.get(code=code).name})
            return redirect("agencies:engagements")
    return form_page(request, "agencies/propose.html", {"form": form})


@require_safe
@agency_manager_required
def engagement(request: Request, uid: uuid.UUID) -> HttpResponse:
    """One client: what it lends, until when, who acts, in which group."""
    return engagement_page(request, finding.of_agency(uid, by=request.actor))


def engagement_page(request: Request, found: Engagement, *, place_form: PlaceForm | None = None) -> HttpResponse:
    """The page of one client, with the form that a refusal came back on, if any."""
    initial = {"version": found.version, "group": found.group.uid if found.group else None}
    form = place_form or PlaceForm(initial=initial, agency=found.agency)
    context = {"row": engagement_rows([found])[0], "lent": lent_words(found), "form": form}
    anew = reverse("agencies:engagement", args=[found.uid])
    return form_page(request, "agencies/engagement.html", context, anew=anew)


@get_or_post
@agency_manager_required
def withdraw(request: Request, uid: uuid.UUID) -> HttpResponse:
    """撤回 a request; it can be sent again."""
    found = finding.of_agency(uid, by=request.actor)
    form = ActForm(request.POST if request.method == "POST" else None, initial={"version": found.version})
    if request.method == "POST" and form.is_valid():
        try:
            requests.withdraw(found, **form.cleaned_data, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        if not form.errors or has_just_done(Kind.ENGAGEMENT_WITHDRAWN, found, by=request.actor):
            messages.success(request, _("已撤回申请，需要时可以重新发送。"))
            return redirect("agencies:engagements")
    away = led_away(request, found, requests.refuse_unless_pending, to=AGENCYS_PAGE)
    return away or form_page(request, "agencies/withdraw.html", {"form": form, "engagement": found})
