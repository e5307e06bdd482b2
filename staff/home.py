"""What the home page says needs doing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.db.models import BigIntegerField, DateField, Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import passwords
from accounts.actor import Actor
from accounts.composed import Composed, Given
from accounts.models import Person, Taxpayer
from accounts.passwords import Whose
from realname import changes
from realname.models import ChangeRequest
from staff import standing
from staff.models import Membership


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to do, and where."""

    text: str
    url: str = ""
    label: str = ""


_MOST = 5


Rows = Callable[[Taxpayer | OuterRef, date | Given], QuerySet[Any]]
"""Rows of this firm on this day that mean something to do."""


@dataclass(frozen=True, slots=True)
class Matter:
    """Rows that mean something to do, and what to say of those there are."""

    rows: Rows
    say: Callable[[QuerySet[Any]], list[Due]]


def matters_of(actor: Actor) -> list[Matter]:
    """What he may have to see to: people whom the register no longer names, requests that were returned."""
    if actor.taxpayer is None:
        return []
    matters = []
    if actor.is_lead:
        matters.append(Matter(standing.unregistered, _not_in_register))
    if actor.holds(changes.FUNCTION):
        matters.append(Matter(_returned_requests, _returned))
    return matters


def _returned_requests(firm: Taxpayer | OuterRef, _day: date | Given) -> QuerySet[ChangeRequest]:
    return ChangeRequest.objects.returned().filter(taxpayer=firm)


def due_of(matters: Sequence[Matter], firm: Taxpayer) -> list[Due]:
    """What the firm has to do. One query finds which matters there are, mostly none; only those are then read."""
    if not matters:
        return []
    today = timezone.localdate()
    [(_key, *found)] = _which(tuple(matter.rows for matter in matters)).ask(firm=firm.pk, today=today)
    there = [matter for matter, is_there in zip(matters, found, strict=True) if is_there]
    return [due for matter in there for due in matter.say(matter.rows(firm, today))]


@lru_cache
def _which(matters: tuple[Rows, ...]) -> Composed[Any]:
    """Which of these matters there are: there are few sets of them, by what somebody may see to."""
    today = Given("today", DateField())
    flags = [Exists(rows(OuterRef("pk"), today)) for rows in matters]
    firm = Given("firm", BigIntegerField())
    return Composed(lambda: Taxpayer.objects.filter(pk=firm).values_list("pk", *flags))


_OLD = {
    Whose.ENTERPRISE: (
        gettext_lazy("企业登录密码已使用超过90天，请修改。"),
        "staff:change_enterprise_password",
        gettext_lazy("修改企业密码"),
    ),
    Whose.PERSONAL: (
        gettext_lazy("您的个人登录密码已使用超过90天，请修改。"),
        "staff:change_password",
        gettext_lazy("修改密码"),
    ),
    Whose.NATURAL: (
        gettext_lazy("您的自然人登录密码已使用超过90天，请切换到自然人身份后修改。"),
        "staff:capacity",
        gettext_lazy("切换身份"),
    ),
}


def old_passwords(actor: Actor) -> list[Due]:
    """Which passwords should be changed, where the policy asks for it (D12)."""
    if actor.taxpayer is None:
        return _old_natural_password(actor.person)
    said = [_OLD[whose] for whose in Whose if whose in actor.old_passwords]
    return [Due(str(text), reverse(page), str(label)) for text, page, label in said]


def _old_natural_password(person: Person | None) -> list[Due]:
    if person is None or not passwords.have_an_end() or not passwords.is_too_old(person.credential):
        return []
    return [Due(_("您的自然人登录密码已使用超过90天，请修改。"), reverse("staff:change_password"), _("修改密码"))]


def _stopped(reason: str) -> str:
    """A reason as a sentence of its own: officers write them with a stop or without."""
    return reason if reason.endswith(("。", ".", "！", "？", "；")) else f"{reason}。"


def _returned(requests: QuerySet[ChangeRequest]) -> list[Due]:
    text = _("%(kind)s的申请被税务机关退回：%(reason)s请撤消后修改并重新提交。")
    return [
        Due(
            text % {"kind": each.get_kind_display(), "reason": _stopped(_(each.reason))},
            reverse("staff:change", args=[each.uid]),
            _("查看申请"),
        )
        for each in requests[:_MOST]
    ]


def _not_in_register(members: QuerySet[Membership]) -> list[Due]:
    return [_unregistered(each) for each in members.select_related("person").order_by("-pk")[:_MOST]]


def _unregistered(member: Membership) -> Due:
    """What is to be done with him: he is marked by a synchronisation, and then removed or registered anew (M102)."""
    name = {"name": member.person.masked_name}
    if member.unregistered_at is None:
        text = _(
            "%(name)s与税务登记办税人信息不符，不能登录。如已离职请同步办税人后删除；仍在职的请先办理变更税务登记。"
        )
        return Due(text % name, reverse("staff:synchronise"), _("同步办税人"))
    text = _("%(name)s与税务登记办税人信息不符，不能登录。如已离职请删除；仍在职的请办理变更税务登记，再同步办税人。")
    return Due(text % name, reverse("staff:member", args=[member.uid]), _("查看人员"))
