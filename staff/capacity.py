"""切换身份: going on as oneself, or for another taxpayer, without signing in anew (D15, D16, D32).

What is asked, besides what the session already knows; a code is worth the same whichever way it came into the session:

| the session was proven by                      | to a taxpayer                       | to oneself (自然人) |
|------------------------------------------------|-------------------------------------|---------------------|
| a code: at the door (企业密码+短信,            | its enterprise password, unless it  | nothing             |
| 实名手机短信), when switching, or by a         | was given in this session           |                     |
| step-up within the last five minutes           |                                     |                     |
| a password that is the target's own as well:   | the same                            | nothing             |
| the natural one, at a firm where he is bound,  |                                     |                     |
| or the other way round                         |                                     |                     |
| another membership's personal password, or the | the same, and a code to the phone   | a code to the       |
| natural-person one where he isn't bound        | on file there                       | real-name phone     |

Whether he may at all is judged as at the quick door (D6), for it as well leads in without setting a password: a first
sign-in that is due, who has no password of his own there and a clerk without an identity are told to use 普通登录. In
the 111111 state of the target only 【修改密码】 opens, and asks for a code of its own (D10).

The session keeps its first sign-in as `origin`. When the capacity that proved it is lost, all ends; when another is,
the session goes on for no taxpayer, and every page leads here until its owner has chosen (D16).
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit, browsers, signins, sms
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Credential, Person, SignIn, Taxpayer
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from accounts.refusals import refusals_recorded
from accounts.words import Words
from realname import phones
from realname.models import RealNameRecord
from staff import enterprise, quick, standing
from staff.models import Membership
from staff.standing import NOT_COLLECTED, NOT_SET_UP, Problem, Standing

ORDINARY_ONLY = Problem(
    "ordinary_only", quick.ORDINARY_ONLY, _("请退出后，在登录页面的【企业登录】-【普通登录】中输入该企业的企业密码。")
)
NOT_OPEN = Problem("not_open", _("该企业尚未开通电子税务局"), _("请该企业到税务机关前台办理授权开户。"))
NO_ACCOUNT = Problem(
    "no_account",
    _("您尚未注册自然人账户"),
    _("请先注册自然人账户，再以自然人身份办理。"),
    "staff:register",
    _("去注册"),
)
OFFICER = Problem("officer", _("您正以税务人员的身份登录，不能切换为纳税人的身份"), _("请退出后，从登录页面重新登录。"))
ALREADY_THERE = Problem("already_there", _("您当前就是该身份"), _("请从首页继续办理。"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One capacity that a person can be in: himself, or one of his taxpayers; whether he may now, and what is asked.

    `standing` is None for himself. `problem` is why he may not.
    """

    person: Person
    standing: Standing | None
    problem: Problem | None
    is_current: bool
    asks_password: bool
    asks_code: bool

    @property
    def taxpayer(self) -> Taxpayer | None:
        """For whom he would act; None for himself."""
        return self.standing.taxpayer if self.standing else None

    @property
    def uid(self) -> UUID:
        """The public id behind its address."""
        return self.standing.taxpayer.uid if self.standing else self.person.uid

    @property
    def name(self) -> str:
        """What it is called on the pages: the taxpayer's name, or 自然人."""
        return self.standing.taxpayer.name if self.standing else str(_("自然人"))

    @property
    def position(self) -> Words:
        """As what he would act there; beside 自然人 stands his own name, masked."""
        return self.standing.position_in_words if self.standing else self.person.masked_name

    @property
    def obstacle(self) -> Problem | None:
        """Why he can't switch there: he may not, or is there already."""
        return self.problem or (ALREADY_THERE if self.is_current else None)

    @property
    def asks_nothing(self) -> bool:
        """Whether choosing it is enough."""
        return not (self.asks_password or self.asks_code)

    @property
    def is_in_reset_state(self) -> bool:
        """Whether his personal password there is in the 111111 state (D10)."""
        credential = _own_password(self.person, self.standing)
        return self.standing is not None and credential is not None and credential.is_temporary

    @property
    def phone(self) -> phones.OnFile:
        """Where a code may be sent, or why not: the phone on file there, or his real-name phone (D5)."""
        if self.standing is not None:
            return phones.on_file(self.person, self.standing.posts)
        problem = None if self.person.phone else phones.NO_REAL_NAME_PHONE
        return phones.OnFile(self.person.phone, problem)


