"""普通登录, the ordinary sign-in: number and enterprise password, person, SMS or personal password (M11 to M35)."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import audit, passwords, sealing, sms, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.flows import Flow, Progress, Step
from accounts.limits import PASSWORD
from accounts.models import Credential, Taxpayer
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from accounts.passwords import Setting
from accounts.refusals import refusals_of, refusals_recorded
from staff import natural
from staff.doors import START_AGAIN, Chosen, Door
from staff.models import Membership
from staff.standing import FROZEN, REMOVED, Standing

FLOW = Flow(
    "ordinary",
    (
        Step("login", "taxpayer"),
        Step("staff:choose_person", "person"),
        Step("staff:verify_by_sms", "proof"),
        Step("staff:set_password", "own_password"),
    ),
    signs_in=True,
)

LOCKED_CHOICE = _("您选择的办税人已经被锁定，请选择其他办税人")
NOT_SET = _("尚未设置密码")


DOOR = Door(
    FLOW,
    Standing.problem_at_sign_in,
    frozen=replace(FROZEN, text=LOCKED_CHOICE),
    opens_first=True,
    other_way="staff:verify_by_password",
    send="staff:send_code",
)


def binding_of(progress: Progress, chosen: Chosen) -> sms.Binding:
    """What a code of this passage is good for. Raises ValidationError with the phone's problem (D5)."""
    problem = chosen.phone.problem
    if problem is not None:
        raise ValidationError(problem.text, code=problem.code)
    return sms.Binding(
        person=chosen.person,
        purpose=Purpose.SIGN_IN,
        taxpayer=chosen.taxpayer,
        login=progress.id,
        phone=chosen.phone.number,
    )


def send_code(progress: Progress, chosen: Chosen, *, by: Actor) -> int:
    """Send a code to the phone on file (M20, D5); the seconds until the next. Raises as `binding_of` and `sms`."""
    sms.send_code(binding_of(progress, chosen), by=by)
    return sms.PAUSE


def seconds_until_next_code(progress: Progress, chosen: Chosen) -> int:
    """For the page's countdown; 0 also where no code can be sent at all."""
    return 0 if chosen.phone.problem else sms.seconds_until_next(binding_of(progress, chosen))


def verify_by_code(progress: Progress, chosen: Chosen, code: str, *, by: Actor) -> None:
    """Prove the person by the code. Raises ValidationError `sms_code`, `sms_blocked`, or the phone's problem."""
    sms.check_code(binding_of(progress, chosen), code, by=by)
    progress.establish("personal_version", "0")
    progress.establish("proof", Proof.ENTERPRISE_SMS)
    progress.establish("phone", sealing.lookup_hash(chosen.phone.number))
    if not chosen.standing.needs_own_password:
        progress.establish("own_password", "present")


def verify_by_password(progress: Progress, chosen: Chosen, password: str, *, subject: str, by: Actor) -> None:
    """Prove the person by his personal password, or open the 111111 state (M34, M68, D10).

    `subject` is what wrong tries are counted under: `personal_account`, or that in a known browser (D13).
    Raises ValidationError `password_not_set` (M88), `wrong_personal_password` (M95) or `locked`.
    """
    membership = chosen.standing.membership
    credential = membership.signing_credential if membership else None
    in_reset_state = passwords.check_reset_state(credential, password)
    right = in_reset_state or passwords.check(credential, password)
    with transaction.atomic():
        refusal = _judge_password(right, credential, subject, is_bound=membership is not None and membership.is_bound)
        reason = str(refusal.code) if refusal else ""
        audit.record(Kind.PERSONAL_PASSWORD, by=by, taxpayer=chosen.taxpayer, target=chosen.person, reason=reason)
    if refusal is not None or credential is None:
        raise refusal or ValidationError(NOT_SET, code="password_not_set")
    progress.establish("personal_version", str(credential.version))
    proof = Proof.ENTERPRISE_RESET if in_reset_state else Proof.ENTERPRISE_PASSWORD
    progress.establish("proof", proof)
    progress.establish("own_password", "present")


def personal_account(found: Standing) -> str:
    """What wrong tries on the person's password are counted under: one count for one password, at every door (D13)."""
    membership = found.membership
    if membership is not None and membership.is_bound:
        return natural.account_word(found.person.get_username())
    return member_word(found.taxpayer.uid, found.person.uid)


