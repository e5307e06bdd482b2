"""认定 and 修改: what is lent and for how long; the page before the last says it in plain words (M53, D23)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import Kind
from accounts.models import Taxpayer
from accounts.pages import form_page, page
from accounts.requests import Request
from agencies import finding
from agencies.forms import ConfirmedTermsForm, TermsForm
from agencies.models import Engagement, State
from agencies.services import recognition as services
from agencies.services.engagements import has_just_done
from agencies.services.recognition import Terms
from agencies.views.states import CLIENTS_PAGE, led_away
from agencies.views.words import names_of
from staff import finding as staff_finding
from staff.decorators import lead_required


def _form(
    request: Request, initial: dict[str, Any] | None = None, *, form_class: type[TermsForm] = TermsForm
) -> TermsForm:
    client = request.actor.taxpayer
    assert client is not None  # noqa: S101 - lead_required lets nobody in without one
    staff_finding.refuse_foreign_identities(request.POST.getlist("identity"), by=request.actor)
    data = request.POST if request.method == "POST" else None
    return form_class(data, initial=initial, taxpayer=client)


def _terms(form: TermsForm) -> Terms:
    agreed = {name: form.cleaned_data[name] for name in ("identity", "valid_from", "valid_until")}
    return Terms(**agreed, seen=form.cleaned_data.get("identity_version"))


def _context(agency: Taxpayer, form: TermsForm, engagement: Engagement | None) -> dict[str, Any]:
    kind, uid = ("change", engagement.uid) if engagement else ("recognition", agency.uid)
    return {
        "agency": agency,
        "form": form,
        "engagement": engagement,
        "has_identities": form.offers_any("identity"),
        "review_url": reverse(f"agencies:review_{kind}", args=[uid]),
        "save_url": reverse(f"agencies:save_{kind}", args=[uid]),
        "back_url": reverse("agencies:change" if engagement else "agencies:recognise", args=[uid]),
    }


def _review(request: Request, agency: Taxpayer, engagement: Engagement | None) -> HttpResponse:
    away = _overtaken(request, agency, engagement)
    if away is not None:
        return away
    form = _form(request)
    context = _context(agency, form, engagement)
    if form.is_valid():
        terms = _terms(form)
        since = engagement.valid_from if engagement else None
        try:
            services.check_agency(agency, by=request.actor)
            services.check(terms, since=since, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            context |= {"terms": terms, "lent": names_of(terms.lent), "dropped": names_of(terms.dropped)}
            return page(request, "agencies/terms_review.html", context)
    return form_page(request, "agencies/terms.html", context)


def _overtaken(request: Request, agency: Taxpayer, engagement: Engagement | None) -> HttpResponse | None:
    """Away, where what is to be changed doesn't stand any more, or who is to be recognised has been."""
    if engagement is not None:
        return led_away(request, engagement, services.refuse_unless_recognised, to=CLIENTS_PAGE)
    stands = Engagement.objects.recognised().filter(agency=agency, client=request.actor.taxpayer).first()
    if stands is None or stands.state == State.EXPIRED:
        return None
    return led_away(request, stands, services.refuse_unless_pending, to=CLIENTS_PAGE)


@require_safe
@lead_required
def recognise(request: Request, uid: uuid.UUID) -> HttpResponse:
    """认定 an agency, or accept its request: which identity, from when, until when."""
    agency = finding.agency(uid, by=request.actor)
    away = _overtaken(request, agency, None)
    if away is not None:
        return away
    form = _form(request, {"valid_from": timezone.localdate()})
    return form_page(request, "agencies/terms.html", _context(agency, form, None))


@require_POST
@lead_required
def review_recognition(request: Request, uid: uuid.UUID) -> HttpResponse:
    """What the agency will be able to do, and what not."""
    return _review(request, finding.agency(uid, by=request.actor), None)


@require_POST
@lead_required
def save_recognition(request: Request, uid: uuid.UUID) -> HttpResponse:
    """认定."""
    agency, form = finding.agency(uid, by=request.actor), _form(request, form_class=ConfirmedTermsForm)
    if form.is_valid():
        terms = _terms(form)
        try:
            services.recognise(agency, terms=terms, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        if not form.errors or services.has_just_recognised(agency, terms, by=request.actor):
            messages.success(request, _("已认定“%(agency)s”，并已短信告知对方。") % {"agency": agency.name})
            return redirect("agencies:recognitions")
    return _refused(request, agency, form, None)


@require_safe
@lead_required
def change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """修改: another identity, other days."""
    engagement = finding.of_client(uid, by=request.actor)
    away = _overtaken(request, engagement.agency, engagement)
    if away is not None:
        return away
    initial = {
        "version": engagement.version,
        "identity": engagement.identity.uid if engagement.identity else None,
        "valid_from": engagement.valid_from,
        "valid_until": engagement.valid_until,
    }
    return form_page(request, "agencies/terms.html", _context(engagement.agency, _form(request, initial), engagement))


@require_POST
@lead_required
def review_change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """What the agency will be able to do from now on, and what not."""
    engagement = finding.of_client(uid, by=request.actor)
    return _review(request, engagement.agency, engagement)


@require_POST
@lead_required
def save_change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """修改."""
    engagement, form = finding.of_client(uid, by=request.actor), _form(request, form_class=ConfirmedTermsForm)
    if form.is_valid():
        terms, version = _terms(form), form.cleaned_data["version"] or 0
        try:
            services.change(engagement, version=version, terms=terms, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        changed = (Kind.ENGAGEMENT_CHANGED, engagement)
        if not form.errors or has_just_done(*changed, **terms.details, by=request.actor):
            messages.success(request, _("已修改，代理机构的人员下一次点击即按新的约定办理。"))
            return redirect("agencies:recognitions")
    return _refused(request, engagement.agency, form, engagement)


def _refused(request: Request, agency: Taxpayer, form: TermsForm, engagement: Engagement | None) -> HttpResponse:
    context = _context(agency, form, engagement)
    away = _overtaken(request, agency, engagement)
    return away or form_page(request, "agencies/terms.html", context, anew=context["back_url"])
