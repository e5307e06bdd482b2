"""The phone on file (D5): where a code may be sent, or in words why it may not (M19, M91, M92)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from accounts import numbers
from accounts.models import Person
from accounts.words import Words
from realname.models import Post


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
    _("请在【变更税务登记】-【办税人员信息】中补登移动电话，或到税务机关前台办理。"),
)
MOBILE_IN_LANDLINE = PhoneProblem(
    "mobile_in_landline",
    _("手机号登记在固定电话"),
    _("无法发送验证码：该人员的手机号码录在税务登记的【固定电话】项目内，【移动电话】项目为空。"),
    _("必须将手机号码修改到【移动电话】项目内才可以发送验证码：请通过【变更税务登记】修改，或到税务机关前台办理。"),
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
        "请核实两处号码：登记有误的通过【变更税务登记】修改，实名信息有误的由本人重新实名采集；也可以到税务机关前台办理。"
    ),
)


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
    mobile = next((numbers.fold(post.mobile) for post in posts if post.mobile), "")
    real_name = numbers.fold(person.phone)
    if not mobile:
        in_landline = any(post.landline_is_mobile for post in posts)
        return OnFile("", MOBILE_IN_LANDLINE if in_landline else NO_MOBILE)
    if not real_name:
        return OnFile("", NO_REAL_NAME_PHONE)
    return OnFile(real_name) if mobile == real_name else OnFile("", PHONES_DIFFER)
