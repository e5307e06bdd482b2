"""操作手册, open to everybody: contents with a search, and one page for each of its parts (M2, M3)."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts.pages import page
from accounts.requests import Request
from etax import handbook


@require_safe
@login_not_required
def contents(request: Request) -> HttpResponse:
    """The contents in the manual's order, or what a search finds."""
    query = request.GET.get("q", "").strip()
    hits = handbook.search(query)
    return page(request, "help/contents.html", {"chapters": handbook.CHAPTERS, "query": query[:50], "hits": hits})


@require_safe
@login_not_required
def help_page(request: Request, slug: str) -> HttpResponse:
    """One part of the handbook."""
    found = handbook.PAGES.get(slug)
    if found is None:
        raise Http404
    before, after = handbook.beside(found)
    context = {"help": found, "chapters": handbook.CHAPTERS, "before": before, "after": after}
    return page(request, "help/page.html", context)
