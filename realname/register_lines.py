"""The lines of a tax register file: what each says, and why a bad one can't be taken (D34).

The file is JSON Lines or CSV, in UTF-8. It is read one physical line at a time, and never more than `LONGEST_LINE`
bytes of one, so that a file of any size takes the same memory. No reason repeats what stood in the line: it may hold
identity numbers and phones (LOG-05).
"""

import codecs
import csv
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, TypeAlias, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from accounts import numbers
from accounts.models.people import TaxpayerKind
from realname.checkpoints import Place
from realname.models import Position

LONGEST_LINE = 64 * 1024
CSV_COLUMNS = (
    "record",
    "code",
    "name",
    "kind",
    "id_type",
    "id_number",
    "position",
    "mobile",
    "landline",
    "since",
    "until",
)
_RECORDS = ("taxpayer", "person", "post")
_NAME_OF_PERSON = 100
_NAME_OF_TAXPAYER = 200
# What somebody may type for a number or a phone, blanks and dashes among it.
_NUMBER_AS_TYPED = 64
# Control characters, surrogates and line separators; in names also what is invisible or turns the direction round.
_HARMFUL = ("Cc", "Cs", "Zl", "Zp")
_INVISIBLE = ("Cf",)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Some systems write 9999-12-31 for "no end". Here no end is an empty `until`: the database counts open posts by it.
_YEARS = range(1900, 2200)

Fields: TypeAlias = Mapping[str, Any]
Identity: TypeAlias = tuple[str, str]
PostKey: TypeAlias = tuple[str, str, str, str, date]
Choice = TypeVar("Choice", bound=models.TextChoices)


class ByteLines(Protocol):
    """A binary file, or whatever else can give its next line."""

    def readline(self, limit: int, /) -> bytes:
        """The next line with its end, at most `limit` bytes of it; nothing at the end of the file."""


class SeekableLines(ByteLines, Protocol):
    """A binary file in which one can go on from a place."""

    def seek(self, offset: int, /) -> int:
        """Go to this byte."""


@dataclass(frozen=True, slots=True)
class TaxpayerLine:
    """The register knows this taxpayer; `code` is folded."""

    number: int
    code: str = field(repr=False)
    name: str
    kind: TaxpayerKind


@dataclass(frozen=True, slots=True)
class PersonLine:
    """The register knows this person; `id_number` is folded."""

    number: int
    name: str = field(repr=False)
    id_type: numbers.IdType
    id_number: str = field(repr=False)

    @property
    def identity(self) -> Identity:
        """What a person is known by: (id_type, id_number)."""
        return self.id_type.value, self.id_number


@dataclass(frozen=True, slots=True)
class PostLine:
    """The register says that a person holds a position at a taxpayer; the phones are as they were typed there (M92)."""

    number: int
    code: str = field(repr=False)
    id_type: numbers.IdType
    id_number: str = field(repr=False)
    position: Position
    mobile: str = field(repr=False)
    landline: str = field(repr=False)
    since: date
    until: date | None

    @property
    def identity(self) -> Identity:
        """What its person is known by: (id_type, id_number)."""
        return self.id_type.value, self.id_number

    @property
    def key(self) -> PostKey:
        """What the post is known by: (taxpayer, person, position, since) (D34)."""
        return self.code, *self.identity, self.position.value, self.since


Line: TypeAlias = TaxpayerLine | PersonLine | PostLine


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that can't be taken: its number in the file (from 1), a code, and the reason in words."""

    number: int
    code: str
    reason: str