def member_word(taxpayer: UUID, person: UUID) -> str:
    """The count of a personal password, by the public ids of firm and person."""
    return f"member:{taxpayer}:{person}"


def _judge_password(
    right: bool, credential: Credential | None, subject: str, *, is_bound: bool
) -> ValidationError | None:
    if credential is None or not (credential.is_set or credential.is_temporary):
        return ValidationError(NOT_SET, code="password_not_set")
    if right and throttles.succeed(PASSWORD, subject):
        return None
    throttles.fail(PASSWORD, subject)
    seconds = throttles.wait(PASSWORD, subject)
    if seconds:
        text = _("密码连续输错5次，已锁定，请在%(minutes)s分钟后再试，或使用短信登录。")
        return ValidationError(text, code="locked", params={"minutes": -(-seconds // 60)})
    if is_bound:
        text = _("密码有误。您已绑定自然人账户，此处应输入自然人登录密码，不是原来的个人登录密码，也不是企业登录密码。")
    else:
        text = _("密码有误。此处应输入首次登录时设置的个人登录密码，不是企业登录密码。")
    return ValidationError(text, code="wrong_personal_password")


def _own_membership(chosen: Chosen) -> Membership:
    """The open membership of who was chosen. A lead's is made here (D31); nobody else makes himself a member."""
    whose: dict[str, Any] = {"taxpayer": chosen.taxpayer, "person": chosen.person, "removed_at": None}
    if chosen.standing.is_lead:
        return Membership.objects.select_related("credential").get_or_create(**whose)[0]
    membership = Membership.objects.select_related("credential").filter(**whose).first()
    if membership is None:
        raise ValidationError(REMOVED.text, code=REMOVED.code)
    return membership


def _is_set_meanwhile(chosen: Chosen, membership: Membership, password: str) -> bool:
    """Whether this very password stands there already: the form was sent twice (F12).

    Raises ValidationError `start_again` where his password was set or reset while he was choosing this one: the page
    that asked for a first one is older than what stands there (D10).
    """
    if replace(chosen.standing, membership=membership).needs_own_password:
        return False
    credential = membership.signing_credential
    if credential is not None and credential.is_set and passwords.check(credential, password):
        return True
    raise ValidationError(START_AGAIN, code="start_again")


def _recorded(_progress: Progress, chosen: Chosen, *_rest: object, by: Actor) -> AbstractContextManager[None]:
    """Each refusal of a first password is one entry; the second of two equal clicks meets what the first has set."""
    taxpayer, person = chosen.taxpayer, chosen.person

    def is_repetition() -> bool:
        own = replace(by, person=person)
        return any(audit.has_just_done(kind, by=own, taxpayer=taxpayer) for kind in (Kind.PASSWORD_SET, Kind.SIGN_IN))

    whose: dict[str, Any] = {"person": person, "taxpayer": taxpayer, "target": person}
    return refusals_recorded(Kind.PASSWORD_SET, by=by, is_repetition=is_repetition, **whose)


@refusals_of(_recorded)
def set_first_password(progress: Progress, chosen: Chosen, password: str, *, by: Actor) -> None:
    """Set the personal password that a first sign-in asks for (M21), and make the membership that carries it.

    Raises ValidationError with the code of the rule of D12 that the password breaks; `start_again` where the phone
    that took his code isn't his any more (OTP-10), or a password was set or reset meanwhile.
    """
    if not progress.has("phone") or progress.get("phone") != sealing.lookup_hash(chosen.phone.number):
        raise ValidationError(START_AGAIN, code="start_again")
    taxpayer, person = chosen.taxpayer, chosen.person
    others = (taxpayer.credential, person.credential)
    own = chosen.standing.membership
    old = own.credential if own is not None else None
    passwords.validate_new(password, Setting(person=person, taxpayer=taxpayer, old=old, others=others))
    hashed = passwords.hash_new(password)
    with transaction.atomic():
        Taxpayer.objects.select_for_update(no_key=True).only("pk").get(pk=taxpayer.pk)
        membership = _own_membership(chosen)
        if not _is_set_meanwhile(chosen, membership, password):
            membership.credential = passwords.store(membership.credential, hashed)
            membership.save(update_fields=["credential"])
            audit.record(Kind.PASSWORD_SET, by=by, person=person, taxpayer=taxpayer, target=person)
    progress.establish("own_password", "set")
