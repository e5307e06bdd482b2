"""Writing the record: one entry for every sign-in, refusal and act, in the act's own transaction (D28, LOG-02)."""

from typing import Any

from accounts.actor import Actor
from accounts.models import AuditEntry, Person, Taxpayer
from accounts.models.record import Kind, Result

__all__ = ["Kind", "Result", "record"]


def record(
    kind: Kind,
    *,
    by: Actor,
    person: Person | None = None,
    taxpayer: Taxpayer | None = None,
    target: Person | None = None,
    reason: str = "",
    proof: str = "",
    **details: Any,
) -> AuditEntry:
    """Write one entry. With a `reason` (a code) the act was refused; without, it was done.

    Person and taxpayer are the actor's unless given. `details` must hold no secret and no full number (LOG-05).
    """
    return AuditEntry.objects.create(
        kind=kind,
        result=Result.REFUSED if reason else Result.DONE,
        reason=reason,
        person=person or by.person,
        taxpayer=taxpayer or by.taxpayer,
        via=by.via,
        target=target,
        proof=proof or by.proof,
        ip=by.ip,
        request_id=by.request_id,
        details=details,
    )
