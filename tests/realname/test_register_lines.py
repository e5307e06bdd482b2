"""What a line of the register file says, and which lines can't be taken."""

import json
import tracemalloc
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Taxpayer
from accounts.numbers import IdType
from realname.models import Position
from realname.register_lines import (
    CSV_COLUMNS,
    LONGEST_LINE,
    BadLine,
    PersonLine,
    PostLine,
    RegisterReader,
    TaxpayerLine,
)
from tests.realname.registers import FIRM, HAN, LU, basis, csv_lines, json_lines, person, post, read, taxpayer

pytestmark = pytest.mark.rule("D34")

HEADER = ",".join(CSV_COLUMNS).encode() + b"\n"


def only(raw: bytes, *, as_csv: bool = False) -> TaxpayerLine | PersonLine | PostLine | BadLine:
    [line] = read(BytesIO(HEADER + raw if as_csv else raw), as_csv=as_csv)
    return line


def test_each_kind_of_record_is_read_as_what_it_says():
    ended = post(LU, "clerk", mobile="", landline="024-12345678", since="2019-03-01", until="2026-10-31")
    assert read(json_lines(taxpayer(), person(), post(), ended)) == [
        TaxpayerLine(1, FIRM, "沈阳听涛科技有限公司", Taxpayer.Kind.ENTERPRISE),
        PersonLine(2, "韩冬梅", IdType.RESIDENT, HAN),
        PostLine(
            3, FIRM, IdType.RESIDENT, HAN, Position.LEGAL_REP, "19900000001", "", since=date(2026, 1, 5), until=None
        ),
        PostLine(
            4,
            FIRM,
            IdType.RESIDENT,
            LU,
            Position.CLERK,
            "",
            "024-12345678",
            since=date(2019, 3, 1),
            until=date(2026, 10, 31),
        ),
    ]


def test_csv_says_the_same_as_json_lines():
    records = [*basis(), post(), post(LU, "clerk", landline="024-12345678", until="2026-10-31")]
    in_json, in_csv = read(json_lines(*records)), read(csv_lines(*records), as_csv=True)
    assert [repr(line).replace(f"number={n}", "", 1) for n, line in enumerate(in_json, 1)] == [
        repr(line).replace(f"number={n}", "", 1) for n, line in enumerate(in_csv, 2)
    ]
    keys = [
        [getattr(line, "key", None) or getattr(line, "identity", None) for line in lines] for lines in (in_json, in_csv)
    ]
    assert keys[0] == keys[1]


def test_csv_columns_may_stand_in_another_order_among_others():
    raw = "备注,since,until,record,code,name,kind,id_type,id_number,position,mobile,landline\n"
    raw += f"x,2026-01-05,,post,{FIRM},,,resident,{HAN},finance,19900000001,\n"
    [line] = read(BytesIO(raw.encode()), as_csv=True)
    assert (line.number, line.position, line.since, line.until) == (2, Position.FINANCE, date(2026, 1, 5), None)


@pytest.mark.parametrize(
    "header",
    [
        b"record,code,name\n",
        HEADER.replace(b"until", b"since"),
        HEADER.replace(b"\n", b",until\n"),
        b"\xff" + HEADER,
        b'"record' + HEADER,
        b"x" * (LONGEST_LINE + 1) + b"\n",
    ],
)
def test_a_csv_file_without_its_columns_is_refused_as_a_whole(header):
    with pytest.raises(ValidationError) as refusal:
        read(BytesIO(header + b"taxpayer\n"), as_csv=True)
    assert refusal.value.code == "csv_header"


@pytest.mark.parametrize("as_csv", [False, True])
def test_a_byte_order_mark_blank_lines_and_windows_line_ends_do_no_harm(as_csv):
    raw = (csv_lines if as_csv else json_lines)(taxpayer()).getvalue()
    lines = b"\xef\xbb\xbf" + raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n\r\n  \r\n")
    assert [type(line) for line in read(BytesIO(lines), as_csv=as_csv)] == [TaxpayerLine]
    assert read(BytesIO(b"\xef\xbb\xbf"), as_csv=as_csv) == []
    assert read(BytesIO(b""), as_csv=as_csv) == []


