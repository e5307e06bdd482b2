"""What the agencies' floor does when something happens on the staff floor, which knows nothing of agencies."""

from collections.abc import Collection
from typing import Any

from django.dispatch import receiver

from accounts.actor import Actor
from agencies.services import handlers, lending
from staff import signals
from staff.models import Identity, Membership


@receiver(signals.membership_ended)
def drop_namings(sender: object, *, membership: Membership, by: Actor, **_more: Any) -> None:
    """Who is no longer one of an agency's people acts for none of its clients, nor when he is added again (D23)."""
    handlers.drop(membership.person, membership.taxpayer, by=by)


@receiver(signals.identity_changing)
def tell_of_what_is_lent(
    sender: object, *, identity: Identity, gained: Collection[str], lost: Collection[str], by: Actor, **_more: Any
) -> None:
    """What an identity carries, the agencies to which it is lent may do: who widens it lends more (D23)."""
    lending.change(identity, gained=gained, lost=lost, by=by)


@receiver(signals.identity_deleting)
def keep_what_is_lent(sender: object, *, identity: Identity, by: Actor, **_more: Any) -> None:
    """An identity that an agency acts with stays; one whose engagement has run out is let go."""
    lending.refuse_while_lent(identity, by=by)
