"""What a system may ask of a sign-in besides that there is one (OpenID Connect Core, 3.1.2.1)."""

import json
from datetime import timedelta

from django.utils import timezone
from jwcrypto import jwt
from jwcrypto.common import JWException
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem

from accounts.limits import STEP_UP_LIFE
from accounts.requests import Request

_NUL = "\x00"
_LONGEST = {"nonce": 255, "code_challenge": 128, "max_age": 9}


def is_readable(request: Request) -> bool:
    """Whether no parameter holds what a database can't compare, is longer than its place or no number where one is due.

    Nothing here is limited to a `resource` (RFC 8707): who asks for one means another portal.
    """
    given = [(name, value) for name, values in request.GET.lists() for value in values]
    if any(_NUL in value or len(value) > _LONGEST.get(name, len(value)) for name, value in given):
        return False
    age = request.GET.get("max_age", "")
    return "resource" not in request.GET and (not age or (age.isascii() and age.isdigit()))


def prompts(request: Request) -> list[str]:
    """What the system wants the user to be asked."""
    return request.GET.get("prompt", "").split()


def is_silent(request: Request) -> bool:
    """Whether the user may be shown no page at all."""
    return "none" in prompts(request)


def is_too_old(request: Request) -> bool:
    """Whether the system wants a younger sign-in than this one, which began when its owner last proved himself.

    One that has only just begun is as good as new: after the door the user comes back by his own clicks.
    """
    sign_in, age = request.actor.sign_in, request.GET.get("max_age", "")
    wanted = [timedelta(seconds=int(age)) or STEP_UP_LIFE] if age else []
    if "login" in prompts(request):
        wanted.append(STEP_UP_LIFE)
    return sign_in is not None and any(timezone.now() - sign_in.started_at > each for each in wanted)


def is_about_another(request: Request) -> bool:
    """Whether the system hints at somebody else than is signed in, or by what is no id token of the portal's."""
    hint, person = request.GET.get("id_token_hint", ""), request.actor.person
    return bool(hint) and (person is None or _subject_of(hint) != str(person.uid))


def _subject_of(token: str) -> str:
    """Whom a token that the portal signed is about, however old; empty for any other."""
    try:
        key = jwk_from_pem(oauth2_settings.OIDC_RSA_PRIVATE_KEY)
        claims = json.loads(jwt.JWT(jwt=token, key=key, algs=["RS256"], check_claims={}).claims)
    except (JWException, ValueError):
        return ""
    return str(claims.get("sub", "")) if isinstance(claims, dict) else ""
