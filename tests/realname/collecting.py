"""Somebody at 实名采集: the pages in order, and the officer who decides."""

from django.test import TestCase
from django.urls import reverse

from accounts.actor import Actor
from accounts.models import Person, SignIn, Throttle
from accounts.models.signins import Proof
from realname.models import Collection
from tests import cast
from tests.realname import cards
from tests.visitor import Visitor

PAGES = ("new", "collect_code", "consent", "card_front", "card_back", "details", "face", "result")
NAME = "周文博"


def at(page: str) -> str:
    """The address of a page."""
    return reverse(f"realname:{page}")


def tell_who(visitor: Visitor, who: str = NAME, /, *, way: str = "new", **changed):
    """The first page, as somebody of the demo world."""
    data = {"name": who, "id_type": "resident", "id_number": cast.ID_NUMBERS[who], "phone": cast.PHONES[who]}
    return visitor.post_with_picture(at(way), {**data, **changed})


def wait_a_minute() -> None:
    """As if the pause between two codes to one phone were over."""
    Throttle.objects.filter(key__startswith="code_gap").delete()


def prove_phone(visitor: Visitor, phone: str):
    """The code that this phone was sent."""
    return visitor.post(at("collect_code"), {"code": visitor.code_on(phone)})


def agree(visitor: Visitor):
    """The consent of its own."""
    return visitor.post(at("consent"), {"agreed": "on", "version": "2026-11"})


def send_photo(visitor: Visitor, page: str, content: bytes | None = None, *, field: str = "photo", **file):
    """One picture."""
    return visitor.post(at(page), {field: cards.upload(content or cards.jpeg(), **file)})


def fill_in(visitor: Visitor, **changed):
    """The details."""
    return visitor.post(at("details"), {"valid_until": "2039-05-01", **changed})


def go_to(visitor: Visitor, page: str, name: str = NAME, **who) -> None:
    """Everything before this page."""
    acts = {
        "new": lambda: tell_who(visitor, name, **who),
        "collect_code": lambda: prove_phone(visitor, who.get("phone", cast.PHONES[name])),
        "consent": lambda: agree(visitor),
        "card_front": lambda: send_photo(visitor, "card_front"),
        "card_back": lambda: send_photo(visitor, "card_back"),
        "details": lambda: fill_in(visitor),
        "face": lambda: send_photo(visitor, "face"),
    }
    for step in PAGES[: PAGES.index(page)]:
        answer = acts[step]()
        assert answer.status_code == 302, (step, answer.content.decode())


def sent_in(visitor: Visitor, name: str = NAME, **who) -> Collection:
    """The whole passage; what was sent in."""
    go_to(visitor, "result", name, **who)
    return Collection.objects.latest("pk")


def act(service, *args, **kwargs):
    """Call the service as a request would: what waits for the commit is done after it."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return service(*args, **kwargs)


def officer(name: str = "高明远", proof: Proof = Proof.OFFICER_SMS) -> Actor:
    """An officer at work."""
    person: Person = cast.person(name)
    sign_in = SignIn.objects.create(person=person, proof=proof)
    return Actor(person=person, sign_in=sign_in, ip="127.0.0.1")
