"""短信验证码, the codes sent to a phone (D14, OTP-01 to OTP-14)."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from zlib import crc32

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, outbox, sealing, throttles
from accounts.actor import Actor
from accounts.addresses import neighbourhood
from accounts.audit import Kind
from accounts.limits import (
    CODE_ADDRESS,
    CODE_CHECKS,
    CODE_DAY,
    CODE_FAILURES,
    CODE_GAP,
    CODE_HOUR,
    CODE_LIFE,
    CODE_PREFIX,
    CODE_TOTAL,
    CODE_TOTAL_PARTS,
    MINUTE,
    Limit,
)
from accounts.models import Person, SmsCode, Taxpayer
from accounts.models.messages import FOR_STRANGERS, Purpose
from accounts.words import for_phones

WRONG_CODE = gettext_lazy("短信验证码错误或已过期")
PAUSE = int(MINUTE.total_seconds())
"""The seconds between two codes to one phone (CODE_GAP)."""
_CLOSING = Greatest(Now(), F("created_at"))
"""When a code is closed: the database's time, but never before it was made, though its clock was set back (F16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a code is good for, and nothing else: this person, purpose, taxpayer, login and phone (OTP-07).

    Without a person everything goes its usual way, the same work is done, nothing is sent and no code is right: so
    nobody learns at a door that asks for no password who exists (D21, RST-01). `typed` is what was typed there. With
    `proves_phone` it is the phone typed that is proven, whoever holds it, and no person is ever named (D26).
    """

    person: Person | None
    purpose: Purpose
    taxpayer: Taxpayer | None
    login: str
    phone: str
    typed: str = ""
    proves_phone: bool = False

    def __post_init__(self) -> None:
        if self.proves_phone and self.person is not None:
            raise ValueError("a code that proves a phone names no person")

    @property
    def can_be_right(self) -> bool:
        """Whether somebody gets the code: the person, or whoever holds the phone that is proven."""
        return self.person is not None or self.proves_phone

    @property
    def whose(self) -> str:
        """Whom wrong tries count for: the person, or the phone of who claimed to be one."""
        who = str(self.person.uid) if self.person else "nobody:" + sealing.lookup_hash(self.phone)
        return "stranger:" + who if self.purpose in FOR_STRANGERS else who

    @property
    def phone_count(self) -> str:
        """Whom the codes sent count for: the phone, apart for what a stranger can ask for (D14).

        Whoever changes his phone types a number that may be another's: its owner's own codes aren't used up by it.
        """
        if self.purpose == Purpose.PHONE_CHANGE:
            return "typed-as-new:" + sealing.lookup_hash(self.phone)
        group = "stranger:" if self.purpose in FOR_STRANGERS else "after-password:"
        return group + sealing.lookup_hash(self.phone)

    @property
    def prefix_count(self) -> str:
        """Whom the codes of a range of numbers count for: its first seven digits, apart for strangers (OTP-12).

        Whoever is paid for messages to numbers of his own asks for codes that nobody uses.
        """
        group = "stranger:" if self.purpose in FOR_STRANGERS else "after-password:"
        return group + throttles.unreadable(self.phone[:7])

    @property
    def asked_count(self) -> str:
        """Whom the codes asked for count for: the phone; at a stranger's door what he typed at that door.

        There the pauses of the phone itself would tell whose it is: ask by a name, then see which phone must wait.
        """
        if self.purpose not in FOR_STRANGERS:
            return self.phone_count
        return f"asked:{self.purpose}:{sealing.lookup_hash(self.typed or self.phone)}"

    @property
    def part_of_all(self) -> str:
        """Which part of the bureau's budget a code takes from: always the same for who asks (OTP-12)."""
        return f"part {crc32(self.asked_count.encode()) % CODE_TOTAL_PARTS}"

    @property
    def told_tries(self) -> str:
        """Whom wrong tries count for, as far as that is told; at a stranger's door not the person."""
        return self.asked_count if self.purpose in FOR_STRANGERS else self.whose

    @property
    def word(self) -> str:
        """One word for all but person and purpose, which the row holds itself."""
        parts = (str(self.taxpayer.uid if self.taxpayer else ""), self.login, self.phone)
        return sealing.keyed_hash(sealing.purpose_key("sms-binding"), "|".join(parts))

    def hash(self, code: str) -> str:
        """The keyed hash that stands for the code at rest (OTP-08)."""
        text = "|".join((self.whose, self.purpose, self.word, code))
        return sealing.keyed_hash(sealing.purpose_key("sms-code"), text)


def _by_number(subject: str) -> tuple[throttles.Count, ...]:
    """The limits of one phone, or of what stands for one."""
    return (CODE_GAP, subject), (CODE_HOUR, subject), (CODE_DAY, subject)


