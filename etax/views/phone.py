"""模拟手机: the messages of the embedded default, by phone number (OTP-11)."""

import json
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts import numbers
from accounts.pages import page
from accounts.requests import Request

_LOOPBACK = ("127.0.0.1", "::1")
_NEWEST = 500


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the simulated phone shows it."""

    to: str
    text: str
    at: datetime


def _messages() -> list[Message]:
    """The newest messages of the file, newest first; a broken line is left out."""
    parts = urlsplit(settings.SMS_URL)
    path = Path(unquote(parts.path))
    if parts.scheme != "file" or not path.exists():
        return []
    found = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=_NEWEST):
            try:
                raw = json.loads(line)
                found.append(Message(str(raw["to"]), str(raw["text"]), datetime.fromisoformat(raw["at"])))
            except (ValueError, KeyError, TypeError):
                continue
    return found[::-1]


@require_safe
@login_not_required
def simulated_phone(request: Request) -> HttpResponse:
    """What a phone would show; only with DEBUG on, and only to this machine itself."""
    if not settings.DEBUG or request.actor.ip not in _LOOPBACK:
        raise Http404
    wanted = numbers.fold(request.GET.get("phone", "")[:40])
    everything = _messages()
    shown = [message for message in everything if message.to == wanted] if wanted else everything
    phones = sorted({message.to for message in everything})
    return page(request, "simulated_phone.html", {"shown": shown[:50], "phones": phones, "wanted": wanted})
