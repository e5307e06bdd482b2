"""申报密码: making, seeing, resetting it, and the check that the 扣缴客户端 asks for (M111 to M130, D24)."""

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, numbers, passwords, sms, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import DECLARATION
from accounts.models import Credential, Person, Taxpayer
from accounts.models.messages import Purpose
from accounts.passwords import Setting
from accounts.refusals import refusals_recorded
from accounts.words import for_phones
from realname import counter, phones, posts
from staff import standing
from staff.models import DeclarationPassword, Membership
from staff.services import rights
from staff.standing import Standing

FUNCTION = "tax.declaration.password"
"""The leaf of the function tree that shows it (M121 to M125)."""
NONE_YET = gettext_lazy("该企业还没有申报密码，不能登录扣缴客户端，请用其他方式登录：先在电子税务局【查看申报密码】。")
"""M111."""
OWN_PASSWORD = gettext_lazy(
    "已有人设置了自己的申报密码，不能查看，只能由法定代表人（业主）或财务负责人在【企业办税权限】中重置。"
)
"""What whoever wants to see it is told then (D24)."""
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
_LENGTH = 10


class Answer(models.TextChoices):
    """What the 扣缴客户端 is told. `temporary` is right as well: it should have it changed (M112, M130)."""

    RIGHT = "right", gettext_lazy("申报密码正确。")
    TEMPORARY = "temporary", gettext_lazy("申报密码正确，是临时申报密码，请尽快在【企业办税权限】中重置。")
    WRONG = (
        "wrong",
        gettext_lazy("申报密码错误。可能已由其他申报人员修改，请询问后再试，或由法定代表人、财务负责人重置。"),
    )
    NONE = "none", NONE_YET
    LOCKED = "locked", gettext_lazy("申报密码连续输错5次，已锁定10分钟，请稍后再试。")


_REASONS = {Answer.WRONG: "declaration_wrong", Answer.NONE: "declaration_none", Answer.LOCKED: "locked"}


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer to a check, and after how many seconds a locked taxpayer may try again."""

    answer: Answer
    retry_after: int = 0


def code_binding(taxpayer: Taxpayer, phone: phones.OnFile, *, by: Actor) -> sms.Binding:
    """What a code that shows or resets the 申报密码 is bound to. Raises ValidationError with the phone's problem."""
    if phone.problem is not None:
        raise ValidationError(phone.problem.text, code=phone.problem.code)
    if by.person is None or by.sign_in is None:
        raise PermissionDenied
    return sms.Binding(
        person=by.person,
        purpose=Purpose.DECLARATION_PASSWORD,
        taxpayer=taxpayer,
        login=str(by.sign_in.uid),
        phone=phone.number,
    )


def phone_at_firm(by: Actor) -> phones.OnFile:
    """The actor's phone on file at the taxpayer he acts for (D5)."""
    if by.person is None or by.taxpayer is None:
        return phones.OnFile("", phones.NO_REAL_NAME_PHONE)
    return phones.on_file(by.person, standing.of_person(by.person, by.taxpayer).posts)


def bound_phone(person: Person) -> phones.OnFile:
    """The phone bound to somebody's own account, his real-name phone (M116)."""
    return phones.OnFile(person.phone, None if person.phone else phones.NO_REAL_NAME_PHONE)


def has_own(taxpayer: Taxpayer) -> bool:
    """Whether somebody has set a 申报密码 of his own, which nobody can be shown any more (D24)."""
    current = DeclarationPassword.objects.filter(taxpayer=taxpayer).first()
    return current is not None and not current.is_first


def show(code: str, *, by: Actor) -> str:
    """The first 申报密码 of the actor's firm, made now where there was none, after a code to his phone (M124, M125).

    Raises ValidationError `own_password` once somebody has set one of his own, `sms_code`, `sms_blocked`, or the
    phone's problem; PermissionDenied for who doesn't hold the function.
    """
    taxpayer = _require_holder(by)
    sms.check_code(code_binding(taxpayer, phone_at_firm(by), by=by), code, by=by)
    with transaction.atomic():
        password, is_new = _first_of(taxpayer)
        if is_new:
            audit.record(Kind.DECLARATION_PASSWORD_MADE, by=by)
        reason = "" if password.is_first else "declaration_own"
        audit.record(Kind.DECLARATION_PASSWORD_SEEN, by=by, reason=reason)
    if reason:
        raise ValidationError(OWN_PASSWORD, code="own_password")
    return password.first


