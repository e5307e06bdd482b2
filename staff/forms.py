"""Forms of the taxpayer's doors and pages."""

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.core import validators
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.forms import (
    ChangePasswordForm,
    CleanCharField,
    Form,
    MobileField,
    NameField,
    PasswordField,
    PictureForm,
    SmsCodeForm,
    TaxpayerCodeField,
    UsernameField,
)
from accounts.models import Taxpayer
from accounts.models.record import Kind, Result
from accounts.numbers import IdType
from staff.functions import FUNCTIONS
from staff.members import State
from staff.models import Identity, beyond, identities_of


def agreement_field() -> forms.BooleanField:
    """The agreement, which must be ticked (M13, M46, M47)."""
    return forms.BooleanField(label=_("同意协议"), error_messages={"required": _("请先阅读并勾选同意协议。")})


class OrdinaryLoginForm(PictureForm):
    """纳税人识别号, 企业密码, 验证码 and the agreement (M12, M13)."""

    form_name = "ordinary-login"
    field_order = ("code", "password", "captcha", "agreement")

    code = TaxpayerCodeField()
    password = PasswordField(label=_("企业密码"))
    agreement = agreement_field()


class QuickLoginForm(PictureForm):
    """纳税人识别号, 企业密码, 验证码 of a 快捷登录 (M42); the agreement comes with the code (M46)."""

    form_name = "quick-login"
    field_order = ("code", "password", "captcha")

    code = TaxpayerCodeField()
    password = PasswordField(label=_("企业密码"))


class QuickPhoneForm(Form):
    """The phone that the person types himself (M43)."""

    phone = MobileField()


class QuickCodeForm(SmsCodeForm):
    """The code, and the agreement (M46)."""

    agreement = agreement_field()


class NaturalLoginForm(PictureForm):
    """用户注册名, 登录密码, 验证码 and the 服务协议 (M47)."""

    form_name = "natural-login"
    field_order = ("username", "password", "captcha", "agreement")

    username = UsernameField()
    password = PasswordField(label=_("自然人登录密码"))
    agreement = agreement_field()


class NaturalSmsForm(PictureForm):
    """Whose real-name phone the code goes to (M119, D21)."""

    form_name = "natural-sms"
    field_order = ("username", "captcha", "agreement")

    username = UsernameField()
    agreement = agreement_field()


class ForgottenEnterpriseForm(PictureForm):
    """The firm, and the phone on file of its legal representative or finance officer (M133, M134)."""

    form_name = "forgotten-enterprise"
    field_order = ("code", "phone", "captcha")

    code = TaxpayerCodeField()
    phone = MobileField()


class ForgottenPersonForm(PictureForm):
    """The account, and its owner's real-name phone."""

    form_name = "forgotten-person"
    field_order = ("username", "phone", "captcha")

    username = UsernameField()
    phone = MobileField()


class DayField(forms.DateField):
    """A day between 2000 and 2199: what lies beyond is a slip, and breaks sums of dates."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        said = _("请填写2000-01-01至2199-12-31之间的日期。")
        first, last = date(2000, 1, 1), date(2199, 12, 31)
        limits = [validators.MinValueValidator(first, said), validators.MaxValueValidator(last, said)]
        messages = {"invalid": _("请填写日期，例如2026-01-31。")}
        super().__init__(required=False, widget=widget, validators=limits, error_messages=messages, **kwargs)


class PersonChoiceForm(Form):
    """Whom to act as: the public id behind a person's card."""

    person = forms.UUIDField(
        label=_("人员"), error_messages={"required": _("请选择人员。"), "invalid": _("请从列表中选择人员。")}
    )


class PeopleSearchForm(Form):
    """Looking for oneself in a firm of many people: one's own name, or its beginning."""

    name = NameField(
        required=False,
    )


class PersonalPasswordForm(Form):
    """个人登录密码 (M34)."""

    password = PasswordField(label=_("个人登录密码"))


class EnterprisePasswordForm(Form):
    """企业密码 of the taxpayer that a person switches to (D32)."""

    password = PasswordField(label=_("企业密码"))


