"""What the home page says needs doing between clients and agencies."""

from datetime import date

from django.db.models import OuterRef, QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.composed import Given
from accounts.models import Taxpayer
from agencies.lists import SOON
from agencies.models import Engagement
from staff.home import Due, Matter

_MOST = 3
_SHOWN = 99


def matters_of(actor: Actor) -> list[Matter]:
    """What waits for the client's lead, and what he must renew; what ends soon, for the agency's leads and managers."""
    firm = actor.taxpayer
    if firm is None or actor.via is not None:
        return []
    matters = []
    if actor.is_lead:
        matters += [Matter(_waiting, _requests), Matter(_ending_here, _to_renew)]
    if actor.is_manager and firm.kind == Taxpayer.Kind.AGENCY:
        matters.append(Matter(_ending, _expiring))
    return matters


def _waiting(firm: Taxpayer | OuterRef, _day: date | Given) -> QuerySet[Engagement]:
    return Engagement.objects.pending().filter(client=firm)


def _ending_soon(day: date | Given) -> QuerySet[Engagement]:
    return Engagement.objects.ending_within(day, day.later(SOON) if isinstance(day, Given) else day + SOON)


def _ending(firm: Taxpayer | OuterRef, day: date | Given) -> QuerySet[Engagement]:
    return _ending_soon(day).filter(agency=firm)


def _ending_here(firm: Taxpayer | OuterRef, day: date | Given) -> QuerySet[Engagement]:
    return _ending_soon(day).filter(client=firm)


def _to_renew(engagements: QuerySet[Engagement]) -> list[Due]:
    """Only the client can renew: nobody else's reminder helps."""
    text = _("“%(agency)s”的代理认定将于%(day)s到期，之后不能再为本企业办税。继续委托的，请在到期前修改截止日期。")
    where, label = reverse("agencies:recognitions"), _("代理机构认定管理")
    soonest = engagements.select_related("agency").order_by("valid_until", "pk")[:_MOST]
    told = [{"agency": each.agency.name, "day": date_format(each.valid_until or "")} for each in soonest]
    return [Due(text % words, where, label) for words in told]


def _requests(pending: QuerySet[Engagement]) -> list[Due]:
    text = _("“%(agency)s”申请代理本企业的涉税业务，请接受或拒绝。")
    where, label = reverse("agencies:recognitions"), _("代理机构认定管理")
    return [
        Due(text % {"agency": each.agency.name}, where, label)
        for each in pending.select_related("agency").order_by("-pk")[:_MOST]
    ]


def _expiring(engagements: QuerySet[Engagement]) -> list[Due]:
    count = len(engagements.values_list("pk")[: _SHOWN + 1])
    text = _("有%(count)s家委托企业的代理认定将在30天内到期。") % {"count": count if count <= _SHOWN else f"{_SHOWN}+"}
    return [Due(text, f"{reverse('agencies:engagements')}?expiring=on", _("查看"))]
