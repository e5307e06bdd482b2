"""Senders of messages: a file for the embedded default, and gateways for real ones."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.gateways.aliyun import AliyunSender
from accounts.gateways.file import FileSender
from accounts.gateways.kannel import KannelSender
from accounts.gateways.messages import Declined, MaybeSent, Message, NotSent, Sender
from accounts.gateways.templates import Account
from accounts.gateways.tencent import TencentSender

__all__ = ["Declined", "KannelSender", "MaybeSent", "Message", "NotSent", "Sender", "sender", "senders"]

_BY_TEMPLATE: dict[str, Callable[[Account, float], Sender]] = {"tencent": TencentSender, "aliyun": AliyunSender}


def _sender_of(url: str) -> Sender:
    """The sender that an address names. Raises ImproperlyConfigured for an address of another kind."""
    parts = urlsplit(url)
    service, _plus, protocol = parts.scheme.partition("+")
    if parts.scheme == "file":
        return FileSender(unquote(parts.path))
    if parts.scheme in ("http", "https") and parts.hostname:
        return KannelSender(url, settings.SMS_TIMEOUT_SECONDS)
    if service in _BY_TEMPLATE and protocol in ("", "http"):
        return _BY_TEMPLATE[service](Account.of(url), settings.SMS_TIMEOUT_SECONDS)
    kinds = "file:///path, https://user:secret@host/path, tencent://… or aliyun://…"
    raise ImproperlyConfigured(f"SMS_URL and SMS_FALLBACK_URL must be {kinds}")


def senders() -> list[Sender]:
    """The senders in the order in which they are asked: SMS_URL's, then SMS_FALLBACK_URL's where it is set."""
    return [_sender_of(url) for url in (settings.SMS_URL, settings.SMS_FALLBACK_URL) if url or url == settings.SMS_URL]


def sender() -> Sender:
    """The first sender."""
    return senders()[0]
