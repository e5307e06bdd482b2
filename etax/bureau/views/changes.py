"""审核 of 变更税务登记: the register before and after, the stamped scan, then the decision (M141, M142, D25)."""

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import Kind
from accounts.pages import get_or_post, page
from accounts.requests import Request
from accounts.words import as_kept
from etax.bureau.asked import facts_of_change, lines_of
from etax.bureau.forms import ConfirmForm, ReturnForm
from etax.bureau.views.acts import Fact, act_page, data_of, reviewer_required
from realname import changes
from realname.models import ChangeKind, ChangeRequest, ChangeScan
from staff.views.acts import Act
from staff.views.changes import scan_answer

APPROVE = Act(
    Kind.CHANGE_APPROVED,
    _("批准变更税务登记"),
    _(
        "请先核对申请内容和扫描件。确认后，税务登记立即按申请变更：离任的人员下一次点击即退出。提交人会收到短信，批准后不能撤回。"
    ),
    _("确认批准"),
    _("已批准，税务登记已变更。"),
)
RETURN = Act(
    Kind.CHANGE_RETURNED,
    _("退回变更税务登记"),
    _("确认后，税务登记不变，提交人会收到短信，并在申请中看到退回原因，撤消后可以重新提交。"),
    _("确认退回"),
    _("已退回。"),
    is_dangerous=True,
)


def _found(uid: uuid.UUID) -> ChangeRequest:
    rows = ChangeRequest.objects.select_related("taxpayer", "post__person", "submitted_by", "decided_by")
    return get_object_or_404(rows, uid=uid)


def _url(found: ChangeRequest) -> str:
    return reverse("bureau:change", args=[found.uid])


def _facts(found: ChangeRequest) -> list[Fact]:
    return [Fact(_("申请事项"), found.get_kind_display()), *facts_of_change(found)]


@require_safe
@reviewer_required
def change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """What is asked for, before and after, masked, with its scans."""
    return _page(request, _found(uid))


@require_POST
@reviewer_required
def show_change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """The same page with names and numbers in full; recorded (D27)."""
    found = _found(uid)
    changes.show_numbers(found, by=request.actor)
    return _page(request, found, in_full=True)


def _page(request: Request, found: ChangeRequest, *, in_full: bool = False) -> HttpResponse:
    context = {
        "change": found,
        "in_full": in_full,
        "facts": facts_of_change(found),
        "lines": lines_of(found, in_full=in_full),
        "scans": found.scans.defer("content"),
        "back_url": reverse("bureau:waiting_changes"),
    }
    return page(request, "bureau/change.html", context)


@require_safe
@reviewer_required
def scan(request: Request, uid: uuid.UUID) -> HttpResponse:
    """One scan; each look is recorded (FIL-04)."""
    return scan_answer(request, get_object_or_404(ChangeScan.objects.select_related("request__taxpayer"), uid=uid))


@get_or_post
@reviewer_required
def approve_change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """批准: the register changes as asked."""
    found = _found(uid)
    return act_page(
        request,
        APPROVE,
        ConfirmForm(data_of(request)),
        lambda data: changes.approve(found, by=request.actor),
        back=_url(found),
        facts=_facts(found),
        taxpayer=found.taxpayer,
    )


@get_or_post
@reviewer_required
def return_change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """退回, with a reason; that of M142 stands ready for a 财务负责人变更."""
    found = _found(uid)
    return act_page(
        request,
        RETURN,
        ReturnForm(data_of(request)),
        lambda data: changes.return_(found, **data, by=request.actor),
        back=_url(found),
        facts=_facts(found),
        taxpayer=found.taxpayer,
        ready_reason=as_kept(changes.NO_DOCUMENT) if found.kind == ChangeKind.FINANCE_CHANGED else "",
    )
