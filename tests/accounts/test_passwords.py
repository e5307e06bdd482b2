"""Passwords: how they are hashed and judged, what a new one must be, and the 111111 state (D10, D12, PW-01 to 09)."""

import base64
import re
from datetime import timedelta

import argon2
import pytest
import time_machine
from django.contrib.auth import hashers
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import passwords
from accounts.forms import PasswordField
from accounts.hashers import Argon2idHasher
from accounts.models import Credential, PastPassword
from accounts.passwords import Setting

pytestmark = pytest.mark.usefixtures("full_cost")
GOOD = "Gutes-Wetter-7"


class StrongerHasher(Argon2idHasher):
    """What a later release may ask for."""

    memory_cost = 20480
    time_cost = 3


@pytest.fixture
def credential(db) -> Credential:
    """A password in use."""
    return passwords.store(None, passwords.hash_new(GOOD))


def parameters(stored: str) -> dict[str, int]:
    """The parameters in a stored hash: m, t, p, and the bytes of salt and hash."""
    found = re.fullmatch(r"argon2\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)", stored)
    m, t, p, salt, hashed = found.groups()
    lengths = [len(base64.b64decode(part + "=" * (-len(part) % 4))) for part in (salt, hashed)]
    return {"m": int(m), "t": int(t), "p": int(p), "salt": lengths[0], "hash": lengths[1]}


def refusal(password: str, setting: Setting) -> str:
    """The code of the rule that a new password breaks; empty when it may be used."""
    try:
        passwords.validate_new(password, setting)
    except ValidationError as error:
        return error.code
    return ""


# Hashing and judging


@pytest.mark.rule("PW-01")
def test_a_stored_password_is_argon2id_with_the_parameters_of_owasp():
    stored = parameters(passwords.hash_new(GOOD))
    assert (stored["m"], stored["t"], stored["p"]) == (19456, 2, 1)
    assert stored["salt"] >= 16
    assert stored["hash"] >= 32


@pytest.mark.rule("PW-01")
def test_one_password_hashed_twice_gives_two_hashes():
    assert passwords.hash_new(GOOD) != passwords.hash_new(GOOD)


@pytest.mark.rule("PW-12")
def test_the_password_itself_is_nowhere_in_the_database(credential, stored):
    assert passwords.check(credential, GOOD)
    assert GOOD not in stored()


@pytest.mark.rule("PW-02")
def test_a_hash_with_weaker_parameters_is_made_anew_when_the_right_password_comes(db):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    credential = Credential.objects.create(password="argon2" + weak)
    assert not passwords.check(credential, "Gutes-Wetter-8")
    credential.refresh_from_db()
    assert parameters(credential.password)["m"] == 8192
    assert passwords.check(credential, GOOD)
    credential.refresh_from_db()
    assert parameters(credential.password)["m"] == 19456
    assert credential.version == 1  # nobody's sign-in ends by it
    assert passwords.check(credential, GOOD)


@pytest.mark.rule("PW-01", "PW-02")
def test_when_parameters_rise_old_hashes_still_open_and_are_made_anew(credential, settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.StrongerHasher"]
    assert passwords.check(credential, GOOD)
    credential.refresh_from_db()
    stored = parameters(credential.password)
    assert (stored["m"], stored["t"]) == (20480, 3)
    assert passwords.check(credential, GOOD)


@pytest.mark.rule("PW-02")
def test_making_anew_never_overwrites_a_password_that_was_changed_meanwhile(credential, settings):
    stale = Credential.objects.get(pk=credential.pk)
    changed = passwords.store(credential, passwords.hash_new("Anderes-Wetter-8"))
    settings.PASSWORD_HASHERS = [f"{__name__}.StrongerHasher"]
    assert passwords.check(stale, GOOD)  # judged against what was read before the change
    changed.refresh_from_db()
    assert passwords.check(changed, "Anderes-Wetter-8")


@pytest.mark.rule("PW-06")
@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Abcd1234!", "\uff21\uff42\uff43\uff44\uff11\uff12\uff13\uff14\uff01"),
        ("\uff21\uff42\uff43\uff44\uff11\uff12\uff13\uff14\uff01", "Abcd1234!"),
        ("caf\u00e9-caf\u00e9", "cafe\u0301-cafe\u0301"),
        ("cafe\u0301-cafe\u0301", "caf\u00e9-caf\u00e9"),
        ("\ufb01ne weather", "fine weather"),
    ],
    ids=range(5),
)
def test_full_and_half_width_are_the_same_password_both_ways(db, stored, typed):
    credential = passwords.store(None, passwords.hash_new(stored))
    assert passwords.check(credential, typed)