@pytest.mark.rule("D29", "VAL-02")
def test_numbers_are_folded_to_one_form():
    line = only(json_lines(taxpayer(" 9121０104-ma0tr001９q\u200b")).getvalue())
    assert isinstance(line, TaxpayerLine)
    assert line.code == FIRM
    line = only(json_lines(person("21010419950316 0024")).getvalue())
    assert isinstance(line, PersonLine)
    assert line.id_number == "210104199503160024"


@pytest.mark.rule("M91", "M92")
def test_phones_stay_as_they_were_typed():
    line = only(json_lines(post(mobile="  1990000 00０1 ", landline=" 小王 13800000000 ")).getvalue())
    assert isinstance(line, PostLine)
    assert (line.mobile, line.landline) == ("1990000 00０1", "小王 13800000000")


def test_phones_that_are_missing_or_null_are_empty():
    record = post(mobile=None, until=None)
    del record["post"]["landline"]
    line = only(json_lines(record).getvalue())
    assert isinstance(line, PostLine)
    assert (line.mobile, line.landline, line.until) == ("", "", None)


def test_fields_that_nobody_asked_for_are_passed_over():
    record = {**taxpayer(level="A", more=[1]), "exported_at": "2026-11-23"}
    assert isinstance(only(json_lines(record).getvalue()), TaxpayerLine)


@pytest.mark.rule("VAL-03", "VAL-04")
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"taxpayer": ', "not_json"),
        (b"[" * 60_000, "not_json"),
        (b"1" * 60_000, "not_json"),
        (b"\xb9\xfa\xbc\xd2", "not_utf8"),
        (b'{"taxpayer": {"code": "' + b"9" * LONGEST_LINE + b'"}}', "line_too_long"),
        (b"null", "record"),
        (b'"taxpayer"', "record"),
        (b'["taxpayer"]', "record"),
        (b"{}", "record"),
        (b'{"firm": {}}', "record"),
        (b'{"taxpayer": {}, "person": {}}', "record"),
        (b'{"taxpayer": []}', "not_an_object"),
        (b'{"taxpayer": null}', "not_an_object"),
        (b'{"person": {}, "person": {}}', "duplicate_field"),
        (b'{"person": {"name": "a", "name": "b"}}', "duplicate_field"),
    ],
)
def test_a_line_that_is_no_record_is_bad(raw, code):
    line = only(raw)
    assert isinstance(line, BadLine)
    assert (line.number, line.code) == (1, code)


