"""Browsers that an account has used before keep their own count of wrong tries (D13)."""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from accounts import sealing
from accounts.models import Person

COOKIE_AGE = 180 * 24 * 3600
_MOST_ACCOUNTS = 40
_SALT = "known-browser"


def _cookie_name() -> str:
    return "__Host-browser" if settings.SECURE else "browser"


def _tag(account: str) -> str:
    return sealing.keyed_hash(sealing.purpose_key(_SALT), account)[:16]


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    """The browser's own name and the tags of the accounts that signed in with it."""
    try:
        value = signing.loads(request.COOKIES.get(_cookie_name(), ""), salt=_SALT, max_age=COOKIE_AGE)
        return str(value["b"]), [str(tag) for tag in value["a"]]
    except (signing.BadSignature, KeyError, TypeError):
        return "", []


def subject(request: HttpRequest, account: str) -> str:
    """What wrong tries on this account are counted under: the account, or the account in this known browser.

    A stranger who locks the account so can't lock out a browser that has signed in with it before.
    """
    browser, tags = _read(request)
    return f"{account}@{browser}" if browser and _tag(account) in tags else account


def is_known(request: HttpRequest, account: str) -> bool:
    """Whether this account has signed in with this browser before."""
    return _tag(account) in _read(request)[1]


def person_word(person: Person) -> str:
    """What a browser is known by to a person, at whichever door and for whichever firm he signed in (SES-06)."""
    return f"somebody:{person.uid}"


def remember(request: HttpRequest, response: HttpResponseBase, accounts: list[str]) -> None:
    """Mark the browser as one that these accounts, and whoever is signed in, have used; the newest are kept."""
    browser, tags = _read(request)
    user = getattr(request, "user", None)
    who = [person_word(user)] if isinstance(user, Person) else []
    fresh = [_tag(account) for account in (*accounts, *who)]
    kept = (fresh + [tag for tag in tags if tag not in fresh])[:_MOST_ACCOUNTS]
    value = signing.dumps({"b": browser or secrets.token_hex(8), "a": kept}, salt=_SALT)
    response.set_cookie(
        _cookie_name(), value, max_age=COOKIE_AGE, secure=settings.SECURE, httponly=True, samesite="Lax"
    )
