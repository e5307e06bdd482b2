"""The world of the staff list's benchmark: firms of different size whose staff are alike, and the doors into them.

Of every ten members three are called 张, three are frozen, one is bound and one has no phone on file, whatever the
size, so that every search fills a page of twenty in the smallest firm as well. One alone, the first clerk, has a rare
name, and has expired: a search for him has to pass by all the others.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from html import unescape

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils import timezone
from import_register import firm_code, id_number

from accounts import passwords, pictures
from accounts.models import Person, SignIn, Taxpayer
from accounts.models.signins import EndReason, Proof
from accounts.numbers import IdType
from realname.models import Position, Post, RealNameRecord
from staff import functions
from staff.models import Identity, Membership

PASSWORD = "Enterprise-2026-ok"
SINCE, BATCH = date(2024, 1, 5), 1000
SURNAMES = "张王李张赵钱张孙周吴"
RARE_NAME = "欧阳独秀"
LEADS = (Position.LEGAL_REP, Position.FINANCE)


@dataclass(frozen=True, slots=True)
class Firm:
    """A taxpayer of the benchmark with its staff (the two leads and `size` clerks) and its legal representative."""

    size: int
    taxpayer: Taxpayer
    lead: Person

    def key_at(self, depth: float) -> int:
        """The primary key that this share of its members, newest first, come before."""
        keys = Membership.objects.filter(taxpayer=self.taxpayer).order_by("-pk").values_list("pk", flat=True)
        return int(keys[int(self.size * depth)])


def build(sizes: tuple[int, ...]) -> list[Firm]:
    """All the firms, one after the other; PostgreSQL is told what it holds, as autovacuum would tell it."""
    with transaction.atomic():
        firms = [_build_firm(number, size, first=number * 100_000) for number, size in enumerate(sizes)]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return firms


def _build_firm(number: int, size: int, *, first: int) -> Firm:
    taxpayer = Taxpayer.objects.create(
        code=firm_code(number),
        name=f"沈阳第{number}制造有限公司",
        credential=passwords.store(None, passwords.hash_new(PASSWORD)),
        opened_at=timezone.now() - timedelta(days=400),
    )
    people = Person.objects.bulk_create(list(_people(size, first)), batch_size=BATCH)
    Post.objects.bulk_create(list(_posts(taxpayer, people)), batch_size=BATCH)
    RealNameRecord.objects.bulk_create(
        [RealNameRecord(person=each, phone=each.phone, method=RealNameRecord.Method.COUNTER) for each in people],
        batch_size=BATCH,
    )
    members = Membership.objects.bulk_create(list(_memberships(taxpayer, people)), batch_size=BATCH)
    _give_identities(taxpayer, members[len(LEADS) :])
    SignIn.objects.bulk_create(list(_sign_ins(taxpayer, people)), batch_size=BATCH)
    return Firm(size, taxpayer, people[0])


def _people(size: int, first: int) -> Iterator[Person]:
    """The two leads, the clerk with the rare name, then all the others; to the first the admin is open too."""
    for serial in range(size + len(LEADS)):
        name = RARE_NAME if serial == len(LEADS) else f"{SURNAMES[serial % 10]}{'晓建文'[serial % 3]}{serial}"
        yield Person(
            name=name,
            id_type=IdType.RESIDENT,
            id_number=id_number(first + serial),
            phone=f"199{first + serial:08d}",
            is_staff=serial == 0,
            is_superuser=serial == 0,
        )


def _posts(taxpayer: Taxpayer, people: list[Person]) -> Iterator[Post]:
    for serial, person in enumerate(people):
        position = LEADS[serial] if serial < len(LEADS) else Position.CLERK
        mobile = "" if serial % 10 == 9 else person.phone
        yield Post(
            taxpayer=taxpayer,
            person=person,
            position=position,
            mobile=mobile,
            since=SINCE,
            linked_at=timezone.now() - timedelta(days=300),
        )


def _memberships(taxpayer: Taxpayer, people: list[Person]) -> Iterator[Membership]:
    """In the order of the people: the leads are the oldest. The legal representative has his own password."""
    now = timezone.now()
    added, lately = now - timedelta(days=200), now - timedelta(days=20)
    own = passwords.store(None, passwords.hash_new("Personal-2026-ok"))
    for serial, person in enumerate(people):
        clerk = serial >= len(LEADS)
        yield Membership(
            taxpayer=taxpayer,
            person=person,
            credential=own if serial == 0 else None,
            added_at=added,
            is_manager=clerk and serial % 10 == 3,
            frozen_at=lately if clerk and serial % 10 in (4, 5, 7) else None,
            bound_at=lately if clerk and serial % 10 == 6 else None,
            valid_until=lately if serial == len(LEADS) else None,
        )


def _give_identities(taxpayer: Taxpayer, members: list[Membership]) -> None:
    """Four identities of the firm; a clerk has one, every other clerk two."""
    identities = [Identity.objects.create(taxpayer=taxpayer, name=name) for name in ("办税", "查询", "开票", "申报")]
    for identity in identities:
        identity.grant(functions.ALL)
    through = Membership.identities.through
    pairs = [
        through(membership=member, identity=identities[(serial + more) % 4])
        for serial, member in enumerate(members)
        for more in range(1 + serial % 2)
    ]
    through.objects.bulk_create(pairs, batch_size=BATCH)


def _sign_ins(taxpayer: Taxpayer, people: list[Person]) -> Iterator[SignIn]:
    """None, one, two or three of each person, over by now."""
    now = timezone.now()
    for serial, person in enumerate(people):
        for day in range(serial % 4):
            started = now - timedelta(days=30 * day + 1, seconds=serial)
            yield SignIn(
                person=person,
                taxpayer=taxpayer,
                proof=Proof.ENTERPRISE_SMS,
                started_at=started,
                seen_at=started,
                ended_at=started + timedelta(minutes=40),
                ended_because=EndReason.SIGNED_OUT,
                ip="127.0.0.1",
            )


def signed_in(firm: Firm) -> Client:
    """A browser in which the firm's legal representative has signed in: enterprise password, picture, person, code."""
    client = Client(SERVER_NAME="127.0.0.1")
    page = client.get("/login/").content.decode()
    token = unescape(re.search(r'name="captcha_token" value="([^"]+)"', page)[1])
    firm_fields = {"code": firm.taxpayer.code, "password": PASSWORD, "agreement": "on"}
    picture = {"captcha_token": token, "captcha": pictures.answer(token)}
    _go_on(client.post("/login/", {**firm_fields, **picture}), "/login/enterprise/person/")
    _go_on(client.post("/login/enterprise/person/", {"person": str(firm.lead.uid)}), "/login/enterprise/sms/")
    with override_settings(DEBUG=True):  # the phone is a file, which is for DEBUG alone (OTP-11)
        client.post("/login/enterprise/sms/send/")
        _go_on(client.post("/login/enterprise/sms/", {"code": _code_on(firm.lead.phone)}), "/")
    return client


def _go_on(response: HttpResponse, address: str) -> None:
    if response.status_code != 302 or response["Location"] != address:
        raise SystemExit(f"the sign-in did not go on to {address}: {response.status_code} {response.headers}")


def _code_on(phone: str) -> str:
    """The newest code on this phone."""
    lines = (settings.VAR_DIR / "sms.jsonl").read_text().splitlines()
    texts = [message["text"] for message in map(json.loads, lines) if message["to"] == phone]
    return re.search(r"\d{6}", texts[-1])[0]


def signed_in_admin() -> Client:
    """A browser of an administrator in Django's admin, behind Django's own middlewares alone."""
    officer = Person.objects.create(
        name="管理员",
        id_type=IdType.RESIDENT,
        id_number=id_number(900_000),
        username="admin",
        is_staff=True,
        is_superuser=True,
    )
    client = Client(SERVER_NAME="127.0.0.1")
    with override_settings(MIDDLEWARE=settings.ADMIN_MIDDLEWARE):
        client.handler.load_middleware()
    client.force_login(officer)
    return client
