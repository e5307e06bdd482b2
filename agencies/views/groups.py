"""委托企业分组 (D23)."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.pages import form_page
from accounts.requests import Request
from agencies import finding
from agencies.decorators import agency_manager_required
from agencies.forms import GroupForm, PlaceForm
from agencies.models import ClientGroup
from agencies.services import groups as services
from agencies.views.engagements import engagement_page

_MOST = 200


@require_http_methods(["GET", "HEAD", "POST"])
@agency_manager_required
def groups(request: Request) -> HttpResponse:
    """The agency's groups, and a new one."""
    form = GroupForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add(name=form.cleaned_data["name"], by=request.actor)
        except ValidationError as refusal:
            form.add_error("name", refusal)
        else:
            messages.success(request, _("分组已新增。在委托企业的页面上可以把企业放入分组。"))
            return redirect("agencies:groups")
    found = ClientGroup.objects.filter(agency=request.actor.taxpayer).order_by("name")[:_MOST]
    return form_page(request, "agencies/groups.html", {"form": form, "groups": found})


@require_POST
@agency_manager_required
def delete_group(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Delete a group; its clients stay."""
    services.delete(finding.group(uid, by=request.actor), by=request.actor)
    messages.success(request, _("分组已删除，其中的委托企业不受影响。"))
    return redirect("agencies:groups")


@require_POST
@agency_manager_required
def place(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Put a client into a group."""
    engagement = finding.of_agency(uid, by=request.actor)
    form, status = PlaceForm(request.POST, agency=engagement.agency), 400
    if form.is_valid():
        try:
            services.place(engagement, **form.cleaned_data, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
            status = 409 if refusal.code == "stale" else 400
        else:
            messages.success(request, _("分组已保存。"))
            return redirect("agencies:engagement", engagement.uid)
    return engagement_page(request, engagement, place_form=form, status=status)
