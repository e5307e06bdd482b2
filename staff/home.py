"""What the home page says needs doing."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import Person
from realname import changes
from realname.models import ChangeRequest
from staff import standing


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to do, and where."""

    text: str
    url: str = ""
    label: str = ""


_MOST = 5


def due_for(actor: Actor) -> list[Due]:
    """What he should see to: people whom the register no longer names, requests that were returned, an old password."""
    if actor.person is None or actor.taxpayer is None:
        return []
    due = []
    if actor.is_lead:
        due += [_not_in_register(person) for person in standing.unregistered(actor.taxpayer, limit=_MOST)]
    if actor.holds(changes.FUNCTION):
        due += [_returned(each) for each in ChangeRequest.objects.returned().filter(taxpayer=actor.taxpayer)[:_MOST]]
    if actor.has_old_password:
        due.append(Due(_("您的个人登录密码已使用超过90天，请修改。"), reverse("staff:change_password"), _("修改密码")))
    return due


def _returned(request: ChangeRequest) -> Due:
    text = _("%(kind)s的申请被税务机关退回：%(reason)s请撤消后修改并重新提交。")
    words = {"kind": request.get_kind_display(), "reason": _(request.reason)}
    return Due(text % words, reverse("staff:change", args=[request.uid]), _("查看申请"))


def _not_in_register(person: Person) -> Due:
    text = _("%(name)s与税务登记办税人信息不符，不能登录。如已离职请同步办税人后删除；仍在职的请先办理变更税务登记。")
    return Due(text % {"name": person.masked_name}, reverse("staff:synchronise"), _("同步办税人"))
