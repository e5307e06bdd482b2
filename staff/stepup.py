"""Proving oneself again by a code to the phone on file, before what a weaker sign-in may not do alone (D15)."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError

from accounts import sms
from accounts.actor import Actor
from accounts.models.messages import Purpose
from realname import phones
from staff import standing


@dataclass(frozen=True, slots=True)
class StepUp:
    """One actor's way to a fresh code."""

    actor: Actor
    phone: phones.OnFile

    def binding(self) -> sms.Binding:
        """The code is good for this sign-in alone. Raises ValidationError with the phone's problem."""
        actor = self.actor
        if self.phone.problem is not None:
            raise ValidationError(self.phone.problem.text, code=self.phone.problem.code)
        if actor.person is None or actor.sign_in is None:
            raise ValidationError("nobody is signed in", code="not_signed_in")
        return sms.Binding(
            person=actor.person,
            purpose=Purpose.STEP_UP,
            taxpayer=actor.taxpayer,
            login=str(actor.sign_in.uid),
            phone=self.phone.number,
        )

    def seconds_until_next_code(self) -> int:
        """For the page's countdown."""
        return 0 if self.phone.problem else sms.seconds_until_next(self.binding())


def of(actor: Actor) -> StepUp:
    """The step-up of whoever acts, with his phone on file at the taxpayer he signed in for."""
    if actor.person is None:
        return StepUp(actor, phones.OnFile("", phones.NO_REAL_NAME_PHONE))
    if actor.taxpayer is None:  # as himself: his real-name phone is the one on file
        problem = None if actor.person.phone else phones.NO_REAL_NAME_PHONE
        return StepUp(actor, phones.OnFile(actor.person.phone, problem))
    return StepUp(actor, phones.on_file(actor.person, standing.of_person(actor.person, actor.taxpayer).posts))
