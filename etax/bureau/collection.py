"""A collection at the counter under way in the officer's browser: whom it is about, sealed, until the code is right."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import numbers, sms
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.flows import Flow, Progress, Step
from accounts.models import Person
from accounts.models.messages import Purpose
from accounts.refusals import refusals_recorded
from realname import counter

FLOW = Flow(
    "counter_collection",
    (Step("bureau:collect", "subject"), Step("bureau:collect_code", "proof")),
    over=_("采集已超过10分钟或尚未开始，请重新填写。"),
)
_PLACE = "counter-collection"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is collected: the person of the document, the name that stands on it, the phone to be proven."""

    person: Person
    name: str
    phone: str

    @property
    def masked_phone(self) -> str:
        """138****1234."""
        return numbers.mask_phone(self.phone)

    def binding(self, progress: Progress) -> sms.Binding:
        """What a code of this collection is good for."""
        return sms.Binding(
            person=self.person, purpose=Purpose.COUNTER_COLLECTION, taxpayer=None, login=progress.id, phone=self.phone
        )


def begin(request: HttpRequest, data: dict[str, Any], *, by: Actor) -> Progress:
    """The consent is signed: note whom the passage is about. Raises as `counter.consent`."""
    person = counter.consent(data["name"], id_type=data["id_type"], id_number=data["id_number"], by=by)
    progress = FLOW.begin(request)
    progress.establish_sealed("name", data["name"], place=_PLACE)
    progress.establish_sealed("phone", data["phone"], place=_PLACE)
    progress.establish("subject", str(person.uid))
    return progress


def of(progress: Progress) -> Subject:
    """Whom this passage is about, read anew."""
    name, phone = (progress.unsealed(fact, place=_PLACE) for fact in ("name", "phone"))
    return Subject(Person.objects.get(uid=UUID(progress.get("subject"))), name, phone)


def finish(progress: Progress, code: str, *, by: Actor) -> Person:
    """The code is right: collect. Raises ValidationError `sms_code`, `sms_blocked`, `own_affair`."""
    subject = of(progress)
    sms.check_code(subject.binding(progress), code, by=by)
    with refusals_recorded(Kind.REAL_NAME_COLLECTED, by=by, target=subject.person):
        counter.collect(subject.person, name=subject.name, phone=subject.phone, by=by)
    return subject.person
