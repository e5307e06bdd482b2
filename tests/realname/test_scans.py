"""Scans: judged before they are decoded, and made anew from their pixels (FIL-01 to FIL-03)."""

import io
import struct
import zlib

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from realname import scans
from tests.realname.asking import picture


def code_for(content: bytes) -> str:
    with pytest.raises(ValidationError) as caught:
        scans.rebuilt(content)
    assert caught.value.messages[0].endswith("。")
    return caught.value.code


def png_head(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and holds none."""
    data = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + data
    head = struct.pack(">I", len(data)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + head + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def animated() -> bytes:
    made = io.BytesIO()
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(made, "PNG", save_all=True, append_images=frames[1:])
    return made.getvalue()


FOREIGN = [
    picture("GIF"),
    picture("BMP"),
    picture("TIFF"),
    picture("WEBP"),
    picture("PDF"),
    b"%PDF-1.7 not a picture",
    b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    b"SIMPLE  =                    T",
    b"\0\0\0\x18ftypheic",
    b"GIF89a\xff\xd8\xff\xe0",
    b"PK\x03\x04",
    b"#!/bin/sh",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8",
    b"x",
]


@pytest.mark.rule("FIL-01")
@pytest.mark.parametrize("content", FOREIGN, ids=range(len(FOREIGN)))
def test_only_jpeg_and_png_are_taken(content):
    assert code_for(content) == "scan_format"


@pytest.mark.rule("FIL-02")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "scan_empty"),
        (b"\xff\xd8" + bytes(scans.LARGEST_FILE), "scan_too_large"),
        (png_head(30_000, 30_000), "scan_pixels"),
        (png_head(9_000, 10), "scan_pixels"),
        (png_head(5_001, 5_000), "scan_pixels"),
        (animated(), "scan_frames"),
        (picture()[:-30], "scan_broken"),
        (png_head(60, 40), "scan_broken"),
    ],
)
def test_size_pixels_and_frames_are_judged_before_the_pixels_are_decoded(content, code):
    assert code_for(content) == code


@pytest.mark.rule("FIL-03")
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_nothing_but_the_pixels_is_kept(kind):
    exif = Image.Exif()
    exif[0x010E] = "canary-description"
    made = scans.rebuilt(picture(kind, exif=exif.tobytes()) + b"<?php canary-tail ?>")
    assert b"canary" not in made
    assert b"Exif" not in made
    with Image.open(io.BytesIO(made)) as again:
        assert (again.format, again.size, again.info.get("exif"), again.info.get("icc_profile")) == (
            "JPEG",
            (60, 40),
            None,
            None,
        )


@pytest.mark.rule("FIL-03")
def test_a_photo_taken_sideways_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(scans.rebuilt(picture("JPEG", exif=exif.tobytes())))) as made:
        assert made.size == (40, 60)


@pytest.mark.rule("FIL-03", "FIL-05")
@pytest.mark.parametrize(("at", "value"), [(43, 1), (41, 1), (41, 50)])
def test_a_scan_whose_exif_makes_no_sense_is_taken_for_its_pixels(at, value):
    """Written back, as it would be to turn the picture, each of these raises something else."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A], exif[0x0131] = 6, "x", 72.0, "soft"
    broken = bytearray(exif.tobytes())
    broken[at] = value
    assert scans.rebuilt(picture("JPEG", exif=bytes(broken))).startswith(b"\xff\xd8")


@pytest.mark.rule("FIL-02")
def test_a_large_scan_is_kept_small_enough_to_be_read():
    with Image.open(io.BytesIO(scans.rebuilt(picture("JPEG", size=(4800, 3000))))) as made:
        assert made.size == (2400, 1500)


@pytest.mark.rule("FIL-02", "FIL-05")
@pytest.mark.parametrize(("mode", "kind"), [("RGB", "JPEG"), ("RGBA", "PNG"), ("P", "PNG")])
def test_what_costs_twice_as_much_may_have_half_as_many_pixels(mode, kind):
    made = io.BytesIO()
    Image.new(mode, (5000, 2600)).save(made, kind, progressive=True, compress_level=1)
    assert code_for(made.getvalue()) == "scan_pixels"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_kind_of_pixel_becomes_a_picture(mode):
    made = io.BytesIO()
    kind = "JPEG" if mode == "CMYK" else "PNG"
    grey = {"LA": (128, 255), "RGBA": (128, 128, 128, 255), "CMYK": (0, 0, 0, 127), "1": 1, "I;16": 0x8080}
    page = Image.new(mode, (8, 8), grey.get(mode, 128))
    if mode == "P":
        page.putpalette([128, 128, 128] * 256)
    page.save(made, kind)
    with Image.open(io.BytesIO(scans.rebuilt(made.getvalue()))) as kept:
        red, green, blue = kept.getpixel((4, 4))
    expected = 255 if mode == "1" else 128
    assert max(abs(each - expected) for each in (red, green, blue)) < 4


@pytest.mark.rule("FIL-03")
@pytest.mark.parametrize(
    ("mode", "dark", "clear"),
    [("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)), ("LA", (0, 255), (0, 0)), ("P", 0, 1)],
)
def test_what_is_transparent_lies_on_white_paper(mode, dark, clear):
    page, made = Image.new(mode, (60, 2000), dark), io.BytesIO()
    page.paste(clear, (0, 1000, 60, 2000))
    if mode == "P":
        page.putpalette([0, 0, 0] * 256)
    page.save(made, "PNG", **({"transparency": b"\xff\x00"} if mode == "P" else {}))
    with Image.open(io.BytesIO(scans.rebuilt(made.getvalue()))) as kept:
        rows = [kept.convert("L").getpixel((30, row)) for row in (10, 990, 1010, 1990)]
    assert [round(each / 255) for each in rows] == [0, 0, 1, 1]


def test_a_scan_comes_out_of_its_column_as_it_went_in():
    assert scans.unpacked(scans.packed(b"\xff\xd8\x00pixels")) == b"\xff\xd8\x00pixels"
