"""The progress line above the pages of a login."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_LABELS = (_("企业密码"), _("选择人员"), _("身份验证"))


@dataclass(frozen=True, slots=True)
class LineStep:
    """One step of the line and whether it is done, current or still to do."""

    label: Promise | str
    state: str


def steps_at(current: int) -> list[LineStep]:
    """The line of a 普通登录 at its step `current`, counted from 0."""
    states = ["done" if i < current else "current" if i == current else "todo" for i in range(len(_LABELS))]
    return [LineStep(label, state) for label, state in zip(_LABELS, states, strict=True)]
