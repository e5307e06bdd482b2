"""普通登录, the ordinary sign-in: number and enterprise password, person, SMS or personal password (M11 to M35)."""

from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit, passwords, signins, sms, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.flows import Flow, Progress, Step
from accounts.limits import PASSWORD
from accounts.models import Credential, Person, Taxpayer
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from accounts.passwords import Setting
from realname import phones
from staff import standing
from staff.models import Membership
from staff.standing import FROZEN, Standing

FLOW = Flow(
    "ordinary",
    (
        Step("login", "taxpayer"),
        Step("staff:choose_person", "person"),
        Step("staff:verify_by_sms", "proof"),
        Step("staff:set_password", "own_password"),
    ),
)

LOCKED_CHOICE = _("您选择的办税人已经被锁定，请选择其他办税人")
NOT_SET = _("尚未设置密码")
START_AGAIN = _("登录信息已变更，请重新登录。")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The firm and the person this passage is about, read anew from the database."""

    taxpayer: Taxpayer
    standing: Standing

    @property
    def person(self) -> Person:
        """Who was chosen."""
        return self.standing.person

    @property
    def label(self) -> str:
        """Name, masked, and position, as the pages show them."""
        return f"{self.person.masked_name} {self.standing.position.label}"

    @property
    def phone(self) -> phones.OnFile:
        """Where a code may be sent, or why not (D5)."""
        return phones.on_file(self.person, self.standing.posts)


def begin(request: HttpRequest, taxpayer: Taxpayer) -> Progress:
    """The first factor is right: start the passage under a new session id."""
    progress = FLOW.begin(request)
    credential = taxpayer.credential
    progress.establish("enterprise_version", str(credential.version if credential else 0))
    progress.establish("taxpayer", str(taxpayer.uid))
    request.session.cycle_key()
    return progress


def taxpayer_of(progress: Progress) -> Taxpayer:
    """The firm whose password was given. Raises ValidationError `start_again` when that password is no longer right."""
    taxpayer = Taxpayer.objects.select_related("credential").get(uid=progress.get("taxpayer"))
    version = taxpayer.credential.version if taxpayer.credential else 0
    if not taxpayer.is_open or str(version) != progress.get("enterprise_version"):
        raise ValidationError(START_AGAIN, code="start_again")
    return taxpayer


def chosen_of(progress: Progress) -> Chosen:
    """The firm and the person chosen. Raises ValidationError with the problem's code once he may not be chosen."""
    taxpayer = taxpayer_of(progress)
    person = Person.objects.select_related("credential").get(uid=progress.get("person"))
    found = standing.of_person(person, taxpayer)
    refuse_unless_choosable(found)
    return Chosen(taxpayer, found)


def refuse_unless_choosable(found: Standing) -> None:
    """Raise ValidationError with the problem's code and words; for a frozen person those of M63 (D4)."""
    # Whether the first sign-in is still due matters for those only who aren't the ones to make it.
    first_is_due = not found.is_lead and standing.first_sign_in_is_due(found.taxpayer)
    problem = found.problem_at_sign_in(first_is_due=first_is_due)
    if problem is not None:
        raise ValidationError(LOCKED_CHOICE if problem is FROZEN else problem.text, code=problem.code)


def choose(progress: Progress, uid: UUID, *, by: Actor) -> None:
    """Choose the person to act as, out of the firm's own people (FLOW-03).

    Raises ValidationError `not_listed` for anybody else, or the problem's code. Whoever was chosen before loses the
    code that was sent to him (FLOW-04).
    """
    taxpayer = taxpayer_of(progress)
    found = standing.of_uid(uid, taxpayer)
    if found is None:
        raise ValidationError(_("请从列表中选择人员。"), code="not_listed")
    refusal = None
    try:
        refuse_unless_choosable(found)
    except ValidationError as error:
        refusal = error
    reason = str(refusal.code) if refusal else ""
    audit.record(Kind.PERSON_CHOSEN, by=by, taxpayer=taxpayer, target=found.person, reason=reason)
    if refusal is not None:
        raise refusal
    _void_earlier_choice(progress, found.person)
    progress.establish("person", str(found.person.uid))


