"""What a log line carries, and what it must not (LOG-05)."""

import contextvars
import logging
import re

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")

# The second net: nothing of this should ever be logged, and what a library writes is not in our hands.
_HIDDEN = (
    (re.compile(r"(?<![0-9A-Za-z])(1[3-9]\d)\d{4}(\d{4})(?![0-9A-Za-z])"), r"\1****\2"),
    (re.compile(r"(?<![0-9A-Za-z])(\d{4})\d{10}(\d{3}[0-9Xx])(?![0-9A-Za-z])"), r"\1**********\2"),
    (
        re.compile(
            r"(?i)((?:password|passwd|pwd|secret|authorization|captcha|csrfmiddlewaretoken|sessionid|__host-session)"
            r"""["']?\s*[=:]\s*)(?:(?:Bearer|Basic)\s+)?["']?[^\s"'&,;}\\]+"""
        ),
        r"\1***",
    ),
    (re.compile(r"""(?i)(code["']?\s*[=:]\s*["']?)\d{6}(?!\d)"""), r"\1***"),
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"), r"\1***@"),
)


def redacted(text: str) -> str:
    """The text with phones and id numbers masked as on the pages (D27), and what looks like a secret left out."""
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


class RequestIdFilter(logging.Filter):
    """Puts the request's number into every line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always keeps the line."""
        record.request_id = request_id.get()
        return True


class LineFormatter(logging.Formatter):
    """Lines for a human; what breaks lines or colours a terminal is spelt out within the message (LOG-06)."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The first line, whole whatever it says."""
        return _spelt(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """As in the library, redacted."""
        return redacted(super().format(record))


def _spelt(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
