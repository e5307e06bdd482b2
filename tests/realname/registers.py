"""Register files as tests need them: firms and people who are not in the demo world, and what became of them."""

import csv
import json
from io import BytesIO, StringIO
from typing import Any, Protocol

from django.db.models import QuerySet

from accounts import numbers, sealing
from accounts.models import Person, Taxpayer
from realname.models import Post, PostQuerySet
from realname.register import BATCH, ImportResult, import_register
from realname.register_lines import CSV_COLUMNS, BadLine, RegisterReader

FIRM = "91210104MA0TR0019Q"
OTHER_FIRM = "91210105MA0TR00272"
HAN = "210103199204150030"
LU = "210112198509230017"

Record = dict[str, dict[str, Any]]


class Readable(Protocol):
    def readline(self, limit: int, /) -> bytes: ...


def resident(serial: int) -> str:
    """The resident number of made-up person `serial`, 0 to 28,999."""
    stem = f"2101021990{serial // 1000 % 9 + 1:02d}{serial // 9000 + 10:02d}{serial % 1000:03d}"
    return next(stem + last for last in "0123456789X" if numbers.is_resident_number(stem + last))


def taxpayer(code: str = FIRM, **other: Any) -> Record:
    return {"taxpayer": {"code": code, "name": "沈阳听涛科技有限公司", "kind": "enterprise", **other}}


def person(id_number: str = HAN, **other: Any) -> Record:
    return {"person": {"name": "韩冬梅", "id_type": "resident", "id_number": id_number, **other}}


def post(id_number: str = HAN, position: str = "legal_rep", **other: Any) -> Record:
    fields = {
        "taxpayer": FIRM,
        "id_type": "resident",
        "id_number": id_number,
        "position": position,
        "mobile": "19900000001",
        "landline": "",
        "since": "2026-01-05",
    }
    return {"post": {**fields, **other}}


def basis() -> list[Record]:
    """Two firms and two people, before any post."""
    return [taxpayer(), taxpayer(OTHER_FIRM, name="沈阳望岳机械制造有限公司"), person(), person(LU, name="陆一鸣")]


def clerks(count: int) -> list[Record]:
    """`count` people, each a clerk of the firm."""
    people = [resident(serial) for serial in range(count)]
    return [person(number) for number in people] + [post(number, "clerk") for number in people]


def json_lines(*records: Record) -> BytesIO:
    return BytesIO(b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records))


def csv_lines(*records: Record) -> BytesIO:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, CSV_COLUMNS, restval="")
    writer.writeheader()
    for record in records:
        [(kind, fields)] = record.items()
        cells = {"code" if name == "taxpayer" else name: value for name, value in fields.items()}
        writer.writerow({"record": kind, **{name: value or "" for name, value in cells.items()}})
    return BytesIO(text.getvalue().encode())


def read(stream: Readable, *, as_csv: bool = False) -> list[Any]:
    return list(RegisterReader(stream, as_csv=as_csv))


def take(*records: Record, batch_size: int = BATCH) -> tuple[ImportResult, list[BadLine]]:
    """Import the records from JSON Lines: (what it did, the bad lines)."""
    bad: list[BadLine] = []
    reader = RegisterReader(json_lines(*records), as_csv=False)
    return import_register(reader, batch_size=batch_size, on_bad=bad.append), bad


def firms() -> QuerySet[Taxpayer]:
    """The two firms of these files, as far as they are in the database."""
    return Taxpayer.objects.filter(code__in=(FIRM, OTHER_FIRM)).order_by("code")


def people() -> QuerySet[Person]:
    """The two people of these files, as far as they are in the database."""
    hashes = [*sealing.lookup_hashes(HAN), *sealing.lookup_hashes(LU)]
    return Person.objects.filter(id_number_hash__in=hashes).order_by("pk")


def posts() -> PostQuerySet:
    """Every post at the two firms."""
    return Post.objects.filter(taxpayer__in=firms()).order_by("taxpayer__code", "position", "since", "pk")