def _counts(binding: Binding, by: Actor) -> tuple[throttles.Count, ...]:
    """The limits a code takes from, as whoever asks for it is told."""
    own = ((CODE_DAY, f"phone-change:{binding.whose}"),) if binding.purpose == Purpose.PHONE_CHANGE else ()
    prefix = () if binding.purpose in FOR_STRANGERS else ((CODE_PREFIX, binding.prefix_count),)
    return (
        *own,
        *prefix,
        *_by_number(binding.asked_count),
        (CODE_ADDRESS, neighbourhood(by.ip)),
        (CODE_TOTAL, binding.part_of_all),
    )


def send_code(binding: Binding, *, by: Actor) -> None:
    """Send a new code to the binding's phone; an older one of the same person and purpose dies.

    Raises ValidationError `sms_unavailable`, and takes from no limit, while no gateway can be asked (F9). Raises
    `sms_wait` with `params["seconds"]` while a limit of D14 stands in the way. That the phone of a stranger's claim
    must wait is not told, but recorded.
    """
    _refuse_while_closed(binding, by=by)
    with transaction.atomic():
        obstacle = throttles.take(*_counts(binding, by), lock=(CODE_CHECKS, binding.whose))
        in_the_way = obstacle or _take_untold(binding)
        if in_the_way is None:
            _make(binding, _given_back(binding, by))
        audit.record(
            Kind.CODE_SENT,
            by=by,
            taxpayer=binding.taxpayer,
            target=binding.person,
            reason=in_the_way[0].name if in_the_way else "",
            purpose=binding.purpose,
        )
    if obstacle is not None:
        raise _must_wait(*obstacle)


def _refuse_while_closed(binding: Binding, *, by: Actor) -> None:
    """Raise `sms_unavailable`, recorded, while the outbox takes no codes; whoever asks, and whether he exists."""
    if outbox.is_open():
        return
    reason = "sms_unavailable"
    audit.record(
        Kind.CODE_SENT,
        by=by,
        taxpayer=binding.taxpayer,
        target=binding.person,
        reason=reason,
        purpose=binding.purpose,
    )
    raise ValidationError(_("短信暂时无法发送，请几分钟后再试，或使用密码登录。"), code=reason)


def _untold(binding: Binding) -> tuple[throttles.Count, ...]:
    """What a stranger's code takes from its phone; a claim that names nobody takes as much from nobody's."""
    if binding.purpose not in FOR_STRANGERS:
        return ()
    nobody = "" if binding.can_be_right else "nobody:"
    return *_by_number(nobody + binding.phone_count), (CODE_PREFIX, nobody + binding.prefix_count)


def _take_untold(binding: Binding) -> tuple[Limit, int] | None:
    untold = _untold(binding)
    return throttles.take(*untold) if untold else None


def _given_back(binding: Binding, by: Actor) -> tuple[throttles.Count, ...]:
    """What is given back when the code can't be sent: all but the gap; of a stranger's only what isn't told to him.

    What is told must be the same for a claim that names nobody, and nothing that goes to nobody ever fails.
    """
    counts = _untold(binding) or _counts(binding, by)
    return tuple((limit, subject) for limit, subject in counts if limit is not CODE_GAP)


def send_if_same(binding: Binding, *, real_phone: str, by: Actor) -> None:
    """Send a code if the binding's phone, which was typed, is the real one; to whoever looks on, both are alike (D5).

    Counted by person, not by the phone typed: else the pauses would tell which phone is the right one, and anybody's
    phone could be used up by typing it. What the real phone and the address lose by a code they lose either way: the
    pauses at other doors would tell it as well. Raises ValidationError `sms_wait` or `sms_unavailable` for both alike.
    """
    _refuse_while_closed(binding, by=by)
    typed = f"typed:{binding.whose}"
    obstacle = throttles.take(*_by_number(typed))
    if obstacle is None and binding.phone == real_phone:
        try:
            send_code(binding, by=by)
        except ValidationError:  # the phone itself must wait, which the page mustn't tell; the record does
            return
    else:
        reason = obstacle[0].name if obstacle else "phone_differs"
        if obstacle is None and real_phone:
            throttles.take(*_counts(replace(binding, phone=real_phone), by))
        audit.record(Kind.CODE_SENT, by=by, taxpayer=binding.taxpayer, target=binding.person, reason=reason)
    if obstacle is not None:
        raise _must_wait(*obstacle)


def _open_codes(binding: Binding) -> QuerySet[SmsCode]:
    """Those of the same person and purpose; where nobody is named, of the same claim."""
    codes = SmsCode.objects.filter(person=binding.person, purpose=binding.purpose, closed_at__isnull=True)
    return codes if binding.person is not None else codes.filter(bound_to=binding.word)


