"""Showing a person his own full numbers (D27)."""

from django.core.exceptions import PermissionDenied

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind


def show(which: str, *, by: Actor) -> str:
    """His own full id number or phone, with an entry in the record (AUZ-08).

    `which` is "id_number" or "phone"; anything else raises LookupError.
    """
    if by.person is None:
        raise PermissionDenied
    number = {"id_number": by.person.id_number, "phone": by.person.phone}[which]
    audit.record(Kind.NUMBER_SHOWN, by=by, target=by.person, which=which)
    return number
