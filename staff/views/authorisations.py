"""用户授权管理: the same people by the door that the help page describes (M147 to M152)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.keypages import keys_of, page_of
from accounts.pages import page
from accounts.requests import Request
from staff import finding
from staff.decorators import lead_required
from staff.forms import MembershipChoiceForm
from staff.members import PAGE_SIZE, rich, rows_of
from staff.models import Membership
from staff.origins import AUTHORISATIONS, at, here


@require_safe
@lead_required
def authorisations(request: Request) -> HttpResponse:
    """Members and former members with their 状态; select one, then 【解除授权】, or 【新增授权】."""
    taxpayer = request.actor.taxpayer
    assert taxpayer is not None  # noqa: S101 - lead_required lets nobody in without one
    key_page = page_of(rich(Membership.objects.filter(taxpayer=taxpayer)), size=PAGE_SIZE, **keys_of(request))
    context = {"rows": rows_of(taxpayer, key_page.rows), "pages": key_page.links({})}
    context |= {"origin": here(AUTHORISATIONS, request)}
    return page(request, "staff/authorisations.html", context)


@require_POST
@lead_required
def withdraw_authorisation(request: Request) -> HttpResponse:
    """【解除授权】 for the one selected: on to the page that says what will happen."""
    origin = at(AUTHORISATIONS, request.GET.get("list", ""))
    form = MembershipChoiceForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("请先选中需要解除授权的办税人员。"))
        return redirect(origin.url)
    chosen = finding.member(form.cleaned_data["member"], by=request.actor)
    return redirect(reverse("staff:remove", args=[chosen.uid]) + origin.query)
