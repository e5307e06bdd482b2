"""Forms of the taxpayer's doors and pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import Form, PasswordField, PictureForm, TaxpayerCodeField
from accounts.models.record import Kind, Result


class OrdinaryLoginForm(PictureForm):
    """纳税人识别号, 企业密码, 验证码 and the agreement (M12, M13)."""

    form_name = "ordinary-login"
    field_order = ("code", "password", "captcha", "agreement")

    code = TaxpayerCodeField()
    password = PasswordField(label=_("企业密码"))
    agreement = forms.BooleanField(label=_("同意协议"), error_messages={"required": _("请先阅读并勾选同意协议。")})


class PersonChoiceForm(Form):
    """Whom to act as: the public id behind a person's card."""

    person = forms.UUIDField(error_messages={"required": _("请选择人员。"), "invalid": _("请从列表中选择人员。")})


class PersonalPasswordForm(Form):
    """个人登录密码 (M34)."""

    password = PasswordField(label=_("个人登录密码"))


class OperationsFilterForm(Form):
    """What to show of the taxpayer's record: kind, result, person, dates."""

    kind = forms.ChoiceField(label=_("操作"), required=False, choices=[("", _("全部")), *Kind.choices])
    result = forms.ChoiceField(label=_("结果"), required=False, choices=[("", _("全部")), *Result.choices])
    name = forms.CharField(label=_("人员姓名"), required=False, max_length=100)
    since = forms.DateField(
        label=_("起始日期"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("截止日期"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `dates_inverted`."""
        data = self.cleaned_data
        if data.get("since") and data.get("until") and data["since"] > data["until"]:
            raise ValidationError(_("起始日期不能晚于截止日期。"), code="dates_inverted")
        return super().clean()
