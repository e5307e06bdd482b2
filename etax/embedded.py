"""What the embedded default makes for itself, so that a newcomer has nothing to set."""

import base64
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]


def secret(var_dir: Path, name: str) -> str:
    """The secret kept in `var_dir/name`, made with 64 random bytes (URL-safe base64) when it is not there yet.

    The file is readable by its owner only. Two processes starting at once agree, because the name is taken by a link
    that fails if it exists.
    """
    return _kept(var_dir, name, lambda: secrets.token_urlsafe(64))


def signing_key(var_dir: Path) -> str:
    """The RSA key, in PEM, by which single sign-on signs; kept as `secret` is."""
    return _kept(var_dir, "sso_key.pem", _new_rsa_key)


def _new_rsa_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _kept(var_dir: Path, name: str, make: Callable[[], str]) -> str:
    path = var_dir / name
    if not path.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        fresh = var_dir / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(make())
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
