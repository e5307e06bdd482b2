"""Where a request comes from, and the coarse limits by address that may be lost with the cache."""

import ipaddress
import logging

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts import metrics, throttles
from accounts.breaker import Breaker
from accounts.limits import PICTURES, Limit

logger = logging.getLogger(__name__)

_ANY_NUMBER = "1000000000/m"
cache_breaker = Breaker(pause=5.0)
"""Open while the cache doesn't answer: then the database counts, at once, and the cache is back within 10 s (F4)."""


def client_ip(request: HttpRequest) -> str | None:
    """The visitor's address: what the last trusted proxy saw, never what the visitor claims (CFG-04)."""
    seen = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if settings.TRUSTED_PROXIES and len(seen) >= settings.TRUSTED_PROXIES:
        candidate = seen[-settings.TRUSTED_PROXIES]
    else:
        candidate = request.META.get("REMOTE_ADDR", "")
    if "%" in candidate:  # a zone that only the sender's own machine knows
        return None
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return None


def neighbourhood(ip: str | None) -> str:
    """What a limit by address counts: the address, or the /64 that an IPv6 visitor can choose from freely."""
    if ip is None:
        return "unknown"
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def mask(ip: str | None) -> str:
    """192.0.*.*, or the first half of an IPv6 network: enough to know one's own by (D27)."""
    if ip is None:
        return "-"
    where = neighbourhood(ip)
    return ".".join(where.split(".")[:2]) + ".*.*" if "." in where else ":".join(where.split(":")[:2]) + ":*"


def may_see_picture(request: HttpRequest, ip: str | None) -> bool:
    """Count a picture shown to this address and tell whether it may be (CAP-06); every solved one allows one more."""
    where = neighbourhood(ip)
    solved = _usage(request, "pictures-solved", where, increment=False)
    shown = _usage(request, "pictures-shown", where, increment=False)
    if solved is None or shown is None:
        return _may_by_database(PICTURES, where)
    if shown >= PICTURES.count + solved:
        return False
    _usage(request, "pictures-shown", where, increment=True)
    return True


def solved_picture(request: HttpRequest, ip: str | None) -> None:
    """Give the picture back to its address: it was solved."""
    where = neighbourhood(ip)
    if _usage(request, "pictures-solved", where, increment=True) is None:
        throttles.give_back(PICTURES, where)


def _usage(request: HttpRequest, group: str, where: str, *, increment: bool) -> int | None:
    """How often this group was counted for the address in this minute; None where the cache doesn't answer.

    The rate is one for all, because the package counts each rate apart; what is too much is said by the caller.
    """
    if not cache_breaker.may_try():
        return None
    try:
        usage = get_usage(
            request, group=group, key=lambda _group, _request: where, rate=_ANY_NUMBER, increment=increment
        )
    except Exception as error:  # whatever the cache's client raises: the database takes over, the door stays guarded
        cache_breaker.failed()
        metrics.TROUBLES.labels("cache").inc()
        logger.warning("cache does not answer (%s), counting by the database", type(error).__name__)
        return None
    cache_breaker.answered()
    return int(usage["count"]) if usage else None


def _may_by_database(limit: Limit, where: str) -> bool:
    return throttles.take((limit, where)) is None