@pytest.mark.rule("PW-05")
@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Gutes-Wetter-7", "gutes-wetter-7"),
        ("Gutes-Wetter-7", "Gutes-Wetter-7 "),
        ("Gutes-Wetter-7 ", "Gutes-Wetter-7"),
        ("Gutes-Wetter-7", " Gutes-Wetter-7"),
        ("Gutes Wetter 7", "GutesWetter7"),
        ("Gutes-Wetter-7", "Gutes-Wetter-\x007"),
        ("Gutes-We\x00tter-7", "Gutes-We"),
        ("a" * 72 + "b", "a" * 72 + "c"),
        ("a" * 72 + "b", "a" * 72),
        ("a" * 127 + "b", "a" * 127 + "c"),
        ("a" * 128, "a" * 129),
        ("天气很好天气很好", "天气很好天气很坏"),
    ],
    ids=range(12),
)
def test_every_character_counts(db, stored, typed):
    credential = passwords.store(None, passwords.hash_new(stored))
    assert passwords.check(credential, stored)
    assert not passwords.check(credential, typed)


@pytest.mark.rule("D3", "PW-03")
@pytest.mark.parametrize("state", ["unknown", "not set", "in reset", "wrong", "right", "very long"])
def test_every_judgement_costs_one_run_of_argon2_whoever_it_is(db, credential, argon2_runs, state):
    passwords.check(None, "to warm up")
    argon2_runs.clear()
    subject, given = {
        "unknown": (None, GOOD),
        "not set": (Credential.objects.create(), GOOD),
        "in reset": (passwords.reset(None), passwords.RESET_PASSWORD),
        "wrong": (credential, GOOD + "x"),
        "right": (credential, GOOD),
        "very long": (credential, "x" * 1_000_000),
    }[state]
    assert passwords.check(subject, given) is (state == "right")
    assert argon2_runs == ["verify"]


@pytest.mark.rule("D3")
def test_nobodys_password_opens_nothing(db):
    assert not passwords.check(None, "nobody's password")
    assert not passwords.check(Credential.objects.create(), "nobody's password")


# What a new password must be (D12)


@pytest.mark.rule("D12", "PW-04")
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("Wetter7", "password_too_short"),
        ("Wetter7!", ""),
        ("云帆2026好天气", ""),
        ("Gutes-Wetter-7" + "x" * 50, ""),
        ("Wetter-7" * 16, ""),
        ("Wetter-7" * 16 + "x", "password_too_long"),
        ("x" * 1_000_000, "password_too_long"),
        ("\ufb01" * 4, ""),  # a ligature counts as the two letters it stands for
        ("e\u0301" * 7, "password_too_short"),  # a letter with its accent as one
        ("\ufdfa" * 8, "password_too_long"),  # one sign that stands for eighteen characters
    ],
    ids=range(11),
)
def test_a_new_password_has_8_to_128_characters(person, argon2_runs, password, code):
    assert refusal(password, Setting(person=person)) == code
    assert argon2_runs == []  # what is too long is refused before anything is hashed


@pytest.mark.rule("PW-04")
def test_a_password_field_takes_128_characters_as_typed_and_refuses_more():
    field = PasswordField(label="密码")
    assert field.clean(" " + "x" * 126 + " ") == " " + "x" * 126 + " "
    with pytest.raises(ValidationError) as caught:
        field.clean("x" * 129)
    assert [error.code for error in caught.value.error_list] == ["max_length"]
    with pytest.raises(ValidationError) as caught:
        field.clean("Gutes-\x00-Wetter")
    assert [error.code for error in caught.value.error_list] == ["null_characters_not_allowed"]


@pytest.mark.rule("D12", "RST-06", "PW-07")
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("111111", "password_too_short"),
        ("\uff11" * 6, "password_too_short"),
        ("123456", "password_too_short"),
        ("1 1-1 1-1 1", "password_forbidden"),
        ("\uff112-34-56", "password_forbidden"),
        ("abc123456", "password_forbidden"),
    ],
)
def test_the_first_passwords_of_old_are_refused_in_any_dress(person, password, code):
    assert refusal(password, Setting(person=person)) == code


@pytest.mark.rule("D12", "PW-07")
@pytest.mark.parametrize(
    "password",
    [
        "abc123456",
        "ABC123456",
        "abc-123-456",
        "1-1-1-1-1-1",
        "1 2 3 4 5 6",
        "11010519491231002X",
        "11010519491231002x",
        "110105-19491231-002x",
        "3-1-0-0-2-x",  # the last six of his id number
        "138 0000 1234",
        "13800001234",
        "91110000600037341L",
        "91110000600037341l",
        "测试有限公司测试",
        "测试 有限 公司 测试",
        "Wang Xiaoming",
        "WANGXIAOMING",
    ],
)
def test_numbers_names_and_phones_are_refused(person, firm, password):
    firm.name, person.username = "测试有限公司测试", "wangxiaoming"
    assert refusal(password, Setting(person=person, taxpayer=firm)) == "password_forbidden"


