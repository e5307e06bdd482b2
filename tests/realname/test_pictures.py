"""Hostile and clumsy pictures: refused in words, or cleaned to the pixel (FIL-01 to FIL-03, FIL-05)."""

import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from PIL import Image, ImageFile

from realname import decoding, pictures, scans
from tests.realname import hostile
from tests.realname.cards import drawing, jpeg

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.rule("FIL-01", "FIL-02")
@pytest.mark.parametrize("what", hostile.REFUSED)
def test_what_is_no_good_photo_is_refused_with_its_code_and_in_words(what):
    make, code = hostile.REFUSED[what]
    with pytest.raises(ValidationError) as caught:
        pictures.rebuilt(make())
    assert caught.value.code == code
    assert caught.value.messages[0].endswith("。")


def segments(content: bytes) -> list[int]:
    """The markers of a JPEG up to its pixels."""
    found, at = [], 2
    while content[at + 1] != 0xDA:
        found.append(content[at + 1])
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return found


@pytest.mark.rule("FIL-03")
@pytest.mark.parametrize("what", hostile.CLEANED)
def test_what_is_taken_comes_out_as_pixels_and_nothing_else(what):
    clean = pictures.rebuilt(hostile.CLEANED[what]())
    for secret in (hostile.CANARY, hostile.GPS, b"Exif", b"xpacket", b"adobe", b"PK\x03\x04", b"<script", b"%PDF"):
        assert secret not in clean
    assert set(segments(clean)) <= {0xE0, 0xDB, 0xC0, 0xC4}
    assert clean.count(b"\xff\xd9") == 1
    assert clean.endswith(b"\xff\xd9")
    with Image.open(io.BytesIO(clean)) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "RGB")
        assert max(picture.size) <= pictures.KEPT_SIDE
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.rule("FIL-01")
def test_there_are_at_least_forty_hostile_pictures():
    assert len(hostile.REFUSED) >= 40


@pytest.mark.rule("FIL-03")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_taken_sideways_comes_out_upright_though_its_exif_is_gone(orientation):
    upright = drawing((800, 500))
    upright.paste((255, 0, 0), (0, 0, 200, 200))
    back = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    turned = upright.transpose(decoding._TURNS[back[orientation]]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(io.BytesIO(pictures.rebuilt(jpeg(turned, exif=exif)))) as picture:
        assert picture.size == (800, 500)
        red, green, _blue = picture.getpixel((100, 100))
    assert red - green > 100


@pytest.mark.rule("FIL-02")
@pytest.mark.parametrize("what", [what for what in hostile.REFUSED if "head of" in what or "8000" in what])
def test_a_bomb_is_refused_before_a_pixel_is_decoded(what, monkeypatch):
    bomb, good, decoded = hostile.REFUSED[what][0](), jpeg(), []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: (decoded.append(self.size), load(self))[1])
    with pytest.raises(ValidationError):
        pictures.rebuilt(bomb)
    assert decoded == []
    pictures.rebuilt(good)
    assert decoded  # the eyes are open


_COST = """
import os, sys
def most():  # of this program alone; getrusage would tell of the one that started it
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
os.environ["DJANGO_SETTINGS_MODULE"] = "etax.settings"
os.environ["VAR_DIR"] = sys.argv[2]
import django
django.setup()
from django.core.exceptions import ValidationError
from realname import pictures, scans
content = open(sys.argv[1], "rb").read()
before = most()
try:
    {"pictures": pictures, "scans": scans}[sys.argv[3]].rebuilt(content)
except ValidationError:
    pass
print(most() - before)
"""


def kilobytes(content: bytes, module: str, folder) -> int:
    """What a process grows by when it makes this picture anew."""
    (folder / "picture").write_bytes(content)
    command = [sys.executable, "-c", _COST, str(folder / "picture"), str(folder), module]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


@pytest.mark.rule("FIL-02")
@pytest.mark.parametrize("module", ["pictures", "scans"])
@pytest.mark.parametrize("what", ["25 megapixels", "png, 8000 x 8000, 190 kB", "png of pressed text, 80 MB unfolded"])
def test_the_costliest_pictures_stay_within_150_megabytes(what, module, tmp_path):
    make = hostile.CLEANED.get(what) or hostile.REFUSED[what][0]
    assert kilobytes(make(), module, tmp_path) < 150 * 1024


@pytest.mark.rule("FIL-02")
@pytest.mark.parametrize("what", hostile.COSTLY)
def test_the_costliest_scans_stay_within_150_megabytes(what, tmp_path):
    scans.rebuilt(hostile.COSTLY[what]())  # it is taken
    assert kilobytes(hostile.COSTLY[what](), "scans", tmp_path) < 150 * 1024


@pytest.mark.rule("FIL-05")
def test_two_pictures_are_decoded_at_once_and_the_third_waits(monkeypatch):
    inside, most, gate, third = [0], [0], threading.Event(), threading.Event()
    real = decoding._pixels

    def slow(content, kept_side):
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        if inside[0] == 2:
            third.wait(0.3)
            gate.set()
        gate.wait(10)
        inside[0] -= 1
        return real(content, kept_side)

    monkeypatch.setattr(decoding, "_pixels", slow)
    content = jpeg()
    threads = [threading.Thread(target=pictures.rebuilt, args=(content,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most[0] == 2
