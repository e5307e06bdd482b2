"""Who may do what in 企业人员维护 (D8, D9, D15), said once for all its acts."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from accounts import audit, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer


def stale() -> ValidationError:
    """What the loser of a race, or of two tabs, is told."""
    return ValidationError(_("信息已变更，请刷新后重试"), code="stale")


def require_lead(
    by: Actor, *, act: Kind | None = None, target: Person | None = None, **details: Any
) -> tuple[Person, Taxpayer]:
    """Person and taxpayer of a legal representative or finance officer acting for his own firm.

    Raises PermissionDenied for anybody else (M59, M62, M82, D8), with an entry in the record that names the `act` that
    was wanted, its target and its `details`; and ValidationError `code_needed` where his sign-in is weak and no code
    has proven him within five minutes (D15).
    """
    text = _("只有法定代表人（业主）和财务负责人可以进行此操作。")
    return _require(by, by.is_lead, "not_lead", text, _wanted(act, target, details))


def require_manager(
    by: Actor, *, act: Kind | None = None, target: Person | None = None, **details: Any
) -> tuple[Person, Taxpayer]:
    """As `require_lead`, for whom a lead has given 管理权限 as well (D8)."""
    text = _("您没有企业人员维护的管理权限，请联系法定代表人（业主）或财务负责人。")
    return _require(by, by.is_manager, "not_manager", text, _wanted(act, target, details))


def _wanted(act: Kind | None, target: Person | None, details: dict[str, Any]) -> dict[str, Any]:
    return {"target": target, **details, **({"act": act} if act else {})}


def _require(by: Actor, has_right: bool, reason: str, text: str, wanted: dict[str, Any]) -> tuple[Person, Taxpayer]:
    if by.person is None or by.taxpayer is None or by.is_acting or not has_right:
        audit.record(Kind.ACT_REFUSED, by=by, reason=reason, **wanted)
        raise PermissionDenied(text)
    if signins.needs_code(by):
        raise ValidationError(_("请先通过短信验证码确认是您本人。"), code="code_needed")
    return by.person, by.taxpayer
