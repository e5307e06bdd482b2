"""What a portal with DEBUG off must have before it starts (security.md CFG-01)."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from etax import photo_storage

MIN_SECRET_LENGTH = 50
MIN_SECRET_VARIETY = 10
KEY_BYTES = 32
MIN_SHARED_SECRET = 32
DEFAULT_PASSWORDS = ("postgres", "password", "etax", "admin")


def refuse_unsafe(settings: Mapping[str, Any]) -> None:
    """Raise `ImproperlyConfigured`, naming every fault at once, unless the settings are fit for a real bureau."""
    faults = [fault for is_fit, fault in _conditions(settings) if not is_fit]
    if faults:
        raise ImproperlyConfigured("DEBUG is off, but: " + "; ".join(faults))


def _conditions(settings: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """What must be so, each with the words for when it isn't."""
    key, hosts = settings["SECRET_KEY"], settings["ALLOWED_HOSTS"]
    seals, lookups = settings["SEALING_KEYS"], settings["LOOKUP_KEYS"]
    password = settings["DATABASES"]["default"].get("PASSWORD")
    return [
        (len(key) >= MIN_SECRET_LENGTH and len(set(key)) > MIN_SECRET_VARIETY, "SECRET_KEY is missing or weak"),
        (bool(hosts), "ALLOWED_HOSTS is empty"),
        (not any("*" in host or host.startswith(".") for host in hosts), "ALLOWED_HOSTS has a wildcard"),
        (bool(seals), "SEALING_KEYS is empty"),
        (bool(lookups), "LOOKUP_KEYS is empty"),
        (all(map(_is_key, (*seals, *lookups))), "a key must be name:base64 of 32 bytes"),
        (not _share(seals, lookups), "SEALING_KEYS and LOOKUP_KEYS share a key"),
        (settings["CIPHERS"] in ("international", "guomi"), "CIPHERS must be international or guomi"),
        (_is_gateway(settings["SMS_URL"]), "SMS_URL must be an https address, or tencent:// or aliyun://"),
        (
            not settings["SMS_FALLBACK_URL"] or _is_gateway(settings["SMS_FALLBACK_URL"]),
            "SMS_FALLBACK_URL must be an https address, or tencent:// or aliyun://",
        ),
        (settings["CACHE_URL"].startswith(("redis://", "rediss://")), "CACHE_URL must name a Redis server"),
        (_is_https(settings["SOCIAL_INSURANCE_URL"]), "SOCIAL_INSURANCE_URL must be an https address"),
        (len(settings["SOCIAL_INSURANCE_SECRET"]) >= MIN_SHARED_SECRET, "SOCIAL_INSURANCE_SECRET is missing or weak"),
        (all(map(_is_client, settings["DECLARATION_CLIENTS"])), "a declaration client must be name:SHA-256 in hex"),
        (password not in DEFAULT_PASSWORDS, "the database password is a default one"),
        (
            not settings["SSO"] or bool(settings["SSO_KEY_FILE"] and _is_https(settings["PORTAL_URL"])),
            "single sign-on needs SSO_KEY_FILE, and PORTAL_URL as an https address",
        ),
        (photo_storage.is_fit(settings["PHOTO_URL"]), "PHOTO_URL must be s3://key:secret@host/bucket, with TLS"),
        (settings["PASSWORD_POLICY"] in ("modern", "dengbao"), "PASSWORD_POLICY must be modern or dengbao"),
    ]


def _is_https(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" and bool(parts.hostname)


def _is_key(entry: str) -> bool:
    """Whether an entry of a ring is an alphanumeric name and 32 bytes in base64."""
    name, _, encoded = entry.partition(":")
    try:
        return name.isalnum() and len(base64.b64decode(encoded, validate=True)) == KEY_BYTES
    except binascii.Error:
        return False


def _is_gateway(address: str) -> bool:
    """Whether messages go there encrypted: the services' kits speak https unless an address says otherwise."""
    return _is_https(address) or (
        urlsplit(address).scheme in ("tencent", "aliyun") and bool(urlsplit(address).hostname)
    )


def _is_client(entry: str) -> bool:
    """Whether an entry of `DECLARATION_CLIENTS` is a name and the hash of its secret."""
    name, _, hashed = entry.partition(":")
    return bool(name) and re.fullmatch(r"[0-9a-f]{64}", hashed) is not None


def _share(one: list[str], other: list[str]) -> bool:
    return bool({k.partition(":")[2] for k in one} & {k.partition(":")[2] for k in other})
