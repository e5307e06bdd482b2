"""同步办税人: bringing the members in line with the tax register (D20, M102)."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Taxpayer
from staff import standing
from staff.models import Membership
from staff.services import rights
from staff.standing import Standing


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


def synchronise(*, by: Actor) -> Preview:
    """Mark and unmark members as the register says, and return what was done (“同步成功”).

    Raises ValidationError `code_needed`; PermissionDenied for who isn't legal representative or finance officer.
    """
    _person, taxpayer = rights.require_lead(by)
    with transaction.atomic():
        Taxpayer.objects.select_for_update(no_key=True).only("pk").get(pk=taxpayer.pk)
        found = preview(taxpayer)
        _mark(found.gone, unregistered_at=timezone.now())
        _mark(found.returned, unregistered_at=None)
        audit.record(Kind.SYNCED, by=by, marked=len(found.gone), lifted=len(found.returned))
        for each in (*found.gone, *found.returned):  # so that his own record tells it as well
            audit.record(Kind.SYNCED, by=by, target=each.person, marked=each in found.gone)
    return found


def _mark(people: list[Standing], **state: object) -> None:
    for each in people:
        if each.membership is not None:
            membership = Membership.objects.filter(pk=each.membership.pk)
            membership.update(version=each.membership.version + 1, **state)
