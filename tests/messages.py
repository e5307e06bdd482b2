"""Checks the words that a visitor can read: `python -m tests.messages`.

Every Chinese word goes through gettext, and both catalogues have every message, with the same placeholders and the same
tags. Neither GNU gettext nor a made catalogue is needed.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polib

from tests import catalogues

ROOT = Path(__file__).resolve().parent.parent
CHINESE = re.compile(r"[\u3001-\u303f\u3400-\u9fff\uff01-\uff5e]")
CHARACTERS = re.compile(r"[\u3400-\u9fff]")
MARKS = {*catalogues.GETTEXT, *catalogues.PLURAL, "for_phones"}
ELSEWHERE = {"pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy"}
"""Of gettext, but not read by `tests.catalogues`."""
TRANSLATED = re.compile(
    r'_\("[^"]*"\)|'
    r"{%\s*comment.*?endcomment\s*%}|{#.*?#}|{%\s*(?:translate|trans)\s.*?%}"
    r"|{%\s*(?:blocktranslate|blocktrans)\b.*?endblocktrans(?:late)?\s*%}",
    re.DOTALL,
)
TELLING = {"tell", "_tell", "tell_phone", "queue", "queue_code"}
# A word on a document, an identity's name in the demo world.
QUOTED = re.compile("“(?:长期|全量办税)”")
# Data about made-up people, an operator's table, a setting's default, a language's own name: not words of the pages.
DATA = {"etax/demo.py", "etax/settings.py", "accounts/limits.py", "etax/display.py", "etax/formats/zh_Hant/formats.py"}


def in_templates() -> Iterator[str]:
    """Places of templates where Chinese stands outside a translation tag."""
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.is_file():
            text = TRANSLATED.sub(lambda match: "\n" * match[0].count("\n"), path.read_text())
            yield from (
                f"{path.relative_to(ROOT)}:{n}" for n, line in enumerate(text.split("\n"), 1) if CHINESE.search(line)
            )


def in_python() -> Iterator[str]:
    """Places of modules where a Chinese string is neither a docstring nor an argument of gettext."""
    for path in catalogues.modules():
        name = str(path.relative_to(ROOT))
        if name not in DATA:
            yield from (f"{name}:{line}" for line in _untranslated(ast.parse(path.read_text())))


def out_of_reach() -> Iterator[str]:
    """Places of modules where a message is asked for in a way that the catalogues' tool doesn't read."""
    for path in catalogues.modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Name) and node.id in ELSEWHERE:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.id} is not read by tests.catalogues"


def told_to_phones() -> Iterator[str]:
    """Places where a message to a phone is made by gettext: it would be in the language of who causes it (D30)."""
    for path in catalogues.modules():
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                yield from (f"{path.relative_to(ROOT)}:{line}: use for_phones" for line in _translated_texts(function))


def frozen_at_import() -> Iterator[str]:
    """Places where a message is translated while its module is imported: it would never change its language again."""
    for path in catalogues.modules():
        tree = ast.parse(path.read_text())
        yield from (f"{path.relative_to(ROOT)}:{line}: use gettext_lazy" for line in _translated_at_import(tree))


def _translated_at_import(tree: ast.Module) -> Iterator[int]:
    eager = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name == "gettext"
    }
    later: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            later.update(inner for statement in node.body for inner in ast.walk(statement))
        if isinstance(node, ast.Lambda):
            later.update(ast.walk(node.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node not in later and _name_of(node) in eager:
            yield node.lineno


def _translated_texts(function: ast.FunctionDef) -> Iterator[int]:
    nodes = list(ast.walk(function))
    texts = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in nodes:
        if isinstance(call, ast.Call) and _name_of(call) in TELLING:
            for argument in call.args:
                names = [node.id for node in ast.walk(argument) if isinstance(node, ast.Name)]
                for said in (argument, *(texts[name] for name in names if name in texts)):
                    if any(
                        isinstance(node, ast.Call) and _name_of(node) in catalogues.GETTEXT for node in ast.walk(said)
                    ):
                        yield call.lineno


def _name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _parts(text: str) -> tuple[set[str], Counter[str]]:
    """Which placeholders it has, and its tags, each as often as it stands there."""
    return set(re.findall(r"%\(\w+\)[sd]|%%|{\w+}", text)), Counter(re.findall(r"<[^>]+>", text))


def differing(entry: polib.POEntry) -> str:
    """What is wrong with this translation; empty if nothing is."""
    said = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    if not all(text.strip() for text in said):
        return "not translated"
    if entry.fuzzy or entry.obsolete:
        return "fuzzy or obsolete"
    if any(_parts(entry.msgid) != _parts(text) for text in said):
        return "placeholders or tags differ"
    return ""


def in_catalogues() -> Iterator[str]:
    """What is missing in a catalogue, wrong in it, or there without need."""
    for language in (catalogues.BY_HAND, catalogues.BY_OPENCC):
        found = polib.pofile(str(catalogues.path_of(language)), wrapwidth=catalogues.WIDTH)
        yield from (f"{language}: {why}: {entry.msgid}" for entry in found if (why := differing(entry)))
        if str(catalogues.updated(language)) != str(found):
            yield f"{language}: not in line with the sources: run `make messages`"


def english_in_chinese() -> Iterator[str]:
    """English that still holds Chinese, but for what is quoted from elsewhere."""
    for entry in polib.pofile(str(catalogues.path_of(catalogues.BY_HAND))):
        said = "".join([entry.msgstr, *entry.msgstr_plural.values()])
        if CHINESE.search(QUOTED.sub("", said)):
            yield f"en: holds Chinese: {entry.msgid}"


LINKED = re.compile(r"{%\s*translate\s+[\"']([^\"']*)[\"']\s*%}<a\b|</a>{%\s*translate\s+[\"']([^\"']*)[\"']\s*%}")


def stuck_together() -> Iterator[str]:
    """English words beside a link with no blank between: Chinese needs none there, so the template has none."""
    english = {entry.msgid: entry.msgstr for entry in polib.pofile(str(catalogues.path_of(catalogues.BY_HAND)))}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for before, after in LINKED.findall(path.read_text()):
            said = english.get(before or after, "")
            if not (said.endswith(" ") if before else said[:1] in " .,;:"):
                yield f"{path.relative_to(ROOT)}: stuck to a link in English: {said}"


def _untranslated(tree: ast.AST) -> Iterator[int]:
    fine: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            fine.update(node.args)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            fine.add(node.value)
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and CHARACTERS.search(text) and node not in fine:
            yield node.lineno


def main() -> int:
    """Print what is wrong; the status to leave with."""
    wrong = [
        *in_templates(),
        *in_python(),
        *out_of_reach(),
        *told_to_phones(),
        *frozen_at_import(),
        *in_catalogues(),
        *english_in_chinese(),
        *stuck_together(),
    ]
    sys.stdout.write("\n".join(wrong or ["every message goes through gettext and is translated"]) + "\n")
    return bool(wrong)


if __name__ == "__main__":
    catalogues.set_up()
    sys.exit(main())
