"""Who is an officer of the bureau at work, and what only officers may do here."""

from django.core.exceptions import PermissionDenied

from accounts.actor import Actor
from accounts.models import Person
from accounts.models.signins import Proof


def is_officer(actor: Actor) -> bool:
    """Whether he is an officer and came in by the officers' own door, not by a citizen's."""
    return actor.person is not None and actor.person.is_staff and actor.proof == Proof.OFFICER_SMS


def required(actor: Actor) -> Person:
    """The officer. Raises PermissionDenied for anybody else."""
    if actor.person is None or not is_officer(actor):
        raise PermissionDenied
    return actor.person
