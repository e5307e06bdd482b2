"""What the embedded default makes for itself, so that a newcomer has nothing to set."""

import base64
import hashlib
import os
import secrets
from pathlib import Path

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]


def secret(var_dir: Path, name: str) -> str:
    """The secret kept in `var_dir/name`, made with 64 random bytes (URL-safe base64) when it is not there yet.

    The file is readable by its owner only. Two processes starting at once agree, because the name is taken by a link
    that fails if it exists.
    """
    path = var_dir / name
    if not path.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        fresh = var_dir / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(64))
        try:
            os.link(fresh, path)
        except FileExistsError:  # somebody was quicker: his is the secret
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


def keyring(var_dir: Path, name: str) -> list[str]:
    """A ring of one key, `local:` and 32 bytes in base64, cut from the secret of that name."""
    raw = base64.urlsafe_b64decode(secret(var_dir, name) + "==")[:32]
    return ["local:" + base64.b64encode(raw).decode()]


def client(var_dir: Path) -> str:
    """The entry of `DECLARATION_CLIENTS` for the stand-in of the 扣缴客户端, whose secret is kept in `var_dir`."""
    secret_of_it = secret(var_dir, "declaration_client")
    return "stand-in:" + hashlib.sha256(secret_of_it.encode()).hexdigest()


def gettext_noop(words: str) -> str:
    """Marks words of the settings for translation.

    Django's own asks for the settings while they are being read: half of them would stand, and a start that they
    refuse would go on.
    """
    return words
