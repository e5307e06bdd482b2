"""What every page knows."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import officers
from accounts.actor import Actor
from accounts.models import Taxpayer
from etax import display
from staff import functions


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the drop-down under the taxpayer's name."""

    url: str
    label: str


def _account_links(actor: Actor) -> list[Link]:
    if actor.person is None:
        return []
    if actor.is_officer:
        return [Link(reverse("bureau:index"), _("税务人员后台")), Link(reverse("accounts:sign_ins"), _("登录设备"))]
    if actor.holds_printed and not actor.holds_reset:
        return [Link(reverse("staff:change_enterprise_password"), _("修改企业密码"))]
    if actor.holds_reset:
        return [Link(reverse("staff:change_password"), _("修改密码"))]
    if actor.via is not None:
        return [
            Link(reverse("agencies:clients"), _("委托企业")),
            Link(reverse("accounts:sign_ins"), _("登录设备")),
        ]
    staff = [Link(reverse("staff:members"), _("企业人员维护"))] if actor.is_manager else []
    return [
        *staff,
        *_agency_links(actor),
        Link(reverse("staff:centre"), _("个人中心")),
        Link(reverse("staff:my_posts"), _("我的任职")),
        Link(reverse("realname:mine"), _("我的实名信息")),
        Link(reverse("staff:capacity"), _("切换身份")),
        Link(reverse("staff:change_password"), _("修改密码")),
    ]


def _agency_links(actor: Actor) -> list[Link]:
    """代理机构认定管理 for a client's leads (M53); for an agency its clients, and what it agrees with them."""
    recognition = [Link(reverse("agencies:recognitions"), _("代理机构认定管理"))] if actor.is_lead else []
    if actor.taxpayer is None or actor.taxpayer.kind != Taxpayer.Kind.AGENCY:
        return recognition
    managing = [Link(reverse("agencies:engagements"), _("委托关系管理"))] if actor.is_manager else []
    return [Link(reverse("agencies:clients"), _("委托企业")), *managing, *recognition]


def portal(request: HttpRequest) -> dict[str, Any]:
    """Bureau's name, whether this is the embedded default, menu, drop-down, and a sign-in elsewhere to tell of."""
    actor: Actor = getattr(request, "actor", Actor())
    duties = officers.groups_of(actor.person) if actor.is_officer and actor.person else []
    return {
        "bureau_name": _(settings.BUREAU_NAME),
        "embedded": settings.DEBUG,
        "menu": [] if actor.holds_reset or actor.holds_printed else functions.menu(actor.functions),
        "account_links": _account_links(actor),
        "is_at_counter": officers.COUNTER in duties,
        "is_reviewer": officers.REVIEW in duties,
        **display.context(request),
        "told_of": actor.sign_in.told_of if actor.sign_in else None,
    }
