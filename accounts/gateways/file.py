"""The sender of the embedded default: a file, which the page 【模拟手机】 shows."""

import fcntl
import json
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from accounts.gateways.messages import Message, NotSent


class FileSender:
    """Appends every message to a file as one JSON line: {"to", "text", "at"}. For DEBUG alone (OTP-11)."""

    name = "file"
    is_quick = True

    def __init__(self, path: str) -> None:
        if not settings.DEBUG:
            raise ImproperlyConfigured("messages can't go to a file where DEBUG is off")
        self.path = Path(path)

    def carries(self, message: Message) -> bool:
        """Any message."""
        return True

    def send(self, message: Message) -> None:
        """See `Sender.send`."""
        line = {"to": message.to, "text": message.text, "at": timezone.now().isoformat()}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise NotSent(type(error).__name__) from error
