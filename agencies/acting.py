"""Acting for a client: which one a browser's session names, entering it and leaving it (D23, SES-02)."""

from dataclasses import replace
from uuid import UUID

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from agencies import standing
from agencies.models import Engagement
from agencies.signals import client_changed
from agencies.standing import Standing

SESSION_KEY = "client"


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
        old_passwords=frozenset(),
        position=_("代办人员"),
    )


def person_and_agency(actor: Actor) -> tuple[Person, Taxpayer] | None:
    """Who is signed in for which agency, whether or not he acts for a client now; None for everybody else."""
    firm = actor.via or actor.taxpayer
    if actor.person is None or firm is None or firm.kind != Taxpayer.Kind.AGENCY:
        return None
    return actor.person, firm


def enter(request: HttpRequest, uid: UUID, *, by: Actor) -> Standing:
    """Act for the client of this engagement from the next request on, under a new session id.

    His standing is returned: with a problem he hasn't entered, and still acts for whom he acted before. Either is
    recorded; entering whom he acts for already is neither.
    """
    whose = person_and_agency(by)
    if whose is None:
        return Standing(None, standing.NOT_FOUND)
    found = standing.of(uid, *whose)
    is_there = by.via is not None and request.session.get(SESSION_KEY) == str(uid)
    if found.problem is None and is_there:
        return found
    if found.problem is None:
        leave(request, by=by)
    # What nobody knows of is no client's affair, and the agency's own record has it.
    acts = through(by.as_signed_in, found.engagement) if found.engagement is not None else by.as_signed_in
    audit.record(Kind.CLIENT_ENTERED, by=acts, reason=found.problem.code if found.problem is not None else "")
    if found.problem is None:
        request.session[SESSION_KEY] = str(uid)
        request.session.cycle_key()
        client_changed.send(None, sign_in=by.sign_in, engagement=uid)
    return found


def through(actor: Actor, engagement: Engagement) -> Actor:
    """Somebody at work in the agency, as an entry of the client's record names him: without rights, whatever he may."""
    return replace(actor, taxpayer=engagement.client, via=engagement.agency, functions=frozenset())


def leave(request: HttpRequest, *, by: Actor) -> None:
    """Act for nobody but the agency itself again, under a new session id."""
    chosen = request.session.get(SESSION_KEY)
    if chosen is None:
        return
    if by.via is None:  # not judged, as when he signs out
        by = through(by, Engagement.objects.select_related("client", "agency").get(uid=chosen))
    audit.record(Kind.CLIENT_LEFT, by=by)
    forget(request, by=by)


def forget(request: HttpRequest, *, by: Actor) -> None:
    """The session names no client any more, and has a new id; what rested on it is told."""
    del request.session[SESSION_KEY]
    request.session.cycle_key()
    client_changed.send(None, sign_in=by.sign_in, engagement=None)


def is_so_already(request: HttpRequest) -> bool:
    """Whether a form asks for what is so by now: to enter whom he acts for, or to leave when he acts for nobody.

    It is the same form sent twice: the first sending changed for whom he acts, and the second means no other (F12).
    """
    try:
        asked = resolve(request.path_info)
    except Resolver404:
        return False
    chosen = request.session.get(SESSION_KEY)
    if asked.view_name == "agencies:leave":
        return chosen is None
    return asked.view_name == "agencies:enter" and str(asked.kwargs["uid"]) == chosen
