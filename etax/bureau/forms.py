"""Forms of the back office."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.forms import (
    BoundedCharField,
    CleanCharField,
    Form,
    LandlineField,
    MobileField,
    PasswordField,
    PictureForm,
    TaxpayerCodeField,
    UsernameField,
)
from accounts.models import Taxpayer
from accounts.numbers import IdType, clean_taxpayer_code
from realname.models import MisuseCase, Position
from realname.posts import NOTHING_CHANGED
from staff.forms import CandidateForm, DayField
from staff.services.opening import TO_CLOSE, TO_OPEN, TO_RESET, Paper

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class OfficerLoginForm(PictureForm):
    """用户名, 密码, 验证码 of the officers' door."""

    form_name = "officer-login"
    field_order = ("username", "password", "captcha")

    username = UsernameField()
    password = PasswordField(label=_("登录密码"))


class FindTaxpayerForm(Form):
    """A taxpayer by his full number."""

    code = TaxpayerCodeField()


class FindPersonForm(Form):
    """A person by the full number of his document."""

    id_type = forms.ChoiceField(label=_("身份证件类型"), choices=IdType.choices)
    id_number = BoundedCharField(
        label=_("身份证件号码"),
        max_length=60,
        widget=forms.TextInput(attrs=_PLAIN),
        error_messages={"required": _("请填写身份证件号码。")},
    )

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `id_number` for what can't be a number of this document (D29)."""
        self.clean_document()
        return super().clean()


class ShownForm(Form):
    """Who came, and which papers he showed (M131, M136)."""

    handler = CleanCharField(
        label=_("经办人姓名"), max_length=100, error_messages={"required": _("请填写经办人姓名。")}
    )
    papers = forms.MultipleChoiceField(
        label=_("已核验的材料原件"),
        choices=Paper.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("请勾选已核验的材料。"), "invalid_choice": _("请从列表中勾选材料。")},
    )

    needed = TO_OPEN

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = [str(paper.label) for paper in Paper if paper in self.needed]
        self.fields["papers"].help_text = _("必须核验：%(papers)s") % {"papers": str(_("、")).join(labels)}


class ResetForm(ShownForm):
    """重置企业密码: as `ShownForm`, and the version of the password that the page spoke of."""

    needed = TO_RESET
    version = forms.IntegerField(min_value=0, max_value=2_000_000_000, widget=forms.HiddenInput)


class CloseForm(ShownForm):
    """注销开户: as `ShownForm`."""

    needed = TO_CLOSE


class OpenNewForm(ShownForm):
    """授权开户 of a taxpayer that isn't known yet."""

    field_order = ("code", "name", "kind", "handler", "papers")

    code = TaxpayerCodeField()
    name = CleanCharField(label=_("纳税人名称"), max_length=200, error_messages={"required": _("请填写纳税人名称。")})
    kind = forms.ChoiceField(label=_("纳税人类型"), choices=Taxpayer.Kind.choices)

    def clean_code(self) -> str:
        """Raises ValidationError `taxpayer_code` for a number with a wrong check digit: nobody has it (D29)."""
        return clean_taxpayer_code(self.cleaned_data["code"])


class CollectForm(CandidateForm):
    """前台采集: what stands on the document, the phone to be proven, and what the officer saw (M83)."""

    phone = MobileField()
    saw_document = forms.BooleanField(
        label=_("已核对身份证件原件"), error_messages={"required": _("请核对身份证件原件后勾选。")}
    )
    saw_face = forms.BooleanField(
        label=_("已核对本人与证件照片相符"), error_messages={"required": _("请核对本人与证件照片后勾选。")}
    )
    consent = forms.BooleanField(
        label=_("本人已签署实名信息采集同意书"), error_messages={"required": _("本人签署同意书后才能采集。")}
    )


class PostForm(CandidateForm):
    """新增税务登记人员."""

    position = forms.ChoiceField(label=_("职务"), choices=Position.choices)
    mobile = MobileField()
    landline = LandlineField()
    since = DayField(label=_("任职起始日期"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mobile"].label = _("移动电话")
        self.fields["since"].required = True
        self.fields["since"].initial = timezone.localdate


class PhonesForm(Form):
    """修改税务登记电话: what is left empty stays."""

    mobile = MobileField(required=False)
    landline = LandlineField(label=_("新的固定电话"), help_text=_("不修改的不用填写。"))
    clear_landline = forms.BooleanField(label=_("清空【固定电话】"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mobile"].label, self.fields["mobile"].help_text = _("新的移动电话"), _("不修改的不用填写。")

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `nothing_changed` where nothing is filled in."""
        if not self.errors and not any(self.cleaned_data.values()):
            raise ValidationError(NOTHING_CHANGED, code="nothing_changed")
        return super().clean()


class EndPostForm(Form):
    """终止任职: on which day it is over."""

    until = DayField(label=_("终止日期"), help_text=_("从这一天起，该人员不能再为该企业办税。"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].required = True
        self.fields["until"].initial = timezone.localdate


class DecideForm(Form):
    """办结非本人任职: whether it is so, and what was found (D35)."""

    upheld = forms.TypedChoiceField(
        label=_("核实结果"),
        choices=MisuseCase.Outcome.choices,
        coerce=lambda outcome: outcome == MisuseCase.Outcome.UPHELD,
        widget=forms.RadioSelect,
        error_messages={"required": _("请选择核实结果。"), "invalid_choice": _("请从列表中选择核实结果。")},
    )
    reason = CleanCharField(label=_("核实意见"), max_length=500, error_messages={"required": _("请填写核实意见。")})


class ReturnForm(Form):
    """退回: why, in words that the other side is told (M142)."""

    reason = CleanCharField(
        label=_("退回原因"), max_length=200, error_messages={"required": _("请填写退回原因，让对方知道怎样修改。")}
    )


class ConfirmForm(Form):
    """An act that asks for nothing but to be confirmed, on its own page."""

    confirmed = forms.BooleanField(
        widget=forms.HiddenInput, initial=True, error_messages={"required": _("请在本页面点击按钮确认。")}
    )


class NameCheckedForm(ConfirmForm):
    """审核通过 of a collection under another name than the bureau knows: the officer has held it to the card (M16)."""

    name_checked = forms.BooleanField(
        label=_("已核对证件，姓名以本次采集的为准"),
        error_messages={"required": _("请核对证件上的姓名后勾选，姓名不对的请退回。")},
    )
