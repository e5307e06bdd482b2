"""What a machine asks that watches the portal: does it live, and is it ready to be sent visitors."""

import ipaddress
import logging
from collections.abc import Callable
from functools import cache as remembered

from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.addresses import cache_breaker, client_ip
from accounts.models import SmsMessage

logger = logging.getLogger(__name__)

_RETRY = 5
_NEAR = tuple(
    map(ipaddress.ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)


class HealthMiddleware:
    """Answers /healthz and /readyz to machines nearby, before host names, sessions and the database are looked at.

    For everybody else there is no such page (CFG-05).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.answers = {"/healthz": alive, "/readyz": ready}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.answers.get(request.path_info)
        if answer is None or request.method not in ("GET", "HEAD") or not _is_near(request):
            return self.get_response(request)
        return answer()


def _is_near(request: HttpRequest) -> bool:
    """Whether who asks sits on this machine or in the bureau's own network."""
    ip = client_ip(request)
    return ip is not None and any(ipaddress.ip_address(ip) in network for network in _NEAR)


def alive() -> HttpResponse:
    """Liveness: this worker answers. It asks nobody else, so that a dead database doesn't get workers restarted."""
    return JsonResponse({"alive": True})


def ready() -> HttpResponse:
    """Readiness: the database answers and holds this release's tables; else 503.

    The cache and the age of the oldest message that is due are told, and decide nothing: both may be lost or late.
    """
    try:
        told = {"database": "ok", "migrations": _migrations(), "outbox_seconds": _outbox_seconds()}
    except Error as error:
        logger.warning("not ready: the database does not answer (%s)", type(error).__name__)
        told = {"database": "lost"}
    is_ready = told.get("migrations") == "ok"
    response = JsonResponse({"ready": is_ready, **told, "cache": _cache()}, status=200 if is_ready else 503)
    if not is_ready:
        response["Retry-After"] = str(_RETRY)
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's mark; a poll is no error each time
    return response


def _migrations() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    try:
        _all_applied()
    except _Missing:
        return "missing"
    return "ok"


class _Missing(Exception):
    """A migration of this release has not run; not remembered, as an answer would be."""


@remembered
def _all_applied() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _Missing


def _outbox_seconds() -> int:
    """How long the oldest message that is due has been due."""
    due = SmsMessage.objects.filter(sent_at__isnull=True, given_up_at__isnull=True, next_try_at__lte=timezone.now())
    oldest = due.order_by("next_try_at").values_list("next_try_at", flat=True).first()
    return int((timezone.now() - oldest).total_seconds()) if oldest else 0


def _cache() -> str:
    if not cache_breaker.may_try():
        return "lost"
    try:
        cache.get("readyz")
    except Exception:  # whatever the cache's client raises
        cache_breaker.failed()
        return "lost"
    cache_breaker.answered()
    return "ok"
