"""Forms of the agency's door, and of what client and agency agree on."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.forms import CleanCharField, Form, NameField, PasswordField, PictureForm, TaxpayerCodeField
from accounts.models import Person, Taxpayer
from agencies.models import ClientGroup, State
from realname.models import Post
from staff import functions
from staff.forms import ActForm, DayField, agreement_field
from staff.models import Identity, Membership, identities_of


class AgencyLoginForm(PictureForm):
    """社会信用代码或纳税人识别号, 登录密码, 验证码 and the agreement (M50)."""

    form_name = "agency-login"
    field_order = ("code", "password", "captcha", "agreement")

    code = TaxpayerCodeField()
    password = PasswordField(label=_("登录密码"))
    agreement = agreement_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("社会信用代码或纳税人识别号")


if TYPE_CHECKING:  # the stubs' fields are generic, Django's own are not
    _OneField = forms.ModelChoiceField[Any]
    _PeopleField = forms.ModelMultipleChoiceField[Person]
else:
    _OneField = forms.ModelChoiceField
    _PeopleField = forms.ModelMultipleChoiceField


class ChoiceByUid(_OneField):
    """One row by its public id; what is no id at all is refused in the same words as one that isn't in the list."""

    def to_python(self, value: Any) -> Any:
        """See `Field.to_python`."""
        try:
            return super().to_python(value)
        except ValidationError as refusal:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from refusal


