"""The same done to several clients of an agency at once: into a group, handlers named or no longer (D23)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.actor import Actor
from accounts.models import Person
from accounts.words import Words
from agencies.models import ClientGroup, Engagement
from agencies.services import groups, handlers
from agencies.services.handlers import Change
from agencies.services.requests import require_agency

MOST = 100
"""How many clients may be chosen at once."""


@dataclass(slots=True)
class Outcome:
    """How many stand as was asked, and which don't, with the reason."""

    done: int = 0
    refused: list[tuple[Engagement, Words]] = field(default_factory=list)


def place(engagements: Collection[Engagement], group: ClientGroup | None, *, by: Actor) -> Outcome:
    """Put all of them into the group, or into none; who is refused is in the outcome. Raises as `require_agency`."""

    def into(each: Engagement) -> None:
        if each.group != group:
            groups.place(each, version=None, group=group, by=by)

    return _to_each(engagements, into, by=by)


def name(engagements: Collection[Engagement], people: Collection[Person], *, by: Actor) -> Outcome:
    """Name these people for all of them, besides whom they have; each person is told once. As `place`."""
    return _handlers(engagements, people, handlers.name_also, by=by)


def unname(engagements: Collection[Engagement], people: Collection[Person], *, by: Actor) -> Outcome:
    """These people handle none of them any more; as `name`."""
    return _handlers(engagements, people, handlers.name_no_more, by=by)


def _handlers(
    engagements: Collection[Engagement], people: Collection[Person], act: Callable[..., Change], *, by: Actor
) -> Outcome:
    changes: list[tuple[Engagement, Change]] = []
    with transaction.atomic():
        outcome = _to_each(engagements, lambda each: changes.append((each, act(each, people, by=by))), by=by)
        handlers.tell_of(changes)
    return outcome


@transaction.atomic
def _to_each(engagements: Collection[Engagement], act: Callable[[Engagement], None], *, by: Actor) -> Outcome:
    """Do it to each in the order of their keys, as all lock them who do so at once; one's refusal stops no other."""
    require_agency(by)
    outcome = Outcome()
    for each in sorted(engagements, key=lambda engagement: engagement.pk):
        try:
            act(each)
        except ValidationError as refusal:
            outcome.refused.append((each, refusal.messages[0]))
        else:
            outcome.done += 1
    return outcome
