"""历史办税操作查询 (D28)."""

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import audit
from accounts.audit import Kind
from accounts.keypages import keys_of, page_of
from accounts.pages import form_page
from accounts.requests import Request
from staff.decorators import function_required
from staff.forms import OperationsFilterForm
from staff.operations import EXPORTED, PAGE_SIZE, csv_of, entries_of


@require_POST
@function_required("query.record.operations")
def export_operations(request: Request) -> HttpResponse:
    """The same entries as a file for a spreadsheet, the newest 10,000; that it was taken is recorded (LOG-07)."""
    form = OperationsFilterForm(request.POST)
    taxpayer = request.actor.taxpayer
    if taxpayer is None:
        raise Http404
    if not form.is_valid():
        raise SuspiciousOperation("filters that the page didn't offer")
    entries = entries_of(taxpayer, form.cleaned_data).order_by("-seq")[:EXPORTED]
    audit.record(Kind.RECORD_EXPORTED, by=request.actor)
    name = f"operations-{timezone.localdate():%Y%m%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse("".join(csv_of(entries)), content_type="text/csv; charset=utf-8", headers=headers)


@require_safe
@function_required("query.record.operations")
def operations(request: Request) -> HttpResponse:
    """The taxpayer's own record: search by kind, result, person and dates; pages by key."""
    form = OperationsFilterForm(request.GET)
    taxpayer = request.actor.taxpayer
    if taxpayer is None:
        raise Http404
    filters = form.cleaned_data if form.is_valid() else {}
    page = page_of(entries_of(taxpayer, filters), size=PAGE_SIZE, **keys_of(request))
    kept = {name: str(request.GET[name]) for name in form.fields if request.GET.get(name)}
    context = {
        "form": form,
        "page": page,
        "filtered": bool(kept),
        "kept": kept,
        "pages": page.links(kept),
    }
    return form_page(request, "staff/operations.html", context)
