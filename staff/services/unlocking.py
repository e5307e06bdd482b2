"""解除锁定 at the counter: counts of wrong tries are forgotten for who proved himself there (D13, OTP-05)."""

from django.db import transaction

from accounts import audit, officers, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import CODE_CHECKS, PASSWORD
from accounts.models import Person, Taxpayer
from accounts.throttles import Count
from realname import counter
from staff import enterprise, natural, ordinary
from staff.models import Membership


def counts_of_taxpayer(taxpayer: Taxpayer) -> list[Count]:
    """What counts wrong tries on the enterprise password."""
    return [(PASSWORD, enterprise.account_word(taxpayer.code))]


def counts_of_person(person: Person) -> list[Count]:
    """What counts wrong tries on the person's passwords, in every firm and of his own, and on his codes."""
    firms = Membership.objects.open().filter(person=person).values_list("taxpayer__uid", flat=True)
    own = [(PASSWORD, natural.account_word(person.username))] if person.username else []
    members = [(PASSWORD, ordinary.member_word(firm, person.uid)) for firm in firms]
    return [*own, *members, (CODE_CHECKS, str(person.uid)), (CODE_CHECKS, f"stranger:{person.uid}")]


def unlock_taxpayer(taxpayer: Taxpayer, *, by: Actor) -> None:
    """Open the enterprise password to new tries. Raises as `counter.require_at`."""
    counter.require_at(taxpayer, by=by)
    with transaction.atomic():
        for limit, subject in counts_of_taxpayer(taxpayer):
            throttles.release_everywhere(limit, subject)
        audit.record(Kind.UNLOCKED, by=by, taxpayer=taxpayer)


def unlock_person(person: Person, *, by: Actor) -> None:
    """Open the person's passwords and codes to new tries. Raises as `officers.require_counter`."""
    officers.require_counter(by, about=person)
    with transaction.atomic():
        for limit, subject in counts_of_person(person):
            throttles.release_everywhere(limit, subject)
        audit.record(Kind.UNLOCKED, by=by, target=person)