def choices_of(request: HttpRequest, *, by: Actor) -> list[Choice]:
    """Everything that the actor can be now: himself, then every taxpayer whose register or portal names him."""
    person, sign_in = _who(by)
    found = standing.of_capacities(person)
    done = standing.where_first_sign_in_is_done([each.taxpayer for each in found])
    return [
        _himself(request, person, sign_in),
        *(_at(request, each, each.taxpayer.pk not in done, sign_in) for each in found),
    ]


def choice_of(request: HttpRequest, uid: UUID, *, by: Actor) -> Choice | None:
    """One of them by its public id, read anew; None for what isn't his."""
    person, sign_in = _who(by)
    if uid == person.uid:
        return _himself(request, person, sign_in)
    taxpayer = Taxpayer.objects.filter(uid=uid).first()
    if taxpayer is None:
        return None
    found = standing.of_person(person, taxpayer)
    if not found.posts and found.membership is None:
        return None
    return _at(request, found, standing.first_sign_in_is_due(taxpayer), sign_in)


def _who(by: Actor) -> tuple[Person, SignIn]:
    if by.person is None or by.sign_in is None:
        raise LookupError("nobody is signed in")
    return by.person, by.sign_in


def _himself(request: HttpRequest, person: Person, sign_in: SignIn) -> Choice:
    return Choice(
        person=person,
        standing=None,
        problem=_problem_as_himself(person, sign_in),
        is_current=sign_in.taxpayer_id is None and not signins.must_choose(request),
        asks_password=False,
        asks_code=_asks_code(sign_in, person.credential),
    )


def _problem_as_himself(person: Person, sign_in: SignIn) -> Problem | None:
    """Why he may not go on as himself: as at the natural person's own door."""
    if sign_in.proof == Proof.OFFICER_SMS:
        return OFFICER
    if person.credential_id is None or not person.username:
        return NO_ACCOUNT
    collected = RealNameRecord.objects.filter(person=person, revoked_at__isnull=True)
    return None if collected.exists() else NOT_COLLECTED


def _at(request: HttpRequest, found: Standing, first_is_due: bool, sign_in: SignIn) -> Choice:
    return Choice(
        person=found.person,
        standing=found,
        problem=OFFICER if sign_in.proof == Proof.OFFICER_SMS else _problem_at(found, first_is_due),
        is_current=sign_in.taxpayer_id == found.taxpayer.pk,
        asks_password=not signins.was_given(request, found.taxpayer.credential),
        asks_code=_asks_code(sign_in, _own_password(found.person, found)),
    )


def _problem_at(found: Standing, first_is_due: bool) -> Problem | None:
    if found.taxpayer.kind == Taxpayer.Kind.SOCIAL_INSURANCE:
        return ORDINARY_ONLY
    if found.taxpayer.opened_at is None:
        return NOT_OPEN
    problem = found.problem or found.problem_at_quick_login(first_is_due and not found.is_lead)
    return problem or (NOT_SET_UP if found.needs_own_password else None)


def _own_password(person: Person, found: Standing | None) -> Credential | None:
    if found is None:
        return person.credential
    return found.membership.signing_credential if found.membership else None


def _has_code(sign_in: SignIn) -> bool:
    return sign_in.proof in signins.BY_CODE or signins.has_fresh_code(sign_in)


def _asks_code(sign_in: SignIn, target: Credential | None) -> bool:
    """Whether only a password has proven him, and it isn't the target's own (D32)."""
    is_given = target is not None and sign_in.personal_credential_id == target.pk
    return not is_given and not _has_code(sign_in)


def refuse_if_closed(choice: Choice, *, by: Actor) -> None:
    """Raise ValidationError with the problem's code and words where he can't switch there; recorded."""
    problem = choice.obstacle
    if problem is None:
        return
    audit.record(Kind.CAPACITY_SWITCHED, by=by, taxpayer=choice.taxpayer, reason=problem.code)
    raise ValidationError(problem.text, code=problem.code)


