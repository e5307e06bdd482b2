"""Rendering a page, marked as the portal's own whatever its status, so that no error page takes its place."""

from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
"""For the view of a page whose form is sent to the page's own address."""


class PageResponse(HttpResponse):
    """A page of the portal."""


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """The rendered template as a `PageResponse`."""
    return PageResponse(render(request, template, context).content, status=status)


def form_page(request: HttpRequest, template: str, context: dict[str, Any], *, anew: str = "") -> HttpResponse:
    """The page of a form: status 400 when it carries errors, as its `form` tells; 409 when somebody was quicker.

    Then, and when it came incomplete, it offers to show itself anew, from `anew` or from where it is: the form it
    carries can never be saved. An address with a wrong filter would only show the same again.
    """
    form = context["form"]
    is_stale = form.has_error(NON_FIELD_ERRORS, "stale")
    if is_stale or (form.is_incomplete and request.method == "POST"):
        context = {**context, "refresh_url": anew or request.get_full_path()}
    return page(request, template, context, status=409 if is_stale else 400 if form.errors else 200)
