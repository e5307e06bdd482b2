"""指定代办人员 (D23)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from agencies import finding
from agencies.candidates import candidates_of
from agencies.decorators import agency_manager_required
from agencies.forms import HandlersForm, PeopleOfAgencyForm
from agencies.models import Engagement
from agencies.services import handlers as services
from agencies.views.states import AGENCYS_PAGE, led_away


@get_or_post
@agency_manager_required
def handlers(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Those who are named are ticked, others of the agency can be; whoever can't be says why."""
    engagement = finding.of_agency(uid, by=request.actor)
    if request.method != "POST":
        form = HandlersForm(initial={"version": engagement.version}, agency=engagement.agency)
        context = _context(request, engagement, form)
        status = 400 if context["search"].errors else 200
        away = led_away(request, engagement, services.refuse_unless_recognised, to=AGENCYS_PAGE)
        return away or page(request, "agencies/handlers.html", context, status=status)
    form = HandlersForm(request.POST, agency=engagement.agency)
    if form.is_valid():
        try:
            services.name_handlers(engagement, **form.cleaned_data, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        people = form.cleaned_data["people"]
        if not form.errors or services.has_just_named(engagement, people, by=request.actor):
            messages.success(request, _("代办人员已保存，并已短信告知有变化的人员。"))
            return redirect("agencies:engagement", engagement.uid)
    away = led_away(request, engagement, services.refuse_unless_recognised, to=AGENCYS_PAGE)
    return away or form_page(request, "agencies/handlers.html", _context(request, engagement, form))


def _context(request: Request, engagement: Engagement, form: HandlersForm) -> dict[str, Any]:
    search = PeopleOfAgencyForm(request.GET)
    name = search.cleaned_data["name"] if search.is_valid() else ""
    ticked = {str(uid) for uid in form["people"].value() or []} if form.is_bound else None
    candidates = candidates_of(engagement, name=name, ticked=ticked)
    return {"engagement": engagement, "form": form, "search": search, "candidates": candidates, "name": name}
