"""The world of the enumeration benchmark: who exists, and their twins, who are of the same shape and don't.

For each pair there is a firm with its legal representative, two accounts, and somebody collected who has none.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from import_register import firm_code, id_number

from accounts import passwords
from accounts.models import Credential, Person, Taxpayer
from accounts.numbers import IdType
from realname.models import Position, Post, RealNameRecord

SINCE, BATCH = date(2024, 1, 5), 500
NOBODYS = 500_000
"""Serial numbers from here on belong to nobody."""
AGENCIES = 2 * NOBODYS
"""The agencies' own serial numbers begin here."""
RIGHT, WRONG = "Enumeration-2026-ok", "Enumeration-2026-no"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is typed for one side of a pair."""

    code: str
    agency_code: str
    username: str
    sms_username: str
    name: str
    lead_phone: str
    owner_phone: str
    id_number: str
    free_phone: str


def subject(serial: int) -> Subject:
    """The typed facts with this serial number; equal in length whoever they are of."""
    return Subject(
        code=firm_code(serial),
        agency_code=firm_code(AGENCIES + serial),
        username=f"user{serial:06d}",
        sms_username=f"asks{serial:06d}",
        name=f"王{serial:06d}",
        lead_phone=f"199{serial:08d}",
        owner_phone=f"198{serial:08d}",
        id_number=id_number(serial),
        free_phone=f"197{serial:08d}",
    )


@transaction.atomic
def build(pairs: int) -> None:
    """All that is known, collected and open; the passwords are all alike."""
    hashed = passwords.hash_new(RIGHT)
    subjects = [subject(serial) for serial in range(1, pairs + 1)]
    credentials = Credential.objects.bulk_create([Credential(password=hashed) for _ in range(4 * pairs)], BATCH)
    opened = timezone.now() - timedelta(days=400)
    firms = Taxpayer.objects.bulk_create(
        [
            Taxpayer(code=each.code, name=f"沈阳{each.code}有限公司", credential=credential, opened_at=opened)
            for each, credential in zip(subjects, credentials[:pairs], strict=True)
        ],
        BATCH,
    )
    agencies = [
        Taxpayer(code=each.agency_code, name=f"沈阳{each.agency_code}税务师事务所", kind="agency", **own)
        for each, own in zip(
            subjects, ({"credential": each, "opened_at": opened} for each in credentials[3 * pairs :]), strict=True
        )
    ]
    Taxpayer.objects.bulk_create(agencies, BATCH)
    leads = [_person(100_000 + n, each.lead_phone) for n, each in enumerate(subjects)]
    owners = [
        _person(200_000 + n, each.owner_phone, username=each.username, credential=credentials[pairs + n])
        for n, each in enumerate(subjects)
    ]
    askers = [
        _person(300_000 + n, f"196{n:08d}", username=each.sms_username, credential=credentials[2 * pairs + n])
        for n, each in enumerate(subjects)
    ]
    free = [_person(n, each.free_phone, name=each.name) for n, each in enumerate(subjects, 1)]
    people = Person.objects.bulk_create([*leads, *owners, *askers, *free], BATCH)
    collected = [RealNameRecord(person=person, phone=person.phone, method="counter") for person in people]
    RealNameRecord.objects.bulk_create(collected, BATCH)
    posts = [
        Post(taxpayer=firm, person=lead, position=Position.LEGAL_REP, mobile=lead.phone, since=SINCE)
        for firm, lead in zip(firms, people[:pairs], strict=True)
    ]
    Post.objects.bulk_create(posts, BATCH)


def _person(serial: int, phone: str, *, name: str = "", **account: Any) -> Person:
    number = id_number(serial)
    return Person(name=name or f"张{serial}", id_type=IdType.RESIDENT, id_number=number, phone=phone, **account)
