"""The catalogues of translated words: `locale/*/LC_MESSAGES/django.po`, made into what Python's gettext reads (D30).

The source language is the Simplified Chinese of the code itself. Where a catalogue hasn't been made, the portal speaks
that. GNU gettext isn't needed.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import polib
from django.conf import settings


def sources() -> Iterator[Path]:
    """The catalogues as translators write them."""
    for folder in settings.LOCALE_PATHS:
        yield from sorted(Path(folder).glob("*/LC_MESSAGES/*.po"))


def compile_all() -> list[Path]:
    """Make each catalogue that is newer than what was made of it; returns what was made."""
    return [made for source in sources() if (made := _compile(source))]


def _compile(source: Path) -> Path | None:
    target = source.with_suffix(".mo")
    if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
        return None
    new = target.with_name(f".{target.name}.{os.getpid()}")  # nobody reads half of one
    polib.pofile(str(source)).save_as_mofile(str(new))
    new.replace(target)
    return target
