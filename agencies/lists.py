"""The lists of engagements: a handler's clients, an agency's, a client's agencies; newest first, page by key (D33)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import numbers
from accounts.models import AuditEntry, Person, Taxpayer
from accounts.words import Words
from agencies import standing
from agencies.models import Engagement, Handler, State
from staff.standing import Problem

PAGE_SIZE = 20
SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client of a handler's list, and why he may not enter it now, if so."""

    engagement: Engagement
    problem: Problem | None

    @property
    def expires_soon(self) -> bool:
        """Whether its last day is within thirty days."""
        return _is_soon(self.engagement)


def _is_soon(engagement: Engagement) -> bool:
    left = standing.days_left(engagement)
    return engagement.is_usable and left is not None and left <= SOON.days


def clients_of(person: Person, agency: Taxpayer, filters: dict[str, Any]) -> QuerySet[Engagement]:
    """What this person handles for the agency: recognised, whether or not its days have begun or are over."""
    # From the namings: a handler has hundreds of them where his agency has thousands of engagements.
    named = Handler.objects.filter(person=person).values("engagement")
    rows = Engagement.objects.recognised().filter(pk__in=named, agency=agency)
    return _matching(rows, filters).select_related("client", "agency", "group")


def client_rows(person: Person, engagements: list[Engagement]) -> list[ClientRow]:
    """A row for each: two queries."""
    found = standing.positions([each.client_id for each in engagements], [person.pk])
    return [
        ClientRow(each, standing.problem_of(each, is_named=True, position=found.of(each.client_id, person.pk)))
        for each in engagements
    ]


def engagements_of(agency: Taxpayer, filters: dict[str, Any]) -> QuerySet[Engagement]:
    """All engagements and requests of an agency that match the cleaned filters of `EngagementFilterForm`."""
    rows = Engagement.objects.filter(agency=agency)
    if filters.get("state"):
        rows = rows.in_state(State(filters["state"]))
    if filters.get("expiring"):
        today = timezone.localdate()
        rows = rows.ending_within(today, today + SOON)
    return _matching(rows, filters).select_related("client", "agency", "group")


def _matching(rows: QuerySet[Engagement], filters: dict[str, Any]) -> QuerySet[Engagement]:
    text = filters.get("search", "")
    if text:
        rows = rows.filter(Q(client__name__contains=text) | Q(client__code__startswith=numbers.fold(text)))
    return rows.filter(group=filters["group"]) if filters.get("group") else rows


@dataclass(frozen=True, slots=True)
class EngagementRow:
    """An engagement of an agency's or a client's list, with its handlers.

    `crossed` are those who are the client's own people (四员), `unable` those who may not act for the agency itself any
    more, each with why.
    """

    engagement: Engagement
    handlers: list[Person]
    crossed: list[tuple[Person, Words]]
    unable: list[tuple[Person, Problem]]

    @property
    def handler_names(self) -> str:
        """The handlers' names, masked, in one line; whoever can't act is marked."""
        cannot = {person.pk for person, _why in (*self.crossed, *self.unable)}
        marked = _("%(name)s（不能代办）")
        return _("、").join(
            marked % {"name": each.masked_name} if each.pk in cannot else each.masked_name for each in self.handlers
        )

    @property
    def client_is_gone(self) -> bool:
        """Whether nobody can act any more because the client itself is no more, though nobody has ended it."""
        return self.engagement.ended_at is None and self.engagement.client.cancelled_at is not None

    @property
    def lacks_handlers(self) -> bool:
        """Whether somebody should be named: it could be used today, and nobody can use it."""
        cannot = {person.pk for person, _why in (*self.crossed, *self.unable)}
        is_usable = self.engagement.is_usable and not self.client_is_gone
        return is_usable and not {person.pk for person in self.handlers} - cannot

    @property
    def expires_soon(self) -> bool:
        """Whether its last day is within thirty days."""
        return _is_soon(self.engagement)


def engagement_rows(engagements: list[Engagement]) -> list[EngagementRow]:
    """A row for each: five queries."""
    named: dict[int, list[Person]] = {}
    for naming in Handler.objects.filter(engagement__in=engagements).select_related("person").order_by("pk"):
        named.setdefault(naming.engagement_id, []).append(naming.person)
    # Of what is over nobody's standing matters any more.
    living = [each for each in engagements if each.ended_at is None]
    people = {person.pk for each in living for person in named.get(each.pk, ())}
    found = standing.positions([each.client_id for each in living], people)
    at_work = standing.Workers.of(people, {each.agency for each in living})
    rows = []
    for each in engagements:
        handlers = named.get(each.pk, [])
        judged = handlers if each.ended_at is None else []
        positions = [(person, found.of(each.client_id, person.pk)) for person in judged]
        problems = [(person, at_work.problem_of(person, each.agency)) for person in judged]
        crossed = [(who, what) for who, what in positions if what is not None]
        rows.append(EngagementRow(each, handlers, crossed, [(who, why) for who, why in problems if why is not None]))
    return rows


def agencies_of(client: Taxpayer, *, pending: bool = False) -> QuerySet[Engagement]:
    """The client's engagements, past ones among them; or the requests that wait for its answer."""
    rows = Engagement.objects.filter(client=client).select_related("agency", "client", "identity")
    return rows.pending() if pending else rows


def register_of_agencies(text: str) -> QuerySet[Taxpayer]:
    """The agencies that can be recognised, by any part of a name, or the beginning of a number.

    No index finds what stands within a name; but agencies are few among all taxpayers, and one finds these.
    """
    rows = Taxpayer.objects.filter(kind=Taxpayer.Kind.AGENCY, opened_at__isnull=False, cancelled_at__isnull=True)
    if not text:
        return rows
    return rows.filter(Q(name__contains=text) | Q(code__startswith=numbers.fold(text)))


def acted_by(agency: Taxpayer) -> QuerySet[AuditEntry]:
    """What was done for clients by people of this agency: the agency's own view of it (D28)."""
    return AuditEntry.objects.filter(via=agency).select_related("person", "taxpayer", "target", "via")