class MisuseForm(Form):
    """非本人任职: what is the matter, in the person's own words (D35)."""

    statement = CleanCharField(
        label=_("情况说明"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("例如：何时发现、是否曾在该企业工作。最多500个字符。"),
        error_messages={"required": _("请说明情况。")},
    )


class RecordFilterForm(Form):
    """What to show of a record: kind, result, dates."""

    kind = forms.ChoiceField(label=_("操作"), required=False, choices=[("", _("全部")), *Kind.choices])
    result = forms.ChoiceField(label=_("结果"), required=False, choices=[("", _("全部")), *Result.choices])
    since = DayField(label=_("起始日期"))
    until = DayField(label=_("截止日期"))

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `dates_inverted`."""
        data = self.cleaned_data
        if data.get("since") and data.get("until") and data["since"] > data["until"]:
            raise ValidationError(_("起始日期不能晚于截止日期。"), code="dates_inverted")
        return super().clean()


class OperationsFilterForm(RecordFilterForm):
    """What to show of the taxpayer's record: as well, whose."""

    field_order = ("kind", "result", "name", "since", "until")

    name = forms.CharField(label=_("人员姓名"), required=False, max_length=100)


class MemberFilterForm(Form):
    """Whom to list in 企业人员维护."""

    name = NameField(
        required=False,
    )
    state = forms.ChoiceField(label=_("状态"), required=False, choices=[("", _("全部")), *State.choices])


class ActForm(Form):
    """An act on a member: the version of him that the page showed (STF-03)."""

    version = forms.IntegerField(min_value=1, max_value=2_000_000_000, widget=forms.HiddenInput)


class FreezeForm(ActForm):
    """冻结: why, and until when if it has an end (M60, M61)."""

    reason = CleanCharField(label=_("冻结原因"), required=False, max_length=100)
    until = DayField(label=_("自动解冻日期"), help_text=_("到这一天零点自动解冻；不填写则一直冻结，直到解冻。"))


if TYPE_CHECKING:  # the stubs' field is generic, Django's own is not
    _IdentitiesField = forms.ModelMultipleChoiceField[Identity]
else:
    _IdentitiesField = forms.ModelMultipleChoiceField


class IdentityBoxes(forms.CheckboxSelectMultiple):
    """Boxes of which some can't be ticked: identities that the actor may not give (D8)."""

    closed: frozenset[UUID] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As Django's own, closed for what can't be given."""
        option = super().create_option(name, value, *args, **kwargs)
        if getattr(value, "value", value) in self.closed:
            option["attrs"]["disabled"] = True
        return option


class IdentitiesField(_IdentitiesField):
    """Which of the taxpayer's identities, by their public ids."""

    def __init__(self, **kwargs: Any) -> None:
        widget = IdentityBoxes
        super().__init__(Identity.objects.none(), to_field_name="uid", widget=widget, **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        """Name, and how many functions it carries."""
        return str(_("%(name)s（%(count)s项功能）") % {"name": obj.name, "count": obj.function_count})


class RightsForm(ActForm):
    """Which identities a member has, 管理权限 or not, and his last day if he has one."""

    identities = IdentitiesField(label=_("权限身份"), required=False)
    is_manager = forms.BooleanField(
        label=_("管理权限"), required=False, help_text=_("可以维护权限身份和添加办税人员，但不能授予自己没有的功能。")
    )
    valid_until = DayField(label=_("有效期至"), help_text=_("过了这一天不能再登录；不填写则长期有效。"))

    def __init__(self, *args: Any, taxpayer: Taxpayer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("identities", identities_of(taxpayer))


class IdentityForm(Form):
    """权限身份信息: 权限身份名称, 权限描述, and the ticked leaves of the 功能树 (M25)."""

    version = forms.IntegerField(min_value=1, max_value=2_000_000_000, required=False, widget=forms.HiddenInput)
    name = CleanCharField(
        label=_("权限身份名称"), max_length=50, error_messages={"required": _("请填写权限身份名称。")}
    )
    description = CleanCharField(label=_("权限描述"), required=False, max_length=200)
    functions = forms.MultipleChoiceField(
        label=_("功能树"),
        required=False,
        choices=[(code, leaf.name) for code, leaf in FUNCTIONS.items()],
        error_messages={"invalid_choice": _("请从功能树中勾选。"), "invalid_list": _("请从功能树中勾选。")},
    )


class CandidateForm(Form):
    """姓名, 身份证件类型, 身份证件号码 of whom to add (M28)."""

    name = NameField(
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("请填写姓名。")},
    )
    id_type = forms.ChoiceField(label=_("身份证件类型"), choices=IdType.choices)
    id_number = forms.CharField(
        label=_("身份证件号码"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": _("请填写身份证件号码。")},
    )

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `id_number` for what can't be a number of this document (D29)."""
        self.clean_document()
        return super().clean()


class AddMemberForm(Form):
    """A clerk's first personal password, his identities and 管理权限 (M31)."""

    password = PasswordField(
        label=_("个人登录密码"), autocomplete="new-password", help_text=_("8至128个字符，请告知本人并提醒其修改")
    )
    identities = IdentitiesField(
        label=_("权限身份"),
        error_messages={
            "required": _("请至少勾选一个权限身份。"),
            "invalid_choice": _("请从列表中选择权限身份。"),
            "invalid_pk_value": _("请从列表中选择权限身份。"),
        },
    )
    is_manager = forms.BooleanField(
        label=_("管理权限"), required=False, help_text=_("可以维护权限身份和添加办税人员，但不能授予自己没有的功能。")
    )

    def __init__(self, *args: Any, taxpayer: Taxpayer, giver: Actor, **kwargs: Any) -> None:
        """`giver` adds: only LR and FR give 管理权限, and nobody gives functions that he doesn't hold (D8)."""
        super().__init__(*args, **kwargs)
        identities: Any = self.fields["identities"]
        identities.queryset = identities_of(taxpayer)
        if giver.is_lead:
            return
        del self.fields["is_manager"]
        closed = beyond(giver.functions, identities.queryset)
        if closed:
            identities.widget.closed = frozenset(identity.uid for identity in closed)
            identities.help_text = _(
                "不能勾选的权限身份含有您本人没有的功能，只能由法定代表人（业主）或财务负责人授予。"
            )


class ChangeEnterprisePasswordForm(ChangePasswordForm):
    """旧密码, 新密码, 确认新密码, 验证码 of the enterprise password (M81)."""

    form_name = "change-enterprise-password"


class MembershipChoiceForm(Form):
    """Which member was selected."""

    member = forms.UUIDField()
