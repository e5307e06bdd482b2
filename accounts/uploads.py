"""Views that take files: the only ones whose requests may be longer than a form (FIL-02)."""

from collections.abc import Callable
from typing import ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

P = ParamSpec("P")


def takes_files(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Mark a view, as the outermost of its decorators, whose form carries a file."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def longest_body(request: HttpRequest) -> int:
    """How many bytes the body of a request to this address may have."""
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    files = settings.FILE_UPLOAD_MAX_MEMORY_SIZE if getattr(view, "takes_files", False) else 0
    return max(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, files)
