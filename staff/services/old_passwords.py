"""The 旧密码 that a change of a password asks for: a wrong one counts as a failed login (PW-10)."""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import PASSWORD
from accounts.models import Person
from accounts.words import Words

Subject = Callable[[str], str]
"""What tries on an account are counted under where they are made: in a browser it has used before, apart (D13)."""


def plainly(account: str) -> str:
    """Under the account itself, from wherever they come."""
    return account


@dataclass(frozen=True, slots=True)
class Guess:
    """An old password that somebody gave: for which act, counted under which account, and what helps if it is wrong."""

    kind: Kind
    account: str
    hint: Words
    target: Person | None = None


def refuse_wrong(guess: Guess, *, right: bool, by: Actor) -> None:
    """Count the guess; a wrong one is recorded.

    Raises ValidationError `wrong_old_password`, or `locked` once there were five of them (D13).
    """
    with transaction.atomic():
        reason = "" if right and throttles.succeed(PASSWORD, guess.account) else "wrong_old_password"
        if reason:
            throttles.fail(PASSWORD, guess.account)
            seconds = throttles.wait(PASSWORD, guess.account)
            reason = "locked" if seconds else reason
            audit.record(guess.kind, by=by, target=guess.target, reason=reason)
    if reason == "locked":
        text = _("旧密码连续输错5次，已锁定，请在%(minutes)s分钟后再试。")
        raise ValidationError(text, code=reason, params={"minutes": -(-seconds // 60)})
    if reason:
        raise ValidationError(_("旧密码有误。%(hint)s"), code=reason, params={"hint": guess.hint})
