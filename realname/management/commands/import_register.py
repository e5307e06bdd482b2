"""`manage.py import_register FILE`: take a file of the tax register into the database (D34)."""

import sys
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from realname import checkpoints
from realname.checkpoints import Checkpoint, Place
from realname.register import BATCH, ImportResult, Tally, import_register
from realname.register_lines import BadLine, RegisterReader

_LARGEST_BATCH = 5000


class _LogLines:
    """A stream that isn't a terminal: each drawing of the bar is a line of its own there, and a rare one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write what is to be seen of the text, if anything, as one line."""
        if seen := text.strip():
            self._stream.write(f"{seen}\n")

    def flush(self) -> None:
        """Let it be seen now."""
        self._stream.flush()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise CommandError(_("没有这个文件：%(path)s") % {"path": path}) from error
    except OSError as error:
        raise CommandError(_("无法读取文件%(path)s：%(why)s") % {"path": path, "why": error.strerror}) from error


class Command(BaseCommand):
    """Reads the file as a stream; bad lines are named on stderr and the rest is taken. Running it again is harmless.

    Interrupted, it has done whole batches; with `--resume` it goes on after the last of them.
    """

    help = "Import taxpayers, people and posts of the tax register from JSON Lines, or from CSV (*.csv)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FILE, how many lines make a transaction, whether to go on, and whether a bad line is a failure."""
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--batch-size", type=int, default=BATCH, help="lines in one transaction (%(default)s)")
        parser.add_argument("--resume", action="store_true", help="go on where an interrupted import of FILE stopped")
        parser.add_argument("--strict", action="store_true", help="fail in the end when a line was bad")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when the file can't be read, and with `--strict` when a line was bad."""
        if not 1 <= options["batch_size"] <= _LARGEST_BATCH:
            raise CommandError(_("--batch-size 应在1到%(most)d之间。") % {"most": _LARGEST_BATCH})
        path: Path = options["file"]
        with _opened(path) as stream:
            try:
                checkpoint = checkpoints.of_file(path)
                place = checkpoint.read() if options["resume"] else checkpoints.START
                reader = RegisterReader.going_on(stream, place, as_csv=path.suffix.lower() == ".csv")
                bar = self._bar(path, place, quiet=options["verbosity"] == 0)
                result = self._import(reader, checkpoint, bar, options["batch_size"])
            except ValidationError as error:
                raise CommandError(error.messages[0]) from error
        self._summarise(result)
        if result.bad and options["strict"]:
            raise CommandError(_("有%(bad)d行有误。") % {"bad": result.bad})

    def _import(
        self, reader: RegisterReader, checkpoint: Checkpoint, bar: "tqdm[Any]", batch_size: int
    ) -> ImportResult:
        """Import the rest of the file; after each batch the checkpoint says how far it came."""

        def name_bad_line(bad: BadLine) -> None:
            bar.clear()
            self.stderr.write(_("第%(number)d行：%(reason)s") % {"number": bad.number, "reason": bad.reason})

        def note_batch() -> None:
            checkpoint.write(reader.place)
            bar.update(reader.bytes_read - bar.n)

        with closing(bar):
            result = import_register(reader, batch_size=batch_size, on_bad=name_bad_line, on_batch=note_batch)
        checkpoint.forget()
        return result

    def _bar(self, path: Path, place: Place, *, quiet: bool) -> "tqdm[Any]":
        on_terminal = sys.stderr.isatty()
        return tqdm(
            desc=_("导入"),
            total=path.stat().st_size or None,
            initial=place.byte,
            unit="B",
            unit_scale=True,
            disable=quiet,
            file=sys.stderr if on_terminal else _LogLines(sys.stderr),
            mininterval=0.2 if on_terminal else 10,
        )

    def _summarise(self, result: ImportResult) -> None:
        self._say(_("纳税人"), result.taxpayers)
        self._say(_("人员"), result.people)
        self._say(_("任职"), result.posts)
        self.stdout.write(_("有误的行：%(bad)d") % {"bad": result.bad})
        if result.changes_nothing:
            self.stdout.write(_("没有任何变更。"))

    def _say(self, record: str, tally: Tally) -> None:
        numbers = {"added": tally.added, "changed": tally.changed, "unchanged": tally.unchanged}
        self.stdout.write(record + _("：新增%(added)d，变更%(changed)d，未变%(unchanged)d") % numbers)
