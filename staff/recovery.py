"""忘记密码: a new enterprise or natural-person password for who proves himself by his phone (M131 to M136, D21).

Nobody is signed in by it; whatever the old password signed in ends; the owner is told.
"""

from contextlib import AbstractContextManager
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, decoys, notices, numbers, passwords, signins, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.claims import Claim
from accounts.flows import Flow, Step
from accounts.limits import PASSWORD
from accounts.models import Credential, Person, Taxpayer
from accounts.models.signins import EndReason
from accounts.passwords import Setting
from accounts.refusals import refusals_of, refusals_recorded
from accounts.words import for_phones
from realname import phones, posts
from realname.models import LEADS, Post
from staff import enterprise, natural, standing
from staff.models import Membership

ENTERPRISE = Flow(
    "forgotten_enterprise",
    (
        Step("staff:forgotten_enterprise", "claim"),
        Step("staff:forgotten_enterprise_code", "proof"),
        Step("staff:forgotten_enterprise_password", "done"),
    ),
)
NATURAL = Flow(
    "forgotten_person",
    (
        Step("staff:forgotten_person", "claim"),
        Step("staff:forgotten_person_code", "proof"),
        Step("staff:forgotten_person_password", "done"),
    ),
)


def claim_for_enterprise(code: str, phone: str) -> Claim:
    """The claim to be one of this firm's people with this phone on file; nobody where there is none (M134)."""
    taxpayer = Taxpayer.objects.select_related("credential").filter(code=code).first()
    # An unknown number, or a phone that isn't here, costs the same reading: of people there are none.
    people = standing.of_phone(phone, taxpayer or Taxpayer(pk=0))
    if taxpayer is None:
        decoys.read(Taxpayer, Credential)
    if not people:
        decoys.read(Post, Person, Credential, Taxpayer, Credential, Membership, Credential)
    recoverable = taxpayer is not None and taxpayer.is_open and taxpayer.kind != Taxpayer.Kind.SOCIAL_INSURANCE
    same = [
        each
        for each in people
        if each.posts and not each.is_misused and phones.on_file(each.person, each.posts).number == phone
    ]
    typed = f"{code}|{phone}"
    if taxpayer is None or not recoverable or not same or not same[0].is_collected:
        return Claim(None, phone, typed=typed)
    return Claim(same[0].person, phone, taxpayer, typed)


def claim_for_person(username: str, phone: str) -> Claim:
    """The claim to be the owner of this account with this real-name phone; nobody where that isn't so.

    Nor is a tax officer anybody here: the code to his phone is the second proof at his own door, and with the password
    set by the same phone it would be the only one (CFG-05). The operator dismisses him for it first.
    """
    claimed = natural.claim_by_name(username).person
    same = claimed is not None and not claimed.is_staff and numbers.fold(claimed.phone) == phone
    return Claim(claimed if same else None, phone, typed=f"{username}|{phone}")


def _has_another_phone(claim: Claim) -> bool:
    """Whether his phone was changed since the code went to the one claimed: it proves nothing any more (OTP-10)."""
    return claim.person is not None and numbers.fold(claim.person.phone) != claim.phone


def _recorded(claim: Claim, *_rest: object, by: Actor) -> AbstractContextManager[None]:
    """Each refusal to who has proven this claim is one entry; none is to the second of two equal clicks (D28)."""
    person, taxpayer = claim.person, claim.taxpayer

    def is_repetition() -> bool:
        return audit.has_just_done(Kind.PASSWORD_RECOVERED, by=replace(by, person=person), taxpayer=taxpayer)

    kind = Kind.PASSWORD_RECOVERED
    return refusals_recorded(kind, by=by, is_repetition=is_repetition, person=person, taxpayer=taxpayer)


@refusals_of(_recorded)
def refuse_once_proven(claim: Claim, *, by: Actor) -> None:
    """Refuse, as `refuse_who_may_not` and recorded, before a new password is asked for."""
    refuse_who_may_not(claim)


