"""Why somebody can('t) sign in for a taxpayer: each pre-condition with its state, and the act that mends it.

The judgement is `staff.standing`'s; here it is taken apart, so that an officer sees all at once what is missing (M7,
M15, M91, M92, M101, M103, M106).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import throttles
from accounts.limits import CODE_CHECKS, PASSWORD
from accounts.words import Words
from realname import phones
from staff import ordinary
from staff import standing as rules
from staff.standing import Standing


class State(StrEnum):
    """How a pre-condition stands."""

    FINE = "ok"
    TO_DO = "warn"
    MISSING = "bad"


@dataclass(frozen=True, slots=True)
class Mend:
    """The officer's act that puts it right."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Check:
    """One pre-condition: its state in words, and its mending where an officer can do that."""

    label: str
    state: State
    text: Words
    mend: Mend | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One person of a taxpayer with all his pre-conditions."""

    standing: Standing
    checks: list[Check]

    @property
    def can_sign_in(self) -> bool:
        """Whether nothing is missing."""
        return not self.why_not

    @property
    def why_not(self) -> Words:
        """The first thing that is missing; empty where he can."""
        return next((check.text for check in self.checks if check.state == State.MISSING), "")


def report_on(found: Standing, *, first_is_due: bool) -> Report:
    """All pre-conditions of one person; `first_is_due` is whether the taxpayer's first sign-in is to be done (D6)."""
    checks = [*_records(found), _phone(found), _first(found, first_is_due), *_clerk(found), _password(found)]
    return Report(found, checks)


def _records(found: Standing) -> Iterator[Check]:
    """What the register and the real-name records say."""
    firm = found.taxpayer
    if firm.cancelled_at is not None:
        yield Check(_("电子税务局账户"), State.MISSING, rules.CLOSED.text)
    if found.posts:
        yield Check(_("税务登记"), State.FINE, found.position_in_words)
    else:
        mend = Mend(_("新增任职"), reverse("bureau:add_post", args=[firm.uid]))
        yield Check(_("税务登记"), State.MISSING, _("税务登记中没有此人员的任职。"), mend)
    if found.is_collected:
        yield Check(_("实名采集"), State.FINE, _("已采集"))
    else:
        yield Check(_("实名采集"), State.MISSING, rules.NOT_COLLECTED.text, _collect())
    if found.is_misused:
        yield Check(_("非本人任职"), State.MISSING, rules.MISUSED.text)
    if any(post.is_linked for post in found.posts):
        yield Check(_("与企业关联"), State.FINE, _("已关联"))
    elif found.posts:
        mend = Mend(_("关联"), reverse("bureau:link", args=[found.posts[0].pk]))
        yield Check(_("与企业关联"), State.MISSING, rules.NOT_LINKED.text, mend)


def _collect() -> Mend:
    return Mend(_("前台采集"), reverse("bureau:collect"))


def _phone(found: Standing) -> Check:
    """Whether the register's mobile and the real-name phone are both there and equal (M91, M92)."""
    label, phone = _("手机号码"), phones.on_file(found.person, found.posts)
    # Who has set a personal password can still sign in by it.
    state = State.MISSING if found.needs_own_password else State.TO_DO
    if phone.problem is None:
        return Check(label, State.FINE, _("税务登记与实名信息一致：%(phone)s") % {"phone": phone.masked})
    if phone.problem.code == phones.NO_REAL_NAME_PHONE.code:
        return Check(label, state, phone.problem.text, _collect())
    mend = None
    if phone.problem.code == phones.MOBILE_IN_LANDLINE.code:
        post = next(post for post in found.posts if post.landline_is_mobile)
        mend = Mend(_("移到【移动电话】"), reverse("bureau:move_landline", args=[post.pk]))
    elif found.posts:
        mend = Mend(_("修改电话"), reverse("bureau:change_phones", args=[found.posts[0].pk]))
    return Check(label, state, phone.problem.text, mend)


def _first(found: Standing, first_is_due: bool) -> Check:
    """The taxpayer's first sign-in, and the printed password that it must change (M14, D6, D22)."""
    label = _("首次登录")
    if first_is_due and found.is_lead:
        return Check(label, State.TO_DO, _("尚未完成，可由此人员用企业密码和短信验证码首次登录。"))
    if first_is_due:
        return Check(label, State.MISSING, rules.FIRST_IS_DUE.text)
    if found.holds_printed and found.is_lead:
        return Check(label, State.TO_DO, _("企业登录密码是凭证上的初始密码，此人员登录后须先修改。"))
    if found.holds_printed:
        return Check(label, State.MISSING, rules.PRINTED.text)
    return Check(label, State.FINE, _("已完成"))


def _clerk(found: Standing) -> Iterator[Check]:
    """What legal representative or finance officer must have done for a clerk: no officer can (M101, D8)."""
    if found.is_lead:
        return
    label, membership = _("企业人员维护"), found.membership
    if membership is None:
        yield Check(label, State.MISSING, rules.NOT_ADDED.text)
        return
    if membership.unregistered_at is not None and found.posts:
        yield Check(label, State.MISSING, _("登记已恢复，须由法定代表人（业主）或财务负责人【同步办税人】。"))
    elif membership.is_frozen:
        yield Check(label, State.MISSING, _("已冻结，只能由法定代表人（业主）或财务负责人【解冻】。"))
    elif membership.is_expired:
        yield Check(label, State.MISSING, _("办税权限已到期，只能由法定代表人（业主）或财务负责人延长。"))
    else:
        yield Check(label, State.FINE, _("已添加"))
    if not found.has_identity:
        yield Check(_("权限身份"), State.TO_DO, _("没有权限身份：可以登录，但没有功能，也不能用快捷登录。"))


def _password(found: Standing) -> Check:
    label = _("个人登录密码")
    locked = throttles.longest_wait(
        [(PASSWORD, ordinary.personal_account(found)), (CODE_CHECKS, str(found.person.uid))]
    )
    if locked:
        mend = Mend(_("解除锁定"), reverse("bureau:unlock_person", args=[found.person.uid]))
        return Check(label, State.MISSING, _("连续输错，已锁定，%(n)s分钟后自动解除。") % {"n": -(-locked // 60)}, mend)
    membership = found.membership
    credential = membership.signing_credential if membership else None
    if credential is not None and credential.is_temporary:
        return Check(label, State.TO_DO, _("已重置为111111，24小时内须登录修改。"))
    if credential is None or not credential.is_set:
        return Check(label, State.TO_DO, _("尚未设置密码，先用短信登录，再按提示设置。"))
    bound = membership is not None and membership.is_bound
    return Check(label, State.FINE, _("已绑定自然人登录密码") if bound else _("已设置"))
