"""Which systems may ask for the check of a 申报密码: name and secret by HTTP Basic, kept as hashes (D24, M126)."""

import base64
import binascii
import hashlib

from django.conf import settings
from django.utils.crypto import constant_time_compare

_LONGEST_HEADER = 400


def hash_of(secret: str) -> str:
    """What stands for a client's secret in `DECLARATION_CLIENTS`: SHA-256 in hex; the secret is random and long."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def authenticated(header: str) -> str:
    """The name of the client whose secret an Authorization header holds; empty for any other header."""
    name, secret = _basic(header)
    given = hash_of(secret)
    found = ""
    for entry in settings.DECLARATION_CLIENTS:
        known, _colon, hashed = entry.partition(":")
        if constant_time_compare(given, hashed) and constant_time_compare(name, known):
            found = known
    return found


def _basic(header: str) -> tuple[str, str]:
    scheme, _blank, encoded = header[:_LONGEST_HEADER].partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    name, _colon, secret = text.partition(":")
    return name, secret
