"""Rendering a page, marked as the portal's own whatever its status, so that no error page takes its place."""

from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class PageResponse(HttpResponse):
    """A page of the portal."""


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """The rendered template as a `PageResponse`."""
    return PageResponse(render(request, template, context).content, status=status)


def form_page(request: HttpRequest, template: str, context: dict[str, Any], *, anew: str = "") -> HttpResponse:
    """The page of a form: status 400 when it carries errors, as its `form` tells; 409 when somebody was quicker.

    Then it offers to show itself anew, from `anew` or from where it is: the form it carries can never be saved.
    """
    form = context["form"]
    if form.has_error(NON_FIELD_ERRORS, "stale"):
        return page(request, template, {**context, "refresh_url": anew or request.get_full_path()}, status=409)
    return page(request, template, context, status=400 if form.errors else 200)
