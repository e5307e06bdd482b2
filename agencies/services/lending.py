"""What happens to an identity while an agency acts with it (D23).

To whom a client lends what is its legal representative's and finance officer's to say; a clerk with 管理权限 may take
away from a lent identity, but add nothing to it.
"""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.words import for_phones
from agencies.models import Engagement
from agencies.services import engagements
from agencies.services.engagements import tell
from realname import posts
from staff import functions
from staff.models import Identity

_NAMED = 10


def _lending(identity: Identity) -> list[Engagement]:
    """The recognised engagements that lend this identity, those that are overdue or haven't begun among them."""
    rows = Engagement.objects.recognised().filter(identity=identity)
    return list(rows.select_related("agency", "client").order_by("pk"))


def _names(lending: list[Engagement]) -> str:
    return _("、").join(f"“{each.agency.name}”" for each in lending[:_NAMED])


def change(identity: Identity, *, gained: Collection[str], lost: Collection[str], by: Actor) -> None:
    """The identity gains and loses these functions: an entry for each agency it is lent to, both sides' leads are told.

    Raises ValidationError `lent_wider` where who isn't LR or FR would thereby lend more.
    """
    more, less = (sorted(functions.LENDABLE.intersection(codes)) for codes in (gained, lost))
    lending = _lending(identity) if more or less else []
    if not lending:
        return
    if more and not by.is_lead:
        text = _(
            "该权限身份已出借给代理机构%(agencies)s，不能增加其功能：增加后代理机构即可使用。请法定代表人（业主）或财务负责人在【身份维护】中修改，或另设一个身份。"
        )
        raise ValidationError(text, code="lent_wider", params={"agencies": _names(lending)})
    for each in lending:
        details: dict[str, Any] = {"name": each.agency.name, "engagement": str(each.uid), "identity": identity.name}
        audit.record(Kind.ENGAGEMENT_CHANGED, by=by, **details, gained=more, lost=less)
        words = {"client": each.client.name, "agency": each.agency.name}
        text = for_phones("“%(client)s”出借给“%(agency)s”的功能已变更，请登录后查看。")
        tell([*posts.leads_of(each.client), *posts.leads_of(each.agency)], text % words)


def refuse_while_lent(identity: Identity, *, by: Actor) -> None:
    """Raise ValidationError `lent`, naming to whom and who mends it where, unless nobody acts with the identity.

    What is overdue is ended first: by it nobody acts any more.
    """
    engagements.end_overdue(by=by, waits=False, identity=identity)
    lending = _lending(identity)
    if lending:
        text = _(
            "不能删除：该身份正由代理机构%(agencies)s使用。请法定代表人（业主）或财务负责人先在【代理机构认定管理】中取消认定，或【修改】为出借其他身份。"
        )
        raise ValidationError(text, code="lent", params={"agencies": _names(lending)})
