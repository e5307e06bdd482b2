"""The phone on file (D5): where a code may be sent, or in words why it may not (M19, M91, M92)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext_lazy as _

from accounts import numbers
from accounts.models import Person
from accounts.words import Words
from realname.models import Position, Post


@dataclass(frozen=True, slots=True)
class PhoneProblem:
    """Why no code can be sent, and what to do about it."""

    code: str
    label: Words
    """The matter in a word, for lists."""
    text: Words
    next_step: Words


NOT_IN_REGISTER = PhoneProblem(
    "not_in_register",
    _("税务登记中已无此人员"),
    _("无法发送验证码：税务登记信息中已没有该人员。"),
    _("请先在【变更税务登记】-【办税人员信息】中增加该人员，再同步办税人；也可以到税务机关前台办理。"),
)
NO_MOBILE = PhoneProblem(
    "no_mobile",
    _("未登记移动电话"),
    _("无法发送验证码：税务登记信息中没有登记该人员的【移动电话】。"),
    _(
        "请法定代表人（业主）或财务负责人在【变更税务登记】-【办税人员信息】中，点击该人员的【修改电话】补登移动电话；也可以到税务机关前台办理。"
    ),
)
MOBILE_IN_LANDLINE = PhoneProblem(
    "mobile_in_landline",
    _("手机号登记在固定电话"),
    _("无法发送验证码：该人员的手机号码录在税务登记的【固定电话】项目内，【移动电话】项目为空。"),
    _(
        "必须将手机号码修改到【移动电话】项目内才可以发送验证码：请法定代表人（业主）或财务负责人在【变更税务登记】-【办税人员信息】中，点击该人员的【修改电话】；也可以到税务机关前台办理。"
    ),
)
NO_REAL_NAME_PHONE = PhoneProblem(
    "no_real_name_phone",
    _("没有实名手机号"),
    _("无法发送验证码：该人员的实名采集信息中没有手机号码。"),
    _("请本人通过移动办税 APP 或税务机关前台补充实名采集。"),
)
PHONES_DIFFER = PhoneProblem(
    "phones_differ",
    _("与实名手机号不同"),
    _("无法发送验证码：税务登记信息中的移动电话号码与实名采集中的移动电话号码不相同。"),
    _(
        "请核实两处号码：登记有误的，请法定代表人（业主）或财务负责人在【变更税务登记】-【办税人员信息】中，点击该人员的【修改电话】；实名信息有误的，由本人重新实名采集；也可以到税务机关前台办理。"
    ),
)

_BY_COUNTER = {
    NO_MOBILE.code: _("法定代表人（业主）的移动电话，请到税务机关前台补登。"),
    MOBILE_IN_LANDLINE.code: _(
        "必须将手机号码修改到【移动电话】项目内才可以发送验证码；法定代表人（业主）的登记电话，请到税务机关前台修改。"
    ),
    PHONES_DIFFER.code: _(
        "请核实两处号码：法定代表人（业主）的登记电话有误的，请到税务机关前台修改；实名信息有误的，由本人重新实名采集。"
    ),
}
"""By the problem's code, what helps a legal representative: no request of the firm's own changes his entry (D25)."""


@dataclass(frozen=True, slots=True)
class OnFile:
    """The number on file, or the problem that keeps it from being one."""

    number: str
    problem: PhoneProblem | None = None

    @property
    def masked(self) -> str:
        """138****1234."""
        return numbers.mask_phone(self.number)


def on_file(person: Person, posts: Sequence[Post]) -> OnFile:
    """The person's phone at one taxpayer: the register's 【移动电话】 and the real-name phone, both there and equal.

    `posts` are his open posts there, the weightiest first; the first that names a mobile counts. Without any, there is
    nothing to which a mobile could be added: the post comes first.
    """
    if not posts:
        return OnFile("", NOT_IN_REGISTER)
    problem = _problem_of(person, posts)
    if problem is None:
        return OnFile(numbers.fold(person.phone))
    is_legal_rep = any(post.position == Position.LEGAL_REP for post in posts)
    step = _BY_COUNTER.get(problem.code) if is_legal_rep else None
    return OnFile("", replace(problem, next_step=step) if step is not None else problem)


def _problem_of(person: Person, posts: Sequence[Post]) -> PhoneProblem | None:
    mobile = next((numbers.fold(post.mobile) for post in posts if post.mobile), "")
    real_name = numbers.fold(person.phone)
    if not mobile:
        in_landline = any(post.landline_is_mobile for post in posts)
        return MOBILE_IN_LANDLINE if in_landline else NO_MOBILE
    if not real_name:
        return NO_REAL_NAME_PHONE
    return None if mobile == real_name else PHONES_DIFFER