def _make(binding: Binding, counts: tuple[throttles.Count, ...]) -> None:
    code = f"{secrets.randbelow(1_000_000):06}"
    _open_codes(binding).update(closed_at=_CLOSING)
    row = SmsCode.objects.create(
        person=binding.person,
        purpose=binding.purpose,
        bound_to=binding.word,
        code_hash=binding.hash(code),
        created_at=Now(),
        expires_at=Now() + CODE_LIFE,
    )
    outbox.queue_code(
        binding.phone if binding.can_be_right else "",
        _text(binding, code),
        code=code,
        row=row,
        counts=counts,
        useful_for=CODE_LIFE,
    )


def _text(binding: Binding, code: str) -> str:
    """Bureau, purpose and warning, no link (D14, OTP-13)."""
    return for_phones("【%(bureau)s】验证码%(code)s，用于%(firm)s%(purpose)s，5分钟内有效，请勿转发。") % {
        "bureau": settings.BUREAU_NAME,
        "code": code,
        "firm": f"“{binding.taxpayer.name}”" if binding.taxpayer else "",
        "purpose": for_phones(Purpose(binding.purpose).label),
    }


def _must_wait(limit: Limit, seconds: int) -> ValidationError:
    if limit is CODE_GAP:
        text = _("验证码已发送，请在%(seconds)s秒后重新获取。")
    elif limit in (CODE_HOUR, CODE_DAY):
        text = _("该手机号获取验证码次数过多，请在%(minutes)s分钟后再试，或使用密码登录。")
    else:
        text = _("当前获取验证码的人数过多，请在%(minutes)s分钟后再试，或使用密码登录。")
    return ValidationError(text, code="sms_wait", params={"seconds": seconds, "minutes": -(-seconds // 60)})


def check_code(binding: Binding, code: str, *, by: Actor) -> None:
    """Use up the code, or count the try against it and the person and raise ValidationError `sms_code`.

    Ten wrong tries in an hour stop the person's checks for ten minutes: ValidationError `sms_blocked` (OTP-05). A right
    one in between doesn't begin the count anew: who guesses at one code may hold another.
    """
    with transaction.atomic():
        refusal = _judge(binding, code.strip(), by=by)
        audit.record(
            Kind.CODE_CHECKED,
            by=by,
            taxpayer=binding.taxpayer,
            target=binding.person,
            reason=str(refusal.code) if refusal else "",
            purpose=binding.purpose,
        )
    if refusal is not None:
        raise refusal


def _judge(binding: Binding, code: str, *, by: Actor) -> ValidationError | None:
    """Judge one try after another: the counts are locked first, as in sending, so that no two wait for each other."""
    tries = throttles.hold(CODE_CHECKS, {binding.told_tries, binding.whose})
    blocked = tries[binding.told_tries].seconds
    if blocked:
        return ValidationError(
            _("短信验证码输错次数过多，请在%(minutes)s分钟后再试。"),
            code="sms_blocked",
            params={"minutes": -(-blocked // 60)},
        )
    # Where no code may be right the same is asked for one that nobody has: the same work for everybody (D21).
    may_be_right = binding.can_be_right and not tries[binding.whose].seconds
    if _use(binding, code if may_be_right else ""):
        redeemed = ((CODE_ADDRESS, neighbourhood(by.ip)), (CODE_PREFIX, binding.prefix_count))
        throttles.give_back_keys(throttles.keys(*redeemed))
        return None
    tried = _open_codes(binding).filter(expires_at__gt=Now())
    if tried.update(failures=F("failures") + 1):
        tried.filter(failures__gte=CODE_FAILURES).update(closed_at=_CLOSING)
    for whose in sorted(tries):
        throttles.fail(CODE_CHECKS, whose)
    return ValidationError(WRONG_CODE, code="sms_code")


def _use(binding: Binding, code: str) -> bool:
    """Use the code up, if it is right. What is compared is a keyed hash: how far two agree tells nobody anything."""
    right = _open_codes(binding).filter(expires_at__gt=Now(), bound_to=binding.word, code_hash=binding.hash(code))
    return bool(right.update(used_at=_CLOSING, closed_at=_CLOSING))


def seconds_until_next_typed(binding: Binding) -> int:
    """As `seconds_until_next`, where the phone is typed."""
    return throttles.wait(CODE_GAP, f"typed:{binding.whose}")


def seconds_until_next(binding: Binding) -> int:
    """Seconds until a new code may be asked for; 0 where it may now. The page's countdown starts from it (OTP-06)."""
    return throttles.wait(CODE_GAP, binding.asked_count)


def close_codes(person: Person, *purposes: Purpose) -> None:
    """Kill the person's open codes of these purposes, or all: another was chosen (FLOW-04), or his phone changed."""
    purposes = purposes or tuple(Purpose)
    SmsCode.objects.filter(person=person, purpose__in=purposes, closed_at__isnull=True).update(closed_at=_CLOSING)


def tidy(older_than: timedelta) -> int:
    """Delete codes that ended long ago; returns how many."""
    return SmsCode.objects.filter(expires_at__lt=Now() - older_than).delete()[0]
