"""同步办税人: bringing the members in line with the tax register (D20, M102)."""

import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Taxpayer
from accounts.refusals import refusals_recorded
from staff import standing
from staff.models import Membership
from staff.services import rights
from staff.standing import NOT_ADDED, Standing


@dataclass(frozen=True, slots=True)
class Preview:
    """What a synchronisation would change, and what it finds that only a person can mend.

    `gone`: members whom the register no longer names, to be marked. `returned`: marked ones whom it names again, whose
    mark is lifted. `to_add`: clerks of the register who aren't members yet.
    """

    gone: list[Standing]
    returned: list[Standing]
    to_add: list[Standing]

    @property
    def fingerprint(self) -> str:
        """A word that differs whenever what would be done does."""
        parts = [f"-{each.person.uid}" for each in self.gone] + [f"+{each.person.uid}" for each in self.returned]
        return hashlib.sha256("".join(sorted(parts)).encode()).hexdigest()

    @property
    def has_addable(self) -> bool:
        """Whether anybody may be added now: of the others each one's problem says what is missing (M29, D19)."""
        return any(each.problem is NOT_ADDED for each in self.to_add)

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.gone or self.returned)


def preview(taxpayer: Taxpayer) -> Preview:
    """What 【同步办税人】 would do now; nothing is written."""
    found = Preview([], [], [])
    for each in standing.of_all(taxpayer):
        if each.membership is None:
            if not each.is_lead:
                found.to_add.append(each)
        elif not each.posts and each.membership.unregistered_at is None:
            found.gone.append(each)
        elif each.posts and each.membership.unregistered_at is not None:
            found.returned.append(each)
    return found


def synchronise(*, seen: str | None = None, by: Actor) -> Preview:
    """Mark and unmark members as the register says, and return what was done (“同步成功”).

    `seen` is the fingerprint of the preview that was shown: nothing else than what it said is done. Raises
    ValidationError `stale` where the register says something else by now, and `code_needed`; PermissionDenied for who
    isn't legal representative or finance officer.
    """
    _person, taxpayer = rights.require_lead(by, act=Kind.SYNCED)
    recorded = refusals_recorded(Kind.SYNCED, by=by, is_repetition=lambda: has_just_synchronised(by=by))
    with recorded, transaction.atomic():
        Taxpayer.objects.select_for_update(no_key=True).only("pk").get(pk=taxpayer.pk)
        list(Membership.objects.open().select_for_update(no_key=True).filter(taxpayer=taxpayer).values_list("pk"))
        found = preview(taxpayer)
        if seen is not None and seen != found.fingerprint:
            raise rights.stale()
        # A clock that was set back puts nothing before the adding (F16), as in `Membership.moment`.
        _mark(found.gone, unregistered_at=Greatest(Value(timezone.now()), F("added_at")))
        _mark(found.returned, unregistered_at=None)
        audit.record(Kind.SYNCED, by=by, marked=len(found.gone), lifted=len(found.returned))
        marks = {each.person: {"marked": True} for each in found.gone}
        audit.record_each(Kind.SYNCED, marks | {each.person: {"marked": False} for each in found.returned}, by=by)
    return found


def has_just_synchronised(*, by: Actor) -> bool:
    """Whether the actor has done it within the last minute, and nothing has come up since: sent twice (F12)."""
    if by.taxpayer is None or not audit.has_just_done(Kind.SYNCED, by=by):
        return False
    return not preview(by.taxpayer).changes_anything


def _mark(people: list[Standing], **state: object) -> None:
    for each in people:
        if each.membership is not None:
            membership = Membership.objects.filter(pk=each.membership.pk)
            membership.update(version=each.membership.version + 1, **state)
