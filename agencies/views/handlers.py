"""指定代办人员 (D23)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.pages import page
from accounts.requests import Request
from agencies import finding
from agencies.candidates import candidates_of
from agencies.decorators import agency_manager_required
from agencies.forms import HandlersForm, PeopleOfAgencyForm
from agencies.models import Engagement
from agencies.services.handlers import name_handlers


@require_http_methods(["GET", "HEAD", "POST"])
@agency_manager_required
def handlers(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Those who are named are ticked, others of the agency can be; whoever can't be says why."""
    engagement = finding.of_agency(uid, by=request.actor)
    if request.method != "POST":
        form = HandlersForm(initial={"version": engagement.version}, agency=engagement.agency)
        context = _context(request, engagement, form)
        return page(request, "agencies/handlers.html", context, status=400 if context["search"].errors else 200)
    form, status = HandlersForm(request.POST, agency=engagement.agency), 400
    if form.is_valid():
        try:
            name_handlers(engagement, **form.cleaned_data, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
            status = 409 if refusal.code == "stale" else 400
        else:
            messages.success(request, _("代办人员已保存，并已短信告知有变化的人员。"))
            return redirect("agencies:engagement", engagement.uid)
    return page(request, "agencies/handlers.html", _context(request, engagement, form), status=status)


def _context(request: Request, engagement: Engagement, form: HandlersForm) -> dict[str, Any]:
    search = PeopleOfAgencyForm(request.GET)
    name = search.cleaned_data["name"] if search.is_valid() else ""
    candidates = candidates_of(engagement, name=name)
    return {"engagement": engagement, "form": form, "search": search, "candidates": candidates, "name": name}
