"""日志管理: what I did, and what was done to me (D28)."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts.keypages import keys_of, page_of
from accounts.pages import form_page
from accounts.requests import Request
from staff.forms import RecordFilterForm
from staff.operations import PAGE_SIZE, entries_about


@require_safe
def my_record(request: Request) -> HttpResponse:
    """My own entries of the record: search by kind, result and dates; pages by key."""
    person = request.actor.person
    assert person is not None  # noqa: S101 - the page is closed to visitors
    form = RecordFilterForm(request.GET)
    filters = form.cleaned_data if form.is_valid() else {}
    found = page_of(entries_about(person, filters), size=PAGE_SIZE, **keys_of(request))
    kept = {name: str(request.GET[name]) for name in form.fields if request.GET.get(name)}
    context = {"form": form, "page": found, "filtered": bool(kept), "pages": found.links(kept)}
    return form_page(request, "staff/my_record.html", context)
