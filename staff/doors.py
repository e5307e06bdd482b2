"""What the enterprise doors share: firm, person, and going in (M9, FLOW-01 to FLOW-07)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import OuterRef, UUIDField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit, signins, sms
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.composed import Composed, Given
from accounts.flows import Flow, Progress
from accounts.models import Person, Taxpayer
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from accounts.refusals import refusals_recorded
from accounts.steps import LineStep
from realname import phones
from staff import standing
from staff.standing import FROZEN, NOT_IN_REGISTER, Problem, Standing
from staff.steps import steps_at

START_AGAIN = _("登录信息已变更，请重新登录。")


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: its steps, who may be chosen at it, and its words for who is frozen (D4).

    `problem_of` is told whether the taxpayer's first sign-in is still due; a door `opens_first` where that one can be
    made at it. `other_way` and `send` name the pages beside the code's own, `line` is its progress line, on
    which proving the person is step `verifies_at`, and `inside` the page that it leads to.
    """

    flow: Flow
    problem_of: Callable[[Standing, bool], Problem | None]
    frozen: Problem = FROZEN
    opens_first: bool = False
    other_way: str = ""
    send: str = ""
    line: Callable[[int], list[LineStep]] = steps_at
    verifies_at: int = 2
    inside: str = "home"

    def url_name(self, fact: str) -> str:
        """The name of the page that establishes this fact."""
        return next(step.url_name for step in self.flow.steps if step.fact == fact)

    def refuse(self, found: Standing) -> None:
        """Raise ValidationError with the problem's code, words and `next_step` unless he may be chosen here."""
        # Whether the first sign-in is still due matters for those only who aren't the ones to make it.
        first_is_due = not found.is_lead and standing.first_sign_in_is_due(found.taxpayer)
        problem = self.problem_of(found, first_is_due)
        if problem is not None:
            said = self.frozen if problem is FROZEN else problem
            raise ValidationError(said.text, code=said.code, params={"next_step": said.next_step})

    def people_of(
        self, taxpayer: Taxpayer, *, first_is_due: bool, name: str = "", before: int | None = None
    ) -> "People":
        """A page of the firm's people with their problems at this door; who can be chosen comes first (D4).

        `name` may be the beginning of one; `before` is the key that the page before ended with.
        """
        found, older = standing.page_of(taxpayer, name=name, before=before, size=PEOPLE_ON_A_PAGE)
        pairs = [(each, self.problem_of(each, first_is_due)) for each in found]
        return People(sorted(pairs, key=lambda pair: pair[1] is not None), older)


PEOPLE_ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class People:
    """A page of people to choose from, each with his problem or none; `older` is the key to go on with, or 0."""

    pairs: list[tuple[Standing, Problem | None]]
    older: int


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


def begin(request: HttpRequest, door: Door, taxpayer: Taxpayer) -> Progress:
    """The first factor is right: start the passage under a new session id."""
    progress = door.flow.begin(request)
    credential = taxpayer.credential
    progress.establish("enterprise_version", str(credential.version if credential else 0))
    progress.establish("taxpayer", str(taxpayer.uid))
    request.session.cycle_key()
    return progress


_FIRM = Composed(
    lambda: (
        Taxpayer.objects.select_related("credential")
        .annotate(is_begun=standing.first_sign_in_is_done(OuterRef("pk")))
        .filter(uid=Given("uid", UUIDField()))
    )
)


def firm_of(progress: Progress, *, by: Actor) -> tuple[Taxpayer, bool]:
    """The firm whose password was given, and whether its first sign-in is still due: one query.

    Raises ValidationError `start_again` when that password is no longer right.
    """
    firm: Any = _FIRM.first(uid=progress.get("taxpayer"))
    if firm is None:  # of another world: the demo's was made anew, and no record is left that could tell it
        raise ValidationError(START_AGAIN, code="start_again")
    _refuse_if_changed(progress, firm, None, by=by)
    return firm, not firm.is_begun


def _refuse_if_changed(progress: Progress, firm: Taxpayer, person: Person | None, *, by: Actor) -> None:
    version = firm.credential.version if firm.credential else 0
    if not firm.is_open or str(version) != progress.get("enterprise_version"):
        raise _holds_no_more(firm, person, by=by)


def _holds_no_more(firm: Taxpayer, person: Person | None, *, by: Actor) -> ValidationError:
    """The refusal `start_again`, recorded: a password given in this passage was changed since, or the firm closed.

    Who once knew it is kept out here, as by a wrong one. A passage whose ten minutes are over only begins anew: it was
    refused nothing, and leaves no entry.
    """
    audit.record(Kind.SIGN_IN, by=by, taxpayer=firm, target=person, reason="start_again")
    return ValidationError(START_AGAIN, code="start_again")


def _standing_in(progress: Progress, person: UUID, *, by: Actor) -> tuple[Taxpayer, Standing | None]:
    """The firm, and one of its people; None for anybody else. Raises as `firm_of`."""
    found = standing.of_uid(person, UUID(progress.get("taxpayer")))
    if found is None:
        return firm_of(progress, by=by)[0], None
    _refuse_if_changed(progress, found.taxpayer, found.person, by=by)
    return found.taxpayer, found


def chosen_of(progress: Progress, door: Door, *, by: Actor) -> Chosen:
    """The firm and the person chosen.

    Raises ValidationError with the problem's code once he may not be chosen: a sign-in that was refused (D28).
    """
    uid = UUID(progress.get("person"))
    firm, found = _standing_in(progress, uid, by=by)
    person = found.person if found else Person.objects.filter(uid=uid).first()
    with refusals_recorded(Kind.SIGN_IN, by=by, taxpayer=firm, target=person):
        if found is None:  # neither post nor membership is left
            raise ValidationError(NOT_IN_REGISTER.text, code=NOT_IN_REGISTER.code)
        door.refuse(found)
    return Chosen(firm, found)


def choose(progress: Progress, door: Door, uid: UUID, *, by: Actor) -> None:
    """Choose the person to act as, out of the firm's own people (FLOW-03).

    Raises ValidationError `not_listed` for anybody else, or the problem's code. Whoever was chosen before loses the
    code that was sent to him (FLOW-04).
    """
    firm, found = _standing_in(progress, uid, by=by)
    # Who isn't the firm's is named to nobody: its record tells as little of him as of an id that nobody has.
    with refusals_recorded(Kind.PERSON_CHOSEN, by=by, taxpayer=firm, target=found.person if found else None):
        if found is None:
            raise ValidationError(_("请从列表中选择人员。"), code="not_listed")
        door.refuse(found)
    audit.record(Kind.PERSON_CHOSEN, by=by, taxpayer=firm, target=found.person)
    _void_earlier_choice(progress, found.person)
    progress.establish("person", str(found.person.uid))


def _void_earlier_choice(progress: Progress, person: Person) -> None:
    if progress.has("person") and progress.get("person") != str(person.uid):
        earlier = Person.objects.filter(uid=progress.get("person")).first()
        if earlier is not None:
            sms.close_codes(earlier, Purpose.SIGN_IN)


def finish(request: HttpRequest, progress: Progress, chosen: Chosen, *, by: Actor) -> None:
    """Sign in. `chosen` was read anew by this very request. Raises ValidationError when anything no longer holds."""
    membership = chosen.standing.membership
    credential = membership.signing_credential if membership else None
    proof = Proof(progress.get("proof"))
    by_password = proof != Proof.ENTERPRISE_SMS
    if by_password and (credential is None or str(credential.version) != progress.get("personal_version")):
        raise _holds_no_more(chosen.taxpayer, chosen.person, by=by)
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