def _require_holder(by: Actor) -> Taxpayer:
    if by.person is None or by.taxpayer is None or by.via is not None or not by.holds(FUNCTION):
        audit.record(Kind.ACT_REFUSED, by=by, reason="not_held", function=FUNCTION)
        raise PermissionDenied(_("您没有“查看申报密码”功能，请联系法定代表人（业主）或财务负责人。"))
    return by.taxpayer


def _first_of(taxpayer: Taxpayer) -> tuple[DeclarationPassword, bool]:
    """The taxpayer's 申报密码, and whether it was made just now; the taxpayer's row is the lock."""
    Taxpayer.objects.select_for_update(no_key=True).only("pk").get(pk=taxpayer.pk)
    return DeclarationPassword.objects.get_or_create(taxpayer=taxpayer, defaults={"first": _made()})


def _made() -> str:
    return "".join(secrets.choice(_ALPHABET) for _each in range(_LENGTH))


def firms_of(person: Person) -> list[Standing]:
    """企业办税权限: the firms where this person is LR or FR and may act, by name (M114, M115)."""
    found = [each for each in standing.of_capacities(person) if each.is_lead and each.problem is None]
    return [each for each in found if each.taxpayer.kind != Taxpayer.Kind.SOCIAL_INSURANCE]


def require_lead_of(taxpayer: Taxpayer, *, by: Actor) -> tuple[Person, Standing]:
    """Who resets: LR or FR of this firm by the register, whatever he is signed in as (M113, M115).

    Raises PermissionDenied, with an entry in the record, for anybody else, and for a 纯社保户, which has none (D17).
    """
    if taxpayer.kind == Taxpayer.Kind.SOCIAL_INSURANCE:
        audit.record(Kind.ACT_REFUSED, by=by, taxpayer=taxpayer, reason="social_insurance")
        raise PermissionDenied(_("纯社保户不使用申报密码，无需重置。"))
    if by.person is not None:
        found = standing.of_person(by.person, taxpayer)
        if found.is_lead and found.problem is None:
            return by.person, found
    audit.record(Kind.ACT_REFUSED, by=by, taxpayer=taxpayer, reason="not_lead")
    raise PermissionDenied(_("只有法定代表人（业主）和财务负责人可以重置申报密码。"))


def reset(taxpayer: Taxpayer, new: str, code: str, *, by: Actor) -> None:
    """重置申报密码 (M116 to M118): one's own from now on; LR and FR are told by SMS.

    Raises ValidationError `no_real_name_phone`, `sms_code`, `sms_blocked`, `stale`, or the code of the rule of D12
    that the new one breaks; PermissionDenied for who isn't LR or FR of this firm.
    """
    person, found = require_lead_of(taxpayer, by=by)
    known = DeclarationPassword.objects.select_related("credential").filter(taxpayer=taxpayer).first()
    with _refusals_recorded(taxpayer, by=by):
        binding = code_binding(taxpayer, bound_phone(person), by=by)
        passwords.validate_new(new, Setting(person=person, taxpayer=taxpayer))  # what is weak doesn't use up the code
    sms.check_code(binding, code, by=by)  # which has an entry of its own
    with _refusals_recorded(taxpayer, by=by):
        _validate_other(new, person, found.membership, taxpayer, known)  # only who has the code learns what is used
        _reset(taxpayer, known, passwords.hash_new(new), by=by)


def _refusals_recorded(taxpayer: Taxpayer, *, by: Actor) -> AbstractContextManager[None]:
    def is_repetition() -> bool:
        return audit.has_just_done(Kind.DECLARATION_PASSWORD_RESET, by=by, taxpayer=taxpayer)

    kind = Kind.DECLARATION_PASSWORD_RESET
    return refusals_recorded(kind, by=by, is_repetition=is_repetition, taxpayer=taxpayer)


def _reset(taxpayer: Taxpayer, known: DeclarationPassword | None, hashed: str, *, by: Actor) -> None:
    with transaction.atomic():
        Taxpayer.objects.select_for_update(no_key=True).only("pk").get(pk=taxpayer.pk)
        current = DeclarationPassword.objects.select_related("credential").filter(taxpayer=taxpayer).first()
        if (current.version if current else 0) != (known.version if known else 0):
            raise rights.stale()
        _store(taxpayer, current, hashed)
        throttles.release(DECLARATION, taxpayer.code)
        audit.record(Kind.DECLARATION_PASSWORD_RESET, by=by, taxpayer=taxpayer)
        posts.tell_leads(taxpayer, for_phones("%(firm)s的申报密码已重置。") % {"firm": f"“{taxpayer.name}”"})


