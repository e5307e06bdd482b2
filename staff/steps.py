"""The progress lines of a login and of 添加办税人员."""

from django.utils.translation import gettext_lazy as _

from accounts.steps import LineStep, line

_SIGNING_IN = (_("企业密码"), _("选择人员"), _("身份验证"))
_ADDING = (_("搜索"), _("身份与权限"), _("确定"))


def steps_at(current: int) -> list[LineStep]:
    """The line of a 普通登录 at its step `current`, counted from 0."""
    return line(_SIGNING_IN, current)


def adding_steps_at(current: int) -> list[LineStep]:
    """The line of 添加办税人员."""
    return line(_ADDING, current)
