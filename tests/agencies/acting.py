"""People of the demo world between agency and client: engagements by key, ways in, what the actors may do."""

from dataclasses import replace
from datetime import date, timedelta

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts.actor import Actor
from agencies.models import Engagement
from agencies.services.recognition import Terms
from staff.models import Identity
from tests import cast
from tests.staff.acting import actor
from tests.visitor import Visitor

CLIENTS = "/agencies/clients/"


def engagement(client: str, agency: str = "XD") -> Engagement:
    """The open engagement, or request, of these two firms of the demo world."""
    return Engagement.objects.open().get(client=cast.taxpayer(client), agency=cast.taxpayer(agency))


def identity(key: str, name: str) -> Identity:
    """An identity of a firm."""
    return Identity.objects.get(taxpayer=cast.taxpayer(key), name=name)


def today(days: int = 0) -> date:
    """So many days from today."""
    return timezone.localdate() + timedelta(days=days)


def terms(key: str = "HC", name: str = "查询员", **days) -> Terms:
    """Terms that a client may agree to."""
    return Terms(identity=identity(key, name), **{"valid_from": today(), **days})


def agency_password(visitor: Visitor, key: str = "XD", **changed) -> HttpResponse:
    """The first step of 代理机构登录."""
    data = {"code": cast.CODES[key], "password": cast.ENTERPRISE_PASSWORDS[key], "agreement": "on"}
    return visitor.post_with_picture(reverse("agencies:agency_login"), {**data, **changed})


def choose(visitor: Visitor, name: str) -> HttpResponse:
    """The handler, at that door."""
    return visitor.post(reverse("agencies:agency_person"), {"person": str(cast.person(name).uid)})


def sign_in(visitor: Visitor, name: str, key: str = "XD") -> HttpResponse:
    """Both steps with the personal password of the demo world."""
    agency_password(visitor, key)
    choose(visitor, name)
    return visitor.post(reverse("agencies:agency_password"), {"password": cast.PERSONAL_PASSWORDS[key, name]})


def enter(visitor: Visitor, client: str) -> HttpResponse:
    """The third step."""
    return visitor.post(reverse("agencies:enter", args=[engagement(client).uid]))


def act_for(visitor: Visitor, name: str, client: str) -> HttpResponse:
    """All three steps; the home page of the client."""
    sign_in(visitor, name)
    assert enter(visitor, client).url == reverse("home")
    return visitor.get(reverse("home"))


def lead(key: str, name: str) -> Actor:
    """A lead at work in his own firm, proven by SMS."""
    return actor(key, name)


def handler(name: str, client: str) -> Actor:
    """A handler at work for a client, as the middleware completes him."""
    from agencies import acting

    return replace(acting.completed(actor("XD", name), engagement(client)))
