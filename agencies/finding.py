"""Finding what belongs to the actor's firm: 404 for everything else, and an entry in the record (AUZ-02)."""

import uuid

from django.db.models import QuerySet
from django.http import Http404

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Taxpayer
from agencies.models import ClientGroup, Engagement


def of_client(uid: uuid.UUID, *, by: Actor) -> Engagement:
    """The engagement by which the actor's firm is a client; any other is a recorded Http404."""
    return _engagement(Engagement.objects.filter(uid=uid, client=by.taxpayer), by=by)


def of_agency(uid: uuid.UUID, *, by: Actor) -> Engagement:
    """The engagement by which the actor's firm is the agency; any other is a recorded Http404."""
    return _engagement(Engagement.objects.filter(uid=uid, agency=by.taxpayer), by=by)


def of_agency_named(uid: str, *, by: Actor) -> Engagement:
    """As `of_agency`, by what a form or address says; what is no public id at all is a recorded Http404 as well."""
    try:
        return of_agency(uuid.UUID(uid), by=by)
    except ValueError:
        raise _not_found("engagement", by=by) from None


def _engagement(rows: QuerySet[Engagement], *, by: Actor) -> Engagement:
    found = rows.select_related("agency", "client", "identity", "group").first()
    if found is None:
        raise _not_found("engagement", by=by)
    return found


def agency(uid: uuid.UUID, *, by: Actor) -> Taxpayer:
    """The agency with this public id; any other taxpayer is a recorded Http404."""
    found = Taxpayer.objects.filter(uid=uid, kind=Taxpayer.Kind.AGENCY).first()
    if found is None:
        raise _not_found("agency", by=by)
    return found


def group(uid: uuid.UUID, *, by: Actor) -> ClientGroup:
    """The group of clients of the actor's agency; any other is a recorded Http404."""
    found = ClientGroup.objects.filter(uid=uid, agency=by.taxpayer).first()
    if found is None:
        raise _not_found("client_group", by=by)
    return found


def refuse_foreign_group(uid: str, *, by: Actor) -> None:
    """Raise a recorded Http404 where a form names a group that the actor's agency doesn't have (AUZ-03).

    What is no public id at all is left to the form.
    """
    try:
        group(uuid.UUID(uid), by=by)
    except ValueError:
        return


def _not_found(what: str, *, by: Actor) -> Http404:
    # Written whether or not somebody else has it: both answers take the same work.
    audit.record(Kind.NOT_FOUND, by=by, reason="not_yours", what=what)
    return Http404()
