"""The progress line above the pages of a login."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from accounts.words import Words

_SIGNING_IN = (_("企业密码"), _("选择人员"), _("身份验证"))
_ADDING = (_("搜索"), _("身份与权限"), _("确定"))


@dataclass(frozen=True, slots=True)
class LineStep:
    """One step of the line and whether it is done, current or still to do."""

    label: Words
    state: str


def steps_at(current: int) -> list[LineStep]:
    """The line of a 普通登录 at its step `current`, counted from 0."""
    return line_of(_SIGNING_IN, current)


def adding_steps_at(current: int) -> list[LineStep]:
    """The line of 添加办税人员."""
    return line_of(_ADDING, current)


def line_of(labels: tuple[Words, ...], current: int) -> list[LineStep]:
    """The line of these labels at the step `current`, counted from 0."""
    states = ["done" if i < current else "current" if i == current else "todo" for i in range(len(labels))]
    return [LineStep(label, state) for label, state in zip(labels, states, strict=True)]
