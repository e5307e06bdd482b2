"""The two officers of the demo world at work: actors for the services, sign-ins for the pages."""

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import SignIn, Throttle
from accounts.models.signins import Proof
from tests import cast
from tests.visitor import Visitor

COUNTER, REVIEWER = "顾前程", "高明远"


def officer(name: str = COUNTER, *, proof: Proof = Proof.OFFICER_SMS) -> Actor:
    """The officer, come in by his own door unless told otherwise."""
    sign_in = SignIn.objects.create(person=cast.person(name), proof=proof, code_at=timezone.now())
    return Actor(person=cast.person(name), sign_in=sign_in, ip="127.0.0.1")


def give_password(visitor: Visitor, name: str = COUNTER, **changed: str) -> HttpResponse:
    """The first step of the officers' door."""
    data = {"username": cast.USERNAMES[name], "password": cast.NATURAL_PASSWORDS[name], **changed}
    return visitor.post_with_picture(reverse("bureau:login"), data)


def give_code(visitor: Visitor, name: str = COUNTER) -> HttpResponse:
    """The second."""
    return visitor.post(reverse("bureau:code"), {"code": visitor.code_on(cast.PHONES[name])})


def sign_in(visitor: Visitor, name: str = COUNTER) -> Visitor:
    """Both, whatever was sent to the phone before."""
    Throttle.objects.filter(key__startswith="code_gap").delete()
    give_password(visitor, name)
    assert give_code(visitor, name).url == reverse("bureau:index")
    return visitor