def refuse_who_may_not(claim: Claim) -> tuple[Person, Taxpayer]:
    """The lead and the firm whose enterprise password may be set anew.

    Raises ValidationError `not_lead` for a clerk, naming who can (M82, D21), `misused` once he has said that the firm
    uses his name without him (D35), the code of what else stands in his way (M15), and `start_again` when nothing is
    proven.
    """
    if claim.person is None or claim.taxpayer is None or _has_another_phone(claim):
        raise ValidationError(_("登录信息已变更，请重新登录。"), code="start_again")
    found = standing.of_person(claim.person, claim.taxpayer)
    if found.is_misused:
        raise ValidationError(standing.MISUSED.text, code=standing.MISUSED.code)
    if not found.is_lead:
        text = _("只有法定代表人（业主）和财务负责人可以找回企业登录密码，请联系他们，或到税务机关前台办理。")
        raise ValidationError(text, code="not_lead")
    if found.problem is not None:
        text = _("%(problem)s。%(next_step)s") % {"problem": found.problem.text, "next_step": found.problem.next_step}
        raise ValidationError(text, code=found.problem.code)
    return claim.person, claim.taxpayer


@refusals_of(_recorded)
def set_enterprise_password(claim: Claim, new: str, *, by: Actor) -> None:
    """Set the firm's enterprise password anew. Raises ValidationError: a rule of D12, or as `refuse_who_may_not`."""
    person, taxpayer = refuse_who_may_not(claim)
    own = Membership.objects.open().select_related("credential").filter(taxpayer=taxpayer, person=person).first()
    others = (own.credential if own else None, person.credential)
    passwords.validate_new(new, Setting(person=person, taxpayer=taxpayer, old=taxpayer.credential, others=others))
    hashed = passwords.hash_new(new)
    with transaction.atomic():
        locked = (
            Taxpayer.objects.select_for_update(of=("self",), no_key=True)
            .select_related("credential")
            .get(pk=taxpayer.pk)
        )
        locked.credential = passwords.store(locked.credential, hashed)
        locked.save(update_fields=["credential"])
        throttles.release_everywhere(PASSWORD, enterprise.account_word(taxpayer.code))
        audit.record(Kind.PASSWORD_RECOVERED, by=by, person=person, taxpayer=taxpayer)
        notices.tell(person, for_phones("“%(firm)s”的企业登录密码已通过您的手机号码重设。") % {"firm": taxpayer.name})
        _tell_other_leads(taxpayer, person)


def _tell_other_leads(taxpayer: Taxpayer, person: Person) -> None:
    """The password is the firm's: whoever else leads it learns who has set it anew (RST-03)."""
    text = for_phones("“%(firm)s”的企业登录密码已由%(name)s通过手机号码重设。")
    posts.tell_leads(taxpayer, text % {"firm": taxpayer.name, "name": person.masked_name}, but=person)


@refusals_of(_recorded)
def set_natural_password(claim: Claim, new: str, *, by: Actor) -> None:
    """Set a natural person's password anew. Raises ValidationError: a rule of D12, or `start_again`."""
    person = claim.person
    if person is None or person.credential is None or _has_another_phone(claim):
        raise ValidationError(_("登录信息已变更，请重新登录。"), code="start_again")
    passwords.validate_new(new, Setting(person=person, old=person.credential, others=own_passwords(person)))
    hashed = passwords.hash_new(new)
    with transaction.atomic():
        locked = Credential.objects.select_for_update(no_key=True).get(pk=person.credential.pk)
        passwords.store(locked, hashed)
        ended = signins.end_all(person, None, EndReason.PASSWORD_CHANGED)
        throttles.release_everywhere(PASSWORD, natural.account_word(person.get_username()))
        audit.record(Kind.PASSWORD_RECOVERED, by=by, person=person, sign_ins_ended=ended)
        notices.tell(person, for_phones("您的自然人登录密码已通过您的手机号码重设。"))


def own_passwords(person: Person) -> tuple[Credential | None, ...]:
    """What his natural-person password must differ from: his personal ones, and those of firms that he leads (D12)."""
    members = Membership.objects.open().select_related("credential").filter(person=person, credential__isnull=False)
    led = Post.objects.open().filter(person=person, position__in=LEADS, taxpayer__credential__isnull=False)
    firms = {post.taxpayer_id: post.taxpayer.credential for post in led.select_related("taxpayer__credential")}
    return *(member.credential for member in members), *firms.values()
