"""What the portal's forms share: clean single values, passwords, the picture code, the SMS code."""

import unicodedata
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core import validators
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import addresses, numbers, passwords, pictures, usernames
from accounts.addresses import client_ip

WRONG_PICTURE = _("验证码错误或已过期")
INCOMPLETE = _("页面不完整，没有保存任何内容。请点击【刷新】，重新填写后提交。")


class Form(forms.Form):
    """A form that refuses a field sent twice, where one value is asked for (VAL-04), and says what is to be done."""

    error_css_class = "has-error"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            _say_what_to_do(field)

    def offer(self, name: str, rows: QuerySet[Any]) -> None:
        """Let this field of rows choose among these."""
        self.fields[name].queryset = rows  # type: ignore[attr-defined]  # only a field of rows has one

    def offers_any(self, name: str) -> bool:
        """Whether there is a row to choose in this field: one query."""
        return bool(self.fields[name].queryset.exists())  # type: ignore[attr-defined]  # only one of rows has

    def clean_document(self, id_type: str = "id_type", id_number: str = "id_number") -> None:
        """Fold the number of an identity document in place, or put on its field why it can't be one (D29)."""
        data = self.cleaned_data
        if data.get(id_type) and data.get(id_number):
            try:
                data[id_number] = numbers.clean_id_number(data[id_type], data[id_number])
            except ValidationError as error:
                self.add_error(id_number, error)

    @property
    def is_incomplete(self) -> bool:
        """Whether what the page itself had to send is missing or mangled: only loading it anew can mend that."""
        return any(field.errors for field in self.hidden_fields())

    @property
    def has_wrong_password(self) -> bool:
        """Whether number or name, or the password, was wrong, or the account locked: which, nobody is told (D3)."""
        codes = {error.code for error in self.errors.as_data().get(NON_FIELD_ERRORS, [])}
        return bool(codes & {"wrong_number_or_password", "wrong_name_or_password"})

    def clean(self) -> dict[str, Any] | None:
        """See `django.forms.Form.clean`. Raises ValidationError `repeated_field`."""
        for name, field in self.fields.items():
            getlist = getattr(self.data, "getlist", None)
            single = not isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField)
            if single and getlist is not None and len(getlist(self.add_prefix(name))) > 1:
                raise ValidationError(_("同一项目只能填写一个值。"), code="repeated_field")
        return super().clean()


def _say_what_to_do(field: forms.Field) -> None:
    """Words in place of the framework's own “这个字段是必填项。”, where the field brings none itself."""
    said: dict[str, Any] = {}
    if field.widget.is_hidden:  # what nobody sees nobody can fill in
        said = dict.fromkeys(("required", "invalid", "min_value", "max_value", "max_length"), INCOMPLETE)
    elif field.label:
        words = _("请选择{label}。") if isinstance(field, forms.ChoiceField) else _("请填写{label}。")
        said = {"required": format_lazy(words, label=field.label)}
    if field.error_messages["required"] is not forms.Field.default_error_messages["required"]:
        said.pop("required", None)
    field.error_messages.update(said)


class BoundedCharField(forms.CharField):
    """Text whose length is judged before it is folded, which costs the square of its length."""

    def to_python(self, value: Any) -> str:
        """The text as typed. Raises ValidationError `max_length`."""
        text = super().to_python(value) or ""
        if self.max_length is not None and len(text) > self.max_length:
            raise ValidationError(_("最多%(limit)s个字符。"), code="max_length", params={"limit": self.max_length})
        return text


def _is_unreadable(character: str) -> bool:
    """Whether it is a control, invisible or unassigned sign.

    Han characters that were added to Unicode after the tables of this Python are names of people nevertheless.
    """
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Cs") or (category == "Cn" and not 0x20000 <= ord(character) <= 0x3FFFD)


class CleanCharField(BoundedCharField):
    """A line of text for people to read: no control, invisible or direction-changing characters (VAL-03)."""

    def to_python(self, value: Any) -> str:
        """The text in NFC, blanks squeezed. Raises ValidationError `unreadable_character`."""
        text = unicodedata.normalize("NFC", " ".join((super().to_python(value) or "").split()))
        if any(_is_unreadable(character) for character in text):
            raise ValidationError(_("含有无法显示的字符，请重新输入。"), code="unreadable_character")
        return text


class NameField(CleanCharField):
    """The name of a person, in the one form that registers' names have as well (`numbers.clean_name`)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("姓名"))
        super().__init__(max_length=100, **kwargs)

    def to_python(self, value: Any) -> str:
        """The name. Raises ValidationError `max_length` or `unreadable_character`."""
        return numbers.clean_name(super().to_python(value))


class PasswordField(BoundedCharField):
    """A password, taken as typed: nothing stripped, at most 128 characters (PW-04, PW-05)."""

    def __init__(self, *, label: Any, autocomplete: str = "current-password", **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete, "spellcheck": "false"})
        super().__init__(label=label, strip=False, max_length=passwords.LONGEST, widget=widget, **kwargs)
        self.error_messages["required"] = format_lazy(_("请输入{label}。"), label=label)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """No `maxlength`: a browser would silently cut a longer password that is pasted (PW-04)."""
        return {}


class TaxpayerCodeField(BoundedCharField):
    """纳税人识别号, folded to its one form. Whether it exists, or could, isn't told here (D3)."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"autocomplete": "username", "autocapitalize": "characters", "spellcheck": "false"}
        super().__init__(
            label=_("纳税人识别号"),
            max_length=60,
            widget=forms.TextInput(attrs=attrs),
            help_text=_("统一社会信用代码（18位）或原纳税人识别号"),
            error_messages={"required": _("请输入纳税人识别号。")},
            **kwargs,
        )

    def to_python(self, value: Any) -> str:
        """The folded number. Raises ValidationError `taxpayer_code_shape` for what no number looks like."""
        code = numbers.fold(super().to_python(value) or "")
        if code and not (code.isascii() and code.isalnum() and 15 <= len(code) <= 20):
            raise ValidationError(_("纳税人识别号由15至20位数字或字母组成，请核对。"), code="taxpayer_code_shape")
        return code


