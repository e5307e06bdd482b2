"""Passwords: checking them in equal time, what a new one must be (D12), and setting it."""

import base64
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache

from django.conf import settings
from django.contrib.auth import hashers
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from accounts import numbers, slots
from accounts.hashers import Argon2idHasher
from accounts.limits import RESET_LIFE
from accounts.models import Credential, PastPassword, Person, Taxpayer

SHORTEST, LONGEST = 8, 128
RESET_PASSWORD = "111111"  # noqa: S105 - a public word, not a secret
"""What the 111111 state is opened with (M76); never stored, never accepted elsewhere."""
INITIAL_PASSWORDS = frozenset({RESET_PASSWORD, "123456", "abc123456"})
"""First passwords that the old systems gave out (M135)."""
DENGBAO_AGE = timedelta(days=90)
DENGBAO_PAST = 5
"""The last five, the one in use among them."""
DENGBAO_CLASSES = 3


def _follows_dengbao() -> bool:
    return bool(settings.PASSWORD_POLICY == "dengbao")  # noqa: S105 - a policy's name


def normalise(password: str) -> str:
    """The password in NFKC, so that 全角 and 半角 are the same; nothing else is folded or cut (PW-05, PW-06)."""
    return unicodedata.normalize("NFKC", password)


def _nobodys_hash() -> str:
    """A hash that no password has, with today's parameters: made of zeros, so that making it costs nothing."""
    hasher = Argon2idHasher
    salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (16, 32))
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"{hasher.algorithm}$argon2id$v=19${cost}${salt}${digest}"


@lru_cache(maxsize=1)
def _common_passwords() -> CommonPasswordValidator:
    return CommonPasswordValidator()


def check(credential: Credential | None, password: str) -> bool:
    """Whether this is the password. Without a credential, or without a password in it, the same time is burnt (D3).

    A hash made with weaker parameters is made anew (PW-02). Raises `slots.Busy`.
    """
    known = credential is not None and credential.is_set
    encoded = credential.password if credential is not None and known else _nobodys_hash()
    given = normalise(password)[: LONGEST + 1]

    def rehash(right: str) -> None:
        if credential is not None:
            Credential.objects.filter(pk=credential.pk, password=encoded).update(password=hashers.make_password(right))

    with slots.slot():
        right = hashers.check_password(given, encoded, rehash if known else None)
    return right and known


def check_reset_state(credential: Credential | None, password: str) -> bool:
    """Whether the credential is in the 111111 state and this is 111111 (D10)."""
    same = constant_time_compare(normalise(password), RESET_PASSWORD)
    return same and credential is not None and credential.is_temporary


@dataclass(frozen=True, slots=True)
class Setting:
    """Whose new password it is: what it must not be, and which other passwords of the same person it must differ from.

    `old` is the one it replaces, `others` those of D12 (his own alone; others' passwords are never compared).
    """

    person: Person
    taxpayer: Taxpayer | None = None
    old: Credential | None = None
    others: tuple[Credential | None, ...] = ()


def validate_new(password: str, setting: Setting) -> None:
    """Raise ValidationError, with the code of the rule, unless the password may be used anew (D12, PW-04 to PW-09)."""
    given = normalise(password)
    if len(given) < SHORTEST:
        raise ValidationError(_("新密码至少8个字符。"), code="password_too_short")
    if len(given) > LONGEST:
        raise ValidationError(_("新密码最多128个字符。"), code="password_too_long")
    if numbers.fold(given) in _forbidden(setting) or given.lower() in INITIAL_PASSWORDS:
        raise ValidationError(
            _("新密码不能是初始密码、证件号码后六位、纳税人识别号、姓名、名称或手机号。"), code="password_forbidden"
        )
    try:
        _common_passwords().validate(given)
    except ValidationError as error:
        raise ValidationError(_("新密码太常见，容易被猜到，请换一个。"), code="password_too_common") from error
    if _follows_dengbao():
        _validate_classes(given)
    _validate_different(given, setting)


