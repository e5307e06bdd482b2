"""What the home page says needs doing between clients and agencies."""

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import Taxpayer
from agencies.lists import agencies_of, engagements_of
from staff.home import Due

_MOST = 3
_SHOWN = 99


def due_for(actor: Actor) -> list[Due]:
    """Requests that wait for the client's lead; what expires soon, for the agency's leads and managers."""
    if actor.taxpayer is None or actor.via is not None:
        return []
    return [*_requests(actor.taxpayer, actor), *_expiring(actor.taxpayer, actor)]


def _requests(client: Taxpayer, actor: Actor) -> list[Due]:
    pending = agencies_of(client, pending=True).order_by("-pk")[:_MOST] if actor.is_lead else ()
    text = _("“%(agency)s”申请代理本企业的涉税业务，请接受或拒绝。")
    where, label = reverse("agencies:recognitions"), _("代理机构认定管理")
    return [Due(text % {"agency": each.agency.name}, where, label) for each in pending]


def _expiring(agency: Taxpayer, actor: Actor) -> list[Due]:
    if not actor.is_manager or agency.kind != Taxpayer.Kind.AGENCY:
        return []
    count = len(engagements_of(agency, {"expiring": True}).values_list("pk")[: _SHOWN + 1])
    if not count:
        return []
    text = _("有%(count)s家委托企业的代理认定将在30天内到期。") % {"count": count if count <= _SHOWN else f"{_SHOWN}+"}
    return [Due(text, f"{reverse('agencies:engagements')}?expiring=on", _("查看"))]