@pytest.mark.rule("D12")
def test_a_long_name_of_a_person_is_refused(person):
    person.name = "阿卜杜勒阿卜杜勒"
    assert refusal("阿卜杜勒阿卜杜勒", Setting(person=person)) == "password_forbidden"


@pytest.mark.rule("D12", "PW-07")
@pytest.mark.parametrize("password", ["91110000600037341L!", "x11010519491231002X", "abc1234567x", "13800001235"])
def test_only_the_whole_password_is_compared(person, firm, password):
    assert refusal(password, Setting(person=person, taxpayer=firm)) == ""


@pytest.mark.rule("D12", "PW-08")
def test_numbers_of_others_are_not_compared(person, other_person, firm):
    assert refusal(other_person.id_number, Setting(person=person, taxpayer=firm)) == ""


@pytest.mark.rule("D12")
@pytest.mark.parametrize("password", ["password", "PassWord1", "qwertyuiop", "sunshine", "1234567890"])
def test_common_passwords_are_refused(person, password):
    assert refusal(password, Setting(person=person)) == "password_too_common"


@pytest.mark.rule("D12", "PW-08")
def test_the_old_password_is_refused_in_either_width(person, credential):
    setting = Setting(person=person, old=credential)
    assert refusal(GOOD, setting) == "password_unchanged"
    assert refusal("".join(chr(ord(c) + 0xFEE0) for c in GOOD), setting) == "password_unchanged"
    assert refusal(GOOD + "x", setting) == ""


@pytest.mark.rule("D12", "PW-08")
def test_the_same_persons_other_passwords_are_refused(person, credential):
    other = passwords.store(None, passwords.hash_new("Anderes-Wetter-8"))
    setting = Setting(person=person, old=credential, others=(None, Credential.objects.create(), other))
    assert refusal("Anderes-Wetter-8", setting) == "password_shared"
    assert refusal("Drittes-Wetter-9", setting) == ""


@pytest.mark.rule("D12")
def test_a_first_password_has_no_old_one_to_differ_from(person, argon2_runs):
    assert refusal(GOOD, Setting(person=person, old=Credential.objects.create(), others=(None,))) == ""
    assert argon2_runs == []


# 等保


@pytest.mark.rule("D12", "PW-09")
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("wetterwetter", "password_too_uniform"),
        ("wetter1234xx", "password_too_uniform"),
        ("好天气好天气好天气", "password_too_uniform"),  # letters without case are no class
        ("天气-天气-天气-1", "password_too_uniform"),
        ("Wetterwetter1", ""),
        ("wetter-wetter-1", ""),
        ("Wetter-Wetter", ""),
        ("WETTER WETTER 1", ""),
        ("\uff37etterwetter\uff11", ""),
        ("Wetter7", "password_too_short"),
        ("abc123456", "password_forbidden"),
    ],
    ids=range(11),
)
def test_dengbao_asks_for_three_of_four_classes(person, settings, password, code):
    settings.PASSWORD_POLICY = "dengbao"
    assert refusal(password, Setting(person=person)) == code


@pytest.mark.rule("D12", "PW-09")
@pytest.mark.parametrize("password", ["wetterwetter", "好天气好天气好天气"])
def test_the_modern_policy_asks_for_no_classes(person, password):
    assert refusal(password, Setting(person=person)) == ""


@pytest.mark.rule("D12", "PW-09")
def test_dengbao_refuses_the_last_five_passwords(person, settings):
    settings.PASSWORD_POLICY = "dengbao"
    credential = None
    for number in range(8):
        credential = passwords.store(credential, passwords.hash_new(f"Gutes-Wetter-{number}"))
    setting = Setting(person=person, old=credential)
    assert refusal("Gutes-Wetter-7", setting) == "password_unchanged"
    assert {refusal(f"Gutes-Wetter-{number}", setting) for number in (3, 4, 5, 6)} == {"password_used_before"}
    assert refusal("Gutes-Wetter-1", setting) == ""


@pytest.mark.rule("D12", "PW-09")
def test_the_modern_policy_neither_keeps_nor_compares_past_passwords(person, credential):
    passwords.store(credential, passwords.hash_new("Anderes-Wetter-8"))
    assert not PastPassword.objects.exists()
    assert refusal(GOOD, Setting(person=person, old=credential)) == ""


