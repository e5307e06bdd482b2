"""Scans that firms send with a request (M141): judged before they are decoded, made anew from their pixels, sealed."""

import base64
import binascii
import io
import struct
import warnings

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from accounts import slots

LARGEST = 5 * 1024 * 1024
"""Bytes of a file (FIL-02)."""
MOST_PIXELS = 25_000_000
LONGEST_SIDE = 8000
KEPT_SIDE = 2400
"""Pixels of the longer side that are kept: an A4 page at 200 dots an inch, which an officer can read."""
_QUALITY = 85
_FORMATS = ("JPEG", "PNG")
# What Pillow raises at files that are broken, cut off, or made to break it.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
    binascii.Error,
)


def rebuilt(content: bytes) -> bytes:
    """A JPEG of the picture's pixels and nothing else: no place, no camera, no comment, no trailing bytes (FIL-03).

    Raises ValidationError `scan_empty`, `scan_too_large`, `scan_format`, `scan_pixels`, `scan_frames`, `scan_broken`;
    `slots.Busy` while the machine has its hands full.
    """
    if not content:
        raise ValidationError(_("文件是空的，请重新选择。"), code="scan_empty")
    if len(content) > LARGEST:
        raise ValidationError(_("文件超过5MB，请压缩后重新上传。"), code="scan_too_large")
    with slots.slot(), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the count of pixels is judged here
        picture = _opened(content)
        _judge(picture)
        return _pixels_of(picture)


def packed(jpeg: bytes) -> str:
    """A rebuilt scan as the text that its sealed column keeps."""
    return base64.b64encode(jpeg).decode()


def unpacked(text: str) -> bytes:
    """The JPEG that was packed."""
    return base64.b64decode(text)


def _opened(content: bytes) -> Image.Image:
    """The picture, its head alone read."""
    try:
        return Image.open(io.BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except _BROKEN as error:
        raise ValidationError(
            _("只能上传JPEG或PNG格式的图片，请把扫描件另存为图片后重新上传。"), code="scan_format"
        ) from error


def _judge(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise _too_many_pixels()
    if getattr(picture, "n_frames", 1) != 1:
        raise ValidationError(_("图片只能有一帧，不能上传动画。"), code="scan_frames")


def _too_many_pixels() -> ValidationError:
    return ValidationError(_("图片的像素过多，请缩小到2500万像素以内后重新上传。"), code="scan_pixels")


def _pixels_of(picture: Image.Image) -> bytes:
    try:
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((KEPT_SIDE, KEPT_SIDE))
        layered = upright.convert("RGBA")
        paper = Image.new("RGB", layered.size, "white")
        paper.paste(layered, mask=layered.getchannel("A"))
    except _BROKEN as error:
        raise ValidationError(_("图片已损坏，无法打开，请重新扫描后上传。"), code="scan_broken") from error
    made = io.BytesIO()
    paper.save(made, "JPEG", quality=_QUALITY)
    return made.getvalue()
