"""Pictures as tests need them, drawn by the test: good ones, and everything that somebody may send instead."""

import io
import random

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw


def drawing(size: tuple[int, int] = (1000, 640), *, seed: int = 1) -> Image.Image:
    """Something sharp and well lit: dark strokes on a light card before a grey table."""
    picture = Image.new("RGB", size, (150, 150, 145))
    pen, chance = ImageDraw.Draw(picture), random.Random(seed)
    pen.rectangle((size[0] // 12, size[1] // 12, size[0] * 11 // 12, size[1] * 11 // 12), fill=(225, 228, 232))
    for _ in range(260):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        pen.rectangle((x, y, x + size[0] // 30, y + size[1] // 60), fill=tuple(chance.randrange(140) for _ in "rgb"))
    return picture


def jpeg(picture: Image.Image | None = None, **options) -> bytes:
    """The picture as a JPEG file."""
    return saved(picture or drawing(), "JPEG", **options)


def png(picture: Image.Image | None = None, **options) -> bytes:
    """The picture as a PNG file."""
    return saved(picture or drawing(), "PNG", **options)


def saved(picture: Image.Image, form: str, **options) -> bytes:
    """The picture as a file of any form that Pillow writes."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def upload(content: bytes, name: str = "photo.jpg", content_type: str = "image/jpeg") -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, content, content_type)


def shown_in(kept: bytes, picture: bytes) -> bool:
    """Whether anything of a picture can be read in what was kept: eight of its bytes in a row.

    Two or three bytes, such as a JPEG's mark, stand by chance in what is sealed as well.
    """
    return not _runs(kept).isdisjoint(_runs(picture))


def _runs(content: bytes, length: int = 8) -> set[bytes]:
    return {content[start : start + length] for start in range(len(content) - length + 1)}
