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
    """What this actor should see to: a missing finance officer, a password that has grown old."""
    if actor.person is None or actor.taxpayer is None:
        return []
    due = []
    if actor.is_lead:
        people = standing.of_all(actor.taxpayer)
        due += [
            Due(
                _("%(name)s：%(problem)s。%(step)s")
                % {"name": each.person.masked_name, "problem": _plain(each), "step": each.problem.next_step}
            )
            for each in people
            if each.problem is standing.NOT_IN_REGISTER
        ]
    found = standing.of_person(actor.person, actor.taxpayer)
    if found.membership is not None and passwords.is_too_old(found.membership.signing_credential):
        due.append(Due(_("您的个人登录密码已使用超过90天，请修改。"), reverse("staff:change_password"), _("修改密码")))
    return due


def _plain(found: standing.Standing) -> str:
    return str(found.problem.text).rstrip("。") if found.problem else ""
