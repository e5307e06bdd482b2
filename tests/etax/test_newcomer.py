"""The embedded default runs on requirements.txt alone: whatever else is installed here is hidden from it."""

import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
START = """
import sys
from importlib.machinery import PathFinder

HIDDEN = set(sys.argv[1].split(","))
sys.argv[1:] = []


class Newcomer(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Newcomer

import django

django.setup()

from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver

call_command("check")
call_command("migrate", verbosity=0)
call_command("compilemessages")
call_command("demo")
get_resolver().url_patterns
answer = Client(HTTP_HOST="127.0.0.1:8000").get("/login/")
assert answer.status_code == 200, answer.status_code
print("started")
"""


def name_of(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def hidden() -> set[str]:
    """The modules that come with packages which requirements.txt doesn't name."""
    named = set(re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    allowed = {name_of(each) for each in named} | {"pip", "setuptools"}
    modules = packages_distributions()
    return {module for module, owners in modules.items() if not {name_of(owner) for owner in owners} & allowed}


@pytest.mark.rule("CFG-01")
def test_the_portal_starts_with_what_a_newcomer_installs(tmp_path):
    assert {"pythonjsonlogger", "oauth2_provider", "pytest"} <= hidden()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = {**kept, "DJANGO_SETTINGS_MODULE": "etax.settings", "VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", START, ",".join(sorted(hidden()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=env)
    assert done.stdout.splitlines()[-1:] == ["started"], done.stderr
