"""企业人员维护: the list, and one member's page."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.keypages import keys_of, page_of
from accounts.models import AuditEntry
from accounts.pages import form_page, page
from accounts.requests import Request
from staff import finding
from staff.decorators import lead_required, manager_required
from staff.forms import MemberFilterForm
from staff.members import PAGE_SIZE, leads_of, members_of, rich, row_of, rows_of
from staff.operations import PAGE_SIZE as ENTRIES
from staff.origins import MEMBERS, here, origin_of
from staff.services import members as services


@require_safe
@manager_required
def members(request: Request) -> HttpResponse:
    """The firm's leads from the register, and its clerks: search, filter, pages of twenty."""
    form = MemberFilterForm(request.GET)
    taxpayer = request.actor.taxpayer
    assert taxpayer is not None  # noqa: S101 - manager_required lets nobody in without one
    filters = form.cleaned_data if form.is_valid() else {}
    found = members_of(taxpayer, name=filters.get("name", ""), state=filters.get("state", ""))
    key_page = page_of(rich(found), size=PAGE_SIZE, **keys_of(request))
    kept = {name: str(request.GET[name]) for name in form.fields if request.GET.get(name)}
    context = {
        "form": form,
        "filtered": bool(kept),
        "leads": [] if filters.get("state") or key_page.newer else leads_of(taxpayer, name=filters.get("name", "")),
        "rows": rows_of(taxpayer, key_page.rows),
        "pages": key_page.links(kept),
        "carried": here(MEMBERS, request).query,
    }
    return form_page(request, "staff/members.html", context)


@require_safe
@manager_required
def member(request: Request, uid: uuid.UUID) -> HttpResponse:
    """One member: what he may, his state, and the record of what was done by him and to him."""
    membership = finding.member(uid, by=request.actor)
    # The record is a function of its own: 管理权限 alone doesn't open it (D7).
    may_read = request.actor.holds("query.record.operations")
    about = AuditEntry.objects.filter(taxpayer=membership.taxpayer)
    about = about.filter(Q(target=membership.person) | Q(person=membership.person))
    about = about.select_related("person", "target", "via") if may_read else about.none()
    entries = page_of(about, size=ENTRIES, **keys_of(request))
    origin = origin_of(request)
    kept = {name: request.GET[name] for name in ("from", "list") if name in request.GET}
    context = {"row": row_of(membership), "membership": membership, "page": entries, "pages": entries.links(kept)}
    context |= {"may_read": may_read, "origin": origin}
    return page(request, "staff/member.html", context)


@require_POST
@lead_required
def show_number(request: Request, uid: uuid.UUID, which: str) -> HttpResponse:
    """The full id number or phone of a member, recorded (D27)."""
    membership = finding.member(uid, by=request.actor)
    try:
        number = services.show_number(membership, which, by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
        return redirect("staff:member", uid)
    context = {"whose": membership.person.masked_name, "which": which, "number": number}
    context |= {"back_url": reverse("staff:member", args=[uid]), "back": _("返回人员信息")}
    return page(request, "staff/number.html", context)
