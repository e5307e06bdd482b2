"""Judging a photo of a face or a document, and making it anew from its pixels (FIL-01…03)."""

import io

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image, ImageFilter, ImageStat

from realname import decoding
from realname.decoding import LARGEST_FILE, Fault

KEPT_SIDE = 1800
SMALLEST_SIDE = 400
_MODES = ("L", "RGB", "RGBA")
"""What phones write."""

_QUALITY = 88
_PREVIEW = (600, 600)
_DARKEST, _BRIGHTEST, _FLATTEST, _BLURRIEST = 45, 225, 12, 12
_EDGES = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)
_REFUSALS = {
    Fault.FORMAT: ("photo_format", gettext_lazy("无法识别该文件，只支持JPG或PNG格式的照片。请直接用手机拍照后上传。")),
    Fault.ENCODING: ("photo_format", gettext_lazy("该照片的编码方式不受支持，请直接用手机拍照后上传。")),
    Fault.FRAMES: (
        "photo_frames",
        gettext_lazy("该文件含有多个画面（动图、连拍或双摄照片），请直接拍摄一张普通照片。"),
    ),
    Fault.PIXELS: (
        "photo_dimensions",
        gettext_lazy("照片像素过大（单边不超过8000像素），请降低拍照分辨率后重新拍摄。"),
    ),
    Fault.SMALL: ("photo_small", gettext_lazy("照片太小，看不清内容（短边至少400像素），请靠近一些重新拍摄。")),
    Fault.BROKEN: ("photo_broken", gettext_lazy("照片文件不完整或已损坏，请重新拍摄后上传。")),
}


def rebuilt(content: bytes) -> bytes:
    """The picture made anew as a plain JPEG, at most 1800 pixels a side, upright, without anything but pixels.

    Raises ValidationError `photo_too_large`, `photo_format`, `photo_frames`, `photo_dimensions`, `photo_small`,
    `photo_broken`, `photo_dark`, `photo_bright` or `photo_blurred`, each in words that say what to do; `slots.Busy`.
    """
    if len(content) > LARGEST_FILE:
        raise _refusal("photo_too_large", _("照片文件超过5MB，请降低拍照分辨率，或换一张较小的照片。"))
    try:
        picture = decoding.upright(content, kept_side=KEPT_SIDE, smallest_side=SMALLEST_SIDE, modes=_MODES)
    except decoding.Unfit as unfit:
        code, words = _REFUSALS[unfit.fault]
        raise _refusal(code, str(words)) from unfit
    _judge_light_and_sharpness(picture)
    plain = io.BytesIO()
    picture.save(plain, "JPEG", quality=_QUALITY)
    return plain.getvalue()


def _refusal(code: str, words: str) -> ValidationError:
    return ValidationError(words, code=code)


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