def _void_earlier_choice(progress: Progress, person: Person) -> None:
    if progress.has("person") and progress.get("person") != str(person.uid):
        earlier = Person.objects.filter(uid=progress.get("person")).first()
        if earlier is not None:
            sms.close_codes(earlier, Purpose.SIGN_IN)


def _binding(progress: Progress, chosen: Chosen) -> sms.Binding:
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


def send_code(progress: Progress, chosen: Chosen, *, by: Actor) -> None:
    """Send a code to the phone on file (M20, D5). Raises ValidationError: the phone's problem, or `sms_wait`."""
    sms.send_code(_binding(progress, chosen), by=by)


def seconds_until_next_code(progress: Progress, chosen: Chosen) -> int:
    """For the page's countdown; 0 also where no code can be sent at all."""
    return 0 if chosen.phone.problem else sms.seconds_until_next(_binding(progress, chosen))


def verify_by_code(progress: Progress, chosen: Chosen, code: str, *, by: Actor) -> None:
    """Prove the person by the code. Raises ValidationError `sms_code`, `sms_blocked`, or the phone's problem."""
    sms.check_code(_binding(progress, chosen), code, by=by)
    progress.establish("personal_version", "0")
    progress.establish("proof", Proof.ENTERPRISE_SMS)
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
        refusal = _judge_password(right, credential, subject)
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
        return f"person:{found.person.get_username()}"
    return f"member:{found.taxpayer.uid}:{found.person.uid}"


def _judge_password(right: bool, credential: Credential | None, subject: str) -> ValidationError | None:
    if credential is None or not (credential.is_set or credential.is_temporary):
        return ValidationError(NOT_SET, code="password_not_set")
    if right and throttles.succeed(PASSWORD, subject):
        return None
    throttles.fail(PASSWORD, subject)
    seconds = throttles.wait(PASSWORD, subject)
    if seconds:
        text = _("密码连续输错5次，已锁定，请在%(minutes)s分钟后再试，或使用短信登录。")
        return ValidationError(text, code="locked", params={"minutes": -(-seconds // 60)})
    text = _("密码有误。此处应输入首次登录时设置的个人登录密码，不是企业登录密码。")
    return ValidationError(text, code="wrong_personal_password")


def set_first_password(progress: Progress, chosen: Chosen, password: str, *, by: Actor) -> None:
    """Set the personal password that a first sign-in asks for (M21), and make the membership that carries it.

    Raises ValidationError with the code of the rule of D12 that the password breaks.
    """
    taxpayer, person = chosen.taxpayer, chosen.person
    others = (taxpayer.credential, person.credential)
    passwords.validate_new(password, Setting(person=person, taxpayer=taxpayer, others=others))
    hashed = passwords.hash_new(password)
    with transaction.atomic():
        Taxpayer.objects.select_for_update().only("pk").get(pk=taxpayer.pk)
        membership, _made = Membership.objects.select_related("credential").get_or_create(
            taxpayer=taxpayer, person=person, removed_at=None
        )
        membership.credential = passwords.store(membership.credential, hashed)
        membership.save(update_fields=["credential"])
        audit.record(Kind.PASSWORD_SET, by=by, person=person, taxpayer=taxpayer, target=person)
    progress.establish("own_password", "set")


def finish(request: HttpRequest, progress: Progress, chosen: Chosen, *, by: Actor) -> None:
    """Sign in. `chosen` was read anew by this very request. Raises ValidationError when anything no longer holds."""
    membership = chosen.standing.membership
    credential = membership.signing_credential if membership else None
    proof = Proof(progress.get("proof"))
    by_password = proof != Proof.ENTERPRISE_SMS
    if by_password and (credential is None or str(credential.version) != progress.get("personal_version")):
        raise ValidationError(START_AGAIN, code="start_again")
    in_reset_state = credential is not None and credential.is_temporary
    signins.start(
        request,
        person=chosen.person,
        taxpayer=chosen.taxpayer,
        proof=proof,
        enterprise=chosen.taxpayer.credential,
        personal=credential if by_password else None,
        # In the 111111 state changing the password asks for a code of its own, whatever opened the door (D10).
        code_at=None if by_password or in_reset_state else timezone.now(),
        by=by,
    )
