"""What surrounds every request: its number, the error pages, and the guard against stale forms."""

import logging
import secrets
import time
from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import addresses, metrics
from accounts.pages import PageResponse
from accounts.refusals import TooMany
from accounts.requests import Request, is_signing_out
from accounts.slots import Busy
from agencies import acting
from etax import display, logs
from etax.errors import database_down, error_page, is_database_down

logger = logging.getLogger(__name__)
requests_log = logging.getLogger("etax.requests")

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestMiddleware:
    """Numbers the request, for the record, the log and the error pages; keeps pages out of caches."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        request.request_id = _new_number()
        logs.request_id.set(request.request_id)  # and left there: Django writes its line about an error after us
        began = time.monotonic()
        response = self.get_response(request)
        _tell_of(request, response, time.monotonic() - began)
        response.headers.setdefault("Cache-Control", "no-store")
        for name, value in _SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-ID"] = request.request_id
        return response


def _new_number() -> str:
    """32 hexadecimal digits: twelve of the moment, so that the record's index grows at its end, the rest by chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


_WATCHED = {429: "throttled", 500: "fault", 503: "busy"}


def _tell_of(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Count the request under the name of its page, and write its line in the log where that is wanted."""
    page = request.resolver_match.view_name if request.resolver_match else "none"
    method = request.method if request.method in ("GET", "HEAD", "POST") else "other"
    metrics.REQUESTS.labels(page, method, str(response.status_code)).inc()
    metrics.SECONDS.labels(page).observe(seconds)
    what = getattr(response, "trouble", _WATCHED.get(response.status_code))
    if what:
        metrics.TROUBLES.labels(what).inc()
    if settings.LOG_REQUESTS:
        where = addresses.mask(addresses.client_ip(request))
        told = {
            "page": page,
            "method": method,
            "status": response.status_code,
            "ms": round(seconds * 1000),
            "ip": where,
        }
        requests_log.info("%s %s %s", method, page, response.status_code, extra=told)


# Set by Django's middleware on all but the answers that it refuses itself.
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
}
_LONGEST_LENGTH = 12


def _why_unreadable(request: HttpRequest) -> int:
    """The status to refuse a request with that nobody could read, or 0.

    Its body must be announced as UTF-8 (other codecs can smuggle in what is no text at all), with a length, and no
    longer than a form of its address may be; its address must not carry more parameters than that.
    """
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    length = request.META.get("CONTENT_LENGTH") or "0"
    if charset not in ("utf-8", "utf8") or not (length.isascii() and length.isdigit()):
        return 400
    if len(length) > _LONGEST_LENGTH or int(length) > _longest(request):
        return 413
    try:
        _ = request.GET
    except SuspiciousOperation:
        return 400
    return 0


def _longest(request: HttpRequest) -> int:
    """The longest body that may be sent here, in bytes: more where a page takes a picture (FIL-02)."""
    with_file = request.content_type == "multipart/form-data" and request.path.startswith(settings.UPLOAD_PREFIXES)
    return settings.UPLOAD_MAX_BYTES if with_file else settings.DATA_UPLOAD_MAX_MEMORY_SIZE


class PolicyMiddleware(CSPMiddleware):
    """The package's middleware, which with DEBUG on leaves 404 and 500 out for Django's pages: ours stand there."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The answer with its policy, whatever its status."""
        status, response.status_code = response.status_code, 200
        answer: HttpResponseBase = super().process_response(request, response)
        answer.status_code = status
        return answer


class SlashMiddleware(CommonMiddleware):
    """Django's common middleware, which leads an address without its last slash on; a form sent there is a 404."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Only for looking: what a form carried can't be led on."""
        return request.method in ("GET", "HEAD") and super().should_redirect_with_slash(request)


class LanguageMiddleware:
    """Answers in the language chosen in this browser, errors as well; it asks neither headers nor the database (D30).

    It stands outside everything that writes words, and puts the thread's own language back when it is done.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with translation.override(display.language_of(request)):
            return self.get_response(request)


class ErrorPageMiddleware:
    """Puts the portal's page in the place of every error that isn't one of its pages already, DEBUG or not."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._forms = CsrfViewMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        status = _why_unreadable(request)
        if status:
            request.META["QUERY_STRING"] = ""  # it would trip the page that says so as well
            request.encoding = "utf-8"
            return self._usable(request, error_page(request, status))
        response = self.get_response(request)
        json = response.headers.get("Content-Type", "").startswith(("application/json", "application/problem+json"))
        if response.status_code < 400 or isinstance(response, PageResponse) or json:
            return response
        is_down = response.status_code == 500 and is_database_down(getattr(request, "fault", None))
        answer = database_down(request) if is_down else error_page(request, response.status_code)
        replaced = self._usable(request, answer)
        if "Allow" in response.headers:
            replaced["Allow"] = response.headers["Allow"]
        told = getattr(response, "_has_been_logged", False)  # Django's mark, which the stubs don't know
        replaced._has_been_logged = told  # type: ignore[attr-defined]  # one error, one line in the log
        return replaced

    def _usable(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        """The page, with the cookie that the forms in its header need: Django's own part for it stands further in."""
        self._forms.process_response(request, answer)
        return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn the refusals that no form shows into their pages."""
        if isinstance(exception, Busy):
            logger.warning("all hash slots are busy")
            return error_page(request, 503, retry_after=exception.retry_after)
        if isinstance(exception, TooMany):
            return error_page(request, 429, retry_after=exception.retry_after)
        if is_database_down(exception):
            logger.error("the database does not answer", exc_info=exception)
            return database_down(request)
        return None


class StaleFormMiddleware:
    """Refuses with 409 a form that was shown under another capacity, before anything is done with it.

    But not what can land on nobody wrong: 【退出】, and a form that asks for what is so already.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        is_stale = (
            request.method == "POST" and request.POST.get("capacity", request.actor.capacity) != request.actor.capacity
        )
        if is_stale and not is_signing_out(request) and not acting.is_so_already(request):
            return self._refuse(request)
        return self.get_response(request)

    @staticmethod
    def _refuse(request: Request) -> HttpResponse:
        """The page of 409, which says as whom he is signed in now, and leads back there or to another capacity.

        That is 切换身份, which is closed while acting: then another client, or out to the agency itself.
        """
        actor = request.actor
        if actor.person is None:
            return error_page(request, 409)
        name = actor.taxpayer.name if actor.taxpayer else _("自然人")
        links: list[dict[str, object]] = [
            {"text": _("返回首页（当前身份：%(name)s）") % {"name": name}, "url": reverse("home")},
        ]
        if actor.is_acting:
            links.append({"text": _("切换委托企业"), "url": reverse("agencies:clients")})
            links.append({"text": _("退出代理"), "url": reverse("agencies:leave"), "is_form": True})
        else:
            links.append({"text": _("切换身份"), "url": reverse("staff:capacity")})
        return error_page(request, 409, links=links)
