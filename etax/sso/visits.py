"""Who is in which downstream system, with what rights now, and telling a system that he has left (D7, D16)."""

import hashlib
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import SignIn, Taxpayer
from accounts.models.signins import LONGEST
from accounts.signins import idle_since
from agencies import acting
from agencies import standing as agency_standing
from agencies.models import Engagement, State
from etax.models import ConnectedSystem, SystemVisit
from staff import functions, standing
from staff.middleware import completed, problem_of


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def held(actor: Actor, system: str) -> list[str]:
    """The functions of this system that the actor holds now, in the order of the tree."""
    return [leaf.code for leaf in functions.FUNCTIONS.values() if leaf.system == system and actor.holds(leaf.code)]


@transaction.atomic
def begin(connected: ConnectedSystem, code: str, *, engagement: UUID | None, issuer: str, by: Actor) -> SystemVisit:
    """Let who acts into the system: its one-use code stands for this visit from now on; one entry in the record."""
    if by.sign_in is None:
        raise ValueError("nobody visits a system without being signed in")
    audit.record(Kind.DOWNSTREAM_ENTERED, by=by, system=connected.system)
    return SystemVisit.objects.create(
        sign_in=by.sign_in, connected=connected, engagement=engagement, issuer=issuer, code_hash=_hash(code)
    )


def _whole() -> QuerySet[SystemVisit]:
    """Visits with all that is needed to judge their sign-ins, in one query."""
    proofs = ("taxpayer", "enterprise_credential", "personal_credential")
    sign_in = ("person", *proofs, *(f"origin__{name}" for name in proofs))
    return SystemVisit.objects.select_related("connected", *(f"sign_in__{name}" for name in sign_in))


def of_code(code: str) -> SystemVisit | None:
    """The visit that a one-use code stands for."""
    return _whole().filter(code_hash=_hash(code)).first()


def of_token(token: str) -> SystemVisit | None:
    """The visit that an access token stands for."""
    return _whole().filter(token_hash=_hash(token)).first()


def note_token(code: str, token: str) -> None:
    """The system has exchanged the code for this access token."""
    SystemVisit.objects.filter(code_hash=_hash(code)).update(token_hash=_hash(token))


def actor_of(visit: SystemVisit) -> Actor | None:
    """Who visits, with the rights that he has at this moment, judged as at a request to the portal (D16, SES-05).

    None once anything is lost: the visit itself, when he went on to act for somebody else; the sign-in, the standing in
    the firm or agency, the engagement, the system's last function; and while a password must be changed first.
    """
    sign_in = visit.sign_in
    if (
        visit.left_at is not None
        or sign_in.ended_at is not None
        or sign_in.why_over() is not None
        or not sign_in.person.is_active
    ):
        return None
    actor = _in_capacity(Actor(person=sign_in.person, taxpayer=sign_in.taxpayer, sign_in=sign_in), visit)
    if actor is None or actor.holds_reset or actor.holds_printed or not held(actor, visit.connected.system):
        return None
    return actor


def _in_capacity(actor: Actor, visit: SystemVisit) -> Actor | None:
    sign_in = visit.sign_in
    proving = sign_in.origin.taxpayer if sign_in.origin and sign_in.rests_on_another else None
    if proving is not None and _problem(sign_in, proving):
        return None
    if sign_in.taxpayer is None:
        return None
    found = standing.of_person(sign_in.person, sign_in.taxpayer)
    if problem_of(found, sign_in) is not None:
        return None
    actor = completed(actor, found)
    if visit.engagement is None:
        return actor
    lent = agency_standing.of(visit.engagement, sign_in.person, sign_in.taxpayer)
    if lent.engagement is None or lent.problem is not None:
        return None
    return acting.completed(actor, lent.engagement)


def _problem(sign_in: SignIn, taxpayer: Taxpayer) -> bool:
    return problem_of(standing.of_person(sign_in.person, taxpayer), sign_in) is not None


def claims(visit: SystemVisit, actor: Actor) -> dict[str, Any]:
    """What the system is told of a visit: person, taxpayer, capacity, and the functions of its own that he holds."""
    if actor.person is None or actor.taxpayer is None:
        raise ValueError("a visit is somebody's, for a taxpayer")
    via = {"code": actor.via.code, "name": actor.via.name} if actor.via else None
    return {
        "sub": str(actor.person.uid),
        "sid": str(visit.sid),
        "person": {"uid": str(actor.person.uid), "name": actor.person.name},
        "taxpayer": {"code": actor.taxpayer.code, "name": actor.taxpayer.name},
        "capacity": {"position": str(actor.position), "is_lead": actor.is_lead, "via": via},
        "functions": held(actor, visit.connected.system),
    }


def untold() -> QuerySet[SystemVisit]:
    """The visits that are over and whose system isn't told of it yet.

    Over is what was left for another client, whose sign-in ended or was left alone for too long, or whose engagement
    doesn't let the handler act any more.
    """
    now = timezone.now()
    is_over: Any = Q(sign_in__ended_at__isnull=False) | Q(sign_in__seen_at__lte=idle_since())
    is_over |= Q(sign_in__started_at__lte=now - LONGEST) | Q(left_at__isnull=False)
    lent = Engagement.objects.in_state(State.RECOGNISED).filter(
        uid=OuterRef("engagement"), namings__person=OuterRef("sign_in__person")
    )
    is_over |= Q(engagement__isnull=False) & ~Exists(lent)
    waits = SystemVisit.objects.filter(told_at__isnull=True, next_try_at__lte=now)
    wants = waits.exclude(connected__logout_url="").exclude(token_hash__isnull=True)
    return wants.filter(is_over).select_related("connected", "sign_in__person", "sign_in__taxpayer")


def told(visit: SystemVisit) -> None:
    """The system knows that the visit is over; one entry in the record."""
    sign_in = visit.sign_in
    by = Actor(person=sign_in.person, taxpayer=sign_in.taxpayer, sign_in=sign_in)
    if visit.engagement is not None:
        by = acting.through(by, Engagement.objects.select_related("client", "agency").get(uid=visit.engagement))
    with transaction.atomic():
        if SystemVisit.objects.filter(pk=visit.pk, told_at__isnull=True).update(told_at=timezone.now()):
            audit.record(Kind.DOWNSTREAM_LEFT, by=replace(by, ip=sign_in.ip), system=visit.connected.system)


def tidy() -> int:
    """Delete visits that nobody can be in any more; returns how many."""
    return SystemVisit.objects.filter(started_at__lt=timezone.now() - 3 * LONGEST).delete()[0]
