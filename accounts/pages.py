"""Rendering a page, marked as the portal's own whatever its status, so that no error page takes its place."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class PageResponse(HttpResponse):
    """A page of the portal."""


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """The rendered template as a `PageResponse`."""
    return PageResponse(render(request, template, context).content, status=status)


def form_page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page of a form: status 400 when it carries errors, as its `form` tells."""
    return page(request, template, context, status=400 if context["form"].errors else 200)
