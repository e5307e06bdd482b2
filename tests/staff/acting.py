"""People of the demo world at work in 企业人员维护: actors for the services, forms for the pages, what was recorded."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts import passwords
from accounts.actor import Actor
from accounts.models import AuditEntry, Person, SignIn, Taxpayer, Throttle
from accounts.models.signins import Proof
from realname.models import Position, Post, RealNameRecord
from staff import standing
from staff.middleware import completed
from staff.models import Identity, Membership
from tests import cast
from tests.visitor import Visitor

_VERSION = re.compile(r'name="version" value="(\d+)"')


def actor(key: str, name: str, *, proof: Proof = Proof.ENTERPRISE_SMS, **more) -> Actor:
    """Somebody signed in at a firm, completed as every request completes him; by SMS unless said otherwise."""
    person, firm = cast.person(name), cast.taxpayer(key)
    code_at = timezone.now() if proof == Proof.ENTERPRISE_SMS else None
    sign_in = SignIn.objects.create(person=person, taxpayer=firm, proof=proof, **{"code_at": code_at, **more})
    actor = Actor(person=person, taxpayer=firm, sign_in=sign_in, ip="127.0.0.1")
    return completed(actor, standing.of_person(person, firm))


def refusal(service, *args, **kwargs) -> str:
    """The code with which the service refuses; the test fails where it doesn't."""
    with pytest.raises(ValidationError) as caught:
        service(*args, **kwargs)
    return str(caught.value.code)


def address(act: str, member: Membership) -> str:
    """The page of an act on a member."""
    return reverse(f"staff:{act}", args=[member.uid])


def version_on(page: HttpResponse) -> str:
    """The version that the page's form carries."""
    return _VERSION.search(page.content.decode())[1]


def do(visitor: Visitor, act: str, member: Membership, **data) -> HttpResponse:
    """Open the page of an act, send its form, and confirm what is shown before other rights are saved."""
    there = address(act, member)
    return visitor.post(there, {"version": version_on(visitor.get(there)), "reviewed": "yes", **data})


def identity(name: str = "查询员", key: str = "HC") -> Identity:
    """An identity of a firm of the demo world."""
    return Identity.objects.get(taxpayer=cast.taxpayer(key), name=name)


def entries(kind: str, **more) -> list[AuditEntry]:
    """What the record holds of this kind, oldest first."""
    return list(AuditEntry.objects.filter(kind=kind, **more).order_by("seq"))


def state_of(member: Membership) -> dict[str, object]:
    """Every column of the membership and its identities: equal before and after means that nothing was changed."""
    row = Membership.objects.filter(pk=member.pk).values().get()
    credential = Membership.objects.get(pk=member.pk).credential
    password = (credential.password, credential.version, credential.temporary_until) if credential else None
    return {**row, "password": password, "names": sorted(member.identities.values_list("name", flat=True))}


def newcomer(firm: Taxpayer, number: int, *, name: str = "", member: bool = True) -> Person:
    """One more clerk in the firm's register, collected and linked; a member unless told otherwise."""
    phone = f"198{number:08}"
    who = name or f"员工{number:04}"
    person = Person.objects.create(name=who, id_type="passport", id_number=f"N{number:08}", phone=phone)
    linked = timezone.now()
    Post.objects.create(
        taxpayer=firm, person=person, position=Position.CLERK, mobile=phone, since="2026-01-05", linked_at=linked
    )
    RealNameRecord.objects.create(person=person, phone=phone, method="counter")
    if member:
        Membership.objects.create(taxpayer=firm, person=person)
    return person


_TOKENS = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]+"|(?<=nonce=")[^"]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}'
)


def without_tokens(answer: HttpResponse) -> str:
    """The page but for what differs on every page: tokens, ids, the request's number."""
    return _TOKENS.sub("", answer.content.decode())


def settle_yunfan() -> Membership:
    """沈阳云帆 after its first sign-in, and 孙雅静 a member there as well, who may see 历史办税操作查询."""
    firm = cast.taxpayer("YF")
    own = passwords.store(None, passwords.hash_new("云帆2026好天气"))
    Membership.objects.create(taxpayer=firm, person=cast.person("王晓敏"), credential=own)
    identity = Identity.objects.create(taxpayer=firm, name="查询员")
    identity.grant(["query.record.operations"])
    credential = passwords.store(None, passwords.hash_new("雅静在云帆的密码"))
    member = Membership.objects.create(taxpayer=firm, person=cast.person("孙雅静"), credential=credential)
    member.identities.add(identity)
    return member


def as_himself(visitor: Visitor, name: str) -> HttpResponse:
    """A whole 自然人登录 by password."""
    data = {"username": cast.USERNAMES[name], "password": cast.NATURAL_PASSWORDS[name], "agreement": "on"}
    return visitor.post_with_picture(reverse("staff:natural_login"), data)


def to(uid: object) -> str:
    """The address at which one switches to a taxpayer, or to oneself."""
    return reverse("staff:switch", args=[uid])


def switch_with_password(visitor: Visitor, key: str, **changed) -> HttpResponse:
    """Choose a firm and give its enterprise password."""
    return visitor.post(to(cast.taxpayer(key).uid), {"password": cast.ENTERPRISE_PASSWORDS[key], **changed})


def switch_with_code(visitor: Visitor, uid: object, name: str) -> HttpResponse:
    """Ask for the code of a switch and give it."""
    Throttle.objects.filter(key__startswith="code_gap").delete()
    visitor.post(reverse("staff:send_switch_code", args=[uid]))
    return visitor.post(to(uid), {"code": visitor.code_on(cast.PHONES[name])})
