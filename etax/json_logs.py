"""The log of a real bureau: one line of JSON each, redacted."""

import logging
from datetime import UTC, datetime

from pythonjsonlogger.json import JsonFormatter

from etax.logs import redacted


class JsonLineFormatter(JsonFormatter):
    """When (UTC), how grave, who says it, in which request, what, and what a line brings along."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger"}
        super().__init__(
            "{levelname}{name}{request_id}{message}", style="{", rename_fields=names, json_ensure_ascii=False
        )

    def add_fields(
        self, log_data: dict[str, object], record: logging.LogRecord, message_dict: dict[str, object]
    ) -> None:
        """The moment first; Django's own extras, which are objects, left out."""
        log_data["at"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        super().add_fields(log_data, record, message_dict)
        for name in ("request", "server_time", "sql", "params", "taskName"):
            log_data.pop(name, None)

    def format(self, record: logging.LogRecord) -> str:
        """As in the library, redacted."""
        return redacted(super().format(record))
