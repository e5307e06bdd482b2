"""Forms of a natural person's own account: 注册, 个人信息, 变更手机号码."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import usernames
from accounts.forms import MobileField, NewPasswordForm, PictureForm, UsernameField
from staff.forms import CandidateForm, agreement_field


class RegistrationForm(PictureForm, CandidateForm):
    """Who wants an account: name, document and number, real-name phone, 验证码, the agreement."""

    form_name = "register"
    field_order = ("name", "id_type", "id_number", "phone", "captcha", "agreement")

    phone = MobileField(help_text=_("实名采集时登记的手机号码"))
    agreement = agreement_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"  # here it is the visitor's own


class NewUsernameField(UsernameField):
    """A 用户注册名 to be taken: folded, and by the rules."""

    def to_python(self, value: Any) -> str:
        """The folded name. Raises ValidationError `username_rules` or `username_like_number`."""
        name = super().to_python(value)
        if name:
            usernames.validate_new(name)
        return name


class AccountForm(NewPasswordForm):
    """用户注册名 and password of the new account (D12)."""

    field_order = ("username", "new_password", "confirm_password")

    username = NewUsernameField(help_text=_("4至32位小写字母、数字、点、横线或下划线，以字母开头"))

    def add_refusal(self, refusal: ValidationError) -> None:
        """Show a service's refusal beside the field it is about."""
        code = str(refusal.code)
        field = "new_password" if code.startswith("password_") else "username" if "name" in code else None
        self.add_error(field, refusal)


class NewPhoneForm(PictureForm):
    """The new phone, and 验证码: a code will go to whatever is typed."""

    form_name = "change-phone"
    field_order = ("phone", "captcha")

    phone = MobileField(label=_("新手机号码"))
