"""Who of an agency can be named for a client: those who are, then others, each with the reason why not, if so."""

from collections.abc import Collection
from dataclasses import dataclass

from accounts.models import Person, Taxpayer
from accounts.words import Words
from agencies import standing
from agencies.models import Engagement
from staff import standing as staff_standing

_MOST = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person: whether he is named, whether the page shows him ticked, and why he can't be named."""

    person: Person
    position: Words
    is_named: bool
    is_ticked: bool
    why_not: Words

    @property
    def can_be_ticked(self) -> bool:
        """Whether the page offers a box for him."""
        return not self.why_not or self.is_named


def candidates_of(engagement: Engagement, *, name: str = "", ticked: Collection[str] | None = None) -> list[Candidate]:
    """Everybody who is named and known to the agency, and at most fifty others whose names begin so.

    Ticked are those who are named, or those of these public ids, where a form comes back with an error.
    Who has left the agency altogether isn't shown, and so no longer named once the page is saved.
    """
    named = list(engagement.handlers.order_by("name", "pk"))
    known = staff_standing.of_people(named, engagement.agency)
    others, _older = staff_standing.page_of(engagement.agency, name=name, size=_MOST)
    found = {each.person.pk: each for each in (*known, *others)}
    crossed = standing.positions([engagement.client_id], found.keys())
    rows = []
    for pk, each in found.items():
        position = crossed.of(engagement.client_id, pk)
        problem = standing.four_roles_of_other(position) if position is not None else each.problem
        why_not = problem.text if problem is not None else ""
        is_named = each.person in named
        is_ticked = is_named if ticked is None else str(each.person.uid) in ticked
        rows.append(Candidate(each.person, each.position_in_words, is_named, is_ticked, why_not))
    return rows


def people_of(agency: Taxpayer, *, name: str = "", ticked: Collection[str] = ()) -> list[Candidate]:
    """At most fifty of the agency's people whose names begin so, each with why he can't act for anybody, if so.

    All can be ticked: who may not act any more can at least be taken from the clients he has.
    """
    found, _older = staff_standing.page_of(agency, name=name, size=_MOST)
    return [
        Candidate(
            each.person,
            each.position_in_words,
            is_named=True,
            is_ticked=str(each.person.uid) in ticked,
            why_not=each.problem.text if each.problem is not None else "",
        )
        for each in found
    ]
