"""What the portal's forms share: single values, folded numbers, readable text, new passwords (VAL-02 to VAL-04)."""

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from accounts import numbers
from accounts.forms import (
    CleanCharField,
    CodeField,
    Form,
    MobileField,
    NameField,
    NewPasswordForm,
    TaxpayerCodeField,
)


class Sample(Form):
    """Two fields for one value each, and one for many."""

    name = forms.CharField()
    agreed = forms.BooleanField(required=False)
    ticked = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")])


def codes(form: forms.Form) -> dict[str, list[str]]:
    """The codes of the refusals by field."""
    return {field: [error.code for error in errors] for field, errors in form.errors.as_data().items()}


def refusal_of(field: forms.Field, value: str) -> str:
    """The code of the refusal."""
    with pytest.raises(ValidationError) as caught:
        field.clean(value)
    return caught.value.error_list[0].code


@pytest.mark.rule("VAL-04")
def test_a_form_takes_each_value_once_and_many_where_many_are_asked_for():
    assert Sample(QueryDict("name=x&ticked=a&ticked=b")).is_valid()
    assert codes(Sample(QueryDict("name=x&name=y&ticked=a"))) == {"__all__": ["repeated_field"]}
    assert codes(Sample(QueryDict("name=x&name=x&ticked=a"))) == {"__all__": ["repeated_field"]}
    assert codes(Sample(QueryDict("name=x&agreed=on&agreed=on&ticked=a"))) == {"__all__": ["repeated_field"]}
    assert codes(Sample(QueryDict("p-name=x&p-name=y&p-ticked=a"), prefix="p")) == {"__all__": ["repeated_field"]}
    assert Sample({"name": "x", "ticked": ["a"]}).is_valid()


@pytest.mark.rule("VAL-02", "D29", "D13")
@pytest.mark.parametrize("typed", ["91110000600037341L", " 9111 0000-6000 3734 1l ", "\uff191110000600037341\uff4c"])
def test_a_taxpayer_number_comes_out_in_its_one_form(typed):
    assert TaxpayerCodeField().clean(typed) == "91110000600037341L"


@pytest.mark.rule("D3")
def test_whether_a_number_could_exist_is_not_told_by_the_field():
    assert TaxpayerCodeField().clean("000000000000000000") == "0" * 18


@pytest.mark.rule("VAL-02", "VAL-03")
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "required"),
        ("   ", "required"),
        ("-\u200b-", "required"),
        ("1" * 14, "taxpayer_code_shape"),
        ("1" * 21, "taxpayer_code_shape"),
        ("9111000060003734*L", "taxpayer_code_shape"),
        ("\u0661" * 18, "taxpayer_code_shape"),
        ("\u4e00" * 18, "taxpayer_code_shape"),
        ("\ud800" * 18, "taxpayer_code_shape"),
    ],
    ids=range(9),
)
def test_what_no_number_looks_like_is_refused(typed, code):
    assert refusal_of(TaxpayerCodeField(), typed) == code


@pytest.mark.rule("D14", "VAL-03")
@pytest.mark.parametrize("typed", ["123456", " 123 456 ", "\uff11\uff12\uff13\uff14\uff15\uff16", "123-456"])
def test_an_sms_code_is_taken_in_either_width(typed):
    assert CodeField().clean(typed) == "123456"


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("typed", ["12345", "1234567", "12345a", "\u0661" * 6, "\u00b9" + "\u0967" * 5, "\ud800" * 6])
def test_what_is_no_sms_code_is_refused(typed):
    assert refusal_of(CodeField(), typed) == "sms_code_shape"


@pytest.mark.rule("D29", "D5")
def test_a_mobile_number_is_folded_or_refused():
    assert MobileField().clean("+86 138-0000-1234") == "13800001234"
    assert refusal_of(MobileField(), "02412345678") == "mobile"
    assert refusal_of(MobileField(), "") == "required"


