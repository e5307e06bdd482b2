"""Scans that firms send with a request (M141): judged before they are decoded, made anew from their pixels, sealed."""

import base64
import io

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from realname import decoding
from realname.decoding import LARGEST_FILE, Fault

KEPT_SIDE = 2400
"""Pixels of the longer side that are kept: an A4 page at 200 dots an inch, which an officer can read."""
_QUALITY = 85
_FOREIGN = ("scan_format", gettext_lazy("只能上传JPEG或PNG格式的图片，请把扫描件另存为图片后重新上传。"))
_REFUSALS = {
    Fault.FORMAT: _FOREIGN,
    Fault.ENCODING: (
        "scan_format",
        gettext_lazy("该图片的编码方式不受支持，请另存为普通的JPEG图片后重新上传。"),
    ),
    Fault.FRAMES: ("scan_frames", gettext_lazy("图片只能有一帧，不能上传动画。")),
    Fault.PIXELS: (
        "scan_pixels",
        gettext_lazy(
            "图片的像素过多，请缩小到2500万像素以内、单边8000像素以内（渐进式JPEG、CMYK、透明或彩色索引的PNG为1250万像素以内）后重新上传。"
        ),
    ),
    Fault.SMALL: _FOREIGN,
    Fault.BROKEN: ("scan_broken", gettext_lazy("图片已损坏，无法打开，请重新扫描后上传。")),
}


def rebuilt(content: bytes) -> bytes:
    """A JPEG of the picture's pixels and nothing else: no place, no camera, no comment, no trailing bytes (FIL-03).

    Raises ValidationError `scan_empty`, `scan_too_large`, `scan_format`, `scan_pixels`, `scan_frames`, `scan_broken`;
    `slots.Busy` while the machine has its hands full.
    """
    if not content:
        raise ValidationError(_("文件是空的，请重新选择。"), code="scan_empty")
    if len(content) > LARGEST_FILE:
        raise ValidationError(_("文件超过5MB，请压缩后重新上传。"), code="scan_too_large")
    try:
        picture = decoding.upright(content, kept_side=KEPT_SIDE)
    except decoding.Unfit as unfit:
        code, words = _REFUSALS[unfit.fault]
        raise ValidationError(words, code=code) from unfit
    made = io.BytesIO()
    picture.save(made, "JPEG", quality=_QUALITY)
    return made.getvalue()


def packed(jpeg: bytes) -> str:
    """A rebuilt scan as the text that its sealed column keeps."""
    return base64.b64encode(jpeg).decode()


def unpacked(text: str) -> bytes:
    """The JPEG that was packed."""
    return base64.b64decode(text)
