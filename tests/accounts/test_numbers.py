"""Taxpayer numbers, identity documents, mobile phones: what is one, its one form, and its mask (D27, D29)."""

import random
import re
import unicodedata
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from accounts import numbers
from accounts.numbers import IdType

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
TODAY = date(2026, 11, 23)
# Blanks, dashes of all kinds, and characters that nobody sees: zero-width, direction marks, soft hyphen, NUL, BOM.
NOISE = (
    " \t\n\u3000\u00a0-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d_"
    "\u200b\u200c\u200d\u200e\u200f\u202e\u2066\u00ad\x00\ufeff"
)
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates too

quick = settings(max_examples=100, deadline=None)


def organisation_code(body: str) -> str:
    """The code with its GB 11714 character, reckoned apart from the portal: by a table of values and a sum of steps."""
    values = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
    total = 0
    for character, weight in zip(body, [3, 7, 9, 10, 5, 8, 4, 2], strict=True):
        total += values[character] * weight
    rest = 11 - total % 11
    return body + {10: "X", 11: "0"}.get(rest, str(rest))


def credit_code(body: str) -> str:
    """The code with python-stdnum's GB 32100 character."""
    return body + uscc.calc_check_digit(body + "0")


def resident_number(area: str, born: date, order: int) -> str:
    """The number with python-stdnum's GB 11643 character."""
    body = f"{area}{born:%Y%m%d}{order:03}"
    return body + ric.calc_check_digit(body + "0")


organisation_bodies = st.text(ALPHABET, min_size=8, max_size=8)
credit_codes = st.builds(
    lambda office, body: credit_code(office + organisation_code(body)),
    st.from_regex(r"[0-9]{8}", fullmatch=True),
    organisation_bodies,
)
resident_numbers = st.builds(
    resident_number,
    st.from_regex(r"[1-9][0-9]{5}", fullmatch=True),
    st.dates(date(1900, 1, 1), date(2020, 1, 1)),
    st.integers(0, 999),
)


def refusal_of(clean, *args) -> str:
    """The code of the refusal."""
    with pytest.raises(ValidationError) as caught:
        clean(*args)
    return caught.value.code


def outcome_of(clean, *args) -> str:
    """What comes out, or the code of the refusal (which is lower case, and no number is)."""
    try:
        return clean(*args)
    except ValidationError as refusal:
        return refusal.code


def full_width(text: str) -> str:
    """全角."""
    return "".join(chr(ord(c) + 0xFEE0) for c in text)


# 统一社会信用代码


@pytest.mark.rule("D29", "VAL-02")
@pytest.mark.parametrize(
    "code", ["91110000600037341L", "91210102MA0YF0018M", "52210106MJ0CG0040L", "91330100799655058B"]
)
def test_credit_codes_are_taken(code):
    assert numbers.is_credit_code(code)
    assert numbers.clean_taxpayer_code(code) == code


@pytest.mark.rule("D29", "VAL-02")
@quick
@given(st.from_regex(r"[0-9]{8}", fullmatch=True), organisation_bodies, st.booleans(), st.sampled_from(ALPHABET))
def test_a_credit_code_is_judged_as_by_stdnum_and_by_its_inner_digit(office, body, inner_right, last):
    inner = organisation_code(body) if inner_right else body + last
    assume("I" not in inner)
    for code in (credit_code(office + inner), office + inner + last):
        expected = uscc.is_valid(code) and organisation_code(body) == inner
        assert numbers.is_credit_code(code) is expected


@pytest.mark.rule("D29", "VAL-02")
def test_the_inner_digit_alone_makes_a_credit_code_wrong():
    outer_right = credit_code("91110000" + "600037342")
    assert uscc.is_valid(outer_right)
    assert not numbers.is_credit_code(outer_right)
    assert refusal_of(numbers.clean_taxpayer_code, outer_right) == "taxpayer_code"


@pytest.mark.rule("D29")
@pytest.mark.parametrize("prefix", ["A1", "N2", "Y1"])
def test_offices_that_have_a_letter_are_taken_though_stdnum_knows_none(prefix):
    inner = organisation_code("MA0YF001")
    check = next(c for c in ALPHABET if numbers.is_credit_code(f"{prefix}210102{inner}{c}"))
    total = sum(ALPHABET.index(c) * 3**i for i, c in enumerate(f"{prefix}210102{inner}"))
    assert (total + ALPHABET.index(check)) % 31 == 0


