"""The first factor of every enterprise door: 纳税人识别号 and 企业密码 (M12, D3, D13)."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import CharField
from django.utils.translation import gettext_lazy as _

from accounts import audit, decoys, passwords, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.composed import Composed, Given
from accounts.models import Credential, Taxpayer
from accounts.numbers import mask_id_number
from staff import password_tries

WRONG = _("纳税人识别号或密码错误")
_BY_CODE = Composed(lambda: Taxpayer.objects.select_related("credential").filter(code=Given("code", CharField())))


def account_word(code: str) -> str:
    """What wrong tries on this number are counted under, whether or not it exists."""
    return f"taxpayer:{throttles.unreadable(code)}"


def check_password(
    code: str, password: str, *, subject: str, by: Actor, kinds: Collection[str] = Taxpayer.Kind.values
) -> Taxpayer:
    """The taxpayer, of one of these kinds, whose number and enterprise password these are.

    `code` is folded; `subject` is what wrong tries are counted under (the number, or the number in a known browser).
    Raises ValidationError `wrong_number_or_password` for an unknown number, a wrong password, a locked or unopened
    taxpayer, one of another kind alike, after the same work and counted alike; `TooMany` for an address that has failed
    on many accounts; `slots.Busy`.
    """
    password_tries.refuse_slowed(by=by)
    taxpayer = _BY_CODE.first(code=code)
    if taxpayer is None:
        decoys.read(Taxpayer, Credential)
    is_open = taxpayer is not None and taxpayer.is_open and taxpayer.kind in kinds
    right = passwords.check(taxpayer.credential if taxpayer is not None and is_open else None, password)
    with transaction.atomic():
        reason = password_tries.judge(right, subject, by=by)
        audit.record(Kind.ENTERPRISE_PASSWORD, by=by, taxpayer=taxpayer, reason=reason, code=mask_id_number(code))
    if reason or taxpayer is None:
        raise ValidationError(WRONG, code="wrong_number_or_password")
    return taxpayer
