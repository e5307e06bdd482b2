"""Who judges a 实名采集 before an officer does (D26): nobody by default, or programs that read the card and the faces.

The programs are an assist. They refuse at once what is plainly wrong, in words that say what to do, and never approve:
a picture of a card beside a picture of a face proves nobody. A bureau that has a real verifier names its own class.
"""

import functools
import io
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from math import dist
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from PIL import Image

from accounts import numbers, slots
from accounts.numbers import IdType
from accounts.words import Words
from realname import photos
from realname.models import Collection, PhotoKind

logger = logging.getLogger(__name__)


class Judgement(Enum):
    """What a verifier can say."""

    PASSED = "passed"
    UNDECIDED = "undecided"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judgement, the words for it, and for a refusal its code and which picture is to be taken anew."""

    judgement: Judgement
    text: Words = ""
    code: str = ""
    retake: str = ""

    @property
    def passes(self) -> bool:
        """Whether nobody else needs to look."""
        return self.judgement is Judgement.PASSED

    @property
    def refuses(self) -> bool:
        """Whether it can't even be sent in."""
        return self.judgement is Judgement.REFUSED


class Verifier(Protocol):
    """Judges a collection whose pictures are complete."""

    def judge(self, collection: Collection) -> Verdict:
        """The verdict; it changes nothing and never raises for a bad picture."""
        ...


UNDECIDED = Verdict(judgement=Judgement.UNDECIDED)
UNREADABLE = Verdict(judgement=Judgement.UNDECIDED, text=_("程序未能读出证件号码，请人工核对。"))


def _refused(code: str, text: Words, retake: PhotoKind) -> Verdict:
    return Verdict(judgement=Judgement.REFUSED, code=code, text=text, retake=retake)


OTHER_NUMBER = _refused(
    "card_number_differs",
    _("照片中的证件号码与填写的不一致：请核对填写的号码，或重新拍摄本人证件的人像面。"),
    PhotoKind.FRONT,
)
NO_FACE_ON_CARD = _refused(
    "no_face_on_card", _("证件照片中没有找到人像：请拍摄证件的人像面，填满取景框。"), PhotoKind.FRONT
)
NO_FACE = _refused("no_face", _("照片中没有找到人脸：请正对镜头、摘下口罩和帽子后重新拍摄。"), PhotoKind.FACE)
TWO_FACES = _refused("two_faces", _("照片中有多张人脸：请一个人、在没有旁人的背景前重新拍摄。"), PhotoKind.FACE)
OTHER_FACE = _refused(
    "face_differs",
    _("脸部照片与证件人像不一致：请本人在光线均匀处正对镜头重新拍摄；仍不一致的，请到税务机关前台办理。"),
    PhotoKind.FACE,
)

Face = Sequence[float]
"""A face in 128 figures: two of the same person lie close together."""
_SAME_PERSON = 0.6
_NO_END = re.compile(r"\u957f\u671f")
_LONG_RUN = re.compile(r"[0-9A-Z]{15,}")
_DAYS = re.compile(r"(\d{4})[.\-/\u5e74](\d{1,2})[.\-/\u6708](\d{1,2})")


def on_number(lines: Sequence[str], collection: Collection) -> Verdict:
    """What the lines read from the card say about the number typed; only a resident's number can be told for sure."""
    read = [run for line in lines for run in _LONG_RUN.findall(numbers.fold(line))]
    if any(collection.id_number in run for run in read):
        return UNDECIDED
    if collection.id_type != IdType.RESIDENT:
        return UNREADABLE
    others = [run for run in read if numbers.is_resident_number(run)]
    return OTHER_NUMBER if others else UNREADABLE


def on_faces(card: Sequence[Face], taken: Sequence[Face]) -> Verdict:
    """What the faces found on the card and in the picture taken say."""
    if not taken:
        return NO_FACE
    if len(taken) > 1:
        return TWO_FACES
    if not card:
        return NO_FACE_ON_CARD
    return UNDECIDED if min(dist(face, taken[0]) for face in card) <= _SAME_PERSON else OTHER_FACE