@pytest.mark.rule("D29", "VAL-02")
@quick
@given(credit_codes, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_a_credit_code_with_one_wrong_character_is_refused(code, place, wrong):
    assume(code[place] != wrong)
    assert numbers.is_credit_code(code)
    assert not numbers.is_credit_code(code[:place] + wrong + code[place + 1 :])


@pytest.mark.rule("D29")
@pytest.mark.parametrize("letter", "IOSVZ")
def test_letters_outside_the_alphabet_are_refused_cleanly(letter):
    assert refusal_of(numbers.clean_taxpayer_code, f"91210102{letter}A0YF0018M") == "taxpayer_code"


@pytest.mark.rule("D29")
@pytest.mark.parametrize("code", ["D2143569X", "600037341", "MA0YF0018"])
def test_organisation_codes_are_judged_by_gb_11714(code):
    assert numbers.is_organisation_code(code)
    assert organisation_code(code[:8]) == code
    assert [c for c in "0123456789X" if numbers.is_organisation_code(code[:8] + c)] == [code[8]]


def test_an_organisation_code_may_end_in_a_nought_that_stands_for_eleven():
    body = next(f"{n:08}" for n in range(1, 100) if organisation_code(f"{n:08}").endswith("0"))
    assert numbers.is_organisation_code(body + "0")


# 公民身份号码


@pytest.mark.rule("D29", "VAL-01")
def test_ten_thousand_generated_resident_numbers_are_taken_and_refused_with_any_other_last_character():
    dice = random.Random(11643)
    days = (TODAY - date(1900, 1, 1)).days
    for _ in range(10_000):
        born = date(1900, 1, 1) + timedelta(days=dice.randrange(days))
        number = resident_number(str(dice.randrange(100_000, 1_000_000)), born, dice.randrange(1000))
        assert numbers.is_resident_number(number, today=TODAY), number
        wrong = dice.choice([c for c in "0123456789X" if c != number[17]])
        assert not numbers.is_resident_number(number[:17] + wrong, today=TODAY), number


@pytest.mark.rule("D29", "VAL-01")
@quick
@given(resident_numbers, st.integers(0, 16), st.sampled_from("0123456789"))
def test_a_resident_number_with_one_wrong_digit_is_refused(number, place, wrong):
    assume(number[place] != wrong)
    assert not numbers.is_resident_number(number[:place] + wrong + number[place + 1 :], today=TODAY)


@pytest.mark.rule("D29", "VAL-01")
@quick
@given(resident_numbers, st.integers(0, 15))
def test_a_resident_number_with_two_neighbours_swapped_is_refused(number, place):
    assume(number[place] != number[place + 1])
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert not numbers.is_resident_number(swapped, today=TODAY)


@pytest.mark.rule("D29", "VAL-01")
@pytest.mark.parametrize("day", ["19900230", "19901301", "19900100", "19000229", "20230431", "00000000", "18991231"])
def test_a_date_that_never_was_is_refused(day):
    body = f"210102{day}004"
    number = body + ric.calc_check_digit(body + "0")
    assert not numbers.is_resident_number(number, today=TODAY)
    assert refusal_of(numbers.clean_id_number, IdType.RESIDENT, number) == "id_number"


@pytest.mark.rule("D29", "VAL-01")
def test_a_leap_day_is_taken():
    assert numbers.is_resident_number(resident_number("210102", date(2000, 2, 29), 4), today=TODAY)


@pytest.mark.rule("D29", "VAL-01")
def test_somebody_born_today_is_taken_and_somebody_born_tomorrow_is_not():
    assert numbers.is_resident_number(resident_number("210102", TODAY, 4), today=TODAY)
    assert not numbers.is_resident_number(resident_number("210102", TODAY + timedelta(days=1), 4), today=TODAY)


@pytest.mark.rule("D29")
def test_today_is_the_day_in_the_bureau_and_not_in_greenwich():
    number = resident_number("210102", date(2026, 3, 2), 4)
    with time_machine.travel(datetime(2026, 3, 1, 15, 59, tzinfo=UTC), tick=False):
        assert not numbers.is_resident_number(number)
    with time_machine.travel(datetime(2026, 3, 1, 16, 1, tzinfo=UTC), tick=False):
        assert numbers.is_resident_number(number)


@pytest.mark.rule("D29", "VAL-01")
@pytest.mark.parametrize("area", ["310230", "542621", "999999", "100000", "830000"])
def test_no_table_of_areas_refuses_anybody(area):
    number = resident_number(area, date(1950, 5, 5), 12)
    assert numbers.is_resident_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "0" * 18,
        "21010219900406004",
        "2101021990040600421",
        "21010219900406004x",
        "\uff12\uff11" + "0102199004060042",
    ],
)
def test_what_is_not_folded_or_of_another_length_is_no_resident_number(number):
    assert not numbers.is_resident_number(number)


