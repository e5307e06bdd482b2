"""Personal data at rest: sealed with AES-256-GCM, found again by a keyed hash of its own (CRY-01, D33).

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
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_NONCE = 12


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


def current_key() -> str:
    """The name of the key that seals now."""
    return next(iter(_sealing_keys()))


def seal(text: str, *, place: str) -> str:
    """`key.base64` of the text, bound to the place (model and column) it is kept in."""
    name = current_key()
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(_sealing_keys()[name]).encrypt(nonce, text.encode(), place.encode())
    return f"{name}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, place: str) -> str:
    """The text that was sealed at this place. Raises `SealBroken` rather than return nonsense."""
    name, _, encoded = sealed.partition(".")
    try:
        raw = base64.urlsafe_b64decode(encoded)
        return AESGCM(_sealing_keys()[name]).decrypt(raw[:_NONCE], raw[_NONCE:], place.encode()).decode()
    except (KeyError, InvalidTag, ValueError, binascii.Error) as error:
        raise SealBroken(f"a sealed value of {place} can't be opened") from error


def new_key() -> str:
    """A random key for one file, to be kept sealed beside it: who wipes it has made the file unreadable for good."""
    return base64.urlsafe_b64encode(AESGCM.generate_key(bit_length=256)).decode()


def seal_file(content: bytes, *, key: str, place: str) -> bytes:
    """A file's content under a key of its own, bound to the place it is kept for."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(base64.urlsafe_b64decode(key)).encrypt(nonce, content, place.encode())


def unseal_file(sealed: bytes, *, key: str, place: str) -> bytes:
    """The content that was sealed under this key for this place. Raises `SealBroken` rather than return nonsense."""
    try:
        opener = AESGCM(base64.urlsafe_b64decode(key))
        return opener.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise SealBroken(f"a sealed file of {place} can't be opened") from error


def lookup_hash(value: str) -> str:
    """The keyed hash that a whole value is found by, under the key that writes now: `key:hex` (SHA-256)."""
    return lookup_hashes(value)[0]


def lookup_hashes(value: str) -> list[str]:
    """The hashes a whole value may be kept under, one for each key of the ring, the writing key's first."""
    return [f"{name}:{keyed_hash(key, value)}" for name, key in _lookup_keys().items()]


def keyed_hash(key: bytes, value: str) -> str:
    """HMAC-SHA-256 of the value, in hex."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def purpose_key(purpose: str) -> bytes:
    """A 32-byte key for one purpose, derived from SECRET_KEY, so that no two purposes ever share one."""
    return hmac.new(settings.SECRET_KEY.encode(), f"etax:{purpose}".encode(), hashlib.sha256).digest()