@pytest.mark.rule("VAL-01", "VAL-02", "VAL-03", "VAL-04", "LOG-05")
@pytest.mark.parametrize(
    ("record", "code"),
    [
        (taxpayer("91210104MA0TR0019R"), "taxpayer_code"),
        (taxpayer("../etc"), "taxpayer_code"),
        (taxpayer(""), "missing"),
        (taxpayer(None), "missing"),
        (taxpayer([FIRM]), "not_text"),
        (taxpayer(912101021234567), "not_text"),
        (taxpayer(FIRM + "\0"), "control_character"),
        (taxpayer(FIRM + "0" * 60), "text_too_long"),
        (taxpayer(name=" \u3000 "), "missing"),
        (taxpayer(name="沈" * 201), "text_too_long"),
        (taxpayer(name="沈阳\n听涛"), "control_character"),
        (taxpayer(name="沈阳\u202e听涛"), "control_character"),
        (taxpayer(name="沈阳\ud800"), "control_character"),
        (taxpayer(kind="bank"), "unknown_kind"),
        (taxpayer(kind=True), "not_text"),
        (person("210102199004060043"), "id_number"),
        (person("210102209904060046"), "id_number"),
        (person("19900000001"), "id_number"),
        (person(HAN, id_type="driver"), "unknown_id_type"),
        (person(HAN, id_type=None), "missing"),
        (person(name="韩" * 101), "text_too_long"),
        (person(name={"first": "冬梅"}), "not_text"),
        (post(taxpayer="91210104MA0TR0019R"), "taxpayer_code"),
        (post(position="boss"), "unknown_position"),
        (post(mobile="1" * 65), "text_too_long"),
        (post(landline="024\x1b[31m"), "control_character"),
        (post(mobile=19900000001), "not_text"),
        (post(since=""), "missing"),
        (post(since="20260105"), "date"),
        (post(since="2026-02-30"), "date"),
        (post(since="2026-W01-1"), "date"),
        (post(since="2026-０1-05"), "date"),
        (post(since="0026-01-05"), "date"),
        (post(since=20260105), "not_text"),
        (post(until="9999-12-31"), "date"),
        (post(until="2026-01-04"), "date_order"),
    ],
)
def test_a_bad_field_makes_a_bad_line_whose_reason_repeats_nothing(record, code):
    line = only(json.dumps(record).encode())
    assert isinstance(line, BadLine)
    assert (line.number, line.code) == (1, code)
    assert line.reason.endswith("。")
    for secret in (HAN, FIRM, "19900000001", "912101021234567", "韩"):
        assert secret not in line.reason


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (k, f)
        for k, r in [("taxpayer", taxpayer()), ("person", person()), ("post", post())]
        for f in r[k]
        if f not in ("mobile", "landline")
    ],
)
def test_a_missing_field_is_named(kind, field):
    record = {"taxpayer": taxpayer, "person": person, "post": post}[kind]()
    del record[kind][field]
    line = only(json_lines(record).getvalue())
    assert isinstance(line, BadLine)
    assert (line.code, line.reason) == ("missing", f"缺少“{field}”。")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"firm,,,,,,,,,,\n", "record"),
        (b",,,,,,,,,,\n", "record"),
        (b"taxpayer,91210104MA0TR0019Q\n", "csv_columns"),
        (b"taxpayer,91210104MA0TR0019Q,a,enterprise,,,,,,,,\n", "csv_columns"),
        (b'taxpayer,91210104MA0TR0019Q,"a,enterprise,,,,,,,\n', "not_csv"),
        (b"taxpayer,91210104MA0TR0019Q,a\rb,enterprise,,,,,,,\n", "not_csv"),
        (b"taxpayer,91210104MA0TR0019Q,a\0b,enterprise,,,,,,,\n", "control_character"),
        (b"taxpayer,91210104MA0TR0019Q,\xc9\xf2,enterprise,,,,,,,\n", "not_utf8"),
        (b"post,,,,resident,210103199204150030,clerk,,,2026-01-05,\n", "missing"),
    ],
)
def test_a_bad_row_of_a_csv_file_is_bad_alone(raw, code):
    line = only(raw, as_csv=True)
    assert isinstance(line, BadLine)
    assert (line.number, line.code) == (2, code)


def test_what_follows_a_line_that_is_too_long_is_read_and_counted_right():
    raw = b"x" * (3 * LONGEST_LINE) + b"\n" + json_lines(taxpayer()).getvalue()
    reader = RegisterReader(BytesIO(raw), as_csv=False)
    long, good = list(reader)
    assert (long.number, long.code) == (1, "line_too_long")
    assert (good.number, type(good)) == (2, TaxpayerLine)
    assert reader.bytes_read == len(raw)


def test_a_line_of_many_megabytes_takes_little_memory(tmp_path: Path):
    file = tmp_path / "register.jsonl"
    with file.open("wb") as stream:
        stream.truncate(32 * 1024 * 1024)
    tracemalloc.start()
    with file.open("rb") as stream:
        [line] = read(stream)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert line.code == "line_too_long"
    assert peak < 2 * 1024 * 1024


@pytest.mark.rule("LOG-05")
def test_a_line_shows_no_personal_data_where_it_is_printed():
    for line in read(json_lines(taxpayer(), person(), post())):
        assert not any(secret in repr(line) for secret in (HAN, "韩冬梅", "19900000001"))
