"""What the agencies' floor does when something happens on the staff floor, which knows nothing of agencies."""

from typing import Any

from django.dispatch import receiver

from accounts.actor import Actor
from agencies.services import handlers
from staff import signals
from staff.models import Membership


@receiver(signals.membership_ended)
def drop_namings(sender: object, *, membership: Membership, by: Actor, **_more: Any) -> None:
    """Who is no longer one of an agency's people acts for none of its clients, nor when he is added again (D23)."""
    handlers.drop(membership.person, membership.taxpayer, by=by)
