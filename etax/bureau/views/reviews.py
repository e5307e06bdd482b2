"""审核: what waits for a reviewer, and his decision (D35)."""

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.audit import Kind
from accounts.keypages import keys_of, page_of
from accounts.pages import page
from accounts.requests import Request
from etax.bureau.forms import DecideForm
from etax.bureau.views.acts import Fact, about_person, act_page, data_of, get_or_post, reviewer_required
from realname import services
from realname.models import MisuseCase
from staff.views.acts import Act

_SIZE = 20

DECIDE = Act(
    Kind.MISUSE_DECIDED,
    _("办结非本人任职"),
    _(
        "请先向企业和本人核实。属实的，该人员在该企业的任职立即终止；不属实的，其身份恢复使用。本人会收到短信，办结后不能更改。"
    ),
    _("确认办结"),
    _("已办结。"),
    is_dangerous=True,
)


@require_safe
@reviewer_required
def reviews(request: Request) -> HttpResponse:
    """The cases that nobody has decided yet."""
    undecided = MisuseCase.objects.undecided().select_related("person", "taxpayer")
    found = page_of(undecided, size=_SIZE, **keys_of(request))
    return page(request, "bureau/reviews.html", {"cases": found.rows, "pages": found.links({})})


@get_or_post
@reviewer_required
def decide_misuse(request: Request, uid: uuid.UUID) -> HttpResponse:
    """属实 or 不属实, with what was found (D35)."""
    case = get_object_or_404(MisuseCase.objects.select_related("person", "taxpayer"), uid=uid)
    reported = timezone.localtime(case.reported_at).strftime("%Y-%m-%d %H:%M")
    facts = [Fact(_("企业"), case.taxpayer.name), *about_person(case.person), Fact(_("申报时间"), reported)]
    return act_page(
        request,
        DECIDE,
        DecideForm(data_of(request)),
        lambda data: services.decide_misuse(case, **data, by=request.actor),
        back=reverse("bureau:reviews"),
        facts=[*facts, Fact(_("情况说明"), case.statement)],
        taxpayer=case.taxpayer,
        target=case.person,
    )
