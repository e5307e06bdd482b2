"""Numbers that people are known by: taxpayer numbers, identity documents, mobile phones (D29), and how they are masked.

Every number is folded to one form before it is looked up, counted or written down, so that 全角 digits, lower case,
blanks and dashes never make a second account or a second count (VAL-02).
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from operator import mul

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

_HAN = r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]"
_BETWEEN_HAN = re.compile(f"(?<={_HAN}) (?={_HAN})")
_DASHES = re.compile(r"[\s\-‐-―−_]")
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_VALUES = {c: value for value, c in enumerate(_USCC_ALPHABET)}
_USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_ORGANISATION = re.compile(r"[0-9A-Z]{8}[0-9X]")
_ORGANISATION_VALUES = {c: int(c, 36) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT = re.compile(r"[1-9][0-9]{16}[0-9X]")
_RESIDENT_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
_TWO_DAYS = timedelta(days=2)
_LONG_NUMBER = 15
_MOBILE = re.compile(r"1[3-9][0-9]{9}")


class IdType(models.TextChoices):
    """The kinds of identity document that the bureau accepts (身份证件类型)."""

    RESIDENT = "resident", _("居民身份证")
    HK_MACAO = "hk_macao", _("港澳居民来往内地通行证")
    TAIWAN = "taiwan", _("台湾居民来往大陆通行证")
    RESIDENCE = "residence", _("港澳台居民居住证")
    FOREIGN = "foreign", _("外国人永久居留身份证")
    PASSPORT = "passport", _("护照")


def fold(text: str) -> str:
    """The one form of a typed number: half-width, upper case, no blanks, dashes or invisible characters (D13, D29)."""
    if text.isascii() and text.isalnum():  # nearly always, and a register has millions of them
        return text.upper()
    half = unicodedata.normalize("NFKC", text)
    visible = "".join(c for c in half if unicodedata.category(c) not in ("Cf", "Cc"))
    return _DASHES.sub("", visible).upper()


def clean_name(text: str) -> str:
    """A person's name in its one form: NFC, blanks squeezed, none between Han characters, which registers pad with."""
    return _BETWEEN_HAN.sub("", unicodedata.normalize("NFC", " ".join(text.split())))


def _weighed(values: Iterable[int], weights: Sequence[int]) -> int:
    """The sum that a check character is made of; values beyond the last weight don't count."""
    return sum(map(mul, values, weights))


def is_credit_code(code: str) -> bool:
    """Whether a folded code is a 统一社会信用代码: GB 32100 check character, GB 11714 digit inside (VAL-02)."""
    if not _USCC.fullmatch(code):
        return False
    total = _weighed(map(_USCC_VALUES.__getitem__, code), _USCC_WEIGHTS)
    return code[17] == _USCC_ALPHABET[-total % 31] and is_organisation_code(code[8:17])


def is_organisation_code(code: str) -> bool:
    """Whether nine folded characters are a 组织机构代码 with the right GB 11714 check character."""
    if not _ORGANISATION.fullmatch(code):
        return False
    total = _weighed(map(_ORGANISATION_VALUES.__getitem__, code), _ORGANISATION_WEIGHTS)
    return code[8] == "0123456789X0"[11 - total % 11]


def is_resident_number(number: str, *, today: date | None = None) -> bool:
    """Whether a folded number is a resident id: GB 11643 check character and a real date that has passed.

    Area codes are not judged: tables of them refuse living people whose county was renamed (D29).
    """
    if not _RESIDENT.fullmatch(number):
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    if born < date(1900, 1, 1) or not _has_begun(born, today):
        return False
    total = _weighed(map(int, number[:17]), _RESIDENT_WEIGHTS)
    return number[17] == "10X98765432"[total % 11]


def _has_begun(day: date, today: date | None) -> bool:
    """Whether a day has begun here; one before the day before yesterday has, in whatever time zone."""
    if today is not None:
        return day <= today
    return day < timezone.now().date() - _TWO_DAYS or day <= timezone.localdate()


def is_taxpayer_code(code: str) -> bool:
    """Whether a folded code has the form of a credit code or of an old 纳税人识别号 of 15, 17, 18 or 20 characters."""
    match len(code):
        case 15:
            return re.fullmatch(r"[0-9]{6}[0-9A-Z]{9}", code) is not None
        case 17:
            return re.fullmatch(r"[0-9]{17}", code) is not None
        case 18:
            return is_credit_code(code) or is_resident_number(code)
        case 20:
            return is_resident_number(code[:18]) and re.fullmatch(r"[0-9A-Z]{2}", code[18:]) is not None
    return False


def clean_taxpayer_code(text: str) -> str:
    """The folded taxpayer number. Raises ValidationError `taxpayer_code` when it can't be one (D29)."""
    code = fold(text)
    if not is_taxpayer_code(code):
        raise ValidationError(_("纳税人识别号有误，请逐位核对。"), code="taxpayer_code")
    return code


def clean_id_number(id_type: str, text: str) -> str:
    """The folded number of an identity document. Raises ValidationError `id_number` when it can't be one (VAL-01)."""
    number = fold(text)
    shapes = {
        IdType.HK_MACAO: r"[HM][0-9]{8}([0-9]{2})?",
        IdType.TAIWAN: r"[0-9]{8}([0-9]{2})?",
        IdType.PASSPORT: r"[0-9A-Z]{5,17}",
    }
    if id_type == IdType.RESIDENT:  # numbers of other documents of the same form are those documents'
        good = is_resident_number(number) and not number.startswith(("81", "82", "83", "9"))
    elif id_type == IdType.RESIDENCE:
        good = number[:2] in ("81", "82", "83") and is_resident_number(number)
    elif id_type == IdType.FOREIGN:
        new_form = number[:1] == "9" and is_resident_number(number)
        good = new_form or re.fullmatch(r"[A-Z]{3}[0-9]{12}", number) is not None
    else:
        good = id_type in shapes and re.fullmatch(shapes[IdType(id_type)], number) is not None
    if not good:
        raise ValidationError(_("身份证件号码有误，请与证件逐位核对。"), code="id_number")
    return number


def is_mobile(number: str) -> bool:
    """Whether a folded number is a mainland mobile number of eleven digits."""
    return _MOBILE.fullmatch(number) is not None


def clean_mobile(text: str) -> str:
    """The folded mobile number, without +86. Raises ValidationError `mobile` when it can't be one."""
    number = fold(text).removeprefix("+86")
    if not is_mobile(number):
        raise ValidationError(_("手机号码应为11位数字，请核对。"), code="mobile")
    return number


def mask_name(name: str) -> str:
    """王*敏, and 王* for a name of two characters (D27)."""
    if len(name) <= 2:
        return name[: len(name) - 1] + "*" if name else ""
    return name[0] + "*" * (len(name) - 2) + name[-1]


def mask_id_number(number: str) -> str:
    """2101**********0042: the first and last four stay (D27); of a shorter document's number the first and last two."""
    shown = 4 if len(number) >= _LONG_NUMBER else 2
    if len(number) <= 2 * shown:
        return "*" * len(number)
    return number[:shown] + "*" * (len(number) - 2 * shown) + number[-shown:]


def mask_phone(phone: str) -> str:
    """138****1234 (D27, OTP-09)."""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 8 else "*" * len(phone)


def mask_email(email: str) -> str:
    """w****@example.cn (D27)."""
    local, at, domain = email.partition("@")
    return f"{local[:1]}****{at}{domain}" if email else ""
