"""历史办税操作查询 (D28)."""

from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts.pages import form_page
from accounts.requests import Request
from staff.decorators import function_required
from staff.forms import OperationsFilterForm
from staff.operations import entries_of, page_of


def _key(request: Request, name: str) -> int | None:
    """A page key out of the address; what is none is answered with 404."""
    text = request.GET.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Http404
    return int(text)


@require_safe
@function_required("query.record.operations")
def operations(request: Request) -> HttpResponse:
    """The taxpayer's own record: search by kind, result, person and dates; pages by key."""
    form = OperationsFilterForm(request.GET)
    taxpayer = request.actor.taxpayer
    if taxpayer is None:
        raise Http404
    filters = form.cleaned_data if form.is_valid() else {}
    page = page_of(entries_of(taxpayer, filters), before=_key(request, "before"), after=_key(request, "after"))
    kept = {name: value for name, value in request.GET.items() if name in form.fields and value}
    context = {
        "form": form,
        "page": page,
        "filtered": bool(kept),
        "pages": {
            "newer_url": f"?{urlencode({**kept, 'after': page.newer})}" if page.newer else "",
            "older_url": f"?{urlencode({**kept, 'before': page.older})}" if page.older else "",
        },
    }
    return form_page(request, "staff/operations.html", context)