def last_day(lines: Sequence[str]) -> date | None:
    """The latest day read from the card's other side: until when it is valid; None for 长期 or what can't be read."""
    if any(_NO_END.search(line) for line in lines):
        return None
    days = []
    for year, month, day in (found for line in lines for found in _DAYS.findall(line)):
        try:
            days.append(date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return max(days, default=None)


class OfficerDecides:
    """No program judges: 已提交，待审核."""

    def judge(self, collection: Collection) -> Verdict:
        """Undecided, always."""
        return UNDECIDED


class PictureAssist:
    """Reads the card's number and compares the faces; needs the extras `ocr` and `face`. Raises ImportError.

    It takes seconds of a core: as with decoding, two at once on a machine. Raises `slots.Busy`.
    """

    def __init__(self) -> None:
        self._reader, self._finder = _card_reader(), FaceFinder()

    def judge(self, collection: Collection) -> Verdict:
        """The first refusal, else undecided with what the officer should know."""
        pictures = {photo.kind: photos.content_of(photo) for photo in collection.photos.kept()}
        with slots.picture_slot():
            return self._judge(collection, pictures)

    def _judge(self, collection: Collection, pictures: dict[str, bytes]) -> Verdict:
        by_number = on_number(self._reader.lines(pictures[PhotoKind.FRONT]), collection)
        if by_number.refuses:
            return by_number
        card, taken = (self._finder.faces(pictures[kind]) for kind in (PhotoKind.FRONT, PhotoKind.FACE))
        by_face = on_faces(card, taken)
        return by_face if by_face.refuses else by_number


class CardReader:
    """Reads the lines of text in a picture by rapidocr. Raises ImportError where the extra `ocr` isn't installed."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        self._engine: Any = RapidOCR()

    def lines(self, picture: bytes) -> list[str]:
        """What can be read, line by line."""
        return [str(text) for text in self._engine(picture).txts or ()]


class FaceFinder:
    """Finds faces by dlib. Raises ImportError where the extra `face` isn't installed."""

    def __init__(self) -> None:
        import dlib
        import face_recognition_models as trained

        self._detect: Any = dlib.get_frontal_face_detector()
        self._shape: Any = dlib.shape_predictor(trained.pose_predictor_five_point_model_location())
        self._figures: Any = dlib.face_recognition_model_v1(trained.face_recognition_model_location())

    def faces(self, picture: bytes) -> list[Face]:
        """Every face in the picture, in figures."""
        import numpy as np

        pixels = np.array(Image.open(io.BytesIO(picture), formats=("JPEG",)).convert("RGB"))
        boxes = self._detect(pixels, 1)
        return [list(self._figures.compute_face_descriptor(pixels, self._shape(pixels, box))) for box in boxes]


def configured() -> Verifier:
    """The verifier that the settings name; the officer where what it needs isn't installed."""
    try:
        return _made(settings.REAL_NAME_VERIFIER)
    except ImportError:
        logger.warning("%s can't be used: officers decide", settings.REAL_NAME_VERIFIER, exc_info=True)
        return OfficerDecides()


@functools.cache
def _made(name: str) -> Verifier:
    """The verifier of this dotted name, made once in a process: its models take seconds to load."""
    verifier: Verifier = import_string(name)()
    return verifier


@functools.cache
def _card_reader() -> CardReader:
    return CardReader()


def valid_until_read(collection: Collection) -> date | None:
    """The card's last day as a program reads it from its other side; None where none is installed or can (D26)."""
    back = collection.photos.kept().filter(kind=PhotoKind.BACK).first()
    if back is None:
        return None
    try:
        reader = _card_reader()
    except ImportError:
        return None
    with slots.picture_slot():
        return last_day(reader.lines(photos.content_of(back)))
