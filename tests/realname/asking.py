"""Firms of the demo world asking for changes of the register: officers, scans, requests."""

import io

from PIL import Image

from accounts.actor import Actor
from accounts.models import SignIn
from accounts.models.signins import Proof
from realname import changes
from realname.change_rows import Details, Row
from realname.models import ChangeRequest, Post
from tests import cast

SONG = Details("宋雨桐", "resident", "210202199408250446", "19900000012")
"""Who shall be finance officer of HC: collected already, a clerk there by the register."""
NEWCOMER = Details("韩梅梅", "resident", "210102199001010023", "19900000077")
"""Who is in no register yet."""
CHANGED = frozenset({Row.NAME, Row.ID_NUMBER, Row.MOBILE})
"""The rows that are left once those that say the same before and after are deleted (M140)."""


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), **more) -> bytes:
    """A small picture of this format."""
    made = io.BytesIO()
    Image.new("RGB", size, "white").save(made, kind, **more)
    return made.getvalue()


def officer(name: str = "高明远") -> Actor:
    """An officer signed in to the bureau's own site."""
    person = cast.person(name)
    return Actor(person=person, sign_in=SignIn.objects.create(person=person, proof=Proof.OFFICER_SMS), ip="127.0.0.1")


def ask_for_finance(by: Actor, after: Details = SONG) -> ChangeRequest:
    """A 财务负责人变更 as it should be."""
    return changes.submit_finance(after, CHANGED, picture(), by=by)


def open_post(key: str, name: str) -> Post:
    """The open post of a person in a firm."""
    return Post.objects.open().get(taxpayer=cast.taxpayer(key), person=cast.person(name))
