"""变更手机号码: one's own real-name phone, by a code to the new one and a code to the old one (M145, OTP-10).

Whoever has lost the old phone proves himself by a new real-name collection instead. The register's 【移动电话】 stays
as it was: that is changed by 变更税务登记 (M91).
"""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, notices, numbers, signins, sms
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.flows import Flow, Progress, Step
from accounts.models import Person
from accounts.models.messages import Purpose
from accounts.models.signins import EndReason
from accounts.refusals import refusals_recorded
from accounts.words import for_phones
from realname import phones
from realname.models import RealNameRecord

FLOW = Flow(
    "change_phone",
    (
        Step("staff:change_phone", "phone"),
        Step("staff:confirm_new_phone", "new_proof"),
        Step("staff:confirm_old_phone", "done"),
    ),
    over=gettext_lazy("变更手机号码已超过10分钟或尚未开始，请重新填写。"),
)
_PLACE = "new-phone"


def _changing(by: Actor) -> Person:
    if by.person is None or by.sign_in is None:
        raise PermissionDenied
    return by.person


def begin(request: HttpRequest, new: str, *, by: Actor) -> Progress:
    """Send a code to the new phone. Raises ValidationError `phone_same`, `not_collected`, or as `send_code`."""
    person = _changing(by)
    if numbers.fold(person.phone) == new:
        raise ValidationError(_("新手机号码与现在的实名手机号码相同。"), code="phone_same")
    with refusals_recorded(Kind.PHONE_CHANGED, by=by, target=person):
        if not person.phone or not RealNameRecord.objects.filter(person=person, revoked_at__isnull=True).exists():
            raise ValidationError(phones.NO_REAL_NAME_PHONE.text, code="not_collected")
    progress = FLOW.begin(request)
    progress.establish_sealed("phone", new, place=_PLACE)
    try:
        send_code(progress, by=by)
    except ValidationError:
        progress.forget()
        raise
    return progress


def phone_now(progress: Progress, *, by: Actor) -> phones.OnFile:
    """The phone whose turn it is: the new one until its code was right, then the old one."""
    person = _changing(by)
    return phones.OnFile(person.phone if progress.has("new_proof") else _new(progress))


def _new(progress: Progress) -> str:
    return progress.unsealed("phone", place=_PLACE)


def _binding(progress: Progress, *, by: Actor) -> sms.Binding:
    person, phone = _changing(by), phone_now(progress, by=by).number
    return sms.Binding(person=person, purpose=Purpose.PHONE_CHANGE, taxpayer=None, login=progress.id, phone=phone)


def seconds_until_next_code(progress: Progress, *, by: Actor) -> int:
    """For the page's countdown."""
    return sms.seconds_until_next(_binding(progress, by=by))


def send_code(progress: Progress, *, by: Actor) -> None:
    """Send a code to the phone whose turn it is. Raises ValidationError `sms_wait` or `sms_unavailable`."""
    sms.send_code(_binding(progress, by=by), by=by)


def prove_new(progress: Progress, code: str, *, by: Actor) -> None:
    """The new phone is his. Raises ValidationError `sms_code` or `sms_blocked`."""
    sms.check_code(_binding(progress, by=by), code, by=by)
    progress.establish("new_proof", "code")


def change(progress: Progress, code: str, *, by: Actor) -> None:
    """The old phone is his as well: change it. Raises ValidationError `sms_code`, `sms_blocked`, or `stale`."""
    person, new = _changing(by), _new(progress)
    sms.check_code(_binding(progress, by=by), code, by=by)
    with refusals_recorded(Kind.PHONE_CHANGED, by=by, target=person), transaction.atomic():
        locked = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        collected = RealNameRecord.objects.select_for_update(no_key=True).filter(person=locked, revoked_at=None).first()
        if collected is None or locked.phone != person.phone:
            raise ValidationError(_("信息已变更，请刷新后重试"), code="stale")
        was, now = numbers.mask_phone(locked.phone), numbers.mask_phone(new)
        # The last message to the old phone; the new one has just been proven.
        notices.tell(locked, for_phones("您的实名手机号码已变更为%(phone)s。") % {"phone": now})
        locked.phone = collected.phone = new
        locked.save(update_fields=["phone", "phone_hash"])
        collected.save(update_fields=["phone"])
        sms.close_codes(locked)
        ended = signins.end_proven_by_phone(locked, EndReason.ENDED_BY_OWNER, keep=by.sign_in)
        audit.record(Kind.PHONE_CHANGED, by=by, target=locked, phone_was=was, phone_now=now, sign_ins_ended=ended)
