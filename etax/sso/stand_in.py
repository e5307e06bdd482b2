"""Stand-ins of downstream systems for the embedded default: each is a client that knows the portal by its addresses.

They ask the portal over HTTP, as a real system would, and keep what they know in a cookie of their own.
"""

import base64
import hashlib
import json
import secrets
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from jwcrypto import jwk, jwt
from jwcrypto.common import JWException

from accounts.pages import page
from accounts.requests import Request
from etax import embedded
from etax.models import ConnectedSystem
from etax.sso import clients
from staff import functions
from staff.functions import System

_COOKIE = "stand-in-{}"
_TIMEOUT_SECONDS = 10.0
_KEPT_SECONDS = 8 * 3600
SYSTEMS = (System.DECLARATION, System.SOCIAL_INSURANCE)


def client_id(system: System) -> str:
    """The client id of this stand-in."""
    return f"stand-in-{system.value}"


def secret() -> str:
    """The secret of the stand-ins, kept in `VAR_DIR`."""
    return embedded.secret(settings.VAR_DIR, "stand_in_secret")


def connect() -> None:
    """Connect the stand-ins; they are told of an end where this portal is served."""
    here = f"http://127.0.0.1:{settings.PORT}"
    for system in SYSTEMS:
        logout = here + reverse("stand_in_logout", args=[system.value])
        known = clients.of(client_id(system))
        if known is None or not clients.takes(
            client_id(system), secret()
        ):  # on the machine's own address the port of a redirect is free (RFC 8252)
            back = reverse("stand_in_callback", args=[system.value])
            places = [f"http://{host}{back}" for host in embedded.LOOPBACK]
            name = client_id(system)
            clients.connect(system.value, redirects=places, logout_url=logout, client_id=name, secret=secret())
        elif known.logout_url != logout:
            ConnectedSystem.objects.filter(pk=known.pk).update(logout_url=logout)


def _system(name: str) -> System:
    found = [system for system in SYSTEMS if system.value == name]
    if not found or not settings.DEBUG:
        raise Http404
    return found[0]


def _ask(request: Request, name: str, *, data: dict[str, str] | None = None, bearer: str = "") -> Any:
    """What the portal answers at the address of this name, as JSON; None where it refuses or can't be reached."""
    address = request.build_absolute_uri(reverse(f"oauth2_provider:{name}"))
    body = urlencode(data).encode() if data is not None else None
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    try:
        asked = urllib.request.Request(address, data=body, headers=headers)  # noqa: S310 - the machine's own address
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the machine's own address # nosec B310
            return json.load(answer)
    except (OSError, ValueError):
        return None


def _claims(request: Request, system: System, token: str, typ: str) -> dict[str, Any] | None:
    """The claims of a token that the portal signed for this client; None for any other."""
    told, keys = _ask(request, "oidc-connect-discovery-info"), _ask(request, "jwks-info")
    if told is None or keys is None:
        return None
    wanted = {"iss": told["issuer"], "aud": client_id(system), "exp": None}
    try:
        judged = jwt.JWT(jwt=token, key=jwk.JWKSet.from_json(json.dumps(keys)), algs=["RS256"], check_claims=wanted)
    except (JWException, ValueError):
        return None
    header = json.loads(judged.header)
    claims: dict[str, Any] = json.loads(judged.claims)
    return claims if header.get("typ") == typ else None


def _remembered(request: Request, system: System) -> dict[str, str]:
    kept = request.get_signed_cookie(_COOKIE.format(system.value), default="{}", max_age=_KEPT_SECONDS)
    known: dict[str, str] = json.loads(kept or "{}")
    return known


def _remember(response: HttpResponse, system: System, known: dict[str, str]) -> None:
    place = reverse("stand_in", args=[system.value])
    response.set_signed_cookie(
        _COOKIE.format(system.value),
        json.dumps(known),
        max_age=_KEPT_SECONDS,
        path=place,
        httponly=True,
        samesite="Lax",
        secure=settings.SECURE,
    )


@require_safe
@login_not_required
def enter(request: Request, name: str) -> HttpResponse:
    """Begin: to the portal, which knows who is there; what is to be opened afterwards is remembered."""
    system = _system(name)
    known = {word: secrets.token_urlsafe(32) for word in ("state", "nonce", "verifier")}
    challenge = hashlib.sha256(known["verifier"].encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": client_id(system),
        "redirect_uri": request.build_absolute_uri(reverse("stand_in_callback", args=[name])),
        "scope": "openid",
        "state": known["state"],
        "nonce": known["nonce"],
        "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    response = redirect(f"{reverse('oauth2_provider:authorize')}?{urlencode(asked)}")
    _remember(response, system, known | {"function": request.GET.get("function", "")[:64]})
    return response


@require_safe
@login_not_required
def callback(request: Request, name: str) -> HttpResponse:
    """Back from the portal: the code becomes tokens, and whom they name is let in; 400 for what wasn't asked for."""
    system = _system(name)
    known = _remembered(request, system)
    if not known.get("state") or not secrets.compare_digest(
        request.GET.get("state", "").encode(), known["state"].encode()
    ):
        return page(request, "stand_in.html", {"system": system}, status=HTTPStatus.BAD_REQUEST)
    exchanged = {
        "grant_type": "authorization_code",
        "code": request.GET.get("code", ""),
        "redirect_uri": request.build_absolute_uri(reverse("stand_in_callback", args=[name])),
        "client_id": client_id(system),
        "client_secret": secret(),
        "code_verifier": known["verifier"],
    }
    tokens = _ask(request, "token", data=exchanged)
    claims = _claims(request, system, tokens["id_token"], "JWT") if tokens else None
    if claims is None or claims.get("nonce") != known["nonce"]:
        return page(request, "stand_in.html", {"system": system}, status=HTTPStatus.BAD_REQUEST)
    response = redirect("stand_in_inside", name)
    _remember(response, system, {"token": tokens["access_token"], "sid": claims["sid"], "function": known["function"]})
    return response


@require_safe
@login_not_required
def inside(request: Request, name: str) -> HttpResponse:
    """The system's page: who is there for whom, asked of the portal at every look; or that he has left it."""
    system = _system(name)
    known = _remembered(request, system)
    is_out = not known.get("token") or cache.get(f"stand-in-out:{known['sid']}") is not None
    told = None if is_out else _ask(request, "user-info", bearer=known["token"])
    held = told["functions"] if told else []
    opened = functions.get(known["function"]).name if known.get("function") in held else ""
    names = [functions.get(code).name for code in held]
    context = {"system": system, "told": told, "opened": opened, "names": names}
    return page(request, "stand_in.html", context, status=HTTPStatus.OK if told else HTTPStatus.UNAUTHORIZED)


@csrf_exempt
@require_POST
@login_not_required
def told_of_end(request: Request, name: str) -> HttpResponse:
    """The portal says that somebody has left it: whoever is here out of that sign-in is out (back-channel logout)."""
    system = _system(name)
    claims = _claims(request, system, request.POST.get("logout_token", ""), "logout+jwt")
    if claims is None or "nonce" in claims or not claims.get("events"):
        return HttpResponse(status=HTTPStatus.BAD_REQUEST, content_type="application/json")
    cache.set(f"stand-in-out:{claims['sid']}", True, _KEPT_SECONDS)
    return HttpResponse(status=HTTPStatus.OK, content_type="application/json")
