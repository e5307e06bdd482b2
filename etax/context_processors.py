"""What every page knows."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.actor import Actor
from staff import functions


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the drop-down under the taxpayer's name."""

    url: str
    label: str


def _account_links(actor: Actor) -> list[Link]:
    if actor.person is None:
        return []
    if actor.holds_reset:
        return [Link(reverse("staff:change_password"), _("修改密码"))]
    staff = [Link(reverse("staff:members"), _("企业人员维护"))] if actor.is_manager else []
    return [
        *staff,
        Link(reverse("staff:centre"), _("个人中心")),
        Link(reverse("staff:my_posts"), _("我的任职")),
        Link(reverse("realname:mine"), _("我的实名信息")),
        Link(reverse("staff:capacity"), _("切换身份")),
        Link(reverse("staff:change_password"), _("修改密码")),
    ]


def portal(request: HttpRequest) -> dict[str, Any]:
    """Bureau's name, whether this is the embedded default, menu, drop-down, and a sign-in elsewhere to tell of."""
    actor: Actor = getattr(request, "actor", Actor())
    return {
        "bureau_name": settings.BUREAU_NAME,
        "embedded": settings.DEBUG,
        "icons": static("icons.svg"),
        "menu": [] if actor.holds_reset else functions.menu(actor.functions),
        "account_links": _account_links(actor),
        "told_of": actor.sign_in.told_of if actor.sign_in else None,
    }
