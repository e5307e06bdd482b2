"""What a request carries once the middlewares have seen it."""

from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.urls import reverse

from accounts.actor import Actor


class Request(HttpRequest):
    """Django's request with the actor and the request's own number; for annotations alone, nobody makes one."""

    actor: Actor
    request_id: str
    passage: str
    """Of which passage through a flow the page is; only where `flows.step` has opened it."""


def is_signing_out(request: HttpRequest) -> bool:
    """Whether this is 【退出】: whatever else is wrong with page or rights, who wants out gets out (SES-04)."""
    return request.method == "POST" and request.path_info == reverse("sign_out")


def came_from(request: HttpRequest) -> str:
    """The page of ours, with its query, that the browser says it comes from; "" where it says nothing of use."""
    try:
        page, host = urlsplit(request.headers.get("Referer", "")), request.get_host()
    except (ValueError, DisallowedHost):  # no address at all, or none of ours that was asked
        return ""
    is_ours = page.netloc == host and page.path.startswith("/") and not page.path.startswith(("//", "/\\"))
    return urlunsplit(("", "", page.path, page.query, "")) if is_ours else ""
