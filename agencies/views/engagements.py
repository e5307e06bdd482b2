"""委托关系管理 of an agency: its clients and requests (D23)."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.keypages import keys_of, page_of
from accounts.pages import form_page, page
from accounts.requests import Request
from agencies import finding
from agencies.decorators import agency_manager_required
from agencies.forms import EngagementFilterForm, PlaceForm, ProposalForm
from agencies.lists import PAGE_SIZE, engagement_rows, engagements_of
from agencies.models import Engagement
from agencies.services import requests
from agencies.views.words import lent_words
from staff.forms import ActForm

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


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
    """申请代理: ask a taxpayer by its number."""
    form = ProposalForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            engagement = requests.propose(form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            text = _("已向“%(client)s”发送代理申请，对方接受后即可指定代办人员。")
            messages.success(request, text % {"client": engagement.client.name})
            return redirect("agencies:engagements")
    return form_page(request, "agencies/propose.html", {"form": form})


@require_safe
@agency_manager_required
def engagement(request: Request, uid: uuid.UUID) -> HttpResponse:
    """One client: what it lends, until when, who acts, in which group."""
    return engagement_page(request, finding.of_agency(uid, by=request.actor))


def engagement_page(
    request: Request, found: Engagement, *, place_form: PlaceForm | None = None, status: int = 200
) -> HttpResponse:
    """The page of one client, with the form that a refusal came back on, if any."""
    initial = {"version": found.version, "group": found.group.uid if found.group else None}
    form = place_form or PlaceForm(initial=initial, agency=found.agency)
    context = {"row": engagement_rows([found])[0], "lent": lent_words(found), "form": form}
    return page(request, "agencies/engagement.html", context, status=status)


@get_or_post
@agency_manager_required
def withdraw(request: Request, uid: uuid.UUID) -> HttpResponse:
    """撤回 a request; it can be sent again."""
    found = finding.of_agency(uid, by=request.actor)
    form = ActForm(request.POST if request.method == "POST" else None, initial={"version": found.version})
    status = 400 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            requests.withdraw(found, **form.cleaned_data, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
            status = 409 if refusal.code == "stale" else 400
        else:
            messages.success(request, _("已撤回申请，需要时可以重新发送。"))
            return redirect("agencies:engagements")
    return page(request, "agencies/withdraw.html", {"form": form, "engagement": found}, status=status)
