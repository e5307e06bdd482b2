"""历史办税操作查询 (D28)."""

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts.keypages import keys_of, page_of
from accounts.pages import form_page
from accounts.requests import Request
from staff.decorators import function_required
from staff.forms import OperationsFilterForm
from staff.operations import PAGE_SIZE, entries_of


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
        "pages": page.links(kept),
    }
    return form_page(request, "staff/operations.html", context)
