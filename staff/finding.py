"""Finding what belongs to the actor's taxpayer: 404 for everything else, and an entry in the record (AUZ-02)."""

import uuid
from collections.abc import Iterable

from django.http import Http404

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from realname.models import ChangeRequest, ChangeScan
from staff import standing
from staff.models import Identity, Membership
from staff.standing import Standing


def member(uid: uuid.UUID, *, by: Actor) -> Membership:
    """The membership, open or removed, with this public id in the actor's firm; any other is a recorded Http404."""
    found = Membership.objects.select_related("person", "taxpayer").filter(uid=uid, taxpayer=by.taxpayer).first()
    if found is None:
        raise _not_found("membership", by=by)
    return found


def named_in_address(uid: object, *, by: Actor) -> tuple[Person | None, str]:
    """Whom or which identity of the actor's firm an address names by its public id: for the entry of a refusal.

    The person and the identity's name; None and empty for what isn't the firm's.
    """
    if not isinstance(uid, uuid.UUID) or by.taxpayer is None:
        return None, ""
    found = Membership.objects.select_related("person").filter(uid=uid, taxpayer=by.taxpayer).first()
    name = Identity.objects.filter(uid=uid, taxpayer=by.taxpayer).values_list("name", flat=True).first()
    return found.person if found else None, name or ""


def own_membership(uid: uuid.UUID, *, by: Actor) -> Membership:
    """The actor's own membership, in whichever firm, with this public id; any other is a recorded Http404."""
    found = Membership.objects.select_related("person", "taxpayer").filter(uid=uid, person=by.person).first()
    if found is None:
        raise _not_found("membership", by=by)
    return found


def own_standing(uid: uuid.UUID, *, by: Actor) -> Standing:
    """The actor's own standing in the taxpayer with this public id, where its register or portal names him.

    Any other is a recorded Http404, and so is every one for a visitor.
    """
    taxpayer = Taxpayer.objects.select_related("credential").filter(uid=uid).first()
    found = standing.of_person(by.person, taxpayer) if by.person is not None and taxpayer is not None else None
    if found is None or not (found.posts or found.membership):
        raise _not_found("standing", by=by)
    return found


def identity_if_there(uid: uuid.UUID, *, by: Actor) -> Identity | None:
    """The identity with this public id in the actor's firm, or None: it may have been deleted a moment ago."""
    return Identity.objects.filter(uid=uid, taxpayer=by.taxpayer).first()


def identity(uid: uuid.UUID, *, by: Actor) -> Identity:
    """The identity with this public id in the actor's firm; any other is a recorded Http404."""
    found = identity_if_there(uid, by=by)
    if found is None:
        raise _not_found("identity", by=by)
    return found


def change_request(uid: uuid.UUID, *, by: Actor) -> ChangeRequest:
    """The 变更税务登记 request with this public id of the actor's firm; any other is a recorded Http404."""
    rows = ChangeRequest.objects.select_related("taxpayer", "post__person", "submitted_by")
    found = rows.filter(uid=uid, taxpayer=by.taxpayer).first()
    if found is None:
        raise _not_found("change_request", by=by)
    return found


def change_scan(uid: uuid.UUID, *, by: Actor) -> ChangeScan:
    """The scan with this public id of a request of the actor's firm; any other is a recorded Http404."""
    rows = ChangeScan.objects.select_related("request__taxpayer")
    found = rows.filter(uid=uid, request__taxpayer=by.taxpayer).first()
    if found is None:
        raise _not_found("change_scan", by=by)
    return found


def refuse_foreign_identities(uids: Iterable[str], *, by: Actor) -> None:
    """Raise a recorded Http404 where a form names an identity that the actor's firm doesn't have (AUZ-03).

    What is no public id at all is left to the form.
    """
    asked = {uid for text in uids if (uid := _uid_of(text)) is not None}
    if asked and Identity.objects.filter(taxpayer=by.taxpayer, uid__in=asked).count() < len(asked):
        raise _not_found("identity", by=by)


def _uid_of(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _not_found(what: str, *, by: Actor) -> Http404:
    # Written whether or not somebody else has it: both answers take the same work.
    audit.record(Kind.NOT_FOUND, by=by, reason="not_yours", what=what)
    return Http404()
