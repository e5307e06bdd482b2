"""Runs `manage.py check --deploy` with the settings of a real bureau, where no warning is left: CFG-01."""

import base64
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _key() -> str:
    return "a1:" + base64.b64encode(secrets.token_bytes(32)).decode()


def environment(folder: str) -> dict[str, str]:
    """A complete production environment, made up for this run."""
    return {
        "DEBUG": "off",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "portal.example",
        "SEALING_KEYS": _key(),
        "LOOKUP_KEYS": _key(),
        "SMS_URL": "https://user:secret@gateway.example/send",
        "CACHE_URL": "redis://127.0.0.1:6379/0",
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "VAR_DIR": folder,
        "SOCIAL_INSURANCE_URL": "https://insurance.example/enter",
        "SOCIAL_INSURANCE_SECRET": secrets.token_urlsafe(32),
    }


def run(**changed: str) -> subprocess.CompletedProcess[str]:
    """The check's outcome, with some settings changed."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": os.environ["PATH"], **environment(folder), **changed}
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    done = run()
    sys.stdout.write(done.stdout + done.stderr)
    sys.exit(done.returncode)
