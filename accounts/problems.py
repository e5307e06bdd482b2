"""Refusals of the portal's interfaces for other systems: problem details in JSON (RFC 9457)."""

from django.http import HttpRequest, JsonResponse

from accounts.words import Words

PREFIX = "/api/"
"""Where those interfaces live."""


def problem(request: HttpRequest, status: int, code: str, title: Words, detail: Words = "") -> JsonResponse:
    """`type`, `title`, `status`, `detail`, and the request's number as `instance`; nothing of what was sent."""
    said = {
        "type": f"urn:etax:problem:{code}",
        "title": str(title),
        "status": status,
        "instance": f"urn:etax:request:{getattr(request, 'request_id', '')}",
    }
    if detail:
        said["detail"] = str(detail)
    return JsonResponse(said, status=status, content_type="application/problem+json")
