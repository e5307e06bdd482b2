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
    return rows.filter(group__uid=filters["group"]) if filters.get("group") else rows


@dataclass(frozen=True, slots=True)
class EngagementRow:
    """An engagement of an agency's list: its handlers, and which of them the client's own people are (四员)."""

    engagement: Engagement
    handlers: list[Person]
    crossed: list[tuple[Person, Words]]

    @property
    def handler_names(self) -> str:
        """The handlers' names, masked, in one line."""
        return _("、").join(person.masked_name for person in self.handlers)

    @property
    def expires_soon(self) -> bool:
        """Whether its last day is within thirty days."""
        return _is_soon(self.engagement)


def engagement_rows(engagements: list[Engagement]) -> list[EngagementRow]:
    """A row for each: three queries."""
    named: dict[int, list[Person]] = {}
    for naming in Handler.objects.filter(engagement__in=engagements).select_related("person").order_by("pk"):
        named.setdefault(naming.engagement_id, []).append(naming.person)
    people = {person.pk for each in named.values() for person in each}
    found = standing.positions([each.client_id for each in engagements], people)
    rows = []
    for each in engagements:
        handlers = named.get(each.pk, [])
        positions = [(person, found.of(each.client_id, person.pk)) for person in handlers]
        rows.append(EngagementRow(each, handlers, [(who, what) for who, what in positions if what is not None]))
    return rows


def agencies_of(client: Taxpayer, *, pending: bool = False) -> QuerySet[Engagement]:
    """The client's engagements, past ones among them; or the requests that wait for its answer."""
    rows = Engagement.objects.filter(client=client).select_related("agency", "client", "identity")
    return rows.pending() if pending else rows


def register_of_agencies(text: str) -> QuerySet[Taxpayer]:
    """The agencies that can be recognised, by the beginning of a name or number."""
    rows = Taxpayer.objects.filter(kind=Taxpayer.Kind.AGENCY, opened_at__isnull=False, cancelled_at__isnull=True)
    if not text:
        return rows
    return rows.filter(Q(name__startswith=text) | Q(code__startswith=numbers.fold(text)))


def acted_by(agency: Taxpayer) -> QuerySet[AuditEntry]:
    """What was done for clients by people of this agency: the agency's own view of it (D28)."""
    return AuditEntry.objects.filter(via=agency).select_related("person", "taxpayer", "target", "via")
