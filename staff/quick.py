"""快捷登录, the quick sign-in: number and enterprise password, person, his phone typed, a code (M36 to M46)."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import audit, numbers, sms
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.flows import Flow, Progress, Step
from accounts.models import Taxpayer
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from staff.doors import Chosen, Door
from staff.standing import Standing

FLOW = Flow(
    "quick",
    (
        Step("staff:quick_login", "taxpayer"),
        Step("staff:quick_person", "person"),
        Step("staff:quick_code", "proof"),
    ),
    signs_in=True,
)
DOOR = Door(FLOW, Standing.problem_at_quick_login)

SENT_IF_SAME = _("如手机号与实名信息一致，验证码已发送")
ORDINARY_ONLY = _("纯社保户只能使用“普通登录”的登录方式。")


def refuse_wrong_kind(taxpayer: Taxpayer, *, by: Actor) -> None:
    """Raise ValidationError `ordinary_only` for a payer of social insurance only, after a right password (M37, D3)."""
    if taxpayer.kind == Taxpayer.Kind.SOCIAL_INSURANCE:
        audit.record(Kind.SIGN_IN, by=by, taxpayer=taxpayer, reason="ordinary_only")
        raise ValidationError(ORDINARY_ONLY, code="ordinary_only")


def _binding(progress: Progress, chosen: Chosen, phone: str) -> sms.Binding:
    return sms.Binding(
        person=chosen.person, purpose=Purpose.SIGN_IN, taxpayer=chosen.taxpayer, login=progress.id, phone=phone
    )


def send_code(progress: Progress, chosen: Chosen, phone: str, *, by: Actor) -> None:
    """Send a code if the typed phone is the person's real-name phone; either way nothing tells (M43, D5).

    `phone` is folded. Raises ValidationError `sms_wait` for both alike while a limit of D14 stands in the way.
    """
    real = numbers.fold(chosen.person.phone)
    sms.send_if_same(_binding(progress, chosen, phone), real_phone=real, by=by)


def seconds_until_next_code(progress: Progress, chosen: Chosen, phone: str) -> int:
    """For the page's countdown after a code was asked for at this phone."""
    return sms.seconds_until_next_typed(_binding(progress, chosen, phone))


def verify(progress: Progress, chosen: Chosen, code: str, *, by: Actor) -> None:
    """Prove the person by the code to his real-name phone (M39, M46).

    Raises ValidationError `sms_code` or `sms_blocked`.
    """
    sms.check_code(_binding(progress, chosen, numbers.fold(chosen.person.phone)), code, by=by)
    progress.establish("personal_version", "0")
    progress.establish("proof", Proof.ENTERPRISE_SMS)
