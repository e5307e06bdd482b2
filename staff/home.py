"""What the home page says needs doing."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import passwords
from accounts.actor import Actor
from staff import standing


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to do, and where."""

    text: str
    url: str = ""
    label: str = ""


def due_for(actor: Actor) -> list[Due]:
    """What this actor should see to: people whom the register no longer names, a password that has grown old."""
    if actor.person is None or actor.taxpayer is None:
        return []
    people = standing.of_all(actor.taxpayer) if actor.is_lead else [standing.of_person(actor.person, actor.taxpayer)]
    due = [_not_in_register(each) for each in people if each.problem is standing.NOT_IN_REGISTER]
    own = next((each.membership for each in people if each.person == actor.person), None)
    if own is not None and passwords.is_too_old(own.signing_credential):
        due.append(Due(_("您的个人登录密码已使用超过90天，请修改。"), reverse("staff:change_password"), _("修改密码")))
    return due


def _not_in_register(found: standing.Standing) -> Due:
    words = {"name": found.person.masked_name, "step": standing.NOT_IN_REGISTER.next_step}
    return Due(_("%(name)s与税务登记办税人信息不符，不能登录。%(step)s") % words)
