"""Telling a system that somebody has left the portal: OpenID Connect Back-Channel Logout."""

import json
import logging
import time
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlencode

from django.db import close_old_connections
from django.utils import timezone
from jwcrypto import jwt
from oauth2_provider.models import Application

from etax.models import SystemVisit
from etax.sso import visits

logger = logging.getLogger(__name__)

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LIFE_SECONDS = 120
_TIMEOUT_SECONDS = 5.0
_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=10)
_BATCH = 500
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sso")


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Who sends us elsewhere has not been told."""

    def redirect_request(self, *args: object) -> None:
        return None


_opener = urllib.request.build_opener(_StayHere)


def token_for(visit: SystemVisit) -> str:
    """A signed logout token: who, which visit, and that it is over."""
    client = Application.objects.get(client_id=visit.connected.client_id)
    now = int(time.time())
    claims = {
        "iss": visit.issuer,
        "aud": client.client_id,
        "iat": now,
        "exp": now + _LIFE_SECONDS,
        "jti": str(uuid.uuid4()),
        "sub": str(visit.sign_in.person.uid),
        "sid": str(visit.sid),
        "events": {_EVENT: {}},
    }
    header = {"typ": "logout+jwt", "alg": "RS256", "kid": client.jwk_key.thumbprint()}
    token = jwt.JWT(header=json.dumps(header), claims=json.dumps(claims))
    token.make_signed_token(client.jwk_key)
    return str(token.serialize())


def tell(visit: SystemVisit) -> bool:
    """Tell the system of one visit that is over; whether it has understood. One process at a time tries."""
    pause = min(_PAUSE * 2 ** min(visit.tries, 10), _LONGEST_PAUSE)
    claimed = SystemVisit.objects.filter(pk=visit.pk, told_at__isnull=True, tries=visit.tries)
    if not claimed.update(tries=visit.tries + 1, next_try_at=timezone.now() + pause):
        return False
    body = urlencode({"logout_token": token_for(visit)}).encode()
    request = urllib.request.Request(visit.connected.logout_url, data=body, method="POST")  # noqa: S310 - an operator's
    try:
        with _opener.open(request, timeout=_TIMEOUT_SECONDS):
            pass
    except (OSError, ValueError, urllib.error.URLError) as error:
        logger.warning("%s was not told that visit %s is over: %s", visit.connected, visit.sid, type(error).__name__)
        return False
    visits.told(visit)
    return True


def tell_all() -> tuple[int, int]:
    """Tell every system of every visit that is over; how many understood, and how many must be told again.

    A system that doesn't understand one isn't asked again in the same round: one that hangs mustn't keep the others
    waiting, however many of its visits are due. What is left is due in the next.
    """
    understood, silent = 0, set[int]()
    for _ in range(_BATCH):
        visit = visits.untold().exclude(connected__in=silent).order_by("next_try_at", "pk").first()
        if visit is None:
            break
        if tell(visit):
            understood += 1
        else:
            silent.add(visit.connected_id)
    return understood, len(silent) + visits.untold()[:_BATCH].count()


def tell_soon(sign_in_pk: int) -> None:
    """Tell the systems of this sign-in, which has just ended, in a thread: no page waits for them."""
    _pool.submit(_tell_in_thread, sign_in_pk)


def _tell_in_thread(sign_in_pk: int) -> None:
    try:
        for visit in visits.untold().filter(sign_in=sign_in_pk):
            tell(visit)
    except Exception:  # nobody waits for this thread: what it meets must be in the log
        logger.exception("telling systems of an end failed")
    finally:
        close_old_connections()
