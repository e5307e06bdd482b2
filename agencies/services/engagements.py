"""What all acts on an engagement share: the locked row at the version its page showed, its end, who is told."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, notices
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from accounts.refusals import refusals_recorded
from accounts.words import for_phones
from agencies import standing
from agencies.models import EndReason, Engagement
from realname import posts
from staff.services import rights


@contextmanager
def locked(
    kind: Kind, engagement: Engagement, version: int | None, *, by: Actor, **details: Any
) -> Iterator[Engagement]:
    """The open engagement, locked and at the version the actor saw; afterwards saved as the next, and recorded.

    `version` is None for an act that no change by the other side may keep from being done. Raises ValidationError
    `over` where it has ended, and `stale` where somebody was quicker.
    """
    whose: dict[str, Any] = {"name": other_than(engagement, by.taxpayer).name, "engagement": str(engagement.uid)}
    with refusals_recorded(kind, by=by, **whose), transaction.atomic():
        rows = Engagement.objects.select_for_update(no_key=True, of=("self",))
        row = rows.select_related("agency", "client").get(pk=engagement.pk)
        refuse_if_over(row)
        if version not in (None, row.version):
            raise rights.stale()
        yield row
        save(row, kind, by=by, **details)


def refuse_if_over(engagement: Engagement) -> None:
    """Raise ValidationError `over`, saying how it ended, for what nothing can be done about any more."""
    if engagement.ended_at is not None:
        text = _("该代理关系的状态为“%(state)s”，不能再进行此操作。")
        raise ValidationError(text, code="over", params={"state": engagement.state.label})


def save(engagement: Engagement, kind: Kind, *, by: Actor, **details: Any) -> None:
    """Save a locked engagement as its next version, and record what was done to it."""
    engagement.version += 1
    engagement.save()
    name = other_than(engagement, by.taxpayer).name
    audit.record(kind, by=by, **{"name": name, "engagement": str(engagement.uid), **details})


def has_just_done(kind: Kind, engagement: Engagement, *, by: Actor, **details: Any) -> bool:
    """Whether the last that the actor did was this, to this engagement: the same form sent twice (F12)."""
    return audit.has_just_done(kind, by=by, engagement=str(engagement.uid), **details)


def other_than(engagement: Engagement, firm: Taxpayer | None) -> Taxpayer:
    """The other of the two firms."""
    return engagement.agency if firm == engagement.client else engagement.client


def end(engagement: Engagement, because: EndReason, *, note: str = "") -> None:
    """Mark a locked engagement as over and keep in words what it had lent; whoever acts by it is out at once."""
    if engagement.identity is not None:
        engagement.lent_name = engagement.identity.name
        engagement.lent_functions = sorted(standing.lent_by(engagement))
    now = timezone.now()
    engagement.identity, engagement.ended_because, engagement.note = None, because, note
    engagement.ended_at = max(now, engagement.proposed_at, engagement.recognised_at or now)


@transaction.atomic
def end_overdue(*, by: Actor | None = None, waits: bool = True, **whose: object) -> int:
    """End those whose last day has passed, so that they hold no identity any more; how many there were.

    Each is an entry of the client's record, by nobody where the clock did it, and told to whom it concerns. Without
    `waits` those that somebody else is at are left to him.
    """
    rows = Engagement.objects.overdue().filter(**whose).select_related("identity", "agency", "client")
    overdue = list(rows.select_for_update(no_key=True, skip_locked=not waits, of=("self",)))
    close(overdue, EndReason.EXPIRED, by=by or Actor())
    return len(overdue)


def close(ended: Collection[Engagement], because: EndReason, *, by: Actor) -> None:
    """End these locked engagements for a reason that lies in neither firm's will: an entry for each, all are told."""
    concerned: dict[Person, list[Engagement]] = {}
    for each in ended:
        for person in [*posts.leads_of(each.client), *posts.leads_of(each.agency), *working_handlers(each)]:
            concerned.setdefault(person, []).append(each)
        end(each, because)
        each.version += 1
        each.save()
        why = for_phones(because.label)
        whose: dict[str, Any] = {"name": each.agency.name, "engagement": str(each.uid), "reason_given": why}
        audit.record(Kind.ENGAGEMENT_ENDED, by=by, taxpayer=each.client, **whose)
    for person, engagements in concerned.items():
        notices.tell(person, _ended_in_words(engagements, because))


def _ended_in_words(ended: list[Engagement], because: EndReason) -> str:
    """One message, however many ended: thousands do on the last day of a year."""
    words = {"client": ended[0].client.name, "agency": ended[0].agency.name, "why": for_phones(because.label)}
    if len(ended) == 1:
        return for_phones("“%(client)s”对“%(agency)s”的代理认定已终止（%(why)s），不能再代办。") % words
    text = for_phones("“%(client)s”对“%(agency)s”等%(count)s项代理认定已终止（%(why)s），不能再代办。")
    return text % {**words, "count": len(ended)}


def working_handlers(engagement: Engagement) -> list[Person]:
    """Its handlers who may act for the agency today: what concerns the client is nobody else's business any more."""
    named = list(engagement.handlers.all())
    found = standing.Workers.of([person.pk for person in named], [engagement.agency])
    return [person for person in named if found.problem_of(person, engagement.agency) is None]


def tell(people: Collection[Person], text: str) -> None:
    """Tell each of these people once by SMS."""
    for person in {person.pk: person for person in people}.values():
        notices.tell(person, text)
