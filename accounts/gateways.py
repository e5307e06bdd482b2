"""Senders of messages: a file for the embedded default, HTTP for a real gateway."""

import fcntl
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone


class NotSent(Exception):
    """The gateway didn't take the message; it may be tried again."""


class Sender(Protocol):
    """Hands one message to a gateway."""

    is_quick: bool
    """Whether sending needs no network, so that it may happen within the request."""

    def send(self, to: str, text: str) -> None:
        """Send `text` to the mobile number `to`. Raises `NotSent`."""


class FileSender:
    """Appends every message to a file as one JSON line: {"to", "text", "at"}. For DEBUG alone (OTP-11)."""

    is_quick = True

    def __init__(self, path: str) -> None:
        if not settings.DEBUG:
            raise ImproperlyConfigured("messages can't go to a file where DEBUG is off")
        self.path = Path(path)

    def send(self, to: str, text: str) -> None:
        """See `Sender.send`."""
        line = json.dumps({"to": to, "text": text, "at": timezone.now().isoformat()}, ensure_ascii=False)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(line + "\n")
        except OSError as error:
            raise NotSent(type(error).__name__) from error


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A gateway that sends us elsewhere has not taken the message."""

    def redirect_request(self, *args: object) -> None:
        return None


_opener = urllib.request.build_opener(_StayHere)


class KannelSender:
    """Calls an HTTP gateway with Kannel's parameters: username, password, to, text, charset, coding."""

    is_quick = False

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self.username, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        host = parts.netloc.rpartition("@")[2]
        self.address = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        self.timeout = timeout

    def send(self, to: str, text: str) -> None:
        """See `Sender.send`. An error names neither the address's secrets nor the message."""
        query = urlencode(
            {
                "username": self.username,
                "password": self.password,
                "to": to,
                "text": text,
                "charset": "UTF-8",
                "coding": "2",
            }
        )
        joint = "&" if urlsplit(self.address).query else "?"
        try:
            with _opener.open(f"{self.address}{joint}{query}", timeout=self.timeout) as answer:
                if answer.status not in (200, 201, 202):
                    raise NotSent(f"status {answer.status}")
        except urllib.error.HTTPError as error:
            raise NotSent(f"status {error.code}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotSent(type(error).__name__) from None


def sender() -> Sender:
    """The sender that SMS_URL names. Raises ImproperlyConfigured for an address of another kind."""
    parts = urlsplit(settings.SMS_URL)
    if parts.scheme == "file":
        return FileSender(unquote(parts.path))
    if parts.scheme in ("http", "https") and parts.hostname:
        return KannelSender(settings.SMS_URL, settings.SMS_TIMEOUT_SECONDS)
    raise ImproperlyConfigured("SMS_URL must be file:///path or https://user:secret@host/path")
