"""Decoding an uploaded picture to its pixels, so that nothing else of the file is kept (FIL-01 to FIL-03, FIL-05).

What a picture costs is known from its head before a pixel of it is decoded: a hostile one is refused, or cleaned within
a second (architecture trap 6), and no picture costs more than 150 MB. In which words it is refused is the matter of who
asked for it.
"""

import io
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from PIL import Image

from accounts import slots

LARGEST_FILE = 5 * 1024 * 1024
LARGEST_SIDE = 8000
MOST_PIXELS = 25_000_000

_FORMATS = ("JPEG", "PNG")
_PLAIN = ("L", "RGB", "1")
_COSTLY = ("RGBA", "LA", "P", "I;16", "CMYK")
MODES = _PLAIN + _COSTLY
"""Pillow's names of the kinds of pixels that can be taken."""
_GREY = ("L", "1", "LA", "I;16")
_ROWS = 64
_MOST_SCANS = 24
_MOST_COSTLY_PIXELS = 12_500_000
"""Of a progressive JPEG, or of pixels that are turned into others first: they take twice the memory and time."""
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Fault(Enum):
    """Why a file is no picture that can be taken."""

    FORMAT = "neither JPEG nor PNG"
    ENCODING = "written in a way that isn't taken, or that costs too much to read"
    FRAMES = "more than one picture"
    PIXELS = "too many pixels, or too many for this way of writing them"
    SMALL = "too few pixels"
    BROKEN = "ends too early, or its pixels can't be read"


class Unfit(Exception):
    """Why a file can't be taken, for whoever asked to say it in words."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class _Head:
    """What the head of a file says, read without decoding a pixel."""

    width: int
    height: int
    mode: str
    frames: int
    is_progressive: bool

    @property
    def is_costly(self) -> bool:
        return self.is_progressive or self.mode in _COSTLY


def upright(content: bytes, *, kept_side: int, smallest_side: int = 1, modes: Collection[str] = MODES) -> Image.Image:
    """The pixels in plain RGB, upright, on white where they were transparent, at most `kept_side` a side.

    Taken are files whose shorter side has `smallest_side` pixels, of one of these modes. Raises `Unfit`; `slots.Busy`
    while two others are being decoded and many wait.
    """
    with slots.picture_slot(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the package remarks on a hostile file is judged here, or of no matter
        _judge(_head(content), content, smallest_side, modes)
        return _pixels(content, kept_side)


def _head(content: bytes) -> _Head:
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            return _Head(
                width=image.width,
                height=image.height,
                mode=image.mode,
                frames=getattr(image, "n_frames", 1),
                is_progressive=bool(image.info.get("progressive")),
            )
    except Image.DecompressionBombError as error:
        raise Unfit(Fault.PIXELS) from error
    except Exception as error:  # Pillow raises whatever a hostile file makes it raise
        raise Unfit(Fault.FORMAT) from error


def _judge(head: _Head, content: bytes, smallest_side: int, modes: Collection[str]) -> None:
    if head.frames != 1:
        raise Unfit(Fault.FRAMES)
    too_many = head.width * head.height > (_MOST_COSTLY_PIXELS if head.is_costly else MOST_PIXELS)
    if too_many or max(head.width, head.height) > LARGEST_SIDE:
        raise Unfit(Fault.PIXELS)
    if min(head.width, head.height) < smallest_side:
        raise Unfit(Fault.SMALL)
    scans = content.count(b"\xff\xda") if content.startswith(b"\xff\xd8") else 1
    if head.mode not in modes or scans > _MOST_SCANS:
        raise Unfit(Fault.ENCODING)


def _pixels(content: bytes, kept_side: int) -> Image.Image:
    """The pixels, at most so many a side."""
    try:
        picture, turn = _decoded(content, kept_side)
    except Exception as error:  # as above; a file that ends too early comes here
        raise Unfit(Fault.BROKEN) from error
    smaller = picture.resize(_shrunk_size(picture, kept_side), Image.Resampling.BOX)
    turned = smaller.transpose(turn) if turn is not None else smaller
    plain = Image.new("RGB", turned.size)
    plain.paste(turned.convert("RGB"))  # pixels alone: a shrunk or turned picture still carries what stood beside them
    return plain


def _decoded(content: bytes, kept_side: int) -> tuple[Image.Image, Image.Transpose | None]:
    """The pixels on white, not much more than are kept, and how to turn them: the whole is let go with the return."""
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        image.draft(None, _shrunk_size(image, kept_side))  # a JPEG is decoded at half or a quarter of its size
        image.load()
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 0))  # of a PNG only now: asking decodes it
        picture, whole_times = _on_white(image), max(1, max(image.size) // kept_side)
        return picture.reduce(whole_times) if whole_times > 1 else picture, turn


def _on_white(image: Image.Image) -> Image.Image:
    """Grey or RGB without transparency, as on white paper.

    Made some rows at a time: whole, each step on the way would be a copy of the picture.
    """
    mode = "L" if image.mode in _GREY else "RGB"
    if image.mode == mode:
        return image
    paper = Image.new(mode, image.size, "white")
    for top in range(0, image.height, _ROWS):
        rows = _alike(image.crop((0, top, image.width, min(top + _ROWS, image.height))))
        paper.paste(rows.convert(mode), (0, top), mask=rows.getchannel("A") if rows.mode in ("RGBA", "LA") else None)
    return paper


def _alike(rows: Image.Image) -> Image.Image:
    """The same in a mode that can be made grey or RGB as it is, or with a channel for what is transparent."""
    if rows.mode == "I;16":  # its upper eight bits: converted as it is, all but black would become white
        return rows.convert("I").point(lambda value: value * (1 / 256))
    return rows.convert("RGBA") if rows.mode == "P" and "transparency" in rows.info else rows


def _shrunk_size(image: Image.Image, kept_side: int) -> tuple[int, int]:
    factor = min(1.0, kept_side / max(image.size))
    return max(1, round(image.width * factor)), max(1, round(image.height * factor))
