"""同步办税人 (D20, M102)."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.pages import get_or_post, page
from accounts.requests import Request
from staff.decorators import lead_required
from staff.services import sync


@get_or_post
@lead_required
def synchronise(request: Request) -> HttpResponse:
    """First what will change; then, on 【确认同步】, “同步成功”."""
    status = 200
    if request.method == "POST":
        try:
            done = sync.synchronise(seen=request.POST.get("seen", ""), by=request.actor)
        except ValidationError:
            if sync.has_just_synchronised(by=request.actor):
                return _done(request)  # the same form sent twice: one effect, and the same answer (F12)
            messages.error(request, _("信息已变更，请核对下面的最新内容后重试。"))
            status = 409
        else:
            counts = {"marked": len(done.gone), "lifted": len(done.returned)}
            return _done(request, _("标记与税务登记不符的%(marked)s人，恢复正常的%(lifted)s人。") % counts)
    taxpayer = request.actor.taxpayer
    assert taxpayer is not None  # noqa: S101 - lead_required lets nobody in without one
    return page(request, "staff/synchronise.html", {"preview": sync.preview(taxpayer)}, status=status)


def _done(request: Request, counted: str = "") -> HttpResponse:
    messages.success(request, _("同步成功"))
    if counted:
        messages.info(request, counted)
    return redirect("staff:members")
