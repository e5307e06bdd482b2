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
PLURAL = {"ngettext", "ngettext_lazy"}
"""Those that take a second message, for more than one; Chinese says the same in both."""
BY_HAND, BY_OPENCC = "en", "zh_Hant"
WIDTH = 118
_LITERAL = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"(?<!\w)(?:gettext|_)\(({_LITERAL})\)|(?<!\w)ngettext\(({_LITERAL}), ({_LITERAL}), count\)")
_PLURAL_FORMS = {"en": "nplurals=2; plural=(n != 1);", "zh_Hant": "nplurals=1; plural=0;"}

Message = tuple[str, str]
"""What is said, and what is said of more than one (empty: the same is said of any number)."""
Found = Iterator[tuple[Message, str]]
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
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GETTEXT | PLURAL
        ]
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            texts = [text.value for text in call.args[: 1 + (call.func.id in PLURAL)] if isinstance(text, ast.Constant)]
            if texts:
                yield (texts[0], "".join(texts[1:])), str(path.relative_to(ROOT))


def _in_templates() -> Found:
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.is_file():
            for literals in _CALL.findall(templatize(path.read_text())):
                one, *more = (ast.literal_eval(literal) for literal in literals if literal)
                yield (one, "".join(more)), str(path.relative_to(ROOT))


def messages() -> dict[Message, list[str]]:
    """Every message of the sources, with the files where it stands."""
    found: dict[Message, list[str]] = {}
    for message, path in [*_in_modules(), *_in_templates()]:
        places = found.setdefault(message, [])
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
    known = polib.pofile(str(path)) if path.exists() else polib.POFile()
    said = {(entry.msgid, entry.msgid_plural): entry for entry in known}
    catalogue = polib.POFile(wrapwidth=WIDTH)
    catalogue.metadata = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": _PLURAL_FORMS[language],
    }
    for message, places in messages().items():
        entry = polib.POEntry(msgid=message[0], occurrences=[(place, "") for place in places])
        _translate(entry, message[1], said.get(message), language)
        if "%(" in entry.msgid:
            entry.flags.append("python-format")
        catalogue.append(entry)
    return catalogue


def _translate(entry: polib.POEntry, plural: str, before: polib.POEntry | None, language: str) -> None:
    """Give the entry its translations: OpenCC's, those that it had, or empty ones."""
    made = traditional(entry.msgid) if language == BY_OPENCC else ""
    if not plural:
        entry.msgstr = made or (before.msgstr if before else "")
        return
    forms = 1 if language == BY_OPENCC else 2
    entry.msgid_plural = plural
    entry.msgstr_plural = before.msgstr_plural if before and not made else dict.fromkeys(range(forms), made)


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
