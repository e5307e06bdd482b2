"""注册: a natural person's own account, for who is collected and proves it by his real-name phone (M84, D12, D26).

Nobody is signed in by it. It joins the person whom the bureau's records already know, only after the code to his phone.
"""

from contextlib import AbstractContextManager
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import audit, notices, numbers, passwords, throttles, usernames
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.claims import Claim
from accounts.flows import Flow, Step
from accounts.limits import PASSWORD, USERNAMES
from accounts.models import Person
from accounts.passwords import Setting
from accounts.refusals import refusals_recorded
from accounts.words import for_phones
from realname.models import RealNameRecord
from staff import natural, recovery

FLOW = Flow(
    "register",
    (
        Step("staff:register", "claim"),
        Step("staff:register_code", "proof"),
        Step("staff:register_account", "done"),
    ),
    over=_("注册已超过10分钟或尚未开始，请重新填写。"),
)

START_AGAIN = _("所填信息已变更，请重新开始注册。")


def claim(*, name: str, id_type: str, id_number: str, phone: str) -> Claim:
    """The claim to be this person with this real-name phone, collected and without an account; else nobody's.

    All is read in the same queries whether or not there is such a person (D3).
    """
    person = Person.objects.by_id_number(id_type, id_number).first()
    collected, typed = _is_collected(person), f"{id_type}|{id_number}|{phone}"
    if person is None or not collected or not person.is_active or _has_account(person):
        return Claim(None, phone, typed=typed)
    same = person.name == name and numbers.fold(person.phone) == phone
    return Claim(person if same else None, phone, typed=typed)


def _is_collected(person: Person | None) -> bool:
    return RealNameRecord.objects.filter(person_id=person.pk if person else 0, revoked_at__isnull=True).exists()


def _has_account(person: Person) -> bool:
    return person.username is not None or person.credential_id is not None


def refuse_taken_name(person: Person, username: str) -> None:
    """Raise ValidationError `username_taken`; `names_tried` for who tries many: names tell who has an account."""
    if not Person.objects.filter(username=username).exists():
        return
    if throttles.take((USERNAMES, str(person.uid))) is not None:
        text = _("已多次填写被使用的用户注册名，请一小时后再试。")
        raise ValidationError(text, code="names_tried")
    raise _taken()


def _taken() -> ValidationError:
    return ValidationError(_("该用户注册名已被使用，请换一个。"), code="username_taken")


def register(claimed: Claim, username: str, password: str, *, by: Actor) -> Person:
    """Make the account of the person whose claim is proven, `username` folded; he is told by SMS.

    Raises ValidationError: a rule of the name or of D12, `username_taken`, `names_tried`, `account_known` for the
    loser of a race, `start_again` where what was proven no longer holds.
    """
    usernames.validate_new(username)
    with _refusals_recorded(claimed, by=by):
        return _register(claimed, username, password, by=by)


def _refusals_recorded(claimed: Claim, *, by: Actor) -> AbstractContextManager[None]:
    """Each refusal inside is one entry; the second of two equal clicks meets the account that the first has made."""

    def is_repetition() -> bool:
        return audit.has_just_done(Kind.ACCOUNT_REGISTERED, by=replace(by, person=claimed.person))

    return refusals_recorded(Kind.ACCOUNT_REGISTERED, by=by, is_repetition=is_repetition, person=claimed.person)


def _register(claimed: Claim, username: str, password: str, *, by: Actor) -> Person:
    person = claimed.person
    if person is None:
        raise ValidationError(START_AGAIN, code="start_again")
    refuse_taken_name(person, username)
    person.username = username  # a rule of D12: the password isn't the name
    passwords.validate_new(password, Setting(person=person, others=recovery.own_passwords(person)))
    hashed = passwords.hash_new(password)
    try:
        with transaction.atomic():
            return _make_account(person.pk, username, hashed, phone=claimed.phone, by=by)
    except IntegrityError as error:  # somebody else took the name at the same moment
        raise _taken() from error


def _make_account(pk: int, username: str, hashed: str, *, phone: str, by: Actor) -> Person:
    locked = Person.objects.select_for_update(no_key=True).get(pk=pk)
    if _has_account(locked):
        raise ValidationError(_("您已有自然人账户，请直接登录或找回密码。"), code="account_known")
    if not locked.is_active or not _is_collected(locked) or numbers.fold(locked.phone) != phone:
        raise ValidationError(START_AGAIN, code="start_again")
    locked.username, locked.credential = username, passwords.store(None, hashed)
    locked.save(update_fields=["username", "credential"])
    throttles.release_everywhere(PASSWORD, natural.account_word(username))
    audit.record(Kind.ACCOUNT_REGISTERED, by=by, person=locked)
    notices.tell(locked, for_phones("您已注册自然人账户，可以用用户注册名和密码登录。"))
    return locked
