"""税务人员, the tax officers: who is one, and what his group lets him do (D22, M106).

The counter (前台) opens, resets, collects, links, edits posts and unlocks; the reviewers (审核) approve and return.
Both may look. Whose group is which stands in Django's own table of groups and nowhere else.
"""

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import audit, numbers
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person
from accounts.words import Words

COUNTER = gettext_noop("前台")
REVIEW = gettext_noop("审核")


def groups_of(person: Person) -> list[str]:
    """The names of the officer's groups."""
    return list(person.groups.order_by("name").values_list("name", flat=True))


def require(by: Actor) -> Person:
    """The officer who acts. Raises PermissionDenied, with an entry in the record, for anybody else."""
    if by.person is None or not by.is_officer:
        raise _refused(by, "not_officer", _("只有税务人员可以进行此操作。"))
    return by.person


def require_counter(by: Actor, *, about: Person | None = None) -> Person:
    """As `require`, for the counter alone: a reviewer approves what others did, and does nothing himself.

    Raises ValidationError `own_affair` as well where the act is `about` the officer himself.
    """
    officer = _require_group(by, COUNTER, "not_counter", _("只有前台人员可以进行此操作，审核人员只能审核。"))
    if officer == about:
        raise own_affair()
    return officer


def own_affair() -> ValidationError:
    """What an officer is told at his own case, and at that of a firm which he works for himself."""
    return ValidationError(_("不能办理与本人有关的业务，请由其他税务人员办理。"), code="own_affair")


def is_own_phone(officer: Person, phone: str) -> bool:
    """Whether this is the officer's own real-name phone: he could sign in as whoever is given it (OTP-10)."""
    return numbers.fold(officer.phone) == numbers.fold(phone)


def require_reviewer(by: Actor) -> Person:
    """As `require`, for the reviewers alone: nobody at the counter approves what was handed in there."""
    return _require_group(by, REVIEW, "not_reviewer", _("只有审核人员可以审核，前台人员不能审核。"))


def is_reviewer(by: Actor) -> bool:
    """Whether `require_reviewer` would let him pass; nothing is recorded."""
    return by.person is not None and by.is_officer and REVIEW in groups_of(by.person)


def _require_group(by: Actor, group: str, reason: str, text: Words) -> Person:
    officer = require(by)
    if group not in groups_of(officer):
        raise _refused(by, reason, text)
    return officer


def _refused(by: Actor, reason: str, text: Words) -> PermissionDenied:
    audit.record(Kind.ACT_REFUSED, by=by, reason=reason)
    return PermissionDenied(text)


def show_numbers(person: Person, *, by: Actor) -> None:
    """Note that the officer is shown this person's name and numbers in full (D27, AUZ-08). Raises PermissionDenied."""
    require(by)
    audit.record(Kind.NUMBER_SHOWN, by=by, target=person, which="all")