class RegisterReader:
    """The lines of a register file, one after the other; `bytes_read` says how far it has come."""

    def __init__(self, stream: ByteLines, *, as_csv: bool) -> None:
        self._stream = stream
        self._as_csv = as_csv
        self._columns: list[str] = []
        self.bytes_read = 0
        self.lines_read = 0

    @classmethod
    def going_on(cls, stream: SeekableLines, place: Place, *, as_csv: bool) -> "RegisterReader":
        """A reader that goes on after this place; of a CSV file it reads the names of the columns first.

        Raises ValidationError `csv_header` when a CSV file lacks a column.
        """
        reader = cls(stream, as_csv=as_csv)
        if as_csv and place.byte:
            reader._columns = _header(reader._take())
        stream.seek(place.byte)
        reader.bytes_read, reader.lines_read = place.byte, place.line
        return reader

    @property
    def place(self) -> Place:
        """How far it has come."""
        return Place(self.bytes_read, self.lines_read)

    def __iter__(self) -> Iterator[Line | BadLine]:
        """Each line that isn't blank. Raises ValidationError `csv_header` when a CSV file lacks a column (D34)."""
        for raw, is_whole in self._raw_lines():
            number = self.lines_read
            if self._as_csv and not self._columns:
                self._columns = _header(raw if is_whole else b"")
                continue
            try:
                text = _decoded(raw, is_whole=is_whole)
                if text:
                    yield self._parsed(number, text)
            except ValidationError as error:
                yield BadLine(number, code_of(error), error.messages[0])

    def _raw_lines(self) -> Iterator[tuple[bytes, bool]]:
        """(bytes, whether that is the whole line): the rest of a line that is too long is passed over."""
        while raw := self._take():
            start, size = raw, len(raw)
            while not raw.endswith(b"\n") and (raw := self._take()):
                size += len(raw)
            self.lines_read += 1
            yield start, size <= LONGEST_LINE

    def _take(self) -> bytes:
        raw = self._stream.readline(LONGEST_LINE + 1)
        is_first = not self.bytes_read
        self.bytes_read += len(raw)
        return raw.removeprefix(codecs.BOM_UTF8) if is_first else raw

    def _parsed(self, number: int, text: str) -> Line:
        record, fields = _csv_record(text, self._columns) if self._as_csv else _json_record(text)
        return parse_record(number, record, fields)


def parse_record(number: int, record: str, fields: Fields) -> Line:
    """What the fields of one record say. Raises ValidationError whose code and words tell what is wrong."""
    if record == "taxpayer":
        return TaxpayerLine(
            number=number,
            code=_code(fields, "code"),
            name=_needed(fields, "name", limit=_NAME_OF_TAXPAYER),
            kind=_choice(fields, "kind", TaxpayerKind),
        )
    if record == "person":
        id_type = _choice(fields, "id_type", numbers.IdType)
        return PersonLine(
            number=number,
            name=numbers.clean_name(_needed(fields, "name", limit=_NAME_OF_PERSON)),
            id_type=id_type,
            id_number=_id_number(fields, id_type),
        )
    if record == "post":
        return _post(number, fields)
    raise _refusal("record", _("记录类型不明，应为taxpayer、person或post。"))


def code_of(error: ValidationError) -> str:
    """The code of a refusal that has one, else `invalid`."""
    return getattr(error, "code", None) or "invalid"


def _post(number: int, fields: Fields) -> PostLine:
    id_type = _choice(fields, "id_type", numbers.IdType)
    since, until = _date(fields, "since"), _date_or_none(fields, "until")
    if until and until < since:
        raise _refusal("date_order", _("任职截止日期早于起始日期。"))
    return PostLine(
        number=number,
        code=_code(fields, "taxpayer"),
        id_type=id_type,
        id_number=_id_number(fields, id_type),
        position=_choice(fields, "position", Position),
        mobile=_text(fields, "mobile", limit=_NUMBER_AS_TYPED),
        landline=_text(fields, "landline", limit=_NUMBER_AS_TYPED),
        since=since,
        until=until,
    )


def _refusal(code: str, reason: str) -> ValidationError:
    return ValidationError(reason, code=code)


def _header(raw: bytes) -> list[str]:
    """The names of a CSV file's columns: those of D34 in any order, others are passed over."""
    try:
        columns = [name.strip() for name in _cells(raw.decode().strip())]
    except (UnicodeDecodeError, ValidationError):
        columns = []
    if not set(CSV_COLUMNS) <= set(columns) or len(columns) != len(set(columns)):
        raise _refusal("csv_header", _("CSV文件的第一行应为列名：%(columns)s。") % {"columns": ",".join(CSV_COLUMNS)})
    return columns


