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


def is_too_long(request: HttpRequest, length: int) -> bool:
    """Whether a body of so many bytes is more than this address takes."""
    return length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE and length > _longest_with_files(request)


def _longest_with_files(request: HttpRequest) -> int:
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return 0
    return settings.FILE_UPLOAD_MAX_MEMORY_SIZE if getattr(view, "takes_files", False) else 0
