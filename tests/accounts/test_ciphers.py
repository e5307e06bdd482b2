"""The two families of ciphers: the standards' own vectors, and switching from one to the other (CRY-02)."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from accounts import ciphers, sealing
from accounts.models import Person
from tests import cast

PLACE = "accounts.person.phone"
PHONE = "13800001234"


@pytest.mark.rule("CRY-02")
def test_sm3_of_the_standards_example():
    digest = hashes.Hash(hashes.SM3())
    digest.update(b"abc")
    assert digest.finalize().hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@pytest.mark.rule("CRY-02")
def test_sm4_of_the_standards_example():
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    assert (encryptor.update(key) + encryptor.finalize()).hex() == "681edf34d206965e86b3e94f536e4246"


@pytest.mark.rule("CRY-02")
def test_sm4_gcm_of_rfc_8998():
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    text = bytes.fromhex("aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8 + "ee" * 8 + "ff" * 8 + "ee" * 8 + "aa" * 8)
    sealed = ciphers.sm4_gcm(
        key,
        bytes.fromhex("00001234567800000000abcd"),
        text,
        bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    )
    assert sealed[:16].hex() == "17f399f08c67d5ee19d0dc9969c4bb7d"
    assert sealed[-16:].hex() == "83de3541e4c2b58177e065a9bf7b62ec"


@pytest.mark.rule("CRY-02")
@pytest.mark.parametrize("family", list(ciphers.FAMILIES))
def test_each_family_opens_what_it_sealed_and_refuses_a_turned_bit_another_place_or_key(family):
    made = ciphers.FAMILIES[family]
    key, nonce, text = b"k" * 32, b"n" * 12, PHONE.encode()
    sealed = made.seal(key, nonce, text, b"here")
    assert made.unseal(key, nonce, sealed, b"here") == text
    turned = bytes([sealed[0] ^ 1]) + sealed[1:]
    for args in ((key, nonce, turned, b"here"), (key, nonce, sealed, b"there"), (b"x" * 32, nonce, sealed, b"here")):
        with pytest.raises(InvalidTag):
            made.unseal(*args)


@pytest.mark.rule("CRY-02")
def test_what_either_family_sealed_is_read_whichever_writes(settings):
    sealed = {}
    for settings.CIPHERS in ciphers.FAMILIES:
        sealed[settings.CIPHERS] = sealing.seal(PHONE, place=PLACE)
    for settings.CIPHERS in ciphers.FAMILIES:
        assert {sealing.unseal(value, place=PLACE) for value in sealed.values()} == {PHONE}


@pytest.mark.rule("CRY-02", "D33")
def test_switching_the_family_seals_everything_anew_without_loss(world, settings):
    before = dict(Person.objects.values_list("uid", "id_number"))
    settings.CIPHERS = "guomi"
    assert Person.objects.by_phone(cast.PHONES["钱思远"]).get().name == "钱思远"
    call_command("rotate_keys")
    assert dict(Person.objects.values_list("uid", "id_number")) == before
    assert all("~gm:" in found for found in Person.objects.values_list("id_number_hash", flat=True))
    assert Person.objects.by_phone(cast.PHONES["钱思远"]).get().name == "钱思远"
    settings.CIPHERS = "international"
    call_command("rotate_keys")
    assert dict(Person.objects.values_list("uid", "id_number")) == before
    assert not any("~gm:" in found for found in Person.objects.values_list("id_number_hash", flat=True))


@pytest.mark.rule("CRY-02", "CFG-01")
def test_a_family_that_does_not_exist_is_refused(settings):
    settings.CIPHERS = "rot13"
    with pytest.raises(ImproperlyConfigured):
        sealing.seal(PHONE, place=PLACE)
