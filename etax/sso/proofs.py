"""How a system proves itself at the token's address: by its name and secret, by HTTP Basic or in the form."""

import base64
from urllib.parse import unquote_plus

from django.db import transaction
from django.http import JsonResponse
from django.views.decorators.debug import sensitive_variables

from accounts import audit, throttles
from accounts.addresses import neighbourhood
from accounts.audit import Kind
from accounts.limits import SYSTEM_SECRETS
from accounts.refusals import TooMany
from accounts.requests import Request
from accounts.slots import Busy
from etax.sso import clients

_NUL = "\x00"


@sensitive_variables()
def refusal(request: Request) -> JsonResponse | None:
    """Why the system isn't let go on (RFC 6749, 5.2); None for one that has proved itself.

    400 for a proof that nobody can read or that is given twice, 401 for a wrong one, 429 for an address that gave too
    many wrong ones for this system, 503 while no hash slot is free.
    """
    try:
        name, secret = _given(request)
    except ValueError:
        return JsonResponse({"error": "invalid_request"}, status=400)
    try:
        proved = _prove(request, name, secret)
    except (TooMany, Busy) as wait:
        later = JsonResponse({"error": "temporarily_unavailable"}, status=429 if isinstance(wait, TooMany) else 503)
        later["Retry-After"] = str(wait.retry_after)
        return later
    if proved:
        return None
    answer = JsonResponse({"error": "invalid_client"}, status=401)
    answer["WWW-Authenticate"] = 'Basic realm="sso", charset="UTF-8"'
    return answer


@sensitive_variables()
def _given(request: Request) -> tuple[str, str]:
    """Name and secret, read as the toolkit reads them. Raises ValueError for what can't be read, or two proofs."""
    scheme, _space, credentials = request.headers.get("Authorization", "").partition(" ")
    if not credentials.isascii():
        raise ValueError("the header isn't ASCII")
    if scheme != "Basic":
        return request.POST.get("client_id", ""), request.POST.get("client_secret", "")
    name, _colon, secret = base64.b64decode(credentials).decode().partition(":")
    name, secret = unquote_plus(name), unquote_plus(secret)
    if _NUL in name + secret or "client_secret" in request.POST:
        raise ValueError("the header holds what no database takes, or isn't the only proof")
    return name, secret


@sensitive_variables("secret")
def _prove(request: Request, name: str, secret: str) -> bool:
    """Whether this is the system's secret; a wrong one is counted, and is one entry in the record (D28).

    The limit comes before the work (PW-03). Names that nobody has count as one: what is typed there may be a secret,
    and whoever asks could think of any number of them. Raises `TooMany`, `slots.Busy`.
    """
    known = clients.of(name)
    system = known.system if known is not None else ""
    subject = f"{neighbourhood(request.actor.ip)}/{system}"
    seconds = throttles.wait(SYSTEM_SECRETS, subject)
    if seconds:
        raise TooMany(seconds)
    if known is not None and clients.takes(name, secret):
        return True
    with transaction.atomic():
        throttles.fail(SYSTEM_SECRETS, subject)
        audit.record(Kind.DOWNSTREAM_REFUSED, by=request.actor, reason="wrong_secret", system=system)
    return False
