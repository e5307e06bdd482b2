"""The backend that `DATABASES` names: a connection that doesn't wait for ever for a server that hangs (F2).

The server's own limits don't help when the server itself has stopped: its machine still takes what is sent.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base

from accounts.breaker import Breaker
from etax import postgresql

_breaker = Breaker(pause=3.0)
"""Open after a connection was waited for in vain: who queued behind that request needn't wait as long (F2)."""
_QUICK = 0.5
"""Seconds within which a server that lives, and one that is stopped, have said so: they may be asked again at once."""
_Answer = TypeVar("_Answer")


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that is given up when one answer takes longer than a request may wait."""

    patience = postgresql.PATIENCE_SECONDS

    def wait(self, gen: Generator[Any, Any, _Answer], interval: float = 0.1, timeout: float | None = None) -> _Answer:
        """As in the driver. Raises OperationalError, and closes the connection, when patience is over."""
        patience = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, timeout=patience)
        except psycopg.OperationalError as error:
            if type(error).__name__ == "_WaitTimeout" and timeout is None:
                self.pgconn.finish()  # whatever still comes would be the answer to an older question
                raise psycopg.OperationalError(f"the database gave no answer in {patience} s") from None
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, whose connections are impatient while requests are served."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """As in Django, which lets no setting choose the connection's class."""
        if not settings.SERVING:
            return super().get_new_connection(conn_params)
        options = self.settings_dict["OPTIONS"]
        self.isolation_level = psycopg.IsolationLevel(
            options.get("isolation_level", psycopg.IsolationLevel.READ_COMMITTED)
        )
        connection = self._connect(conn_params)
        if "isolation_level" in options:
            connection.isolation_level = self.isolation_level
        return connection

    def is_usable(self) -> bool:
        """As in Django, with less patience: who lives answers this at once, and connecting anew takes its time."""
        if not isinstance(self.connection, ImpatientConnection):
            return super().is_usable()
        self.connection.patience = postgresql.CHECK_SECONDS
        try:
            return super().is_usable()
        finally:
            self.connection.patience = postgresql.PATIENCE_SECONDS

    @staticmethod
    def _connect(conn_params: dict[str, Any]) -> ImpatientConnection:
        """A new connection. Raises OperationalError, at once where one was waited for in vain a moment ago."""
        if not _breaker.may_try():
            raise psycopg.OperationalError("the database didn't answer a moment ago")
        begun = time.monotonic()
        try:
            connection = ImpatientConnection.connect(**conn_params)
        except psycopg.OperationalError:
            if time.monotonic() - begun > _QUICK:
                _breaker.failed()
            raise
        _breaker.answered()
        return connection
