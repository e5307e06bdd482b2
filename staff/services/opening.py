"""授权开户, 注销开户 and 重置企业密码 at the counter (M79, M131, M132, D22): a first password is for paper alone."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, numbers, officers, passwords, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import PASSWORD
from accounts.models import Taxpayer
from accounts.words import for_phones
from realname import counter, posts
from staff import enterprise
from staff.services import rights

CAPITALS, SMALL, DIGITS = "ADEFGHJLMNQRTY", "adefhmnrty", "23456789"
"""What a first password is made of: nothing that looks like something else on paper. Five bits a character."""
LENGTH = 12


class Paper(models.TextChoices):
    """What was shown at the counter (M131, M136)."""

    STATEMENT = "statement", gettext_lazy("加盖公章的情况说明")
    HANDLER_ID = "handler_id", gettext_lazy("经办人身份证件原件")
    LICENCE = "licence", gettext_lazy("营业执照或其他登记证照")
    POWER = "power", gettext_lazy("法定代表人授权委托书")


TO_OPEN = frozenset({Paper.LICENCE, Paper.HANDLER_ID})
TO_RESET = TO_CLOSE = frozenset({Paper.STATEMENT, Paper.HANDLER_ID})


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """A first enterprise password on its way to paper, with the number of the certificate; only the hash stays."""

    number: str
    password: str = field(repr=False)
    hashed: str = field(repr=False)
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """Who came to the counter, and the papers that he showed."""

    handler: str
    papers: Collection[str]

    @property
    def recorded(self) -> dict[str, Any]:
        """As the record keeps it: the name masked (LOG-05)."""
        return {"handler": numbers.mask_name(self.handler), "papers": sorted(self.papers)}

    def refuse_without(self, needed: Collection[Paper]) -> None:
        """Raise ValidationError `papers_missing`, naming them, unless all that is needed was shown."""
        missing = [str(paper.label) for paper in Paper if paper in needed and paper not in self.papers]
        if missing:
            text = _("缺少材料：%(papers)s。请核验原件后勾选，材料不齐的不能办理。")
            raise ValidationError(text, code="papers_missing", params={"papers": _("、").join(missing)})


def draw() -> FirstPassword:
    """A new first password, hashed in a hash slot. Raises `slots.Busy`."""
    alphabet = CAPITALS + SMALL + DIGITS
    password = ""
    while not all(set(password) & set(some) for some in (CAPITALS, SMALL, DIGITS)):
        password = "".join(secrets.choice(alphabet) for _n in range(LENGTH))
    now = timezone.now()
    number = f"{timezone.localdate(now):%Y%m%d}{secrets.randbelow(10**8):08}"
    return FirstPassword(number, password, passwords.hash_new(password), now)


def open_account(taxpayer: Taxpayer, *, first: FirstPassword, shown: Shown, by: Actor) -> None:
    """授权开户: the taxpayer may use the portal from now on, with this enterprise password (M79, D22).

    Raises ValidationError `already_open`, `papers_missing`, `own_affair`; PermissionDenied for others than the counter.
    """
    counter.require_at(taxpayer, by=by)
    shown.refuse_without(TO_OPEN)
    with transaction.atomic():
        locked = _locked(taxpayer)
        if locked.is_open:
            raise ValidationError(_("该纳税人已经开户。密码遗失的，请办理【重置企业密码】。"), code="opened_already")
        locked.opened_at, locked.cancelled_at = first.made_at, None
        told = for_phones("“%(firm)s”已在税务机关前台开通电子税务局。")
        _issue(Kind.TAXPAYER_OPENED, locked, first, shown, told, by=by)


def open_new_account(code: str, *, name: str, kind: str, first: FirstPassword, shown: Shown, by: Actor) -> Taxpayer:
    """授权开户 of a taxpayer that the register hasn't brought yet; `code` is folded and well formed.

    Raises ValidationError `taxpayer_known` for a number that is there already, and as `open_account`.
    """
    officers.require_counter(by)
    shown.refuse_without(TO_OPEN)
    known = ValidationError(_("该纳税人识别号已存在，请先查找该纳税人，再办理开户。"), code="taxpayer_known")
    if Taxpayer.objects.filter(code=code).exists():
        raise known
    try:
        with transaction.atomic():
            taxpayer = Taxpayer.objects.create(code=code, name=name, kind=kind)
            open_account(taxpayer, first=first, shown=shown, by=by)
    except IntegrityError as error:  # another counter was quicker
        raise known from error
    return taxpayer


def reset_password(taxpayer: Taxpayer, *, version: int, first: FirstPassword, shown: Shown, by: Actor) -> None:
    """重置企业密码: the old one is worth nothing, and whatever it signed in ends (M79, M131, M132, D16, D22).

    `version` is that of the password which the page spoke of: of two clicks only one resets. Raises ValidationError
    `not_open`, `papers_missing`, `stale`, `own_affair`; PermissionDenied for who isn't at the counter.
    """
    counter.require_at(taxpayer, by=by)
    shown.refuse_without(TO_RESET)
    with transaction.atomic():
        locked = _locked(taxpayer)
        if not locked.is_open:
            raise ValidationError(_("该纳税人尚未开户，请先办理【授权开户】。"), code="not_open")
        if version != version_of(locked):
            raise rights.stale()
        text = for_phones("“%(firm)s”的企业登录密码已在税务机关前台重置。")
        _issue(Kind.ENTERPRISE_PASSWORD_RESET, locked, first, shown, text, by=by)


def close_account(taxpayer: Taxpayer, *, shown: Shown, by: Actor) -> None:
    """注销开户: nobody acts for the taxpayer any more, from the next click on, until it is opened anew (D4, D22, D23).

    Its people, their rights and its engagements stay as they are. Raises ValidationError `not_open`, `papers_missing`,
    `own_affair`; PermissionDenied for who isn't at the counter.
    """
    counter.require_at(taxpayer, by=by)
    shown.refuse_without(TO_CLOSE)
    with transaction.atomic():
        locked = _locked(taxpayer)
        if locked.opened_at is None or not locked.is_open:
            raise ValidationError(_("该纳税人没有开户，或已经注销。"), code="not_open")
        locked.cancelled_at = max(timezone.now(), locked.opened_at)
        locked.save(update_fields=["cancelled_at"])
        text = for_phones("“%(firm)s”在电子税务局的账户已在税务机关前台注销，不能再登录办税。")
        posts.tell_leads(locked, text % {"firm": locked.name})
        audit.record(Kind.TAXPAYER_CANCELLED, by=by, taxpayer=locked, **shown.recorded)


def version_of(taxpayer: Taxpayer) -> int:
    """The version of its enterprise password; 0 where it has none."""
    return taxpayer.credential.version if taxpayer.credential else 0


def _locked(taxpayer: Taxpayer) -> Taxpayer:
    rows = Taxpayer.objects.select_for_update(of=("self",), no_key=True).select_related("credential")
    return rows.get(pk=taxpayer.pk)


def _issue(kind: Kind, taxpayer: Taxpayer, first: FirstPassword, shown: Shown, text: str, *, by: Actor) -> None:
    """Store the hash, unlock the number, tell the leads, write it down. A 纯社保户 keeps what is printed (D22)."""
    must_change = taxpayer.kind != Taxpayer.Kind.SOCIAL_INSURANCE
    taxpayer.credential = passwords.store(taxpayer.credential, first.hashed, must_change=must_change)
    taxpayer.save(update_fields=["credential", "opened_at", "cancelled_at"])
    throttles.release_everywhere(PASSWORD, enterprise.account_word(taxpayer.code))
    posts.tell_leads(taxpayer, text % {"firm": taxpayer.name})
    audit.record(kind, by=by, taxpayer=taxpayer, certificate=first.number, **shown.recorded)
