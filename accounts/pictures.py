"""图片验证码, the picture code: six characters in a picture, or six digits in a sound (CAP-01 to CAP-07).

The token is a signed nonce, bound to the visitor and to the form it was made for; picture, sound and both answers
follow from the nonce by a keyed hash. Showing one therefore writes nothing; a unique row makes it single-use.
"""

import hashlib
import hmac
import random
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from captcha import audio, image
from django.core import signing
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts import sealing
from accounts.limits import PICTURE_LIFE
from accounts.models import UsedPicture

LETTERS = "ABCDEFGHJKMNPRSTUVWXY3456789"
"""Without those that look alike in a bent picture: I L 1, O Q 0, Z 2."""
LENGTH = 6
WIDTH, HEIGHT = 160, 60
"""Narrower than six characters of the fonts' sizes, so that they are squeezed into each other. An offline reader
(ddddocr) solves 1 to 3 % of these; with more room for the characters it solved 28 % (CAP-04)."""
_SALT = "picture"


def new_token(request: HttpRequest, form: str) -> str:
    """A fresh token for this visitor and this form; a string of constant length for one form."""
    visitor = _visitor(request)
    return signing.dumps([secrets.token_hex(12), visitor, form], salt=_SALT)


def _visitor(request: HttpRequest) -> str:
    """A word for the visitor's browser: the hash of its CSRF secret, which every form's page makes."""
    get_token(request)
    return sealing.keyed_hash(sealing.purpose_key("visitor"), request.META["CSRF_COOKIE"])[:16]


def _read(token: str, *, max_age: timedelta | None) -> tuple[str, str, str]:
    """Nonce, visitor and form of a token. Raises `signing.BadSignature` for a forged, foreign or old one."""
    value = signing.loads(token, salt=_SALT, max_age=max_age)
    if not isinstance(value, list) or len(value) != 3:
        raise signing.BadSignature("not a picture token")
    nonce, visitor, form = value
    return str(nonce), str(visitor), str(form)


def _answer(nonce: str, alphabet: str, purpose: str) -> str:
    digest = hmac.new(sealing.purpose_key(purpose), nonce.encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest)
    characters = []
    for _ in range(LENGTH):
        number, place = divmod(number, len(alphabet))
        characters.append(alphabet[place])
    return "".join(characters)


def answer(token: str) -> str:
    """What the picture of this token shows, whatever its age. Raises `signing.BadSignature`."""
    return _answer(_read(token, max_age=None)[0], LETTERS, "picture-answer")


def _spoken(token: str) -> str:
    return _answer(_read(token, max_age=PICTURE_LIFE)[0], "0123456789", "sound-answer")


def redeem(request: HttpRequest, token: str, given: str, form: str) -> bool:
    """Whether the answer is right for a token of this visitor and form. Right or wrong, the token is used up.

    The picture's characters are accepted in either case and width, the sound's digits as well.
    """
    try:
        nonce, visitor, made_for = _read(token, max_age=PICTURE_LIFE)
    except signing.BadSignature:
        return False
    if visitor != _visitor(request) or made_for != form:
        return False
    try:
        with transaction.atomic():
            UsedPicture.objects.create(nonce=nonce)
    except IntegrityError:
        return False
    shown = _answer(nonce, LETTERS, "picture-answer")
    return constant_time_compare(given, shown) or constant_time_compare(
        given, _answer(nonce, "0123456789", "sound-answer")
    )


def tidy() -> int:
    """Delete the marks of pictures that are too old to be tried anyway; returns how many."""
    return UsedPicture.objects.filter(used_at__lt=timezone.now() - 2 * PICTURE_LIFE).delete()[0]


# The library draws with the numbers of `secrets`. Asking again for one token must show the same drawing, or its noise
# could be averaged away, so for the time of a drawing its numbers come from a generator seeded by the nonce.


class _Numbers(threading.local):
    """Stands in for the module `secrets` inside the drawing library; seeded for each drawing, apart for each thread."""

    generator: random.Random | None = None

    def _source(self) -> random.Random:
        return self.generator or secrets.SystemRandom()

    def randbelow(self, below: int) -> int:
        return self._source().randrange(below)

    def randbits(self, bits: int) -> int:
        return self._source().getrandbits(bits)

    def choice(self, options: Sequence[Any]) -> Any:
        return self._source().choice(options)


_numbers = _Numbers()
for _module in (image, audio):
    _module.__dict__["secrets"] = _numbers


@contextmanager
def _seeded(nonce: str) -> Iterator[None]:
    seed = hmac.new(sealing.purpose_key("drawing"), nonce.encode(), "sha256").digest()
    _numbers.generator = random.Random(seed)  # noqa: S311 - noise that must repeat # nosec B311
    try:
        yield
    finally:
        _numbers.generator = None


_painter = image.ImageCaptcha(width=WIDTH, height=HEIGHT, font_sizes=(42, 50, 56))
_speaker = audio.AudioCaptcha()


def draw(token: str) -> bytes:
    """The token's picture, PNG, the same at every call. Raises `signing.BadSignature` for a forged or old token."""
    nonce = _read(token, max_age=PICTURE_LIFE)[0]
    with _seeded(nonce):
        return _painter.generate(answer(token)).getvalue()


def speak(token: str) -> bytes:
    """The token's digits as speech, WAV. Raises `signing.BadSignature` for a forged or old token."""
    nonce = _read(token, max_age=PICTURE_LIFE)[0]
    with _seeded(nonce):
        return bytes(_speaker.generate(_spoken(token)))