# Old 纳税人识别号


@pytest.mark.rule("D29", "VAL-02")
@pytest.mark.parametrize(
    "code",
    [
        "210102D2143569X",  # 15: area and organisation code
        "210102600037341",
        "21010219900406042",  # 17: a 15-digit id and two more
        "210102199004060042",  # 18: a sole trader's id
        "11010519491231002X",
        "21010219900406004201",  # 20: id and two more
        "11010519491231002X0A",
    ],
)
def test_old_numbers_are_taken_by_their_shape(code):
    assert numbers.is_taxpayer_code(code)
    assert numbers.clean_taxpayer_code(code.lower()) == code


@pytest.mark.rule("D29", "VAL-02")
@pytest.mark.parametrize(
    "code",
    [
        "",
        "21010260003734",
        "2101026000373411",
        "2101026000373411234",
        "210102199004060042012",
        "21A102600037341",  # 15: the area has a letter
        "2101021990040604X",  # 17: only digits
        "210102199004060043",  # 18: wrong check character
        "21010219900406004301",  # 20: wrong check character inside
        "2101021990040600420*",
        "21010219900230004201",
    ],
)
def test_what_has_no_form_of_a_taxpayer_number_is_refused(code):
    assert not numbers.is_taxpayer_code(code)
    assert refusal_of(numbers.clean_taxpayer_code, code) == "taxpayer_code"


# One form


@pytest.mark.rule("D13", "D29", "VAL-02", "VAL-03")
@quick
@given(st.one_of(credit_codes, resident_numbers), st.data())
def test_a_number_has_one_form_however_it_is_typed(code, data):
    typed = "".join(
        data.draw(st.text(NOISE, max_size=2))
        + data.draw(st.sampled_from([c, c.lower(), full_width(c), full_width(c.lower())]))
        for c in code
    )
    assert numbers.fold(typed) == code
    assert numbers.clean_taxpayer_code(typed + data.draw(st.text(NOISE, max_size=2))) == code


@pytest.mark.rule("D29", "VAL-03")
@pytest.mark.parametrize("character", NOISE)
def test_every_blank_dash_and_invisible_character_is_folded_away(character):
    assert numbers.fold(f"91{character}11") == "9111", unicodedata.name(character, repr(character))


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize(
    "typed",
    [
        "\u0669" * 17 + "L",  # Arabic digits
        "9111000060003734\u0967L",  # a Devanagari one
        "91110000600037341L\u0338",  # struck through
        "91110000600037341\ud800",  # a lone surrogate
        "9111000060003734\u4e00L",
        "91110000600037341L" * 60_000,  # a megabyte
        "\x00",
        "😀",
    ],
    ids=range(8),
)
def test_odd_characters_are_refused_cleanly(typed):
    assert refusal_of(numbers.clean_taxpayer_code, typed) == "taxpayer_code"
    assert refusal_of(numbers.clean_id_number, IdType.PASSPORT, typed) == "id_number"
    assert refusal_of(numbers.clean_mobile, typed) == "mobile"


@pytest.mark.rule("VAL-03")
@quick
@given(ANYTHING, st.sampled_from([*IdType.values, "", "driving_licence"]))
def test_whatever_is_typed_comes_out_as_plain_letters_and_digits_or_is_refused_by_its_code(typed, id_type):
    cleaners = ((numbers.clean_taxpayer_code, (), "taxpayer_code"), (numbers.clean_mobile, (), "mobile"))
    for clean, before, code in (*cleaners, (numbers.clean_id_number, (id_type,), "id_number")):
        outcome = outcome_of(clean, *before, typed)
        assert outcome == code or re.fullmatch(r"[0-9A-Z]{5,20}", outcome)


# Identity documents


