"""Sessions in the database, written once a request: the setting SESSION_ENGINE names this module.

Django's own engine writes a session at every change of its id, and asks each time whether the new id is free. Ours
notes the change and writes it with everything else when the answer is ready: one statement moves the row to its new id.
A request that fails leaves the session as it was.
"""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, UpdateError
from django.db.models import CharField, DateTimeField
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.composed import Composed, Given

_SHORTEST = 8
_ID_LENGTH = 32
"""165 bits (SES-01): no two are ever the same, and the table would refuse the second."""

_LIVE = Composed(
    lambda: db.SessionStore.get_model_class().objects.filter(
        session_key=Given("key", CharField()), expire_date__gt=Given("now", DateTimeField())
    )
)


class SessionStore(db.SessionStore):
    """The session of one request. While its id changes, `_row` is the one that the database still knows, if any."""

    _is_moving = False
    _row: str | None = None

    def _validate_session_key(self, key: str | None) -> bool:
        """Whether it may be an id of ours; any other isn't asked for: PostgreSQL takes no NUL."""
        return key is not None and len(key) >= _SHORTEST and set(key) <= set(VALID_KEY_CHARS)

    def _get_new_session_key(self) -> str:
        return get_random_string(_ID_LENGTH, VALID_KEY_CHARS)

    def _get_session_from_db(self) -> Any:
        """The row of this id, as long as it lives; without one the id is forgotten."""
        row = _LIVE.first(key=self.session_key, now=timezone.now())
        if row is None:
            self._session_key = None
        return row

    def cycle_key(self) -> None:
        """A new id for the same contents (SES-02); the old one is worth nothing once the answer is there."""
        self._get_session()  # type: ignore[attr-defined]  # the stubs don't know it
        if not self._is_moving:
            self._is_moving, self._row = True, self.session_key
        self._session_key = self._get_new_session_key()
        self.modified = True

    def create(self) -> None:
        """A new row under a new id."""
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the row, where it has a new id under that one.

        Raises UpdateError for one that keeps its id and is gone meanwhile: its owner has signed out elsewhere. One
        whose id changes is then made anew, as by Django's engine; whether a sign-in goes with it is the sign-in's to
        say.
        """
        if self.session_key is None:
            self.create()
            return
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # the stubs don't know it
        row = self.create_model_instance(data)
        before = self._row if self._is_moving else self.session_key
        written = not must_create and self._write_over(before, row)
        if not written and not must_create and not self._is_moving:
            raise UpdateError
        if not written:
            row.save(force_insert=True)
        self._is_moving, self._row = False, None

    def _write_over(self, before: str | None, row: Any) -> bool:
        """Whether there was a row of this id, which is now this one."""
        new = {"session_key": row.session_key, "session_data": row.session_data, "expire_date": row.expire_date}
        return before is not None and bool(self.model.objects.filter(session_key=before).update(**new))

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row of this id, or this session's own."""
        key = session_key or (self._row if self._is_moving else self.session_key)
        if session_key is None:
            self._is_moving, self._row = False, None
        if key is not None:
            self.model.objects.filter(session_key=key).delete()
