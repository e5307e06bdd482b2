"""Brings the catalogues in line with the words of the sources: `python -m tests.catalogues` (`make messages`).

English is written by hand: what is new there is left empty, and `make check` names it. 繁體中文 is made by OpenCC from
the words themselves, character by character and not phrase by phrase: the bureau's terms stay the ones that its forms
and its hotline use. Where OpenCC errs, `locale/zh_Hant/terms.tsv` puts it right (what it makes, a tab, what it should
have made); a whole sentence may be given there as well.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import django
import polib
from django.conf import settings
from django.utils.translation.template import templatize
from opencc import OpenCC

ROOT = Path(__file__).resolve().parent.parent
GETTEXT = {"_", "gettext", "gettext_lazy", "gettext_noop"}
BY_HAND, BY_OPENCC = "en", "zh_Hant"
WIDTH = 118
_CALL = re.compile(r"""(?<!\w)(?:gettext|_)\((u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))\)""")

Found = Iterator[tuple[str, str]]
"""Message and file, in the order of the sources."""


def modules() -> list[Path]:
    """The portal's own modules."""
    apps = sorted(path.parent for path in ROOT.glob("*/apps.py"))
    return [path for app in apps for path in sorted(app.rglob("*.py")) if "migrations" not in path.parts]


def _in_modules() -> Found:
    for path in modules():
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GETTEXT
        ]
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            text = call.args[0]
            if isinstance(text, ast.Constant):
                yield text.value, str(path.relative_to(ROOT))


def _in_templates() -> Found:
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.is_file():
            for literal in _CALL.findall(templatize(path.read_text())):
                yield ast.literal_eval(literal), str(path.relative_to(ROOT))


def messages() -> dict[str, list[str]]:
    """Every message of the sources, with the files where it stands."""
    found: dict[str, list[str]] = {}
    for text, path in [*_in_modules(), *_in_templates()]:
        places = found.setdefault(text, [])
        if path not in places:
            places.append(path)
    return found


def path_of(language: str) -> Path:
    """The catalogue of a language."""
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


@cache
def _terms() -> list[tuple[str, str]]:
    lines = (ROOT / "locale" / BY_OPENCC / "terms.tsv").read_text().splitlines()
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(made, right) for made, right in pairs]


@cache
def _opencc() -> OpenCC:
    return OpenCC("s2tw")


def traditional(text: str) -> str:
    """The text in 繁體中文."""
    # What stands in a placeholder is a name of the code.
    parts = re.split(r"(%\(\w+\)s|{\w+})", text)
    made = "".join(part if number % 2 else _opencc().convert(part) for number, part in enumerate(parts))
    for wrong, right in _terms():
        made = made.replace(wrong, right)
    return made


def updated(language: str) -> polib.POFile:
    """The catalogue as it should be: every message of the sources, in their order, and no other."""
    path = path_of(language)
    known = {entry.msgid: entry.msgstr for entry in polib.pofile(str(path))} if path.exists() else {}
    catalogue = polib.POFile(wrapwidth=WIDTH)
    catalogue.metadata = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
    }
    for text, places in messages().items():
        said = traditional(text) if language == BY_OPENCC else known.get(text, "")
        entry = polib.POEntry(msgid=text, msgstr=said, occurrences=[(place, "") for place in places])
        if "%(" in text:
            entry.flags.append("python-format")
        catalogue.append(entry)
    return catalogue


def set_up() -> None:
    """Django, as far as reading templates needs it."""
    settings.configure(USE_I18N=False)
    django.setup()


def main() -> None:
    """Write both catalogues, and say what is still to be translated by hand."""
    for language in (BY_HAND, BY_OPENCC):
        path = path_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalogue = updated(language)
        catalogue.save(str(path))
        missing = len(catalogue.untranslated_entries())
        sys.stdout.write(f"{language}: {len(catalogue)} messages, {missing} to translate\n")


if __name__ == "__main__":
    set_up()
    main()
