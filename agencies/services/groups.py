"""委托企业分组: an agency's own groups of clients, for handlers who serve many."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Taxpayer
from accounts.refusals import refusals_recorded
from agencies.models import ClientGroup, Engagement
from agencies.services.engagements import locked
from agencies.services.requests import require_agency


def add(*, name: str, by: Actor) -> ClientGroup:
    """A new group. Raises ValidationError `group_name_taken`; and as `require_agency`."""
    _person, agency = require_agency(by)
    with refusals_recorded(Kind.CLIENT_GROUP_CHANGED, by=by, name=name), transaction.atomic():
        group = _create(agency, name)
        audit.record(Kind.CLIENT_GROUP_CHANGED, by=by, name=name)
    return group


def has_just_added(name: str, *, by: Actor) -> bool:
    """Whether the actor has within the last minute added the group of this name: the same form sent twice (F12)."""
    return audit.has_just_done(Kind.CLIENT_GROUP_CHANGED, by=by, name=name, deleted=None, engagement=None)


def _create(agency: Taxpayer, name: str) -> ClientGroup:
    try:
        with transaction.atomic():
            return ClientGroup.objects.create(agency=agency, name=name)
    except IntegrityError as error:
        raise _name_taken() from error


def _name_taken() -> ValidationError:
    return ValidationError(_("已有同名的分组，请换一个名称。"), code="group_name_taken")


def rename(group: ClientGroup, *, name: str, by: Actor) -> None:
    """Give a group another name; its clients stay in it.

    Raises ValidationError `group_name_taken`; and as `require_agency`.
    """
    require_agency(by)
    with refusals_recorded(Kind.CLIENT_GROUP_CHANGED, by=by, name=name), transaction.atomic():
        before, group.name = group.name, name
        try:
            with transaction.atomic():
                group.save(update_fields=["name"])
        except IntegrityError as error:
            raise _name_taken() from error
        was, now = {"name": before}, {"name": name}
        audit.record(Kind.CLIENT_GROUP_CHANGED, by=by, group=str(group.uid), before=was, after=now)


def delete(group: ClientGroup, *, by: Actor) -> None:
    """Delete a group; its clients stay, in none. Raises as `require_agency`."""
    require_agency(by)
    with transaction.atomic():
        group.delete()
        audit.record(Kind.CLIENT_GROUP_CHANGED, by=by, name=group.name, group=str(group.uid), deleted=True)


def has_just_deleted(uid: UUID, *, by: Actor) -> bool:
    """Whether the actor has within the last minute deleted the group with this public id: sent twice (F12)."""
    return audit.has_just_done(Kind.CLIENT_GROUP_CHANGED, by=by, group=str(uid), deleted=True)


def place(engagement: Engagement, *, version: int | None, group: ClientGroup | None, by: Actor) -> None:
    """Put a client into one of the agency's groups, or into none; whatever its version is where that is None.

    Raises ValidationError `foreign_group`, `stale`; and as `require_agency`.
    """
    _person, agency = require_agency(by)
    with locked(Kind.CLIENT_GROUP_CHANGED, engagement, version, by=by, group=group.name if group else "") as row:
        if group is not None and group.agency_id != agency.pk:
            raise ValidationError(_("请从列表中选择分组。"), code="foreign_group")
        row.group = group
