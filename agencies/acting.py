"""Acting for a client: which one a browser's session names, entering it and leaving it (D23, SES-02)."""

from dataclasses import replace
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from agencies import standing
from agencies.models import Engagement

SESSION_KEY = "client"


def as_agency(actor: Actor) -> Actor:
    """Whoever acts for a client, as he was before: at work in the agency itself, without rights there."""
    if actor.via is None:
        return actor
    return replace(actor, taxpayer=actor.via, via=None, functions=frozenset())


def completed(actor: Actor, engagement: Engagement) -> Actor:
    """The actor at work for the client: with what it has lent, and none of a lead's or manager's rights.

    What he may do in the agency doesn't count here, but that he may act for it at all, which was judged before.
    """
    return replace(
        actor,
        taxpayer=engagement.client,
        via=engagement.agency,
        functions=standing.lent_by(engagement),
        is_lead=False,
        is_manager=False,
        has_old_password=False,
        position=_("代办人员"),
    )


def person_and_agency(actor: Actor) -> tuple[Person, Taxpayer] | None:
    """Who is signed in for which agency, whether or not he acts for a client now; None for everybody else."""
    firm = actor.via or actor.taxpayer
    if actor.person is None or firm is None or firm.kind != Taxpayer.Kind.AGENCY:
        return None
    return actor.person, firm


def enter(request: HttpRequest, uid: UUID, *, by: Actor) -> Engagement:
    """Act for the client of this engagement from the next request on, under a new session id.

    Raises ValidationError with the problem's code and words; a refusal is recorded as well.
    """
    whose = person_and_agency(by)
    if whose is None:
        raise ValidationError(standing.NOT_FOUND.text, code=standing.NOT_FOUND.code)
    leave(request, by=by)
    found = standing.of(uid, *whose)
    client = found.engagement.client if found.engagement is not None else None
    reason = found.problem.code if found.problem is not None else ""
    acting = replace(as_agency(by), via=whose[1])
    audit.record(Kind.CLIENT_ENTERED, by=acting, taxpayer=client or whose[1], reason=reason)
    if found.engagement is None or found.problem is not None:
        problem = found.problem or standing.NOT_FOUND
        raise ValidationError(problem.text, code=problem.code)
    request.session[SESSION_KEY] = str(found.engagement.uid)
    request.session.cycle_key()
    return found.engagement


def leave(request: HttpRequest, *, by: Actor) -> None:
    """Act for nobody but the agency itself again, under a new session id."""
    if request.session.pop(SESSION_KEY, None) is not None:
        request.session.cycle_key()
        if by.via is not None:
            audit.record(Kind.CLIENT_LEFT, by=by)
