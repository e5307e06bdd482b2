"""What is asked for at 实名采集, page by page."""

from datetime import date
from typing import Any

from django import forms
from django.core import validators
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import BoundedCharField, Form, MobileField, NameField, PictureForm
from accounts.numbers import IdType
from realname import decoding
from realname.collecting import PersonData

_AS_TYPED = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
_TYPES = "image/jpeg,image/png"


class WhoForm(PictureForm):
    """姓名, 身份证件类型, 身份证件号码, the phone, and the picture code."""

    form_name = "collection"
    field_order = ("name", "id_type", "id_number", "former_id_type", "former_id_number", "phone", "captcha")

    name = NameField(
        error_messages={"required": _("请填写姓名。")},
        help_text=_("与证件上的一致"),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    id_type = forms.ChoiceField(
        label=_("身份证件类型"),
        choices=IdType.choices,
        error_messages={"required": _("请选择证件类型。"), "invalid_choice": _("请从列表中选择证件类型。")},
    )
    id_number = BoundedCharField(
        label=_("身份证件号码"),
        max_length=60,
        widget=forms.TextInput(attrs=_AS_TYPED),
        error_messages={"required": _("请填写身份证件号码。")},
    )
    phone = MobileField(help_text=_("本人使用的手机号，审核通过后即为实名手机号"))

    def clean(self) -> dict[str, Any] | None:
        """See `PictureForm.clean`. Raises ValidationError `id_number` for what no such document has (D29)."""
        self.clean_document()
        return super().clean()

    @property
    def person_data(self) -> PersonData:
        """Who he says he is."""
        data = self.cleaned_data
        return PersonData(name=data["name"], id_type=data["id_type"], id_number=data["id_number"])

    @property
    def former(self) -> PersonData | None:
        """The document that the new one takes the place of; None where it is the same."""
        return None


class ChangeForm(WhoForm):
    """As `WhoForm`, and the former document of who has a new one (M17)."""

    form_name = "collection-change"

    former_id_type = forms.ChoiceField(
        label=_("原身份证件类型"),
        required=False,
        choices=[("", _("证件号码没有变化")), *IdType.choices],
        error_messages={"invalid_choice": _("请从列表中选择证件类型。")},
    )
    former_id_number = BoundedCharField(
        label=_("原身份证件号码"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs=_AS_TYPED),
        help_text=_("仅在证件类型或号码有变化时填写"),
    )

    def clean(self) -> dict[str, Any] | None:
        """See `WhoForm.clean`. Raises ValidationError `former_incomplete` or `former_same`."""
        self.clean_document("former_id_type", "former_id_number")
        data = self.cleaned_data
        if bool(data.get("former_id_type")) != bool(data.get("former_id_number")) and not self.errors:
            refusal = ValidationError(_("原证件的类型和号码须同时填写，或都不填写。"), code="former_incomplete")
            self.add_error("former_id_number", refusal)
        former = (data.get("former_id_type"), data.get("former_id_number"))
        if former[0] and former == (data.get("id_type"), data.get("id_number")):
            self.add_error("former_id_number", ValidationError(_("原证件与新证件相同。"), code="former_same"))
        return super().clean()

    @property
    def former(self) -> PersonData | None:
        """See `WhoForm.former`."""
        data = self.cleaned_data
        if not data["former_id_number"]:
            return None
        return PersonData(name=data["name"], id_type=data["former_id_type"], id_number=data["former_id_number"])


class ConsentForm(Form):
    """Consent of its own to collecting pictures of card and face, and to which text (FIL-06)."""

    version = forms.CharField(max_length=20, widget=forms.HiddenInput, required=False)
    agreed = forms.BooleanField(
        label=_("我已阅读并单独同意采集本人的身份证件照片和脸部照片"),
        error_messages={"required": _("请先阅读并勾选同意；不同意的，可以到税务机关前台办理实名采集。")},
    )


class FileField(forms.FileField):
    """A picture's file; what it really is, its pixels tell (FIL-01)."""

    def __init__(self, *, capture: str = "", **kwargs: Any) -> None:
        attrs = {"accept": _TYPES, **({"capture": capture} if capture else {})}
        super().__init__(widget=forms.FileInput(attrs=attrs), **kwargs)
        self.error_messages |= {
            "required": _("请拍摄或选择一张照片。"),
            "invalid": _("请拍摄或选择一张照片。"),
            "missing": _("请拍摄或选择一张照片。"),
            "empty": _("该文件是空的，请重新拍摄或选择一张照片。"),
        }

    def clean(self, data: Any, initial: Any = None) -> Any:
        """The uploaded file. Raises ValidationError `photo_too_large` before anything of it is read."""
        file = super().clean(data, initial)
        if file and file.size > decoding.LARGEST_FILE:
            raise ValidationError(_("照片文件超过5MB，请降低拍照分辨率，或换一张较小的照片。"), code="photo_too_large")
        return file


class PhotoForm(Form):
    """One picture, by the camera."""

    photo = FileField(label=_("拍照或选择照片"), capture="user")

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `one_photo` where several files were sent."""
        if sum(len(files) for _name, files in self.files.lists()) > 1:
            raise ValidationError(_("一次只能上传一张照片。"), code="one_photo")
        return super().clean()

    @property
    def content(self) -> bytes:
        """The bytes that were sent."""
        content: bytes = self.cleaned_data["photo"].read()
        return content


class CardForm(PhotoForm):
    """One side of the card, by the camera or from the files that are there."""

    photo = FileField(label=_("拍照"), capture="environment", required=False)
    file = FileField(label=_("或从相册、文件中选择"), required=False)

    def clean(self) -> dict[str, Any] | None:
        """See `PhotoForm.clean`."""
        if not self.errors and not self.cleaned_data.get("photo") and not self.cleaned_data.get("file"):
            self.add_error("photo", ValidationError(_("请拍摄或选择一张照片。"), code="required"))
        return super().clean()

    @property
    def content(self) -> bytes:
        """See `PhotoForm.content`."""
        content: bytes = (self.cleaned_data["photo"] or self.cleaned_data["file"]).read()
        return content


class DetailsForm(Form):
    """Until when the document is valid."""

    valid_until = forms.DateField(
        label=_("证件有效期至"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[validators.MinValueValidator(date(2000, 1, 1)), validators.MaxValueValidator(date(2199, 12, 31))],
        error_messages={"invalid": _("请填写日期，例如2026-01-31。")},
    )
    has_no_end = forms.BooleanField(label=_("长期有效"), required=False)

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `valid_until_missing` or `valid_until_twice`."""
        data = self.cleaned_data
        if not self.errors and not data.get("valid_until") and not data.get("has_no_end"):
            text = _("请填写证件有效期的截止日期；证件上写“长期”的，请勾选长期有效。")
            self.add_error("valid_until", ValidationError(text, code="valid_until_missing"))
        elif data.get("valid_until") and data.get("has_no_end"):
            text = _("已勾选长期有效的，请不要再填写日期。")
            self.add_error("valid_until", ValidationError(text, code="valid_until_twice"))
        return super().clean()