def give_password(request: HttpRequest, choice: Choice, password: str, *, by: Actor) -> None:
    """The target's enterprise password, judged and counted as at the door; the session remembers that it was given.

    Raises ValidationError `wrong_number_or_password`, and as `enterprise.check_password`.
    """
    if choice.taxpayer is None:
        return
    code = choice.taxpayer.code
    subject = browsers.subject(request, enterprise.account_word(code))
    try:
        taxpayer = enterprise.check_password(code, password, subject=subject, by=by)
    except ValidationError as refusal:  # the number isn't typed here: it can't be what is wrong
        raise ValidationError(_("企业密码错误，请核对。"), code=refusal.code) from refusal
    if taxpayer.credential is not None:
        signins.note_given(request, taxpayer.credential)


def _binding(choice: Choice, *, by: Actor) -> sms.Binding:
    """The code is good for this sign-in and this target alone. Raises ValidationError with the phone's problem."""
    _person, sign_in = _who(by)
    phone = choice.phone
    if phone.problem is not None:
        raise ValidationError(phone.problem.text, code=phone.problem.code)
    return sms.Binding(
        person=choice.person,
        purpose=Purpose.SWITCH_CAPACITY,
        taxpayer=choice.taxpayer,
        login=str(sign_in.uid),
        phone=phone.number,
    )


def send_code(choice: Choice, *, by: Actor) -> None:
    """Send a code for this switch. Raises ValidationError: the phone's problem, or `sms_wait`."""
    sms.send_code(_binding(choice, by=by), by=by)


def seconds_until_next_code(choice: Choice, *, by: Actor) -> int:
    """For the page's countdown; 0 where no code can be sent."""
    return 0 if choice.phone.problem else sms.seconds_until_next(_binding(choice, by=by))


def switch_by_code(request: HttpRequest, choice: Choice, code: str, *, by: Actor) -> None:
    """Prove himself by the code, and switch. Raises ValidationError `sms_code`, `sms_blocked`, and as `switch`."""
    sms.check_code(_binding(choice, by=by), code, by=by)
    switch(request, choice, has_code=True, by=by)


def switch(request: HttpRequest, choice: Choice, *, has_code: bool = False, by: Actor) -> None:
    """Go on in this capacity, everything read anew; `has_code` says that a code has just proven him.

    Raises ValidationError with the problem's code where he may not, `not_proven` where something is still missing,
    `stale` where the sign-in has ended meanwhile.
    """
    refusal: ValidationError | None = None
    with transaction.atomic():
        _lock(choice)
        anew = choice_of(request, choice.uid, by=by)
        try:
            _switch(request, anew or choice, has_code, by=by)
        except ValidationError as error:  # what was recorded of it must stay
            refusal = error
    if refusal is not None:
        raise refusal


def _switch(request: HttpRequest, choice: Choice, has_code: bool, *, by: Actor) -> None:
    _person, sign_in = _who(by)
    refuse_if_closed(choice, by=by)
    with _refusals_recorded(choice, by=by):
        if choice.asks_password or (choice.asks_code and not has_code):
            raise ValidationError(_("登录信息已变更，请重新选择身份。"), code="not_proven")
    proven = has_code or _has_code(sign_in)
    if choice.taxpayer is None:
        proof = Proof.PERSON_SMS if proven else Proof.PERSON_PASSWORD
    else:
        proof = Proof.ENTERPRISE_SMS if proven else Proof.ENTERPRISE_PASSWORD
    code_at = timezone.now() if has_code else sign_in.code_at
    # In the 111111 state changing the password asks for a code of its own, whatever opened the door (D10).
    code_at = None if choice.is_in_reset_state else code_at
    with _refusals_recorded(choice, by=by):
        signins.switch(request, taxpayer=choice.taxpayer, proof=proof, code_at=code_at, by=by)


def _refusals_recorded(choice: Choice, *, by: Actor) -> AbstractContextManager[None]:
    """What is refused inside is one entry, as where he can't switch; nothing is to the second of two equal clicks."""

    def is_repetition() -> bool:
        return audit.has_just_done(Kind.CAPACITY_SWITCHED, by=by.as_signed_in, taxpayer=choice.taxpayer)

    return refusals_recorded(Kind.CAPACITY_SWITCHED, by=by, taxpayer=choice.taxpayer, is_repetition=is_repetition)


def _lock(choice: Choice) -> None:
    """His membership there: who removes him meanwhile waits, and then ends what was begun here."""
    if choice.taxpayer is not None:
        members = Membership.objects.open().filter(taxpayer=choice.taxpayer, person=choice.person)
        members.select_for_update(no_key=True).first()
