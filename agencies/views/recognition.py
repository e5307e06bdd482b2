"""代理机构认定管理 of a client: the list, synchronising, finding an agency, cancelling, declining (M53)."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import Kind
from accounts.keypages import keys_of, page_of
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from accounts.words import Words
from agencies import finding
from agencies.forms import AgencySearchForm, NoteForm
from agencies.lists import PAGE_SIZE, agencies_of, engagement_rows, register_of_agencies
from agencies.models import Engagement
from agencies.services import recognition as services
from agencies.services.engagements import has_just_done
from agencies.views.states import CLIENTS_PAGE, led_away
from agencies.views.words import lent_words
from staff.decorators import lead_required


@require_safe
@lead_required
def recognitions(request: Request) -> HttpResponse:
    """Requests that wait for an answer, then all agencies, past ones among them, newest first."""
    client = request.actor.taxpayer
    if client is None:
        raise Http404
    keys = keys_of(request)
    key_page = page_of(agencies_of(client), size=PAGE_SIZE, **keys)
    context = {
        "pending": [] if keys else list(agencies_of(client, pending=True).order_by("-pk")[:PAGE_SIZE]),
        "rows": engagement_rows(key_page.rows),
        "pages": key_page.links({}),
    }
    return page(request, "agencies/recognitions.html", context)


@require_POST
@lead_required
def synchronise(request: Request) -> HttpResponse:
    """同步代理机构信息."""
    found = services.synchronise(by=request.actor)
    messages.success(request, _("同步成功"))
    if found.gone or found.overdue:
        counts = {"gone": found.gone, "overdue": found.overdue}
        messages.info(request, _("已终止：代理机构已注销%(gone)s项，已到期%(overdue)s项。") % counts)
    return redirect("agencies:recognitions")


@require_safe
@lead_required
def find_agency(request: Request) -> HttpResponse:
    """The register of agencies, to choose one to be recognised: search, page by key."""
    form = AgencySearchForm(request.GET)
    text = form.cleaned_data["search"] if form.is_valid() else ""
    key_page = page_of(register_of_agencies(text), size=PAGE_SIZE, **keys_of(request))
    pages = key_page.links({"search": text} if text else {})
    return form_page(request, "agencies/find_agency.html", {"form": form, "rows": key_page.rows, "pages": pages})


@require_safe
@lead_required
def recognition(request: Request, uid: uuid.UUID) -> HttpResponse:
    """One agency: what is lent, until when, and who acts."""
    engagement = finding.of_client(uid, by=request.actor)
    context = {"row": engagement_rows([engagement])[0], "lent": lent_words(engagement)}
    return page(request, "agencies/recognition.html", context)


@dataclass(frozen=True, slots=True)
class Ending:
    """What the page of an end says."""

    kind: Kind
    title: Words
    consequence: Words
    button: Words
    done: Words
    refuse_unless_fit: Callable[[Engagement], None]


CANCELLING = Ending(
    Kind.ENGAGEMENT_CANCELLED,
    gettext_lazy("取消代理认定"),
    gettext_lazy(
        "确认后立即生效：该代理机构的人员不能再代本企业办税，正在代办的，下一次点击即退出。已办理的业务和记录会保留。"
    ),
    gettext_lazy("确认取消"),
    gettext_lazy("已取消代理认定，并已短信告知对方。"),
    services.refuse_unless_recognised,
)
DECLINING = Ending(
    Kind.ENGAGEMENT_DECLINED,
    gettext_lazy("拒绝代理申请"),
    gettext_lazy("确认后，该代理机构的申请被拒绝，对方可以看到原因，也可以重新申请。"),
    gettext_lazy("确认拒绝"),
    gettext_lazy("已拒绝申请，并已短信告知对方。"),
    services.refuse_unless_pending,
)


@get_or_post
@lead_required
def cancel(request: Request, uid: uuid.UUID) -> HttpResponse:
    """取消: at once (M53)."""
    return _end(request, uid, CANCELLING, services.cancel)


@get_or_post
@lead_required
def decline(request: Request, uid: uuid.UUID) -> HttpResponse:
    """拒绝 a request."""
    return _end(request, uid, DECLINING, services.decline)


def _end(request: Request, uid: uuid.UUID, ending: Ending, service: Callable[..., None]) -> HttpResponse:
    engagement = finding.of_client(uid, by=request.actor)
    form = NoteForm(request.POST if request.method == "POST" else None, initial={"version": engagement.version})
    if request.method == "POST" and form.is_valid():
        try:
            service(engagement, note=form.cleaned_data["note"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        if not form.errors or has_just_done(ending.kind, engagement, by=request.actor):
            messages.success(request, ending.done)
            return redirect("agencies:recognitions")
    context = {"ending": ending, "form": form, "engagement": engagement}
    away = led_away(request, engagement, ending.refuse_unless_fit, to=CLIENTS_PAGE)
    return away or form_page(request, "agencies/end.html", context)
