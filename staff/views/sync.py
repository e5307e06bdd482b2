"""同步办税人 (D20, M102)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.pages import page
from accounts.requests import Request
from staff.decorators import lead_required
from staff.services import sync


@require_http_methods(["GET", "HEAD", "POST"])
@lead_required
def synchronise(request: Request) -> HttpResponse:
    """First what will change; then, on 【确认同步】, “同步成功”."""
    if request.method == "POST":
        sync.synchronise(by=request.actor)
        messages.success(request, _("同步成功"))
        return redirect("staff:members")
    taxpayer = request.actor.taxpayer
    assert taxpayer is not None  # noqa: S101 - lead_required lets nobody in without one
    return page(request, "staff/synchronise.html", {"preview": sync.preview(taxpayer)})
