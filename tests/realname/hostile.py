"""Forty and more files that somebody may send in the place of a photo, all made here by code."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from PIL import Image, ImageEnhance, ImageFilter, PngImagePlugin

from tests.realname.cards import drawing, jpeg, png, saved

GPS = b"GPS-41.8057-123.4315"
CANARY = b"CANARY-9f2c"


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, *, depth: int = 8, colour: int = 2, data: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG whose head promises so many pixels, whatever follows."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(data, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + body + chunk(b"IEND", b"")


def png_bomb(side: int) -> bytes:
    """A tiny file that unfolds to a picture of so many pixels a side, all black."""
    return png_of(side, side, data=bytes((side * 3 + 1) * side))


def with_jpeg_size(content: bytes, width: int, height: int) -> bytes:
    """The same JPEG with another size in its head."""
    at = content.index(b"\xff\xc0")
    return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]


def with_segment(content: bytes, marker: bytes, data: bytes) -> bytes:
    """The JPEG with one more segment after its beginning."""
    return content[:2] + marker + struct.pack(">H", len(data) + 2) + data + content[2:]


def many_scans() -> bytes:
    """A progressive JPEG with thousands of empty scans, each of which costs a walk over the picture."""
    content = jpeg(progressive=True)
    at = content.rindex(b"\xff\xda")
    scan = content[at:-2]
    return content[:at] + scan + b"\xff\xda\x00\x08\x01\x01\x00\x3f\x3f\x00\x00" * 5000 + b"\xff\xd9"


def exif(**tags) -> Image.Exif:
    """EXIF with a place, a maker and a canary."""
    made = Image.Exif()
    made[0x010F], made[0x0131] = "MAKER", CANARY.decode()
    made.get_ifd(0x8825).update({1: "N", 2: (41.0, 48.0, 20.0), 29: GPS.decode()})
    for tag, value in tags.items():
        made[int(tag.removeprefix("t"))] = value
    return made


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("evil.html", "<script>alert(1)</script>")
    return buffer.getvalue()


def texts() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", CANARY.decode())
    info.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{CANARY.decode()}</x:xmpmeta>")
    return info


def text_bomb() -> bytes:
    bomb = b"bomb\x00\x00" + zlib.compress(bytes(80_000_000), 9)
    return png()[:33] + chunk(b"zTXt", bomb) + png()[33:]


def animated() -> bytes:
    frames = [drawing(seed=seed) for seed in (1, 2)]
    return saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=50)


def gif() -> bytes:
    return saved(drawing().convert("P"), "GIF")


HTML = b"<html><script>alert(document.cookie)</script></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)" width="900" height="900"/>'
PDF = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200)
AVIF = b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif" + bytes(200)
FITS = b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 900 900\n(/etc/passwd) (r) file\n"
MVG = b"push graphic-context\nviewbox 0 0 640 480\nimage over 0,0 0,0 'https://127.0.0.1/x'\npop graphic-context"

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing but a name": (lambda: b"\xff", "photo_format"),
    "words": (lambda: b"hello, I am a photo" * 50, "photo_format"),
    "html": (lambda: HTML, "photo_format"),
    "html called a jpeg": (lambda: b"\xff\xd8\xff" + HTML, "photo_format"),
    "svg": (lambda: SVG, "photo_format"),
    "svg, compressed": (lambda: b"\x1f\x8b\x08\x00" + zlib.compress(SVG), "photo_format"),
    "gif": (gif, "photo_format"),
    "webp": (lambda: saved(drawing(), "WEBP"), "photo_format"),
    "bmp": (lambda: saved(drawing(), "BMP"), "photo_format"),
    "tiff": (lambda: saved(drawing(), "TIFF"), "photo_format"),
    "ico": (lambda: saved(drawing((256, 256)), "ICO"), "photo_format"),
    "ppm": (lambda: saved(drawing(), "PPM"), "photo_format"),
    "tga": (lambda: saved(drawing(), "TGA"), "photo_format"),
    "jpeg 2000": (lambda: b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(300), "photo_format"),
    "heic head": (lambda: HEIC, "photo_format"),
    "avif head": (lambda: AVIF, "photo_format"),
    "fits": (lambda: FITS, "photo_format"),
    "eps": (lambda: EPS, "photo_format"),
    "magick script": (lambda: MVG, "photo_format"),
    "pdf": (lambda: PDF, "photo_format"),
    "zip": (zipped, "photo_format"),
    "executable": (lambda: b"MZ" + bytes(400) + b"PE\x00\x00", "photo_format"),
    "pdf before a jpeg": (lambda: PDF + jpeg(), "photo_format"),
    "gif before a jpeg": (lambda: gif() + jpeg(), "photo_format"),
    "animated png": (animated, "photo_frames"),
    "two jpegs in one (mpo)": (
        lambda: saved(drawing(), "MPO", save_all=True, append_images=[drawing(seed=2)]),
        "photo_frames",
    ),
    "png, 8000 x 8000, 190 kB": (lambda: png_bomb(8000), "photo_dimensions"),
    "png head of 65,000 x 65,000": (lambda: png_of(65_000, 65_000), "photo_dimensions"),
    "png head of 2 billion pixels a side": (lambda: png_of(2**31 - 1, 2**31 - 1), "photo_dimensions"),
    "png, long and thin": (lambda: png_of(8001, 1000), "photo_dimensions"),
    "jpeg head of 65,500 x 65,500": (lambda: with_jpeg_size(jpeg(), 65_500, 65_500), "photo_dimensions"),
    "jpeg head of 6000 x 6000": (lambda: with_jpeg_size(jpeg(), 6000, 6000), "photo_dimensions"),
    "progressive jpeg of 16 megapixels": (
        lambda: jpeg(drawing((4000, 4000)), progressive=True, quality=30),
        "photo_dimensions",
    ),
    "jpeg of 5000 scans": (many_scans, "photo_format"),
    "jpeg of no size": (lambda: with_jpeg_size(jpeg(), 0, 0), "photo_format"),
    "png of no size": (lambda: png_of(0, 0), "photo_format"),
    "one pixel": (lambda: png(Image.new("RGB", (1, 1))), "photo_small"),
    "a stamp": (lambda: jpeg(drawing((399, 900))), "photo_small"),
    "jpeg cut off": (lambda: jpeg()[:9000], "photo_broken"),
    "png cut off": (lambda: png()[:9000], "photo_broken"),
    "png with a wrong checksum": (lambda: png()[:60] + bytes([png()[60] ^ 255]) + png()[61:], "photo_broken"),
    "png without pixels": (lambda: png_of(1000, 700), "photo_broken"),
    "png of pressed text, 80 MB unfolded": (text_bomb, "photo_format"),
    "16-bit grey": (lambda: png(Image.new("I;16", (900, 600))), "photo_format"),
    "cmyk": (lambda: jpeg(drawing().convert("CMYK")), "photo_format"),
    "palette": (lambda: png(drawing().convert("P")), "photo_format"),
    "5 MB and a byte": (lambda: jpeg() + bytes(5 * 1024 * 1024), "photo_too_large"),
    "dark": (lambda: jpeg(ImageEnhance.Brightness(drawing()).enhance(0.15)), "photo_dark"),
    "overexposed": (lambda: jpeg(Image.new("RGB", (900, 600), "white")), "photo_bright"),
    "out of focus": (lambda: jpeg(drawing().filter(ImageFilter.GaussianBlur(14))), "photo_blurred"),
    "nothing to see": (lambda: jpeg(Image.new("RGB", (900, 600), (128, 128, 128))), "photo_blurred"),
}
"""By what it is: how it is made, and the code it is refused with."""

CLEANED: dict[str, Callable[[], bytes]] = {
    "exif with a place": lambda: jpeg(exif=exif()),
    "xmp": lambda: with_segment(jpeg(), b"\xff\xe1", b"http://ns.adobe.com/xap/1.0/\x00" + CANARY),
    "icc profile": lambda: jpeg(icc_profile=CANARY * 20),
    "comment": lambda: jpeg(comment=CANARY),
    "photoshop block": lambda: with_segment(jpeg(), b"\xff\xed", b"Photoshop 3.0\x00" + CANARY),
    "zip behind": lambda: jpeg() + zipped(),
    "script behind": lambda: jpeg() + CANARY + HTML,
    "php in a comment": lambda: jpeg(comment=b"<?php system($_GET['c']); ?>" + CANARY),
    "pdf behind": lambda: jpeg() + PDF,
    "png texts": lambda: png(pnginfo=texts()),
    "png exif": lambda: png(exif=exif()),
    "png with something behind": lambda: png() + CANARY + zipped(),
    "png with an unknown chunk": lambda: png()[:33] + chunk(b"prVt", CANARY) + png()[33:],
    "png called a jpeg": png,
    "transparent png": lambda: png(drawing().convert("RGBA")),
    "grey jpeg": lambda: jpeg(drawing().convert("L")),
    "progressive jpeg": lambda: jpeg(progressive=True),
    "25 megapixels": lambda: jpeg(drawing((5000, 5000)), quality=50),
    "8000 wide": lambda: jpeg(drawing((8000, 1200)), quality=50),
}
"""What is taken, and must come out as pixels and nothing else."""


def _large(mode: str, kind: str, size: tuple[int, int] = (4096, 3050), **options) -> Callable[[], bytes]:
    """A picture of as many pixels as this way of writing them may have."""

    def make() -> bytes:
        ramp = Image.linear_gradient("L").resize(size)
        if mode == "I;16":
            return saved(ramp.convert("I").point(lambda value: value * 257).convert(mode), kind, **options)
        if mode == "P":
            return saved(ramp.convert(mode), kind, **options)
        return saved(Image.merge(mode, [ramp] * len(Image.new(mode, (1, 1)).getbands())), kind, **options)

    return make


COSTLY: dict[str, Callable[[], bytes]] = {
    "colours": _large("RGB", "PNG", (5700, 4380)),
    "transparent colours": _large("RGBA", "PNG"),
    "transparent grey": _large("LA", "PNG"),
    "transparent palette": _large("P", "PNG", transparency=bytes(range(256))),
    "sixteen bits of grey": _large("I;16", "PNG"),
    "inks": _large("CMYK", "JPEG", progressive=True, subsampling=0),
    "finer and finer": _large("RGB", "JPEG", progressive=True, subsampling=0),
}
"""What is taken of scans and costs the most."""
