"""指定代办人员: who of the agency may act for a client (D23)."""

from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from accounts.refusals import about
from accounts.words import for_phones
from agencies import standing
from agencies.models import Engagement, Handler
from agencies.services.engagements import has_just_done, locked, refuse_if_over, tell, working_handlers
from agencies.services.requests import require_agency
from staff import standing as staff_standing
from staff.models import Membership

MOST = 100


def name_handlers(engagement: Engagement, *, version: int, people: Collection[Person], by: Actor) -> None:
    """Make these, and nobody else, the client's handlers; who is new and who was is told by SMS.

    Raises ValidationError `over`, `stale`, `not_recognised`, `too_many_handlers`, `not_usable` (with the reason) for
    who may not act for the agency, `four_roles` for one of the client's own people, each naming whom; and as
    `require_agency`.
    """
    before = set(engagement.handlers.all())
    change = Change(added=set(people) - before, gone=before - set(people))
    _carry_out(engagement, change, version=version, by=by)
    tell_of([(engagement, change)])


@dataclass(frozen=True, slots=True)
class Change:
    """Who becomes a handler of a client, and who is no longer one."""

    added: set[Person]
    gone: set[Person]


def name_also(engagement: Engagement, people: Collection[Person], *, by: Actor) -> Change:
    """Make these its handlers besides those it has. They are told by the caller; raises as `name_handlers`.

    Whatever else happened to the client since it was looked at, this is meant: so no version is asked for.
    """
    change = Change(added=set(people) - set(engagement.handlers.all()), gone=set())
    if change.added:
        _carry_out(engagement, change, version=None, by=by)
    return change


def name_no_more(engagement: Engagement, people: Collection[Person], *, by: Actor) -> Change:
    """Take these from its handlers; as `name_also`."""
    change = Change(added=set(), gone=set(people) & set(engagement.handlers.all()))
    if change.gone:
        _carry_out(engagement, change, version=None, by=by)
    return change


def _carry_out(engagement: Engagement, change: Change, *, version: int | None, by: Actor) -> None:
    person, agency = require_agency(by)
    counts = {"added": len(change.added), "removed": len(change.gone)}
    with locked(Kind.HANDLERS_CHANGED, engagement, version, by=by, **counts) as row:
        refuse_unless_recognised(row)
        if row.handlers.count() + len(change.added) - len(change.gone) > MOST:
            text = _("一家委托企业最多指定%(most)s名代办人员。")
            raise ValidationError(text, code="too_many_handlers", params={"most": MOST})
        added, gone = sorted(change.added, key=_key), sorted(change.gone, key=_key)
        _hold_members(added, agency)
        for each in added:
            _refuse_unless_fit(each, agency)
        refuse_own_people(row, added)
        Handler.objects.filter(engagement=row, person__in=gone).delete()
        made = [Handler(engagement=row, person=each, named_by=person) for each in added]
        Handler.objects.bulk_create(made, ignore_conflicts=True)  # another may have named him at this moment
        _record_each(row, dict.fromkeys(added, True) | dict.fromkeys(gone, False), by=by)


def _key(person: Person) -> int:
    return person.pk


def tell_of(changes: Collection[tuple[Engagement, Change]]) -> None:
    """Tell each person once by SMS, however many clients he was named for, or is no longer."""
    named, dropped = dict[Person, list[str]](), dict[Person, list[str]]()
    for engagement, change in changes:
        for people, told in ((change.added, named), (change.gone, dropped)):
            for person in people:
                told.setdefault(person, []).append(engagement.client.name)
    for person, names in named.items():
        one = for_phones("您已被指定为“%(client)s”的代办人员。")
        many = for_phones("您已被指定为“%(client)s”等%(count)s家企业的代办人员。")
        tell([person], (many if len(names) > 1 else one) % {"client": names[0], "count": len(names)})
    for person, names in dropped.items():
        one = for_phones("您已不再是“%(client)s”的代办人员。")
        many = for_phones("您已不再是“%(client)s”等%(count)s家企业的代办人员。")
        tell([person], (many if len(names) > 1 else one) % {"client": names[0], "count": len(names)})


def name_again(engagement: Engagement, last: Engagement) -> None:
    """Name for what is recognised anew whoever handled it until it ran out, but for who may not act any more.

    Nobody does so: the client has agreed to go on, and the agency has changed nothing. They are told by SMS.
    """
    people = working_handlers(last)
    own = standing.positions([last.client_id], [person.pk for person in people])
    fit = {person for person in people if own.of(last.client_id, person.pk) is None}
    by_whom = dict(last.namings.values_list("person", "named_by"))
    made = [Handler(engagement=engagement, person=each, named_by_id=by_whom[each.pk]) for each in sorted(fit, key=_key)]
    Handler.objects.bulk_create(made)
    for person in sorted(fit, key=_key):
        agency, client = engagement.agency, engagement.client.name
        audit.record(Kind.HANDLERS_CHANGED, by=Actor(), taxpayer=agency, target=person, name=client, named=True)
    tell_of([(engagement, Change(added=fit, gone=set()))])


def _record_each(engagement: Engagement, people: dict[Person, bool], *, by: Actor) -> None:
    """Who was named and who no longer is, in each one's own record as well (D28)."""
    told = {person: {"named": is_named} for person, is_named in people.items()}
    audit.record_each(Kind.HANDLERS_CHANGED, told, by=by, name=engagement.client.name)


def refuse_unless_recognised(engagement: Engagement) -> None:
    """Raise ValidationError `over` or `not_recognised` for an engagement that nobody can be named for."""
    refuse_if_over(engagement)
    if engagement.recognised_at is None:
        raise ValidationError(_("委托企业确认后才能指定代办人员。"), code="not_recognised")


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
        raise about(person, _("不能指定%(name)s：%(why)s"), code="not_usable", params=words)


def refuse_own_people(engagement: Engagement, people: Collection[Person]) -> None:
    """Raise ValidationError `four_roles` for one who is the client's own LR, FR or clerk (四员)."""
    found = standing.positions([engagement.client_id], [each.pk for each in people])
    for each in people:
        position = found.of(engagement.client_id, each.pk)
        if position is not None:
            words = {"name": each.masked_name, "client": engagement.client.name, "position": position}
            text = _("不能指定%(name)s：该人员是“%(client)s”自己的%(position)s，不能同时担任其代办人员。")
            raise about(each, text, code="four_roles", params=words)
