"""How far an import of a register file has come, so that one that was interrupted goes on from there (D34)."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

_HEAD = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, after a whole line: bytes and lines that lie before it."""

    byte: int = 0
    line: int = 0


START = Place()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The note beside the portal's own data of where a file's last finished batch ends. It holds no personal data."""

    path: Path

    def read(self) -> Place:
        """Where to go on; the start where there is no note, or one that can't be read."""
        try:
            said = json.loads(self.path.read_text())
            place = Place(byte=said["byte"], line=said["line"])
        except (OSError, ValueError, KeyError, TypeError):
            return START
        is_whole = isinstance(place.byte, int) and isinstance(place.line, int)
        return place if is_whole and place.byte >= 0 and place.line >= 0 else START

    def write(self, place: Place) -> None:
        """Note it, as a whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"byte": place.byte, "line": place.line}))
        fresh.replace(self.path)

    def forget(self) -> None:
        """The file is done."""
        self.path.unlink(missing_ok=True)


def of_file(path: Path) -> Checkpoint:
    """The checkpoint of a file, known by its size and the hash of its beginning, whatever it is called."""
    with path.open("rb") as stream:
        head = hashlib.sha256(stream.read(_HEAD))
    head.update(str(path.stat().st_size).encode())
    return Checkpoint(Path(settings.VAR_DIR) / "imports" / f"{head.hexdigest()[:32]}.json")