@pytest.mark.rule("VAL-03", "VAL-05")
@pytest.mark.parametrize("typed", ["a\u202eb", "a\u200bb", "a\x00b", "a\x1b[31m", "a\ud800", "a\U000e0041", "\ufeffa"])
def test_text_for_people_has_no_characters_that_nobody_sees(typed):
    assert refusal_of(CleanCharField(), typed) == "unreadable_character"


def test_text_for_people_has_single_blanks_and_composed_letters():
    assert CleanCharField().clean("  全量 \u3000 办税\n\tcafe\u0301 ") == "全量 办税 caf\u00e9"
    assert CleanCharField(required=False).clean("   ") == ""
    assert refusal_of(CleanCharField(max_length=3), "abcd") == "max_length"


@pytest.mark.rule("PW-10", "PW-05")
def test_a_new_password_is_typed_twice_alike():
    form = NewPasswordForm({"new_password": " Gutes-Wetter-7 ", "confirm_password": " Gutes-Wetter-7 "})
    assert form.is_valid()
    assert form.cleaned_data["new_password"] == " Gutes-Wetter-7 "
    form = NewPasswordForm({"new_password": "Gutes-Wetter-7", "confirm_password": "gutes-wetter-7"})
    assert codes(form) == {"confirm_password": ["passwords_differ"]}
    assert codes(NewPasswordForm({"new_password": "Gutes-Wetter-7"})) == {"confirm_password": ["required"]}


@pytest.mark.rule("PW-11", "PW-12")
def test_the_inputs_of_passwords_help_managers_and_never_show_what_was_typed():
    page = NewPasswordForm({"new_password": "Gutes-Wetter-7", "confirm_password": "x"}).as_p()
    assert page.count('autocomplete="new-password"') == 2
    assert page.count('type="password"') == 2
    assert "Gutes-Wetter-7" not in page


class Act(Form):
    """What the page sends by itself, and what somebody chooses and types."""

    version = forms.IntegerField(min_value=1, max_value=9, widget=forms.HiddenInput)
    kind = forms.ChoiceField(label="类型", choices=[("a", "A")])
    name = forms.CharField(label="姓名")
    reason = forms.CharField(label="原因", error_messages={"required": "请说明原因。"})


@pytest.mark.rule("VAL-02")
@pytest.mark.parametrize("version", ["", "x", "0", "10"])
def test_what_the_page_itself_should_have_sent_is_not_asked_of_the_visitor(version):
    form = Act({"version": version, "kind": "a", "name": "x", "reason": "x"})
    assert form.is_incomplete
    assert form.errors["version"] == ["页面不完整，没有保存任何内容。请点击【刷新】，重新填写后提交。"]


@pytest.mark.rule("VAL-02")
def test_what_the_visitor_left_out_is_named():
    form = Act({"version": "1"})
    assert not form.is_incomplete
    assert form.errors == {"kind": ["请选择类型。"], "name": ["请填写姓名。"], "reason": ["请说明原因。"]}


@pytest.mark.rule("D19", "D29", "M28")
@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("张\u3000三", "张三"),
        ("张 三", "张三"),
        ("买买提  艾力", "买买提艾力"),
        ("买买提·艾力", "买买提·艾力"),
        ("John  Smith", "John Smith"),
        ("\uf9dc", "隆"),
        ("张\U0002ebf0", "张\U0002ebf0"),
    ],
)
def test_a_name_has_one_form_however_it_is_written_and_rare_characters_are_names(typed, name):
    assert NameField().clean(typed) == name
    assert numbers.clean_name(typed) == name


@pytest.mark.parametrize("typed", ["张\u200b三", "张\u202e三", "张\ue000\u0378三", "张\U0003fffe三"])
def test_a_name_of_signs_that_nobody_can_see_is_refused(typed):
    with pytest.raises(ValidationError):
        NameField().clean(typed)
