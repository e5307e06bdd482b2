"""Checks that every Chinese word a visitor can read goes through gettext: `python -m tests.messages`."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHINESE = re.compile(r"[\u3400-\u9fff]")
GETTEXT = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "pgettext"}
TRANSLATED = re.compile(
    r"{%\s*comment.*?endcomment\s*%}|{#.*?#}|{%\s*(?:translate|trans)\s.*?%}"
    r"|{%\s*(?:blocktranslate|blocktrans)\b.*?endblocktrans(?:late)?\s*%}",
    re.DOTALL,
)
# Data about made-up people, an operator's table, a setting's default: not words of the pages.
DATA = {"etax/demo.py", "etax/settings.py", "accounts/limits.py"}


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
    for app in ("accounts", "realname", "staff", "agencies", "etax"):
        for path in sorted((ROOT / app).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name not in DATA and "/migrations/" not in name:
                yield from (f"{name}:{line}" for line in _untranslated(ast.parse(path.read_text())))


def _untranslated(tree: ast.AST) -> Iterator[int]:
    fine: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GETTEXT:
            fine.update(node.args)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            fine.add(node.value)
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and CHINESE.search(text) and node not in fine:
            yield node.lineno


if __name__ == "__main__":
    places = [*in_templates(), *in_python()]
    sys.stdout.write("\n".join(places or ["every message goes through gettext"]) + "\n")
    sys.exit(bool(places))
