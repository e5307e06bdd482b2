"""Which rules are proven by which tests, and which not yet: `python -m tests.rules` (`make rules`)."""

import ast
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ROWS = {"PW": 12, "CAP": 7, "FLOW": 11, "OTP": 13, "RST": 7, "SES": 8, "AUZ": 8, "STF": 7, "FIL": 6, "VAL": 5, "LOG": 7}
ROWS |= {"CFG": 6, "CRY": 3, "REL": 1}
MANUAL, DECISIONS, FAULTS = 152, 35, 28

KNOWN = [
    *(f"M{n}" for n in range(1, MANUAL + 1)),
    *(f"D{n}" for n in range(1, DECISIONS + 1)),
    *(f"F{n}" for n in range(1, FAULTS + 1)),
    *(f"{row}-{n:02}" for row, count in ROWS.items() for n in range(1, count + 1)),
]


def proofs() -> dict[str, list[str]]:
    """For each rule the tests that name it, as `file::test`, read from the markers without running anything."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(ROOT.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for rule in _rules(node):
                    found[rule].append(f"{path.relative_to(ROOT.parent)}::{node.name}")
    return found


def _rules(test: ast.FunctionDef) -> list[str]:
    calls = [each for each in test.decorator_list if isinstance(each, ast.Call)]
    marks = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "rule"]
    return [arg.value for mark in marks for arg in mark.args if isinstance(arg, ast.Constant)]


def unknown() -> list[str]:
    """Rules that tests name though there are no such."""
    return sorted(set(proofs()) - set(KNOWN))


def main() -> None:
    """Print the table, then the rules that no test proves yet."""
    found = proofs()
    for rule in KNOWN:
        for number, test in enumerate(found.get(rule, [])):
            sys.stdout.write(f"{rule if number == 0 else '':8} {test}\n")
    missing = [rule for rule in KNOWN if rule not in found]
    sys.stdout.write(f"\n{len(KNOWN) - len(missing)} rules proven, {len(missing)} not yet:\n{' '.join(missing)}\n")


if __name__ == "__main__":
    main()
