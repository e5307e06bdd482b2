"""用户注册名: its one form, and what a new one must be."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import numbers

LONGEST = 32
_RULES = re.compile(r"[a-z][a-z0-9._-]{3,31}")
_LIKE_DOCUMENT = re.compile(r"[A-Z]{1,2}[0-9]{7,10}|[A-Z]{3}[0-9]{12}")


def fold(text: str) -> str:
    """The one form of a name: NFKC, lower case, no blanks; two names that fold alike are one."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def validate_new(name: str) -> None:
    """Raise ValidationError `username_rules` or `username_like_number` unless this folded name may be taken.

    What looks like a number that somebody is known by would be mistaken for his, and tells who he is.
    """
    if not _RULES.fullmatch(name):
        text = _("用户注册名由4至32位小写字母、数字、点、横线或下划线组成，以字母开头。")
        raise ValidationError(text, code="username_rules")
    number = numbers.fold(name).replace(".", "")
    if numbers.is_taxpayer_code(number) or _LIKE_DOCUMENT.fullmatch(number):
        text = _("用户注册名不能像纳税人识别号或证件号码，请换一个。")
        raise ValidationError(text, code="username_like_number")
