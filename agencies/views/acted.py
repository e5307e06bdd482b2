"""代理办税记录: what an agency's people did for its clients (D23, D28)."""

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts.keypages import keys_of, page_of
from accounts.pages import page
from accounts.requests import Request
from agencies.decorators import agency_manager_required
from agencies.lists import PAGE_SIZE, acted_by


@require_safe
@agency_manager_required
def acted(request: Request) -> HttpResponse:
    """The entries of the record that name the agency, newest first, page by key."""
    agency = request.actor.taxpayer
    if agency is None:
        raise Http404
    key_page = page_of(acted_by(agency), size=PAGE_SIZE, **keys_of(request))
    return page(request, "agencies/acted.html", {"page": key_page, "pages": key_page.links({})})
