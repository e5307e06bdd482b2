"""Writing the record: one entry for every sign-in, refusal and act, in the act's own transaction (D28, LOG-02)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts import metrics
from accounts.actor import Actor
from accounts.models import AuditEntry, Person, Taxpayer
from accounts.models.record import Kind, Result
from accounts.words import storable

__all__ = ["Kind", "Result", "has_just_done", "record", "record_each"]

TWICE = timedelta(minutes=1)
"""Within what time the same again is the same form sent twice (F12)."""


def _kept(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: storable(value) if isinstance(value, str) else value for name, value in details.items()}


def record_each(kind: Kind, people: Mapping[Person, dict[str, Any]], *, by: Actor, **details: Any) -> None:
    """One entry for each of these people whom an act concerns, each with details of his own: so his record tells it."""
    entry = {"kind": kind, "person": by.person, "taxpayer": by.taxpayer, "via": by.via, "proof": by.proof}
    place = {"ip": by.ip, "request_id": by.request_id}
    metrics.ENTRIES.labels(kind, Result.DONE, by.proof).inc(len(people))
    AuditEntry.objects.bulk_create(
        AuditEntry(**entry, **place, target=person, details=_kept({**details, **own})) for person, own in people.items()
    )


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
    result = Result.REFUSED if reason else Result.DONE
    metrics.ENTRIES.labels(kind, result, proof or by.proof).inc()
    return AuditEntry.objects.create(
        kind=kind,
        result=result,
        reason=reason,
        person=person or by.person,
        taxpayer=taxpayer or by.taxpayer,
        via=by.via,
        target=target,
        proof=proof or by.proof,
        ip=by.ip,
        request_id=by.request_id,
        details=_kept(details),
    )


def has_just_done(kind: Kind, *, by: Actor, taxpayer: Taxpayer | None = None, **details: Any) -> bool:
    """Whether the last that the actor did for his taxpayer was this, with these details, within the last minute.

    Who acts as himself names the taxpayer. Then it is the same form sent twice, by a double click or the way back: one
    effect, and the same answer (F12).
    """
    done = AuditEntry.objects.filter(taxpayer=taxpayer or by.taxpayer, person=by.person, result=Result.DONE)
    last = done.order_by("-seq").first()
    if last is None or last.kind != kind or timezone.now() - last.at >= TWICE:
        return False
    return all(last.details.get(name) == value for name, value in details.items())
