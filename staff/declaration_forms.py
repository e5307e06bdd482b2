"""Forms of the 申报密码 (M117, M124)."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import CodeField, Form, NewPasswordForm


class DeclarationNoticeForm(Form):
    """申报说明, with 查看申报密码 to be ticked at its bottom (M124)."""

    show = forms.BooleanField(
        label=_("查看申报密码"), error_messages={"required": _("请把申报说明看完，并勾选“查看申报密码”。")}
    )


class ResetDeclarationPasswordForm(NewPasswordForm):
    """新密码, 确认新密码, 短信验证码: all of them, or nothing is saved (M117)."""

    code = CodeField()
