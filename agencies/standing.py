"""Whether a handler may act for a client now, and if not, why and who can mend it (D23, AUZ-06).

Said here once: for the list of clients, for entering one, for naming handlers, and for every request while acting.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Exists, OuterRef, UUIDField
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.composed import Composed, Given
from accounts.models import Person, Taxpayer
from accounts.words import Words
from agencies.models import Engagement, Handler, State
from realname.models import Position, Post
from staff import functions
from staff import standing as staff_standing
from staff.models import Grant, Membership
from staff.standing import Problem

_ASK_CLIENT = _("请联系委托企业的法定代表人（业主）或财务负责人，在【代理机构认定管理】中办理。")
_ASK_AGENCY = _("请联系本机构的法定代表人（业主）、财务负责人或管理人员，在【委托关系管理】中指定代办人员。")

NOT_FOUND = Problem("not_found", _("该委托企业不存在，或不是本机构的委托企业"), _("请从委托企业列表中重新选择。"))
PENDING = Problem("pending", _("委托企业尚未确认代理申请"), _ASK_CLIENT)
DECLINED = Problem("declined", _("委托企业已拒绝代理申请"), _ASK_CLIENT)
WITHDRAWN = Problem("withdrawn", _("代理申请已撤回"), _("如需继续代理，请在【委托关系管理】中重新发送申请。"))
CANCELLED = Problem("cancelled", _("委托企业已取消代理认定"), _ASK_CLIENT)
EXPIRED = Problem("expired", _("代理认定已到期"), _ASK_CLIENT)
NOT_YET = Problem("not_yet", _("代理认定尚未生效"), _("请在有效期开始后再进入；如需提前，请联系委托企业修改有效期。"))
AGENCY_GONE = Problem("agency_gone", _("本机构已注销，不能再代理办税"), _("如有疑问，请联系税务机关前台。"))
CLIENT_GONE = Problem("client_gone", _("委托企业已注销"), _("如有疑问，请联系税务机关前台。"))
NOT_NAMED = Problem("not_named", _("您不是该委托企业的代办人员"), _ASK_AGENCY)
_FOUR_ROLES = _("您是该委托企业的%(position)s，不能同时担任其代办人员")
_FOUR_ROLES_OF_OTHER = _("是该委托企业自己的%(position)s，不能同时担任其代办人员")
_FOUR_ROLES_STEP = _(
    "委托企业的法定代表人（业主）、财务负责人、办税员与代办人员不能由同一人担任。请本机构指定其他代办人员。"
)
_OF_STATE = {
    State.PENDING: PENDING,
    State.DECLINED: DECLINED,
    State.WITHDRAWN: WITHDRAWN,
    State.CANCELLED: CANCELLED,
    State.EXPIRED: EXPIRED,
    State.NOT_YET: NOT_YET,
    State.AGENCY_GONE: AGENCY_GONE,
}


def four_roles(position: Words) -> Problem:
    """Why one of the client's own people can't be its handler, to be told to himself (四员)."""
    return Problem("four_roles", str(_FOUR_ROLES % {"position": position}), _FOUR_ROLES_STEP)


def four_roles_of_other(position: Words) -> Problem:
    """As `four_roles`, told to whoever names handlers."""
    return Problem("four_roles", str(_FOUR_ROLES_OF_OTHER % {"position": position}), _FOUR_ROLES_STEP)


@dataclass(frozen=True, slots=True)
class Positions:
    """What some people are in some taxpayers by register or membership: `words[taxpayer_pk, person_pk]`."""

    words: dict[tuple[int, int], Words]

    def of(self, taxpayer_pk: int, person_pk: int) -> Words | None:
        """His position there, or None."""
        return self.words.get((taxpayer_pk, person_pk))


def positions(taxpayers: Collection[int], people: Collection[int]) -> Positions:
    """The positions of these people in these taxpayers, by their keys: two queries, however many."""
    whose = {"taxpayer__in": taxpayers, "person__in": people}
    members = Membership.objects.open().filter(**whose).values_list("taxpayer", "person")
    words: dict[tuple[int, int], Words] = dict.fromkeys(members, Position.CLERK.label)
    posts = Post.objects.open().filter(**whose).values_list("taxpayer", "person", "position")
    for taxpayer, person, position in sorted(posts, key=lambda row: row[2] != Position.CLERK):
        words[taxpayer, person] = Position(position).label
    return Positions(words)


@dataclass(frozen=True, slots=True)
class Workers:
    """Whether some people may act for some agencies at all, whoever the client is."""

    found: dict[tuple[int, int], staff_standing.Standing]

    @classmethod
    def of(cls, people: Collection[int], agencies: Collection[Taxpayer]) -> "Workers":
        """Their standings: two queries, however many."""
        return cls(staff_standing.of_people_in(people, [agency.pk for agency in agencies]))

    def problem_of(self, person: Person, agency: Taxpayer) -> Problem | None:
        """Why he may not act for the agency today; None when he may."""
        found = self.found.get((agency.pk, person.pk))
        return found.problem if found is not None else staff_standing.NOT_ADDED


def problem_between(engagement: Engagement) -> Problem | None:
    """Why nobody may act by this engagement today; None when its handlers may."""
    if engagement.agency.cancelled_at is not None or engagement.agency.kind != Taxpayer.Kind.AGENCY:
        return AGENCY_GONE
    problem = _OF_STATE.get(engagement.state)
    if problem is not None:
        return problem
    return None if engagement.client.is_open else CLIENT_GONE


def problem_of(engagement: Engagement, *, is_named: bool, position: Words | None) -> Problem | None:
    """Why this person may not act by this engagement; `position` is what he is in the client itself."""
    problem = problem_between(engagement)
    if problem is not None:
        return problem
    if not is_named:
        return NOT_NAMED
    return four_roles(position) if position is not None else None


@dataclass(frozen=True, slots=True)
class Standing:
    """One person before one client of his agency; no engagement where the agency has none such."""

    engagement: Engagement | None
    problem: Problem | None


_PERSON = Given("person", BigIntegerField())
_BY_UID = Composed(
    lambda: (
        Engagement.objects.select_related("client", "agency")
        .annotate(is_named=Exists(Handler.objects.filter(engagement=OuterRef("pk"), person=_PERSON)))
        .filter(uid=Given("uid", UUIDField()), agency=Given("agency", BigIntegerField()))
    )
)


def of(uid: UUID, person: Person, agency: Taxpayer) -> Standing:
    """The standing of this person by the engagement with this public id, read anew: three queries."""
    engagement: Any = _BY_UID.first(uid=uid, agency=agency.pk, person=person.pk)
    if engagement is None:
        return Standing(None, NOT_FOUND)
    position = positions([engagement.client_id], [person.pk]).of(engagement.client_id, person.pk)
    return Standing(engagement, problem_of(engagement, is_named=engagement.is_named, position=position))


def lent_by(engagement: Engagement) -> frozenset[str]:
    """The functions that it lends now: those of the identity, without what can't be lent (D23)."""
    codes = Grant.objects.filter(identity=engagement.identity_id).values_list("function", flat=True)
    return functions.LENDABLE.intersection(codes)


def days_left(engagement: Engagement) -> int | None:
    """How many days from today its last one is; None where it has none."""
    return (engagement.valid_until - timezone.localdate()).days if engagement.valid_until else None
