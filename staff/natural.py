"""The natural person's own door: by password, or by a code to his real-name phone (M47, M48, M119, D21)."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit, decoys, passwords, signins, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.claims import Claim
from accounts.flows import Flow, Step
from accounts.models import Credential, Person
from accounts.models.signins import Proof
from realname.models import RealNameRecord
from staff import password_tries

WRONG = _("用户名或密码错误")
NOT_COLLECTED = _("您尚未完成实名采集，请先在【实名采集】页面、移动办税 APP 或到税务机关前台采集。")

BY_SMS = Flow(
    "natural_sms", (Step("staff:natural_sms", "claim"), Step("staff:natural_sms_code", "proof")), signs_in=True
)


def account_word(username: str) -> str:
    """What wrong tries on this account are counted under, at its own door and, while bound, at the enterprise's."""
    return f"person:{throttles.unreadable(username)}"


def _find(username: str) -> Person | None:
    """Who has this account; where nobody has, after the same work."""
    person = Person.objects.select_related("credential").filter(username=username, is_active=True).first()
    if person is None:
        decoys.read(Person, Credential)
    return person


def check_password(username: str, password: str, *, subject: str, by: Actor) -> Person:
    """The person whose account this is, `username` folded.

    Raises ValidationError `wrong_name_or_password` for an unknown name, a wrong password, a locked account alike, after
    the same work (D3); `not_collected` after a right one (M7); `TooMany`; `slots.Busy`.
    """
    person = prove_password(_find(username), password, kind=Kind.NATURAL_PASSWORD, subject=subject, by=by)
    refuse_uncollected(person, Proof.PERSON_PASSWORD, by=by)
    return person


def prove_password(person: Person | None, password: str, *, kind: Kind, subject: str, by: Actor) -> Person:
    """The person, once this is the password of his account; nobody's is never right and costs the same.

    The try is counted under `subject` and recorded as `kind`. Raises as `check_password`, but for `not_collected`.
    """
    password_tries.refuse_slowed(by=by)
    right = passwords.check(person.credential if person else None, password)
    with transaction.atomic():
        reason = password_tries.judge(right, subject, by=by)
        audit.record(kind, by=by, target=person, reason=reason)
    if reason or person is None:
        raise ValidationError(WRONG, code="wrong_name_or_password")
    return person


def refuse_uncollected(person: Person, proof: Proof, *, by: Actor) -> None:
    """Raise ValidationError `not_collected` for who has no valid real-name record (M7, M8).

    He has proven himself by `proof`: the entry is his, a sign-in that was refused (D28).
    """
    if not RealNameRecord.objects.filter(person=person, revoked_at__isnull=True).exists():
        audit.record(Kind.SIGN_IN, by=by, person=person, proof=proof, reason="not_collected")
        raise ValidationError(NOT_COLLECTED, code="not_collected")


def claim_by_name(username: str) -> Claim:
    """The claim to be the owner of this account; the code goes to his real-name phone, which nobody types."""
    person = _find(username)
    if person is None or person.credential is None or not person.phone:
        return Claim(None, f"nobody:{username}", typed=username)
    return Claim(person, person.phone, typed=username)


def enter(request: HttpRequest, person: Person, proof: Proof, *, by: Actor) -> None:
    """Sign the person in as himself. Raises ValidationError `not_collected`."""
    refuse_uncollected(person, proof, by=by)
    signins.start(
        request,
        person=person,
        taxpayer=None,
        proof=proof,
        enterprise=None,
        personal=person.credential if proof == Proof.PERSON_PASSWORD else None,
        code_at=timezone.now() if proof == Proof.PERSON_SMS else None,
        by=by,
    )