def _validate_other(
    new: str, person: Person, membership: Membership | None, taxpayer: Taxpayer, known: DeclarationPassword | None
) -> None:
    """D12 for the 申报密码: it differs from every other password of whoever sets it, and from the one it replaces."""
    others = (taxpayer.credential, person.credential, membership.credential if membership else None)
    old = known.credential if known else None
    passwords.validate_new(new, Setting(person=person, taxpayer=taxpayer, old=old, others=others))
    if known is not None and known.is_first and constant_time_compare(passwords.normalise(new), known.first):
        raise ValidationError(_("新密码不能与旧密码相同。"), code="password_unchanged")


def _store(taxpayer: Taxpayer, current: DeclarationPassword | None, hashed: str) -> None:
    credential = passwords.store(current.credential if current else None, hashed)
    if current is None:
        DeclarationPassword.objects.create(taxpayer=taxpayer, credential=credential)
        return
    current.first, current.credential, current.changed_at = "", credential, timezone.now()
    current.version += 1
    current.save()


def renew(taxpayer: Taxpayer, *, by: Actor) -> None:
    """Reset at the counter: a new temporary one takes the place of any other, to be seen in the portal (M130, D22).

    LR and FR are told by SMS. Raises ValidationError `own_affair` for an officer who works for the taxpayer,
    `social_insurance` for a taxpayer who opens no sign-in in which it could be seen (D17); PermissionDenied for who
    isn't at the counter.
    """
    counter.require_at(taxpayer, by=by)
    if taxpayer.kind == Taxpayer.Kind.SOCIAL_INSURANCE:
        raise ValidationError(_("纯社保户不使用申报密码，无需重置。"), code="social_insurance")
    with transaction.atomic():
        current, _is_new = _first_of(taxpayer)
        old, current.first, current.credential = current.credential, _made(), None
        current.version, current.changed_at = current.version + 1, timezone.now()
        current.save()
        if old is not None:
            old.delete()
        throttles.release(DECLARATION, taxpayer.code)
        audit.record(Kind.DECLARATION_PASSWORD_RESET, by=by, taxpayer=taxpayer)
        posts.tell_leads(taxpayer, for_phones("%(firm)s的申报密码已重置。") % {"firm": f"“{taxpayer.name}”"})


def check(code: str, password: str, client: str, *, by: Actor) -> Checked:
    """What the 扣缴客户端 is to be told of this 申报密码 (M126, M127). Raises `slots.Busy`.

    Five wrong ones in a row lock the taxpayer for ten minutes (D13). A taxpayer that doesn't exist, isn't open or has
    no 申报密码 is answered alike (M111), and every answer but that of a locked one costs one hash.
    """
    code = numbers.fold(code)
    opened = Taxpayer.objects.filter(opened_at__isnull=False, cancelled_at__isnull=True)
    taxpayer = opened.exclude(kind=Taxpayer.Kind.SOCIAL_INSURANCE).filter(code=code).first()
    known = DeclarationPassword.objects.select_related("credential").filter(taxpayer=taxpayer).first()
    locked = throttles.wait(DECLARATION, code)
    answer = Answer.LOCKED if locked else _judge(known, password)
    with transaction.atomic():
        if answer in (Answer.RIGHT, Answer.TEMPORARY) and not throttles.succeed(DECLARATION, code):
            answer = Answer.LOCKED
        elif answer in (Answer.WRONG, Answer.NONE):
            throttles.fail(DECLARATION, code)
        audit.record(
            Kind.DECLARATION_PASSWORD_CHECKED,
            by=by,
            taxpayer=taxpayer,
            reason=_REASONS.get(answer, ""),
            client=client,
            answer=answer.value,
        )
    return Checked(answer, throttles.wait(DECLARATION, code) if answer is Answer.LOCKED else 0)


def _judge(known: DeclarationPassword | None, password: str) -> Answer:
    credential: Credential | None = known.credential if known else None
    is_right = passwords.check(credential, password)  # without a credential the same time is burnt
    if known is None:
        return Answer.NONE
    if known.is_first:
        is_first = constant_time_compare(passwords.normalise(password), known.first)
        return Answer.TEMPORARY if is_first else Answer.WRONG
    return Answer.RIGHT if is_right else Answer.WRONG
