"""What surrounds every request: its number, the error pages, and the guard against stale forms."""

import logging
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.pages import PageResponse
from accounts.refusals import TooMany
from accounts.requests import Request
from accounts.slots import Busy
from etax import logs
from etax.errors import error_page

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestMiddleware:
    """Numbers the request, for the record, the log and the error pages; keeps pages out of caches."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        request.request_id = uuid.uuid4().hex
        token = logs.request_id.set(request.request_id)
        try:
            response = self.get_response(request)
        finally:
            logs.request_id.reset(token)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Request-ID"] = request.request_id
        return response


class ErrorPageMiddleware:
    """Puts the portal's page in the place of every error that isn't one of its pages already, DEBUG or not."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if (request.content_params or {}).get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            return error_page(request, 400)  # other codecs can smuggle in what is no text at all
        response = self.get_response(request)
        json = response.headers.get("Content-Type", "").startswith("application/json")
        if response.status_code < 400 or isinstance(response, PageResponse) or json:
            return response
        replaced = error_page(request, response.status_code)
        if "Allow" in response.headers:
            replaced["Allow"] = response.headers["Allow"]
        return replaced

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn the refusals that no form shows into their pages."""
        if isinstance(exception, Busy):
            logger.warning("all hash slots are busy")
            return error_page(request, 503, retry_after=exception.retry_after)
        if isinstance(exception, TooMany):
            return error_page(request, 429, retry_after=exception.retry_after)
        return None


class StaleFormMiddleware:
    """Refuses with 409 a form that was shown under another capacity, before anything is done with it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        if request.method == "POST" and request.POST.get("capacity", request.actor.capacity) != request.actor.capacity:
            return error_page(request, 409)
        return self.get_response(request)
