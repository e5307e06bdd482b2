"""Django's view of who is signed in. There is no password door here: the flows are the only doors (FLOW-11)."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import Person


class PersonBackend(ModelBackend):
    """Loads the signed-in person and his permissions; never authenticates by itself."""

    def authenticate(  # type: ignore[override]  # narrower on purpose: it refuses everybody
        self, request: HttpRequest | None, **credentials: Any
    ) -> Person | None:
        """Nobody: signing in is done by the steps of a flow."""
        return None