def _decoded(raw: bytes, *, is_whole: bool) -> str:
    if not is_whole:
        raise _refusal("line_too_long", _("该行超过%(limit)d字节。") % {"limit": LONGEST_LINE})
    try:
        return raw.decode().strip(" \t\r\n")
    except UnicodeDecodeError as error:
        raise _refusal("not_utf8", _("不是UTF-8编码的文本。")) from error


def _json_record(text: str) -> tuple[str, Fields]:
    """(record, fields) of `{"taxpayer": {…}}`, `{"person": {…}}` or `{"post": {…}}`."""
    try:
        line = _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise _refusal("not_json", _("不是有效的JSON。")) from error
    records = [name for name in _RECORDS if name in line] if isinstance(line, dict) else []
    if len(records) != 1:
        raise _refusal("record", _("记录类型不明，应为taxpayer、person或post。"))
    fields = line[records[0]]
    if not isinstance(fields, dict):
        raise _refusal("not_an_object", _("“%(field)s”应为对象。") % {"field": records[0]})
    return records[0], fields


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no field stands twice (VAL-04)."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _refusal("duplicate_field", _("同一字段出现了两次。"))
    return fields


_JSON = json.JSONDecoder(object_pairs_hook=_object)


def _csv_record(text: str, columns: list[str]) -> tuple[str, Fields]:
    """(record, fields) of one CSV row: in a post's row `code` is the taxpayer's number (D34)."""
    cells = _cells(text)
    if len(cells) != len(columns):
        raise _refusal("csv_columns", _("列数与第一行不符。"))
    fields = dict(zip(columns, cells, strict=True))
    fields["taxpayer"] = fields["code"]
    return fields["record"].strip(), fields


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise _refusal("not_csv", _("不是有效的CSV。")) from error


def _text(fields: Fields, name: str, *, limit: int, invisible_too: bool = True) -> str:
    """The stripped text of a field; a field that is missing or null is empty."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _refusal("not_text", _("“%(field)s”应为文本。") % {"field": name})
    text = value.strip()
    if len(text) > limit:
        raise _refusal("text_too_long", _("“%(field)s”超过%(limit)d个字符。") % {"field": name, "limit": limit})
    harmful = _HARMFUL + _INVISIBLE if invisible_too else _HARMFUL
    if not text.isprintable() and any(unicodedata.category(c) in harmful for c in text):
        raise _refusal("control_character", _("“%(field)s”含有控制字符或不可见字符。") % {"field": name})
    return text


def _needed(fields: Fields, name: str, *, limit: int, invisible_too: bool = True) -> str:
    text = _text(fields, name, limit=limit, invisible_too=invisible_too)
    if not text:
        raise _refusal("missing", _("缺少“%(field)s”。") % {"field": name})
    return text


def _code(fields: Fields, name: str) -> str:
    return numbers.clean_taxpayer_code(_needed(fields, name, limit=_NUMBER_AS_TYPED, invisible_too=False))


def _id_number(fields: Fields, id_type: numbers.IdType) -> str:
    return numbers.clean_id_number(id_type, _needed(fields, "id_number", limit=_NUMBER_AS_TYPED, invisible_too=False))


def _choice(fields: Fields, name: str, choices: type[Choice]) -> Choice:
    text = _needed(fields, name, limit=_NUMBER_AS_TYPED)
    try:
        return choices(text)
    except ValueError as error:
        words = {"field": name, "known": _("、").join(choices.values)}
        raise _refusal(f"unknown_{name}", _("“%(field)s”应为%(known)s之一。") % words) from error


def _date(fields: Fields, name: str) -> date:
    day = _date_or_none(fields, name)
    if day is None:
        raise _refusal("missing", _("缺少“%(field)s”。") % {"field": name})
    return day


def _date_or_none(fields: Fields, name: str) -> date | None:
    text = _text(fields, name, limit=_NUMBER_AS_TYPED)
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise _refusal("date", _("“%(field)s”不是有效日期，应为YYYY-MM-DD；没有截止日期的请留空。") % {"field": name})
    return day