class UsernameField(BoundedCharField):
    """用户注册名, folded to its one form: NFKC, lower case, no blanks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=_("用户注册名"),
            max_length=64,
            widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
            error_messages={"required": _("请输入用户注册名。")},
            **kwargs,
        )

    def to_python(self, value: Any) -> str:
        """The folded name. Raises ValidationError `username_shape` for characters that no name has."""
        name = usernames.fold(super().to_python(value) or "")
        if any(unicodedata.category(character)[0] == "C" for character in name):
            raise ValidationError(_("用户注册名含有无法识别的字符。"), code="username_shape")
        return name


class CodeField(BoundedCharField):
    """An SMS code of six digits, in either width."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "pattern": "[0-9０-９ ]*"}
        super().__init__(
            label=_("短信验证码"),
            max_length=20,
            widget=forms.TextInput(attrs=attrs),
            error_messages={"required": _("请输入短信验证码。")},
            **kwargs,
        )

    def to_python(self, value: Any) -> str:
        """The digits, half-width. Raises ValidationError `sms_code_shape` when there aren't six of them."""
        code = numbers.fold(super().to_python(value) or "")
        if code and not (code.isascii() and code.isdigit() and len(code) == 6):
            raise ValidationError(_("短信验证码为6位数字。"), code="sms_code_shape")
        return code


class MobileField(BoundedCharField):
    """A mainland mobile number, folded."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("手机号码"))
        super().__init__(
            max_length=30,
            widget=forms.TextInput(attrs={"autocomplete": "tel-national", "inputmode": "tel"}),
            error_messages={"required": _("请输入手机号码。")},
            **kwargs,
        )

    def to_python(self, value: Any) -> str:
        """The eleven digits. Raises ValidationError `mobile`."""
        text = super().to_python(value) or ""
        return numbers.clean_mobile(text) if text else text


_LANDLINE = validators.RegexValidator(
    r"^\+?[0-9]{5,20}$", _("固定电话只能由数字组成，例如024-12345678。"), code="landline"
)


class LandlineField(BoundedCharField):
    """A fixed telephone of the register, folded; it may be left out."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("固定电话"))
        widget = forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"})
        super().__init__(required=False, max_length=30, widget=widget, **kwargs)
        self.validators.append(_LANDLINE)

    def to_python(self, value: Any) -> str:
        """The digits, without blanks and dashes."""
        return numbers.fold(super().to_python(value) or "")


class SmsCodeForm(Form):
    """A code that was sent to the phone."""

    code = CodeField()


@dataclass(frozen=True, slots=True)
class Picture:
    """Where the picture of a form is shown, spoken and made anew."""

    token: str
    form: str

    @property
    def picture_url(self) -> str:
        """The picture, PNG."""
        return reverse("accounts:picture", args=[self.token])

    @property
    def sound_url(self) -> str:
        """The same check as speech, WAV (CAP-07)."""
        return reverse("accounts:sound", args=[self.token])

    @property
    def refresh_url(self) -> str:
        """A new token for the same form, JSON, for the page's script."""
        return reverse("accounts:new_picture", args=[self.form])


class _Forgetful(forms.TextInput):
    """An input that never shows again what was typed: the picture has changed meanwhile."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class PictureForm(Form):
    """A form guarded by a picture code, which is judged last and before anything else is done (CAP-03, FLOW-06).

    Whatever the outcome, the page shows `picture`, a new one.
    """

    captcha = forms.CharField(
        label=_("验证码"),
        max_length=20,
        widget=_Forgetful(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": _("请输入验证码。")},
    )
    captcha_token = forms.CharField(max_length=300, widget=forms.HiddenInput, required=False)

    form_name = ""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self._picture: Picture | None = None

    @property
    def picture(self) -> Picture:
        """A new picture for the next try."""
        if self._picture is None:
            self._picture = Picture(pictures.new_token(self.request, self.form_name), self.form_name)
        return self._picture

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `picture_code` once all else is well."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        given = numbers.fold(self.cleaned_data["captcha"])
        if not pictures.redeem(self.request, self.cleaned_data["captcha_token"], given, self.form_name):
            raise ValidationError(WRONG_PICTURE, code="picture_code")
        addresses.solved_picture(self.request, client_ip(self.request))
        return cleaned


class NewPasswordForm(Form):
    """A new password, typed twice."""

    new_password = PasswordField(label=_("新密码"), autocomplete="new-password", help_text=_("8至128个字符"))
    confirm_password = PasswordField(label=_("确认新密码"), autocomplete="new-password")

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `passwords_differ`."""
        data = self.cleaned_data
        if "new_password" in data and "confirm_password" in data and data["new_password"] != data["confirm_password"]:
            self.add_error("confirm_password", ValidationError(_("两次输入的新密码不一致。"), code="passwords_differ"))
        return super().clean()


class ChangePasswordForm(PictureForm, NewPasswordForm):
    """旧密码, 新密码, 确认新密码, 验证码 (M74, M81)."""

    form_name = "change-password"
    field_order = ("old_password", "new_password", "confirm_password", "captcha")

    old_password = PasswordField(label=_("旧密码"))
