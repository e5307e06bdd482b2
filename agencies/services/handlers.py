"""指定代办人员: who of the agency may act for a client (D23)."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from accounts.words import for_phones
from agencies import standing
from agencies.models import Engagement, Handler
from agencies.services.engagements import has_just_done, locked, tell
from agencies.services.requests import require_agency
from staff import standing as staff_standing
from staff.models import Membership

MOST = 100


def name_handlers(engagement: Engagement, *, version: int, people: Collection[Person], by: Actor) -> None:
    """Make these, and nobody else, the client's handlers; who is new and who was is told by SMS.

    Raises ValidationError `stale`, `not_recognised`, `too_many_handlers`, `not_usable` (with the reason) for who may
    not act for the agency, `four_roles` for one of the client's own people, each naming whom; and as `require_agency`.
    """
    person, agency = require_agency(by)
    before = dict(Handler.objects.filter(engagement=engagement).values_list("person", "pk"))
    added = [each for each in people if each.pk not in before]
    kept = {each.pk for each in people}
    gone = list(Person.objects.filter(pk__in=before.keys() - kept))
    counts = {"added": len(added), "removed": len(gone)}
    with locked(Kind.HANDLERS_CHANGED, engagement, version, by=by, **counts) as row:
        if len(people) > MOST:
            text = _("一家委托企业最多指定%(most)s名代办人员。")
            raise ValidationError(text, code="too_many_handlers", params={"most": MOST})
        if row.recognised_at is None:
            raise ValidationError(_("委托企业确认后才能指定代办人员。"), code="not_recognised")
        _hold_members(added, agency)
        for each in added:
            _refuse_unless_fit(each, agency)
        refuse_own_people(row, added)
        Handler.objects.filter(pk__in=[before[each.pk] for each in gone]).delete()
        Handler.objects.bulk_create([Handler(engagement=row, person=each, named_by=person) for each in added])
        _record_each(row, dict.fromkeys(added, True) | dict.fromkeys(gone, False), by=by)
        words = {"client": row.client.name}
        tell(added, for_phones("您已被指定为“%(client)s”的代办人员。") % words)
        tell(gone, for_phones("您已不再是“%(client)s”的代办人员。") % words)


def _record_each(engagement: Engagement, people: dict[Person, bool], *, by: Actor) -> None:
    """Who was named and who no longer is, in each one's own record as well (D28)."""
    told = {person: {"named": is_named} for person, is_named in people.items()}
    audit.record_each(Kind.HANDLERS_CHANGED, told, by=by, name=engagement.client.name)


def drop(person: Person, agency: Taxpayer, *, by: Actor) -> int:
    """He is no longer one of the agency's people, so no longer a handler of any of its clients; of how many he was.

    Those of engagements that are over stay, as their history. He is told by the act that ended his membership.
    """
    rows = Handler.objects.filter(person=person, engagement__agency=agency, engagement__ended_at__isnull=True)
    clients = [naming.engagement.client.name for naming in rows.select_related("engagement__client").order_by("pk")]
    rows.delete()
    for name in clients:
        audit.record(Kind.HANDLERS_CHANGED, by=by, taxpayer=agency, target=person, name=name, named=False)
    return len(clients)


def has_just_named(engagement: Engagement, people: Collection[Person], *, by: Actor) -> bool:
    """Whether the actor has within the last minute named just these: the same form sent twice (F12)."""
    named = set(Handler.objects.filter(engagement=engagement).values_list("person", flat=True))
    return named == {each.pk for each in people} and has_just_done(Kind.HANDLERS_CHANGED, engagement, by=by)


def _hold_members(people: Collection[Person], agency: Taxpayer) -> None:
    """Lock their memberships: who is removed at this moment is either seen as such, or his naming is dropped."""
    rows = Membership.objects.open().filter(taxpayer=agency, person__in=people).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def _refuse_unless_fit(person: Person, agency: Taxpayer) -> None:
    problem = staff_standing.of_person(person, agency).problem
    if problem is not None:
        words = {"name": person.masked_name, "why": problem.text}
        raise ValidationError(_("不能指定%(name)s：%(why)s"), code="not_usable", params=words)


def refuse_own_people(engagement: Engagement, people: Collection[Person]) -> None:
    """Raise ValidationError `four_roles` for one who is the client's own LR, FR or clerk (四员)."""
    found = standing.positions([engagement.client_id], [each.pk for each in people])
    for each in people:
        position = found.of(engagement.client_id, each.pk)
        if position is not None:
            words = {"name": each.masked_name, "client": engagement.client.name, "position": position}
            text = _("不能指定%(name)s：该人员是“%(client)s”自己的%(position)s，不能同时担任其代办人员。")
            raise ValidationError(text, code="four_roles", params=words)
