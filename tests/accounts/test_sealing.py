"""Seals and keyed hashes: what opens, what doesn't, and what the rings of keys mean (CRY-01, D33)."""

import base64
import hashlib
import hmac

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts import sealing

PLACE = "accounts.person.phone"
PHONE = "13800001234"


def entry(name: str, byte: bytes = b"k") -> str:
    """A ring's entry of 32 equal bytes."""
    return f"{name}:{base64.b64encode(byte * 32).decode()}"


@pytest.fixture(autouse=True)
def rings(settings):
    """One key in each ring."""
    settings.SEALING_KEYS, settings.LOOKUP_KEYS = [entry("s1", b"1")], [entry("l1", b"a")]


def raw_of(sealed: str) -> bytes:
    """The bytes behind the key's name."""
    return base64.urlsafe_b64decode(sealed.partition(".")[2])


def sealed_from(raw: bytes, name: str = "s1") -> str:
    """As the database would hold these bytes."""
    return f"{name}.{base64.urlsafe_b64encode(raw).decode()}"


@pytest.mark.rule("CRY-01")
@hypothesis_settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_what_was_sealed_opens_again(text):
    assert sealing.unseal(sealing.seal(text, place=PLACE), place=PLACE) == text


@pytest.mark.rule("CRY-01")
def test_a_seal_shows_neither_the_text_nor_that_two_texts_are_equal():
    one, other = sealing.seal(PHONE, place=PLACE), sealing.seal(PHONE, place=PLACE)
    assert one != other
    assert PHONE not in one
    assert PHONE.encode() not in raw_of(one)
    assert one.startswith("s1.")


@pytest.mark.rule("CRY-01")
def test_a_seal_with_any_bit_turned_does_not_open():
    raw = raw_of(sealing.seal(PHONE, place=PLACE))
    assert len(raw) == 12 + len(PHONE) + 16  # nonce, text, tag: all of them are guarded
    for place in range(len(raw)):
        for bit in (1, 128):
            turned = raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]
            with pytest.raises(sealing.SealBroken):
                sealing.unseal(sealed_from(turned), place=PLACE)


@pytest.mark.rule("CRY-01")
def test_a_seal_cut_short_or_lengthened_does_not_open():
    raw = raw_of(sealing.seal(PHONE, place=PLACE))
    for changed in (*(raw[:end] for end in range(len(raw))), raw + b"\0", raw[1:]):
        with pytest.raises(sealing.SealBroken):
            sealing.unseal(sealed_from(changed), place=PLACE)


@pytest.mark.rule("CRY-01")
@pytest.mark.parametrize(
    "stored", ["", "s1", "s1.", ".", PHONE, "s1.AAAA", "s1.!!!", "s1.号码", "s1.A", "号码.AAAA", "s1.\0"]
)
def test_what_is_no_seal_does_not_open(stored):
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(stored, place=PLACE)


@pytest.mark.rule("CRY-01")
def test_a_seal_moved_to_another_column_does_not_open():
    sealed = sealing.seal(PHONE, place=PLACE)
    for elsewhere in ("accounts.person.id_number", "realname.post.phone", ""):
        with pytest.raises(sealing.SealBroken):
            sealing.unseal(sealed, place=elsewhere)


@pytest.mark.rule("CRY-01")
def test_the_first_key_seals_and_every_key_of_the_ring_opens(settings):
    old = sealing.seal(PHONE, place=PLACE)
    settings.SEALING_KEYS = [entry("s2", b"2"), entry("s1", b"1")]
    new = sealing.seal(PHONE, place=PLACE)
    assert sealing.current_key() == "s2"
    assert new.startswith("s2.")
    assert sealing.unseal(old, place=PLACE) == sealing.unseal(new, place=PLACE) == PHONE


@pytest.mark.rule("CRY-01")
def test_a_seal_whose_key_has_left_the_ring_does_not_open(settings):
    sealed = sealing.seal(PHONE, place=PLACE)
    settings.SEALING_KEYS = [entry("s2", b"2")]
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed, place=PLACE)


@pytest.mark.rule("CRY-01")
def test_another_key_under_the_same_name_does_not_open(settings):
    sealed = sealing.seal(PHONE, place=PLACE)
    settings.SEALING_KEYS = [entry("s1", b"9")]
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed, place=PLACE)


@pytest.mark.rule("CRY-01")
def test_a_seal_relabelled_with_another_key_of_the_ring_does_not_open(settings):
    sealed = sealing.seal(PHONE, place=PLACE)
    settings.SEALING_KEYS = [entry("s2", b"2"), entry("s1", b"1")]
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed.replace("s1.", "s2."), place=PLACE)


@pytest.mark.parametrize(
    "ring",
    [
        [],
        ["s1"],
        ["s1:"],
        ["s1:not base64"],
        ["s1:" + base64.b64encode(b"1" * 31).decode()],
        ["s1:" + base64.b64encode(b"1" * 33).decode()],
        [entry("")],
        [entry("s.1")],
        [entry("a" * 17)],
        [entry("s1"), entry("s 2")],
    ],
)
def test_a_ring_with_a_bad_key_is_refused_and_the_key_is_not_told(settings, ring):
    settings.SEALING_KEYS = settings.LOOKUP_KEYS = ring
    for use in (lambda: sealing.seal(PHONE, place=PLACE), lambda: sealing.lookup_hash(PHONE)):
        with pytest.raises(ImproperlyConfigured) as caught:
            use()
        assert base64.b64encode(b"1" * 24).decode() not in str(caught.value)


@pytest.mark.rule("CRY-01", "D33")
def test_a_look_up_hash_is_the_same_every_time_and_shows_nothing():
    assert sealing.lookup_hash(PHONE) == sealing.lookup_hash(PHONE)
    assert sealing.lookup_hash(PHONE) != sealing.lookup_hash("13800001235")
    assert PHONE not in sealing.lookup_hash(PHONE)


@pytest.mark.rule("CRY-01", "D33")
def test_without_the_key_nobody_can_reckon_a_look_up_hash(settings):
    before = sealing.lookup_hash(PHONE)
    settings.LOOKUP_KEYS = [entry("l1", b"b")]
    assert sealing.lookup_hash(PHONE) != before
    assert hashlib.sha256(PHONE.encode()).hexdigest() not in before


@pytest.mark.rule("CRY-01", "D33")
def test_a_value_is_sought_under_every_key_and_kept_under_the_first(settings):
    old = sealing.lookup_hash(PHONE)
    settings.LOOKUP_KEYS = [entry("l2", b"b"), entry("l1", b"a")]
    new = sealing.lookup_hash(PHONE)
    assert new.startswith("l2:")
    assert sealing.lookup_hashes(PHONE)[:2] == [new, old]


@pytest.mark.rule("CRY-01")
def test_the_keyed_hash_is_hmac_sha_256():
    # RFC 4231, the second test case
    assert sealing.keyed_hash(b"Jefe", "what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.rule("CRY-01", "OTP-08")
def test_every_purpose_has_a_key_of_its_own_that_follows_from_the_secret_key(settings):
    keys = {sealing.purpose_key(purpose) for purpose in ("visitor", "sms-code", "picture-answer", "sound-answer")}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert sealing.purpose_key("visitor") == (
        hmac.new(settings.SECRET_KEY.encode(), b"etax:visitor", hashlib.sha256).digest()
    )
    settings.SECRET_KEY = "another" * 10
    assert not keys & {sealing.purpose_key(purpose) for purpose in ("visitor", "sms-code")}