def _forbidden(setting: Setting) -> set[str]:
    person, taxpayer = setting.person, setting.taxpayer
    words = {
        *INITIAL_PASSWORDS,
        person.id_number,
        person.id_number[-6:],
        person.name,
        person.phone,
        person.get_username(),
    }
    if taxpayer is not None:
        words |= {taxpayer.code, taxpayer.name}
    return {numbers.fold(word) for word in words if word}


def _validate_classes(given: str) -> None:
    tests = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    if sum(any(test(c) for c in given) for test in tests) < DENGBAO_CLASSES:
        raise ValidationError(_("新密码须含大写字母、小写字母、数字、符号中的至少三种。"), code="password_too_uniform")


def _validate_different(given: str, setting: Setting) -> None:
    if _matches(setting.old, given):
        raise ValidationError(_("新密码不能与旧密码相同。"), code="password_unchanged")
    if any(_matches(other, given) for other in setting.others):
        raise ValidationError(
            _("企业登录密码、个人登录密码、自然人登录密码不能相同，请换一个。"), code="password_shared"
        )
    if _follows_dengbao() and setting.old is not None:
        kept = DENGBAO_PAST - 1 if setting.old.is_set else DENGBAO_PAST  # one that was reset is among the past
        for past in setting.old.past_passwords.order_by("-pk")[:kept]:
            with slots.slot():
                if hashers.check_password(given, past.password):
                    raise ValidationError(_("新密码不能是最近用过的5个密码之一。"), code="password_used_before")


def _matches(credential: Credential | None, given: str) -> bool:
    return credential is not None and credential.is_set and check(credential, given)


def hash_new(password: str) -> str:
    """The hash of a new password, made in a hash slot. Call it before the transaction that stores it."""
    with slots.slot():
        return hashers.make_password(normalise(password))


def store(credential: Credential | None, hashed: str, *, must_change: bool = False) -> Credential:
    """Put the hash into the credential, or into a new one; its version grows, so sign-ins it proved end (D16)."""
    if credential is None:
        return Credential.objects.create(password=hashed, must_change=must_change)
    _keep_past(credential)
    credential.password, credential.must_change, credential.temporary_until = hashed, must_change, None
    credential.changed_at = timezone.now()
    _save_next_version(credential)
    return credential


def reset(credential: Credential | None) -> Credential:
    """Wipe the password and open the 111111 state for 24 hours (M76, D10)."""
    until = timezone.now() + RESET_LIFE
    if credential is None:
        return Credential.objects.create(password="", temporary_until=until)
    _keep_past(credential)
    credential.password, credential.must_change, credential.temporary_until = "", False, until
    credential.changed_at = timezone.now()
    _save_next_version(credential)
    return credential


def _keep_past(credential: Credential) -> None:
    """Where the policy forbids to use old passwords again, remember the one that goes (D12)."""
    if _follows_dengbao() and credential.is_set:
        PastPassword.objects.create(credential=credential, password=credential.password)


def _save_next_version(credential: Credential) -> None:
    credential.version = F("version") + 1
    credential.save()
    credential.refresh_from_db()


class Whose(StrEnum):
    """Which of the three passwords of somebody at work (manual: 企业登录密码, 个人登录密码, 自然人登录密码)."""

    ENTERPRISE = "enterprise"
    PERSONAL = "personal"
    NATURAL = "natural"


def too_old(passwords: Mapping[Whose, Credential | None]) -> frozenset[Whose]:
    """Those of these that the policy asks to change now."""
    return frozenset(whose for whose, credential in passwords.items() if is_too_old(credential))


def have_an_end() -> bool:
    """Whether the policy asks to change passwords after some time (D12)."""
    return _follows_dengbao()


def is_too_old(credential: Credential | None) -> bool:
    """Whether the policy asks to change it now: 90 days under 等保 (D12)."""
    return (
        _follows_dengbao()
        and credential is not None
        and credential.is_set
        and timezone.now() - credential.changed_at > DENGBAO_AGE
    )
