"""What a log line carries."""

import contextvars
import logging

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")


class RequestIdFilter(logging.Filter):
    """Puts the request's number into every line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always keeps the line."""
        record.request_id = request_id.get()
        return True