@pytest.mark.rule("D29", "VAL-01")
@pytest.mark.parametrize(
    ("id_type", "number"),
    [
        (IdType.RESIDENT, "11010519491231002X"),
        (IdType.RESIDENT, "34052419800101001X"),
        (IdType.HK_MACAO, "H12345678"),
        (IdType.HK_MACAO, "M1234567801"),
        (IdType.TAIWAN, "12345678"),
        (IdType.TAIWAN, "1234567801"),
        (IdType.RESIDENCE, resident_number("810000", date(1990, 4, 6), 4)),
        (IdType.RESIDENCE, resident_number("820000", date(1990, 4, 6), 4)),
        (IdType.RESIDENCE, resident_number("830000", date(1990, 4, 6), 4)),
        (IdType.FOREIGN, resident_number("911124", date(1990, 4, 6), 4)),
        (IdType.FOREIGN, "DEU310012345678"),
        (IdType.PASSPORT, "E12345678"),
        (IdType.PASSPORT, "C01X00T47"),
    ],
)
def test_every_document_is_taken_by_its_own_shape(id_type, number):
    assert numbers.clean_id_number(id_type, full_width(number.lower())) == number


@pytest.mark.rule("D29", "VAL-01")
@pytest.mark.parametrize(
    ("id_type", "number"),
    [
        (IdType.RESIDENT, "110105194912310021"),
        (IdType.RESIDENT, "110105491231002"),  # the first generation has run out
        (IdType.HK_MACAO, "A12345678"),
        (IdType.HK_MACAO, "H1234567"),
        (IdType.HK_MACAO, "H123456780"),
        (IdType.TAIWAN, "1234567"),
        (IdType.TAIWAN, "123456789"),
        (IdType.TAIWAN, "A2345678"),
        (IdType.RESIDENCE, "11010519491231002X"),  # a resident's own
        (IdType.RESIDENCE, "810000199004060042"[:17] + "0"),
        (IdType.FOREIGN, "11010519491231002X"),
        (IdType.FOREIGN, "DEU31001234567"),
        (IdType.PASSPORT, "1234"),
        (IdType.PASSPORT, "E" + "1" * 17),
        (IdType.PASSPORT, "E1234567*"),
        ("driving_licence", "11010519491231002X"),
        ("", "11010519491231002X"),
    ],
)
def test_a_number_of_another_shape_is_refused(id_type, number):
    assert refusal_of(numbers.clean_id_number, id_type, number) == "id_number"


# Mobile phones


@pytest.mark.parametrize(
    "typed",
    [
        "13800001234",
        " 138-0000-1234 ",
        "+86 138 0000 1234",
        full_width("13800001234"),
        full_width("+86-13800001234"),
        "\u200b13800001234",
    ],
)
@pytest.mark.rule("D29")
def test_a_mobile_number_has_one_form(typed):
    assert numbers.clean_mobile(typed) == "13800001234"


@pytest.mark.rule("D29")
@pytest.mark.parametrize(
    "typed",
    ["", "1380000123", "138000012345", "12800001234", "02412345678", "+1 3800001234", "1380000123a", "+85291234567"],
)
def test_what_is_no_mainland_mobile_number_is_refused(typed):
    assert refusal_of(numbers.clean_mobile, typed) == "mobile"


# Masks


@pytest.mark.rule("D27")
@pytest.mark.parametrize(("name", "masked"), [("王晓敏", "王*敏"), ("王敏", "王*"), ("欧阳晓敏", "欧**敏"), ("", "")])
def test_a_name_shows_its_first_and_last_character(name, masked):
    assert numbers.mask_name(name) == masked


@pytest.mark.rule("D27")
@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("210102199004060042", "2101**********0042"),
        ("DEU310012345678", "DEU3*******5678"),
        ("12345678", "12****78"),
        ("", ""),
    ],
)
def test_a_number_shows_its_first_and_last_four(number, masked):
    assert numbers.mask_id_number(number) == masked


@pytest.mark.rule("D27", "OTP-09")
@pytest.mark.parametrize(("phone", "masked"), [("13800001234", "138****1234"), ("1234567", "*******"), ("", "")])
def test_a_phone_shows_its_first_three_and_last_four(phone, masked):
    assert numbers.mask_phone(phone) == masked


@pytest.mark.rule("D27")
def test_a_person_masks_himself(person):
    assert (person.masked_name, person.masked_id_number, person.masked_phone) == (
        "王*明",
        "1101**********002X",
        "138****1234",
    )
    assert str(person) == "王*明"
