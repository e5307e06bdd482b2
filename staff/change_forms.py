"""Forms of 变更税务登记 (M104, M138 to M145)."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import BoundedCharField, Form, LandlineField, MobileField, NameField
from accounts.numbers import IdType, fold
from realname.change_rows import Details, Row

_QUIET = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}


class IdNumberField(BoundedCharField):
    """The number of an identity document, as typed; the service judges it by its document."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=_("身份证件号码"),
            max_length=60,
            widget=forms.TextInput(attrs=_QUIET),
            error_messages={"required": _("请填写身份证件号码。")},
            **kwargs,
        )

    def to_python(self, value: Any) -> str:
        """The folded number. Raises ValidationError `id_number` for what no number is made of."""
        number = fold(super().to_python(value))
        if number and not (number.isascii() and number.isalnum()):
            raise ValidationError(_("身份证件号码有误，请与证件逐位核对。"), code="id_number")
        return number


class ScanField(forms.FileField):
    """A scan of a stamped document; what it really is, `realname.scans` judges."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=_("身份证复印件（加盖公章）"),
            required=False,
            widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png"}),
            max_length=255,
            error_messages={
                "max_length": _("文件名过长，请改短后重新选择。"),
                "empty": _("文件是空的，请重新选择。"),
                "invalid": _("请选择要上传的文件。"),
            },
            **kwargs,
        )


def _bytes_of(upload: Any) -> bytes:
    """The content of an uploaded file; nothing where none was chosen."""
    content: bytes = upload.read() if upload else b""
    return content


class FinanceChangeForm(Form):
    """财务负责人变更: what shall stand in each row, and which rows are kept (M138 to M144)."""

    rows = forms.MultipleChoiceField(
        label=_("变更项目"),
        required=False,
        choices=Row.choices,
        error_messages={"invalid_choice": _("请从列表中选择变更项目。"), "invalid_list": _("请从列表中选择变更项目。")},
    )
    name = NameField(required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    id_type = forms.ChoiceField(label=_("身份证件种类"), required=False, choices=IdType.choices)
    id_number = IdNumberField(required=False)
    mobile = MobileField(required=False)
    mobile.label = _("移动电话")
    landline = LandlineField()
    email = forms.EmailField(
        label=_("电子邮箱"),
        required=False,
        max_length=100,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"invalid": _("请填写有效的电子邮箱，例如name@example.cn。")},
    )
    scan = ScanField(help_text=_("JPEG或PNG图片，不超过5MB。虽为条件报送，但未上传无法审批通过。"))

    @property
    def kept_rows(self) -> list[Row]:
        """The rows that were not deleted: all on a fresh form, those of the earlier request where one is sent again."""
        if not self.is_bound:
            return [Row(value) for value in self.initial.get("rows", Row.values)]
        return [Row(value) for value in self.cleaned_data.get("rows", [])]

    @property
    def details(self) -> Details:
        """What shall stand in the rows, once the form is valid."""
        return Details(**{row.value: self.cleaned_data[row.value] for row in Row})

    @property
    def scan_bytes(self) -> bytes:
        """The scan as it was sent."""
        return _bytes_of(self.cleaned_data.get("scan"))


class ClerkForm(Form):
    """办税人员信息, 增加: whom (M104)."""

    name = NameField(
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("请填写姓名。")},
    )
    id_type = forms.ChoiceField(label=_("身份证件种类"), choices=IdType.choices)
    id_number = IdNumberField()
    mobile = MobileField(help_text=_("必须与本人实名采集的手机号码相同，否则无法收到验证码。"))
    mobile.label = _("移动电话")
    landline = LandlineField()
    scan = ScanField(help_text=_("JPEG或PNG图片，不超过5MB。"))

    @property
    def details(self) -> Details:
        """Whom to add, once the form is valid."""
        data = self.cleaned_data
        return Details(data["name"], data["id_type"], data["id_number"], data["mobile"], data["landline"])

    @property
    def scan_bytes(self) -> bytes:
        """The scan as it was sent."""
        return _bytes_of(self.cleaned_data.get("scan"))


class PhonesForm(Form):
    """办税人员信息, 修改电话: what shall stand in 【移动电话】 and 【固定电话】 (M91, M92)."""

    mobile = MobileField(help_text=_("必须与本人实名采集的手机号码相同，否则无法收到验证码。"))
    mobile.label = _("移动电话")
    landline = LandlineField()
