"""The two families of ciphers that seals and keyed hashes are made with: international, and 国密 (GM/T) (CRY-02).

A value is marked with the family that made it, so that both are read whichever of them writes.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import hmac as cryptography_hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12
_TAG = 16


@dataclass(frozen=True, slots=True)
class Family:
    """One family: authenticated sealing with a 32-byte key and a 12-byte nonce, and a keyed hash in hex.

    `unseal` raises cryptography's InvalidTag for a wrong key, another place, or a single bit turned.
    """

    mark: str
    seal: Callable[[bytes, bytes, bytes, bytes], bytes]
    unseal: Callable[[bytes, bytes, bytes, bytes], bytes]
    keyed_hash: Callable[[bytes, bytes], str]


def _aes_seal(key: bytes, nonce: bytes, data: bytes, place: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce, data, place)


def _aes_unseal(key: bytes, nonce: bytes, sealed: bytes, place: bytes) -> bytes:
    return AESGCM(key).decrypt(nonce, sealed, place)


def _sha256_hash(key: bytes, value: bytes) -> str:
    return hmac.digest(key, value, "sha256").hex()


def _sm3_hash(key: bytes, value: bytes) -> str:
    made = cryptography_hmac.HMAC(key, hashes.SM3())
    made.update(value)
    return made.finalize().hex()


def _sm4_key(key: bytes) -> bytes:
    """SM4 takes 16 bytes: derived from the ring's 32, so that no key serves two ciphers."""
    return bytes.fromhex(_sm3_hash(key, b"etax:sm4"))[:16]


def sm4_gcm(key: bytes, nonce: bytes, data: bytes, place: bytes) -> bytes:
    """SM4-GCM (RFC 8998) under a key of 16 bytes: the ciphertext, then the tag of 16 bytes."""
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(place)
    return encryptor.update(data) + encryptor.finalize() + encryptor.tag


def _sm4_seal(key: bytes, nonce: bytes, data: bytes, place: bytes) -> bytes:
    return sm4_gcm(_sm4_key(key), nonce, data, place)


def _sm4_unseal(key: bytes, nonce: bytes, sealed: bytes, place: bytes) -> bytes:
    text, tag = sealed[:-_TAG], sealed[-_TAG:]
    decryptor = Cipher(algorithms.SM4(_sm4_key(key)), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(place)
    return decryptor.update(text) + decryptor.finalize()


FAMILIES = {
    "international": Family("", _aes_seal, _aes_unseal, _sha256_hash),
    "guomi": Family("~gm", _sm4_seal, _sm4_unseal, _sm3_hash),
}
"""By the setting CIPHERS: AES-256-GCM with HMAC-SHA-256, or SM4-GCM with HMAC-SM3 (GB/T 32907, GB/T 32905)."""


def family_of(mark: str) -> Family:
    """The family that leaves this mark. Raises KeyError for a mark that none leaves."""
    return {family.mark: family for family in FAMILIES.values()}[mark]
