"""Accounts at services that send by approved templates: no free text, only a template's number and its variables.

A code's purpose stands in the template's own words, so each purpose may have its own; the one variable is the code. A
notice has no variable: what it would tell is in the record, and a name or a reason is nothing to put into a template.
"""

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.gateways.messages import Message
from accounts.models.messages import NOTICE, Purpose
from accounts.words import for_phones

ANY_CODE = "code"
"""The template for a code of whatever purpose has none of its own."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account at such a service: how it is reached, its keys, the sign name, and the templates by kind."""

    protocol: str
    host: str
    path: str
    key: str
    secret: str
    sign: str
    templates: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, url: str) -> Self:
        """The account that an address names, with SMS_SIGNS and SMS_TEMPLATES of its service.

        Raises ImproperlyConfigured. `service+http://` is for a gateway on the same machine, as tests have one.
        """
        parts = urlsplit(url)
        service, _plus, protocol = parts.scheme.partition("+")
        sign = settings.SMS_SIGNS.get(service, "")
        templates = settings.SMS_TEMPLATES.get(service, {})
        unknown = set(templates) - {*Purpose.values, ANY_CODE, NOTICE}
        if not (parts.hostname and parts.username and parts.password and sign and templates) or unknown:
            raise ImproperlyConfigured(f"{service} needs keys, SMS_SIGNS and SMS_TEMPLATES of known kinds")
        return cls(
            protocol=protocol or "https",
            host=parts.netloc.rpartition("@")[2],
            path=parts.path.strip("/"),
            key=unquote(parts.username),
            secret=unquote(parts.password),
            sign=sign,
            templates=tuple(sorted(templates.items())),
        )

    def template(self, message: Message) -> str:
        """The template for a message of this kind; empty where there is none."""
        templates = dict(self.templates)
        return templates.get(message.kind) or (templates.get(ANY_CODE, "") if message.kind != NOTICE else "")


def words() -> dict[str, str]:
    """The words to have approved at a service, by kind; `{code}` stands for its variable (OTP-13)."""
    said = for_phones("验证码{code}，用于%(purpose)s，5分钟内有效，请勿转发。")
    codes = {purpose.value: said % {"purpose": for_phones(purpose.label)} for purpose in Purpose}
    notice = for_phones(
        "您在电子税务局的账户或办税身份有变动，请登录后在日志管理中查看。如非您知情，请联系企业或税务机关。"
    )
    return {**codes, ANY_CODE: for_phones("验证码{code}，用于电子税务局，5分钟内有效，请勿转发。"), NOTICE: notice}
