"""日志 of one taxpayer or person, for an officer: by key, filtered; the look itself is an entry (D28)."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse

from accounts import audit, officers
from accounts.audit import Kind
from accounts.forms import Form
from accounts.keypages import keys_of, page_of
from accounts.models import AuditEntry, Person, Taxpayer
from accounts.pages import form_page
from accounts.requests import Request
from staff.operations import PAGE_SIZE


def record_page(
    request: Request,
    form: Form,
    find: Callable[[dict[str, Any]], QuerySet[AuditEntry]],
    *,
    heading: str,
    back: str,
    taxpayer: Taxpayer | None = None,
    target: Person | None = None,
) -> HttpResponse:
    """A page of what is found under the filters of the address; `form` is bound to them."""
    officers.require(request.actor)
    filters = form.cleaned_data if form.is_valid() else {}
    found = page_of(find(filters), size=PAGE_SIZE, **keys_of(request))
    audit.record(Kind.RECORD_SEEN, by=request.actor, taxpayer=taxpayer, target=target)
    kept = {name: str(request.GET[name]) for name in form.fields if request.GET.get(name)}
    context = {
        "form": form,
        "page": found,
        "pages": found.links(kept),
        "filtered": bool(kept),
        "heading": heading,
        "back_url": back,
    }
    return form_page(request, "bureau/record.html", context)