@pytest.mark.rule("D12", "PW-09")
def test_dengbao_asks_for_a_new_password_after_90_days(credential, settings):
    with time_machine.travel(timezone.now() + timedelta(days=90, seconds=5), tick=False):
        assert not passwords.is_too_old(credential)  # the modern policy never asks
        settings.PASSWORD_POLICY = "dengbao"
        assert passwords.is_too_old(credential)
    with time_machine.travel(timezone.now() + timedelta(days=89), tick=False):
        assert not passwords.is_too_old(credential)
        assert not passwords.is_too_old(None)
    with time_machine.travel(timezone.now() + timedelta(days=100), tick=False):
        assert not passwords.is_too_old(passwords.store(credential, passwords.hash_new("Anderes-Wetter-8")))


# Setting one


@pytest.mark.rule("D16")
def test_a_new_password_takes_the_place_of_the_old_and_the_version_grows(credential):
    before = credential.changed_at
    passwords.store(credential, passwords.hash_new("Anderes-Wetter-8"), must_change=True)
    credential.refresh_from_db()
    assert (credential.version, credential.must_change) == (2, True)
    assert credential.changed_at > before
    assert passwords.check(credential, "Anderes-Wetter-8")
    assert not passwords.check(credential, GOOD)
    assert passwords.store(credential, passwords.hash_new(GOOD)).must_change is False


@pytest.mark.rule("D16")
def test_two_changes_at_once_both_raise_the_version(credential):
    stale = Credential.objects.get(pk=credential.pk)
    passwords.store(credential, passwords.hash_new("Anderes-Wetter-8"))
    assert passwords.store(stale, passwords.hash_new("Drittes-Wetter-9")).version == 3


# The 111111 state (D10)


@pytest.mark.rule("D10", "M76", "RST-04")
def test_a_reset_wipes_the_password_and_111111_opens_the_state_alone(credential):
    passwords.reset(credential)
    credential.refresh_from_db()
    assert (credential.password, credential.version, credential.must_change) == ("", 2, False)
    assert credential.is_temporary
    assert not credential.is_set
    assert passwords.check_reset_state(credential, "111111")
    assert passwords.check_reset_state(credential, "\uff11" * 6)
    assert not passwords.check(credential, "111111")
    assert not passwords.check(credential, GOOD)


@pytest.mark.rule("D10")
@pytest.mark.parametrize("password", ["", "11111", "1111111", " 111111", "111112", GOOD, "l11111"])
def test_nothing_but_111111_opens_the_state(credential, password):
    passwords.reset(credential)
    assert not passwords.check_reset_state(credential, password)


@pytest.mark.rule("D10", "RST-06")
def test_111111_opens_nothing_for_who_is_not_in_the_state(credential):
    for other in (None, credential, Credential.objects.create()):
        assert not passwords.check_reset_state(other, "111111")
        assert not passwords.check(other, "111111")


@pytest.mark.rule("D10", "RST-05")
def test_the_state_ends_after_24_hours_with_no_password_set(db):
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        credential = passwords.reset(None)
    with time_machine.travel(start + timedelta(hours=23, minutes=59, seconds=59), tick=False):
        assert passwords.check_reset_state(credential, "111111")
    with time_machine.travel(start + timedelta(hours=24), tick=False):
        assert not passwords.check_reset_state(credential, "111111")
        assert not credential.is_temporary
        assert not credential.is_set


@pytest.mark.rule("D10", "RST-05")
def test_saving_a_password_ends_the_state(credential):
    passwords.reset(credential)
    passwords.store(credential, passwords.hash_new("Anderes-Wetter-8"))
    credential.refresh_from_db()
    assert credential.temporary_until is None
    assert not passwords.check_reset_state(credential, "111111")
    assert passwords.check(credential, "Anderes-Wetter-8")


@pytest.mark.rule("D10")
def test_a_second_reset_starts_the_24_hours_anew(db):
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        credential = passwords.reset(None)
    with time_machine.travel(start + timedelta(hours=20), tick=False):
        passwords.reset(credential)
    with time_machine.travel(start + timedelta(hours=43), tick=False):
        assert passwords.check_reset_state(credential, "111111")
        assert credential.version == 2


@pytest.mark.rule("D10", "D12")
def test_the_state_has_no_old_password_that_a_new_one_must_differ_from(person, credential, argon2_runs):
    passwords.reset(credential)
    argon2_runs.clear()
    assert refusal("Drittes-Wetter-9", Setting(person=person, old=credential)) == ""
    assert argon2_runs == []


@pytest.mark.rule("PW-01")
def test_the_portals_hasher_is_the_only_one():
    assert [type(hasher) for hasher in hashers.get_hashers()] == [Argon2idHasher]
