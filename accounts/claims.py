"""Who somebody without a password claims to be, on his way through a flow: proven or not by a code to the phone (D21).

The pages behave alike whether or not there is such a person; only the right phone ever gets a code.
"""

from dataclasses import dataclass
from uuid import UUID

from accounts import sms
from accounts.actor import Actor
from accounts.flows import Progress
from accounts.models import Person, Taxpayer
from accounts.models.messages import Purpose

_PLACE = "claim"
_NOBODY = str(UUID(int=0))


@dataclass(frozen=True, slots=True)
class Claim:
    """The person claimed, None where there is no such; the phone typed, or a word for it; the taxpayer concerned.

    `typed` is all that was typed, where it is more than the phone or something else: asking again counts for it.
    """

    person: Person | None
    phone: str
    taxpayer: Taxpayer | None = None
    typed: str = ""


def lay(progress: Progress, claim: Claim) -> None:
    """Write the claim down as the flow's first fact; what was typed is sealed."""
    progress.establish_sealed("typed", claim.typed, place=_PLACE)
    progress.establish_sealed("phone", claim.phone, place=_PLACE)
    progress.establish("about", str(claim.taxpayer.uid) if claim.taxpayer else _NOBODY)
    progress.establish("claim", str(claim.person.uid) if claim.person else _NOBODY)


def of(progress: Progress) -> Claim:
    """The claim of this passage, its people read anew; nobody is looked for as somebody is."""
    uid, about = UUID(progress.get("claim")), UUID(progress.get("about"))
    person = Person.objects.select_related("credential").filter(uid=uid).first()
    taxpayer = Taxpayer.objects.select_related("credential").filter(uid=about).first()
    phone = progress.unsealed("phone", place=_PLACE)
    typed = progress.unsealed("typed", place=_PLACE) if progress.has("typed") else ""
    return Claim(person, phone, taxpayer, typed)


def binding_of(progress: Progress, purpose: Purpose) -> sms.Binding:
    """What a code of this passage is good for."""
    claim = of(progress)
    return sms.Binding(
        person=claim.person,
        purpose=purpose,
        taxpayer=claim.taxpayer,
        login=progress.id,
        phone=claim.phone,
        typed=claim.typed,
    )


def send_code(progress: Progress, purpose: Purpose, *, by: Actor) -> None:
    """Send a code to the person claimed, or do the same work for nobody.

    Raises ValidationError `sms_wait` or `sms_unavailable`.
    """
    sms.send_code(binding_of(progress, purpose), by=by)


def prove(progress: Progress, purpose: Purpose, code: str, *, by: Actor) -> None:
    """Prove the claim by the code. Raises ValidationError `sms_code` or `sms_blocked`; always for nobody."""
    sms.check_code(binding_of(progress, purpose), code, by=by)
    progress.establish("proof", "code")
