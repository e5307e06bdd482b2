"""委托企业分组 (D23)."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.audit import Kind
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from agencies import finding
from agencies.decorators import agency_manager_required
from agencies.forms import GroupForm, PlaceForm
from agencies.models import ClientGroup
from agencies.services import groups as services
from agencies.services.engagements import has_just_done, refuse_if_over
from agencies.views.engagements import engagement_page
from agencies.views.states import AGENCYS_PAGE, led_away

_MOST = 200


@get_or_post
@agency_manager_required
def groups(request: Request) -> HttpResponse:
    """The agency's groups, and a new one."""
    form = GroupForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            services.add(name=name, by=request.actor)
        except ValidationError as refusal:
            form.add_error("name", refusal)
        if not form.errors or services.has_just_added(name, by=request.actor):
            messages.success(request, _("分组已新增。在【委托关系管理】中勾选企业，可以一次放入分组。"))
            return redirect("agencies:groups")
    found = ClientGroup.objects.filter(agency=request.actor.taxpayer).order_by("name")[:_MOST]
    return form_page(request, "agencies/groups.html", {"form": form, "groups": found})


@get_or_post
@agency_manager_required
def rename_group(request: Request, uid: uuid.UUID) -> HttpResponse:
    """改名: its clients stay in it."""
    group = finding.group(uid, by=request.actor)
    form = GroupForm(request.POST if request.method == "POST" else None, initial={"name": group.name})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            if name != group.name:  # the same form sent twice changes nothing more (F12)
                services.rename(group, name=name, by=request.actor)
        except ValidationError as refusal:
            form.add_error("name", refusal)
        if not form.errors:
            messages.success(request, _("分组已改名。"))
            return redirect("agencies:groups")
    return form_page(request, "agencies/rename_group.html", {"form": form, "group": group})


@get_or_post
@agency_manager_required
def delete_group(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Delete a group, after saying how many clients then are in none; they stay."""
    is_done = request.method == "POST" and services.has_just_deleted(uid, by=request.actor)
    if not is_done:
        group = finding.group(uid, by=request.actor)
        if request.method != "POST":
            return page(request, "agencies/delete_group.html", {"group": group, "count": group.engagements.count()})
        services.delete(group, by=request.actor)
    messages.success(request, _("分组已删除，其中的委托企业不受影响。"))
    return redirect("agencies:groups")


@require_POST
@agency_manager_required
def place(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Put a client into a group."""
    engagement = finding.of_agency(uid, by=request.actor)
    finding.refuse_foreign_group(request.POST.get("group", ""), by=request.actor)
    form = PlaceForm(request.POST, agency=engagement.agency)
    if form.is_valid():
        group = form.cleaned_data["group"]
        try:
            services.place(engagement, **form.cleaned_data, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        placed = {"group": group.name if group else ""}
        if not form.errors or has_just_done(Kind.CLIENT_GROUP_CHANGED, engagement, by=request.actor, **placed):
            messages.success(request, _("分组已保存。"))
            return redirect("agencies:engagement", engagement.uid)
    away = led_away(request, engagement, refuse_if_over, to=AGENCYS_PAGE)
    return away or engagement_page(request, engagement, place_form=form)
