"""The fonts of the printed sheet: of a whole Chinese font only what stands on it, so that a sheet is soon made."""

import io
import threading
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from noto_cjk_sans_otc import FONT_PATH

_NOTDEF = ".notdef"
_TOLERANCE = 0.5
"""How far, in thousandths of the type size, an outline may stray when it is redrawn for TrueType."""


class Face:
    """One font of the collection, read once a process: its tables of 65,535 signs are what takes the time.

    Signs are redrawn as TrueType, which every reader of PDF knows, and kept: most of a sheet is always the same.
    """

    def __init__(self, number: int) -> None:
        font = TTFont(str(FONT_PATH), fontNumber=number, lazy=True)
        self._head, self._line, self._look, self._post = font["head"], font["hhea"], font["OS/2"], font["post"]
        self._name = font["name"].getBestFullName()
        self._named: dict[int, str] = font.getBestCmap()
        self._outlines = font.getGlyphSet()
        self._drawn: dict[str, tuple[Any, int]] = {}
        self._lock = threading.Lock()  # the file is read on as signs are asked for

    def cut(self, text: str) -> bytes:
        """A font that has the signs of this text; one that the whole font hasn't is the usual empty box."""
        named = {ord(sign): self._named[ord(sign)] for sign in sorted(set(text)) if ord(sign) in self._named}
        order = [_NOTDEF, *dict.fromkeys(named.values())]
        with self._lock:
            drawn = {name: self._draw(name) for name in order}
        made = FontBuilder(self._head.unitsPerEm, isTTF=True)
        made.setupGlyphOrder(order)
        made.setupCharacterMap(named)
        made.setupGlyf({name: glyph for name, (glyph, _width) in drawn.items()})
        glyphs = made.font["glyf"]
        made.setupHorizontalMetrics({name: (width, glyphs[name].xMin) for name, (_glyph, width) in drawn.items()})
        made.setupHorizontalHeader(ascent=self._line.ascent, descent=self._line.descent)
        made.setupOS2(sCapHeight=self._look.sCapHeight, usWeightClass=self._look.usWeightClass)
        made.setupPost(isFixedPitch=self._post.isFixedPitch, keepGlyphNames=False)
        made.setupNameTable({"familyName": self._name, "styleName": "Regular", "fullName": self._name})
        file = io.BytesIO()
        made.save(file)
        return file.getvalue()

    def _draw(self, name: str) -> tuple[Any, int]:
        """Outline and width of a sign."""
        if name not in self._drawn:
            pen = TTGlyphPen(None)
            outline = self._outlines[name]
            outline.draw(Cu2QuPen(pen, _TOLERANCE, reverse_direction=True))
            glyph = pen.glyph()
            glyph.recalcBounds(None)
            self._drawn[name] = (glyph, round(outline.width))
        return self._drawn[name]
