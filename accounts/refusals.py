"""Refusals: those that the error pages turn into words, and the entry that each refused act leaves (D28)."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ParamSpec, TypeVar

from django.core.exceptions import ValidationError

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer

P = ParamSpec("P")
T = TypeVar("T")


class TooMany(Exception):
    """Too many tries from where this request comes: 429, and `retry_after` seconds to wait."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


_MET_TWICE = frozenset(
    {
        "stale",
        "account_known",
        "already_added",
        "already_linked",
        "already_reported",
        "name_taken",
        "nothing_to_leave",
        "password_unchanged",
        "request_open",
        "request_settled",
        "username_taken",
    }
)
"""How an act is refused that was already done."""


@contextmanager
def refusals_recorded(
    kind: Kind,
    *,
    by: Actor,
    target: Person | None = None,
    is_repetition: Callable[[], bool] = lambda: False,
    **details: Any,
) -> Iterator[None]:
    """Whatever act is refused inside is one entry of the record with the refusal's code, once it is rolled back (D28).

    That a code to the phone is asked first is no refusal; nor is one what the second of two equal clicks meets, as
    `is_repetition` tells: nothing was refused to anybody, for what he wanted is done (F12). One `about` a person names
    him as the entry's target.
    """
    try:
        yield
    except ValidationError as refusal:
        if refusal.code != "code_needed" and not (refusal.code in _MET_TWICE and is_repetition()):
            whom = refusal.person if isinstance(refusal, AboutPerson) else target
            audit.record(kind, by=by, target=whom, reason=str(refusal.code), **details)
        raise


def own_refusals_recorded(kind: Kind, taxpayer: Taxpayer, *, by: Actor) -> AbstractContextManager[None]:
    """As `refusals_recorded`, for what somebody does about himself at a taxpayer, whoever he acts for meanwhile."""

    def is_repetition() -> bool:
        return audit.has_just_done(kind, by=by, taxpayer=taxpayer)

    return refusals_recorded(kind, by=by, target=by.person, is_repetition=is_repetition, taxpayer=taxpayer)


def refusals_of(
    opened: Callable[..., AbstractContextManager[None]],
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Run a service within what `opened` gives for the service's own arguments: `refusals_recorded`, for all of it."""

    def decorate(service: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(service)
        def recorded(*args: P.args, **kwargs: P.kwargs) -> T:
            with opened(*args, **kwargs):
                return service(*args, **kwargs)

        return recorded

    return decorate


class AboutPerson(ValidationError):
    """A refusal that lies in one person of several."""

    person: Person


def about(person: Person, text: str, *, code: str, params: dict[str, Any]) -> AboutPerson:
    """The refusal of an act because of this person."""
    refusal = AboutPerson(text, code=code, params=params)
    refusal.person = person
    return refusal