class ClientFilterForm(Form):
    """Which clients to list: the beginning of a name or number, and one of the agency's groups."""

    search = CleanCharField(label=_("名称或纳税人识别号"), required=False, max_length=200)
    group = ChoiceByUid(
        ClientGroup.objects.none(),
        to_field_name="uid",
        label=_("分组"),
        required=False,
        empty_label=_("全部"),
        error_messages={"invalid_choice": _("请从列表中选择分组。")},
    )

    def __init__(self, *args: Any, agency: Taxpayer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = ClientGroup.objects.filter(agency=agency).order_by("name")
        self.offer("group", groups)
        if not groups:
            self.fields["group"].widget = forms.HiddenInput()


class EngagementFilterForm(ClientFilterForm):
    """As `ClientFilterForm`, and in which state; or those whose last day is near."""

    field_order = ("search", "state", "group", "expiring")

    state = forms.ChoiceField(label=_("状态"), required=False, choices=[("", _("全部")), *State.choices])
    expiring = forms.BooleanField(label=_("仅看30天内到期"), required=False)


class AgencySearchForm(Form):
    """Which agency to recognise: a part of its name, or the beginning of its number."""

    search = CleanCharField(label=_("代理机构名称或纳税人识别号"), required=False, max_length=200)


class PeopleOfAgencyForm(Form):
    """Whom to look for among the agency's people: a name, or its beginning."""

    name = NameField(
        required=False,
    )


class PeopleField(_PeopleField):
    """Some of the people, by their public ids; what is no id at all is one that isn't in the list."""

    def __init__(self, **kwargs: Any) -> None:
        codes = ("invalid_choice", "invalid_pk_value", "invalid_list")
        said = dict.fromkeys(codes, _("请从列表中选择人员。"))
        super().__init__(Person.objects.none(), to_field_name="uid", required=False, error_messages=said, **kwargs)

    def clean(self, value: Any) -> Any:
        """See `Field.clean`."""
        try:
            return super().clean(value)
        except ValidationError as refusal:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from refusal


def people_known_to(agency: Taxpayer) -> QuerySet[Person]:
    """Whoever has a post or a membership there."""
    posts = Post.objects.open().filter(taxpayer=agency, person=OuterRef("pk"))
    members = Membership.objects.open().filter(taxpayer=agency, person=OuterRef("pk"))
    return Person.objects.filter(Exists(posts) | Exists(members))


class IdentityField(ChoiceByUid):
    """One of the taxpayer's identities, by its public id."""

    def label_from_instance(self, obj: Any) -> str:
        """Name, and how many of its functions can be lent."""
        return str(_("%(name)s（可出借%(count)s项功能）") % {"name": obj.name, "count": obj.lendable_count})


class TermsForm(Form):
    """What is lent: one identity, a first and a last day (D23)."""

    version = forms.IntegerField(min_value=1, max_value=2_000_000_000, required=False, widget=forms.HiddenInput)
    identity = IdentityField(
        Identity.objects.none(),
        to_field_name="uid",
        label=_("出借的权限身份"),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={"required": _("请选择一个权限身份。"), "invalid_choice": _("请从列表中选择权限身份。")},
    )
    valid_from = DayField(label=_("开始日期"))
    valid_until = DayField(
        label=_("截止日期"), help_text=_("过了这一天代理机构不能再代办；不填写则一直有效，直到取消。")
    )

    def __init__(self, *args: Any, taxpayer: Taxpayer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        can_be_lent = Count("grants", filter=Q(grants__function__in=functions.LENDABLE))
        lendable = identities_of(taxpayer).annotate(lendable_count=can_be_lent).filter(lendable_count__gt=0)
        self.offer("identity", lendable)
        self.fields["valid_from"].required = True
        self.fields["valid_from"].error_messages["required"] = _("请填写开始日期。")


class ConfirmedTermsForm(TermsForm):
    """The same, with the version of the identity whose functions were shown: what was read is what is lent."""

    identity_version = forms.IntegerField(min_value=1, max_value=2_000_000_000, widget=forms.HiddenInput)


class NoteForm(ActForm):
    """取消 or 拒绝: why, in a few words for the other side. Its version says no more than that the page was seen."""

    note = CleanCharField(label=_("原因"), required=False, max_length=100, help_text=_("对方可以看到。"))


class ProposalForm(Form):
    """代理申请: the client's number."""

    code = TaxpayerCodeField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("委托企业的纳税人识别号")
        self.fields["code"].widget.attrs["autocomplete"] = "off"


class HandlersForm(ActForm):
    """指定代办人员: who of the agency's own people."""

    people = PeopleField(label=_("代办人员"))

    def __init__(self, *args: Any, agency: Taxpayer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("people", people_known_to(agency))


class GroupForm(Form):
    """A new group of clients."""

    name = CleanCharField(label=_("分组名称"), max_length=50, error_messages={"required": _("请填写分组名称。")})


class GroupChoiceForm(Form):
    """Which of the agency's groups, or none."""

    group = ChoiceByUid(
        ClientGroup.objects.none(),
        to_field_name="uid",
        label=_("分组"),
        required=False,
        empty_label=_("不分组"),
        error_messages={"invalid_choice": _("请从列表中选择分组。")},
    )

    def __init__(self, *args: Any, agency: Taxpayer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("group", ClientGroup.objects.filter(agency=agency).order_by("name"))


class PlaceForm(GroupChoiceForm, ActForm):
    """Into which of the agency's groups a client goes."""


class TogetherForm(GroupChoiceForm):
    """What is done to several clients at once: into a group, or these people named, or named no more."""

    act = forms.ChoiceField(choices=[("place", ""), ("name", ""), ("unname", "")], widget=forms.HiddenInput)
    people = PeopleField(label=_("代办人员"))

    def __init__(self, *args: Any, agency: Taxpayer, **kwargs: Any) -> None:
        super().__init__(*args, agency=agency, **kwargs)
        self.offer("people", people_known_to(agency))

    def clean(self) -> dict[str, Any] | None:
        """See `Form.clean`. Raises ValidationError `nobody_ticked`."""
        cleaned = super().clean()
        if self.cleaned_data.get("act") in ("name", "unname") and not self.cleaned_data.get("people"):
            raise ValidationError(_("请至少勾选一名人员。"), code="nobody_ticked")
        return cleaned
