"""委托企业: the third step of 代理机构登录, and the way from one client to another (M52, D23)."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.acting import open_while_acting
from accounts.keypages import keys_of, page_of
from accounts.pages import form_page
from accounts.requests import Request
from agencies import acting, standing
from agencies.decorators import agency_required
from agencies.door import steps_at
from agencies.forms import ClientFilterForm
from agencies.lists import PAGE_SIZE, client_rows, clients_of


@require_safe
@open_while_acting
@agency_required
def clients(request: Request) -> HttpResponse:
    """Whom the handler may act for: search, page by key, state and last day of each, 【进入】."""
    whose = acting.person_and_agency(request.actor)
    if whose is None:
        raise Http404
    person, agency = whose
    form = ClientFilterForm(request.GET, agency=agency)
    filters = form.cleaned_data if form.is_valid() else {}
    key_page = page_of(clients_of(person, agency, filters), size=PAGE_SIZE, **keys_of(request))
    kept = {name: str(request.GET[name]) for name in form.fields if request.GET.get(name)}
    context = {
        "form": form,
        "filtered": bool(kept),
        "agency": agency,
        "rows": client_rows(person, key_page.rows),
        "pages": key_page.links(kept),
        "steps": steps_at(2),
    }
    return form_page(request, "agencies/clients.html", context)


@require_POST
@open_while_acting
@agency_required
def enter(request: Request, uid: uuid.UUID) -> HttpResponse:
    """【进入】 a client; whom he acted for before he leaves, unless he may not enter."""
    found = acting.enter(request, uid, by=request.actor)
    if found.engagement is None or found.problem is not None:
        problem = found.problem or standing.NOT_FOUND
        messages.error(request, _("不能进入：%(why)s。") % {"why": problem.text})
        messages.info(request, str(problem.next_step))
        return redirect("agencies:clients")
    name = found.engagement.client.name
    messages.success(request, _("已进入“%(client)s”，以下操作均代该企业办理。") % {"client": name})
    return redirect("home")


@require_POST
@open_while_acting
@agency_required
def leave(request: Request) -> HttpResponse:
    """【退出代理】."""
    acting.leave(request, by=request.actor)
    messages.success(request, _("已退出代理。可以选择其他委托企业，或办理本机构的业务。"))
    return redirect("agencies:clients")
