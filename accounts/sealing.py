"""Personal data at rest: sealed, and found again by a keyed hash of its own (CRY-01, D33).

The setting CIPHERS names the family of ciphers that writes; both families are read (`accounts.ciphers`).

Both use rings of keys `name:base64`. The first key of a ring writes, all of them read: a new key is put first, then
`manage.py rotate_keys` writes everything anew, then the old key is taken away.
"""

import base64
import binascii
import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.ciphers import FAMILIES, NONCE, Family, family_of

_MARK = "~"


class SealBroken(Exception):
    """A sealed value was changed, moved to another column, or its key is not in the ring."""


@lru_cache
def _ring(entries: tuple[str, ...]) -> dict[str, bytes]:
    ring = {}
    for entry in entries:
        name, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ImproperlyConfigured(f"the key named {name!r} is not base64") from error
        if name in ring:
            raise ImproperlyConfigured(f"two keys are named {name!r}")
        if not name.isalnum() or len(name) > 16 or len(key) != 32:
            raise ImproperlyConfigured(f"the key named {name!r} must be 32 bytes under an alphanumeric name")
        ring[name] = key
    if not ring:
        raise ImproperlyConfigured("a keyring is empty")
    return ring


def _sealing_keys() -> dict[str, bytes]:
    return _ring(tuple(settings.SEALING_KEYS))


def _lookup_keys() -> dict[str, bytes]:
    return _ring(tuple(settings.LOOKUP_KEYS))


def _family() -> Family:
    """The family of ciphers that writes now."""
    if settings.CIPHERS not in FAMILIES:
        raise ImproperlyConfigured(f"CIPHERS must be one of {', '.join(FAMILIES)}")
    return FAMILIES[settings.CIPHERS]


def current_key() -> str:
    """The name of the key that seals now, with the mark of the family it is used in."""
    return next(iter(_sealing_keys())) + _family().mark


def seal(text: str, *, place: str) -> str:
    """`key.base64` of the text, bound to the place (model and column) it is kept in."""
    name = current_key()
    nonce = os.urandom(NONCE)
    key = _sealing_keys()[name.partition(_MARK)[0]]
    sealed = _family().seal(key, nonce, text.encode(), place.encode())
    return f"{name}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, place: str) -> str:
    """The text that was sealed at this place. Raises `SealBroken` rather than return nonsense."""
    marked, _, encoded = sealed.partition(".")
    name, sign, mark = marked.partition(_MARK)
    try:
        raw, key = base64.urlsafe_b64decode(encoded), _sealing_keys()[name]
        return family_of(sign + mark).unseal(key, raw[:NONCE], raw[NONCE:], place.encode()).decode()
    except (KeyError, InvalidTag, ValueError, binascii.Error) as error:
        raise SealBroken(f"a sealed value of {place} can't be opened") from error


def new_key() -> str:
    """A random key for one file, with the mark of the family it is used in, to be kept sealed beside the file.

    Who wipes it has made the file unreadable for good; `rotate_keys` seals it anew and leaves the file as it is.
    """
    return base64.urlsafe_b64encode(os.urandom(32)).decode() + _family().mark


def _opened_key(key: str) -> tuple[Family, bytes]:
    encoded, sign, mark = key.partition(_MARK)
    return family_of(sign + mark), base64.urlsafe_b64decode(encoded)


def seal_file(content: bytes, *, key: str, place: str) -> bytes:
    """A file's content under a key of its own, bound to the place it is kept for."""
    family, raw = _opened_key(key)
    nonce = os.urandom(NONCE)
    return nonce + family.seal(raw, nonce, content, place.encode())


def unseal_file(sealed: bytes, *, key: str, place: str) -> bytes:
    """The content that was sealed under this key for this place. Raises `SealBroken` rather than return nonsense."""
    try:
        family, raw = _opened_key(key)
        return family.unseal(raw, sealed[:NONCE], sealed[NONCE:], place.encode())
    except (KeyError, InvalidTag, ValueError, binascii.Error) as error:
        raise SealBroken(f"a sealed file of {place} can't be opened") from error


def lookup_hash(value: str) -> str:
    """The keyed hash that a whole value is found by, under the key and the family that write now: `key:hex`."""
    family, (name, key) = _family(), next(iter(_lookup_keys().items()))
    return f"{name}{family.mark}:{family.keyed_hash(key, value.encode())}"


def lookup_hashes(value: str) -> list[str]:
    """The hashes a whole value may be kept under: each key's of the ring in each family, the writing one's first."""
    families = sorted(FAMILIES.values(), key=lambda family: family is not _family())
    keys = _lookup_keys().items()
    text = value.encode()
    return [f"{name}{family.mark}:{family.keyed_hash(key, text)}" for family in families for name, key in keys]


def keyed_hash(key: bytes, value: str) -> str:
    """HMAC-SHA-256 of the value, in hex."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def hash_under(marked: str, value: str) -> str:
    """The keyed hash of the value under this sealing key, in hex; `marked` is what `current_key` once was.

    Raises `SealBroken` for a key that isn't in the ring any more.
    """
    name, sign, mark = marked.partition(_MARK)
    try:
        key = _sealing_keys()[name]
    except KeyError as error:
        raise SealBroken(f"the key named {name!r} is not in the ring") from error
    own = hmac.new(key, b"etax:record-chain", hashlib.sha256).digest()  # a key of its own: the ring's only seals
    return family_of(sign + mark).keyed_hash(own, value.encode())


def purpose_key(purpose: str) -> bytes:
    """A 32-byte key for one purpose, derived from SECRET_KEY, so that no two purposes ever share one."""
    return hmac.new(settings.SECRET_KEY.encode(), f"etax:{purpose}".encode(), hashlib.sha256).digest()
