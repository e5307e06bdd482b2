"""Judging an uploaded picture and rebuilding it from its pixels, so that nothing else of the file is kept (FIL-01…03).

What a picture costs is known from its head before a pixel of it is decoded: a hostile one is refused or cleaned within
a second and 150 MB (architecture trap 6).
"""

import io
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageFilter, ImageStat

from accounts import slots

LARGEST_FILE = 5 * 1024 * 1024
LARGEST_SIDE = 8000
MOST_PIXELS = 25_000_000
KEPT_SIDE = 1800
SMALLEST_SIDE = 400

_FORMATS = ("JPEG", "PNG")
_MODES = ("L", "RGB", "RGBA")
_QUALITY = 88
_MOST_SCANS = 24
_MOST_COSTLY_PIXELS = 12_500_000
"""Of a progressive JPEG or a transparent PNG, which take twice the memory and time; no camera writes either."""
_PREVIEW = (600, 600)
_DARKEST, _BRIGHTEST, _FLATTEST, _BLURRIEST = 45, 225, 12, 12
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
_EDGES = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


@dataclass(frozen=True, slots=True)
class _Head:
    """What the head of a file says, read without decoding a pixel."""

    width: int
    height: int
    mode: str
    frames: int
    is_progressive: bool


def rebuilt(content: bytes) -> bytes:
    """The picture made anew as a plain JPEG, at most 1800 pixels a side, upright, without anything but pixels.

    Raises ValidationError `photo_too_large`, `photo_format`, `photo_frames`, `photo_dimensions`, `photo_small`,
    `photo_broken`, `photo_dark`, `photo_bright` or `photo_blurred`, each in words that say what to do; `slots.Busy`.
    """
    if len(content) > LARGEST_FILE:
        raise _refusal("photo_too_large", _("照片文件超过5MB，请降低拍照分辨率，或换一张较小的照片。"))
    with slots.picture_slot():
        head = _head(content)
        _judge_head(head, content)
        picture = _pixels(content)
    _judge_light_and_sharpness(picture)
    plain = io.BytesIO()
    picture.save(plain, "JPEG", quality=_QUALITY)
    return plain.getvalue()


def _refusal(code: str, words: str) -> ValidationError:
    return ValidationError(words, code=code)


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
    except Exception as error:  # Pillow raises whatever a hostile file makes it raise
        raise _refusal(
            "photo_format", _("无法识别该文件，只支持JPG或PNG格式的照片。请直接用手机拍照后上传。")
        ) from error


def _judge_head(head: _Head, content: bytes) -> None:
    if head.frames != 1:
        raise _refusal("photo_frames", _("该文件含有多个画面（动图、连拍或双摄照片），请直接拍摄一张普通照片。"))
    is_costly = head.is_progressive or head.mode == "RGBA"
    too_many = head.width * head.height > (_MOST_COSTLY_PIXELS if is_costly else MOST_PIXELS)
    if too_many or max(head.width, head.height) > LARGEST_SIDE:
        raise _refusal("photo_dimensions", _("照片像素过大（单边不超过8000像素），请降低拍照分辨率后重新拍摄。"))
    if min(head.width, head.height) < SMALLEST_SIDE:
        raise _refusal("photo_small", _("照片太小，看不清内容（短边至少400像素），请靠近一些重新拍摄。"))
    scans = content.count(b"\xff\xda") if content.startswith(b"\xff\xd8") else 1
    if head.mode not in _MODES or scans > _MOST_SCANS:
        raise _refusal("photo_format", _("该照片的编码方式不受支持，请直接用手机拍照后上传。"))


def _pixels(content: bytes) -> Image.Image:
    """The upright pixels, shrunk while or before anything else is done with them, so that they cost little memory."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            image.draft(None, _shrunk_size(image))  # a JPEG is decoded at half or a quarter of its size
            image.load()
            turn = _TURNS.get(image.getexif().get(_ORIENTATION, 0))  # of a PNG only now: asking decodes it
            picture = _shrunk(image)
    except Exception as error:  # as above; a file that ends too early comes here
        raise _refusal("photo_broken", _("照片文件不完整或已损坏，请重新拍摄后上传。")) from error
    upright = picture.transpose(turn) if turn is not None else picture
    plain = Image.new("RGB", upright.size)
    plain.paste(upright)  # pixels alone: a shrunk or turned picture still carries what stood beside them
    return plain


def _shrunk(image: Image.Image) -> Image.Image:
    """At most `KEPT_SIDE` a side, in plain RGB."""
    size = _shrunk_size(image)
    whole_times = max(1, max(image.size) // KEPT_SIDE)  # what is quick first, the rest with what is left
    if image.mode != "RGBA":
        return image.reduce(whole_times).resize(size, Image.Resampling.BOX).convert("RGB")
    bands = [image.getchannel(band).reduce(whole_times) for band in "RGB"]  # whole, it would be copied before
    return Image.merge("RGB", bands).resize(size, Image.Resampling.BOX)


def _shrunk_size(image: Image.Image) -> tuple[int, int]:
    factor = min(1.0, KEPT_SIDE / max(image.size))
    return max(1, round(image.width * factor)), max(1, round(image.height * factor))


def _judge_light_and_sharpness(picture: Image.Image) -> None:
    """Refuse what nobody could read or recognise: too dark, too bright, without contrast or edges."""
    grey = picture.convert("L")
    grey.thumbnail(_PREVIEW)
    light = ImageStat.Stat(grey)
    if light.mean[0] < _DARKEST:
        raise _refusal("photo_dark", _("照片太暗，请到光线充足的地方重新拍摄。"))
    if light.mean[0] > _BRIGHTEST:
        raise _refusal("photo_bright", _("照片过亮或反光，请避开强光和反光后重新拍摄。"))
    inner = (1, 1, grey.width - 1, grey.height - 1)  # the filter leaves the rim as it is
    edges = ImageStat.Stat(grey.filter(_EDGES).crop(inner))
    if light.stddev[0] < _FLATTEST or edges.var[0] < _BLURRIEST:
        raise _refusal("photo_blurred", _("照片不清晰，请拿稳手机、对准并填满取景框后重新拍摄。"))
