"""A 实名采集 in progress, step by step in one browser: what is written down where (M86, FLOW-01).

Until the phone is proven, who somebody says he is stands sealed in his session; then it is a collection, and the
session knows only its public id.
"""

import json
from dataclasses import asdict, dataclass
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts import sms
from accounts.actor import Actor
from accounts.flows import Flow, Progress, Step
from accounts.limits import COLLECTION_LIFE
from accounts.models.messages import Purpose
from realname import collecting
from realname.collecting import PersonData
from realname.models import Collection, Way

_PLACE = "collection-passage"

COLLECTION = Flow(
    "collection",
    (
        Step("realname:collect", "who"),
        Step("realname:collect_code", "collection"),
        Step("realname:consent", "consent"),
        Step("realname:card_front", "front"),
        Step("realname:card_back", "back"),
        Step("realname:details", "details"),
        Step("realname:face", "face"),
    ),
    life=COLLECTION_LIFE,
    over=_("实名采集已超过30分钟或尚未开始，请从这里重新开始。"),
)
LINE = (_("身份"), _("同意"), _("证件"), _("信息"), _("脸部"), _("结果"))
"""The progress line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the first page was told."""

    way: Way
    data: PersonData
    phone: str
    former: PersonData | None = None


def lay(progress: Progress, claim: Claim) -> None:
    """Write the claim down, sealed, as the passage's first fact."""
    progress.establish_sealed("who", json.dumps(asdict(claim)), place=_PLACE)


def claim_of(progress: Progress) -> Claim:
    """The claim of this passage."""
    told = json.loads(progress.unsealed("who", place=_PLACE))
    former = PersonData(**told["former"]) if told["former"] else None
    return Claim(way=Way(told["way"]), data=PersonData(**told["data"]), phone=told["phone"], former=former)


def binding_of(progress: Progress) -> sms.Binding:
    """What a code of this passage is good for: proving the phone typed, whoever is known by it (D26)."""
    return sms.Binding(
        person=None,
        purpose=Purpose.COLLECTION,
        taxpayer=None,
        login=progress.id,
        phone=claim_of(progress).phone,
        proves_phone=True,
    )


def prove(progress: Progress, code: str, *, by: Actor) -> Collection:
    """Prove the phone: the collection of this passage from now on, or the one that already waits for an officer.

    Raises ValidationError `sms_code` or `sms_blocked`.
    """
    claim = claim_of(progress)
    sms.check_code(binding_of(progress), code, by=by)
    earlier = collecting.sent_in(claim.data, claim.phone)
    waits = earlier is not None and earlier.is_waiting
    if earlier is None or not waits:
        begun = collecting.begin(claim.data, claim.phone, way=claim.way, former=claim.former)
    else:
        begun = earlier
    progress.establish("collection", str(begun.uid))
    return begun


def collection_of(progress: Progress) -> Collection | None:
    """The collection of this passage; None when it has been tidied away."""
    return Collection.objects.filter(uid=UUID(progress.get("collection"))).first()
