"""The list of 企业人员维护: leads from the register, then the members, newest first, page by key (D9, D33)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person, SignIn, Taxpayer
from accounts.words import Words
from realname import phones
from realname.models import LEADS, Position, Post, RealNameRecord
from realname.phones import PhoneProblem
from staff.models import Membership
from staff.standing import IS_MISUSED, MISUSED, NOT_COLLECTED, NOT_IN_REGISTER, NOT_LINKED, Problem

PAGE_SIZE = 20


class State(models.TextChoices):
    """What a member can be filtered by."""

    NORMAL = "normal", _("正常")
    FROZEN = "frozen", _("已冻结")
    BOUND = "bound", _("已绑定")
    EXPIRED = "expired", _("已到期")
    UNREGISTERED = "unregistered", _("与税务登记不符")
    UNUSABLE = "unusable", _("未实名采集、未关联或非本人任职")
    REMOVED = "removed", _("已删除")


@dataclass(frozen=True, slots=True)
class Row:
    """One person of the list, with all its page shows.

    `uid` is that of his own page: a lead who has never signed in has none. `phone` is his phone on file, or why there
    is none (D5, M93).
    """

    person: Person
    posts: tuple[Post, ...]
    membership: Membership | None
    uid: UUID | None
    phone: phones.OnFile
    last_sign_in: datetime | None
    is_collected: bool = True

    @property
    def is_lead(self) -> bool:
        """Whether the register names him legal representative or finance officer: his row has no acts (D9)."""
        return bool(self.posts) and self.posts[0].position in LEADS

    @property
    def position(self) -> Words:
        """His position in words; a member is a clerk whatever the register has forgotten."""
        return Position(self.posts[0].position).label if self.posts else Position.CLERK.label

    @property
    def is_linked(self) -> bool:
        """Whether a post of his is confirmed (M15); who has no post has another problem first."""
        return not self.posts or any(post.is_linked for post in self.posts)

    @property
    def is_usable(self) -> bool:
        """Whether nothing of the bureau's stands in his way: registered, collected, linked, no case (M93, D35)."""
        return self.is_registered and self.is_collected and self.is_linked and not self.is_misused

    @property
    def shows_phone(self) -> bool:
        """Whether the firm sees his phone: only of who is collected and linked, and works there still (M93, D35)."""
        return self.is_usable and bool(self.phone.number)

    @property
    def shows_numbers(self) -> bool:
        """Whether it is the firm's business to see his full number (D27)."""
        return self.is_registered and not self.is_misused

    @property
    def is_misused(self) -> bool:
        """Whether he has said that the firm uses his name without him, and the bureau hasn't said otherwise (D35)."""
        return any(getattr(post, "is_misused", False) for post in self.posts)

    @property
    def is_registered(self) -> bool:
        """Whether the register names him and no synchronisation has found otherwise (M102)."""
        return bool(self.posts) and (self.membership is None or self.membership.unregistered_at is None)

    @property
    def problems(self) -> list[Problem | PhoneProblem]:
        """What stands in his way and who mends it where, the register's word first (M91, M93, M102)."""
        if self.membership is not None and self.membership.removed_at is not None:
            return []
        if not self.is_registered:
            return [NOT_IN_REGISTER]
        if self.is_misused:
            return [MISUSED]
        found: list[Problem | PhoneProblem] = []
        if not self.is_collected:
            found.append(NOT_COLLECTED)
        elif not self.is_linked:
            found.append(NOT_LINKED)
        return [*found, *([self.phone.problem] if self.phone.problem else [])]


def leads_of(taxpayer: Taxpayer, *, name: str = "") -> list[Row]:
    """Legal representative and finance officer by the register, each with all his posts there: one query.

    `name` may be the beginning of one.
    """
    leads = Post.objects.open().filter(taxpayer=taxpayer, position__in=LEADS, person__name__startswith=name)
    posts = Post.objects.open().filter(taxpayer=taxpayer, person__in=leads.values("person")).select_related("person")
    members = Membership.objects.open().filter(taxpayer=OuterRef("taxpayer"), person=OuterRef("person"))
    page_uid = Subquery(members.values("uid")[:1])
    posts = posts.annotate(
        is_misused=IS_MISUSED, last_sign_in=_latest(), is_collected=Exists(_collected()), page_uid=page_uid
    )
    found: dict[int, list[Post]] = {}
    for post in sorted(posts, key=_weight):
        found.setdefault(post.person_id, []).append(post)
    return [row_with(held[0], tuple(held)) for held in found.values()]


def row_with(of: Post | Membership, posts: tuple[Post, ...]) -> Row:
    """The row of a lead, who has posts, or of a member, with what was annotated to it."""
    return Row(
        person=of.person,
        posts=posts,
        membership=of if isinstance(of, Membership) else None,
        uid=of.uid if isinstance(of, Membership) else getattr(of, "page_uid", None),
        phone=phones.on_file(of.person, posts),
        last_sign_in=getattr(of, "last_sign_in", None),
        is_collected=getattr(of, "is_collected", True),
    )


def _weight(post: Post) -> int:
    """The weightiest position first."""
    return list(Position).index(Position(post.position))


def _collected() -> QuerySet[RealNameRecord]:
    return RealNameRecord.objects.filter(person=OuterRef("person"), revoked_at__isnull=True)


def _latest() -> Subquery:
    latest = SignIn.objects.filter(person=OuterRef("person"), taxpayer=OuterRef("taxpayer")).order_by("-started_at")
    return Subquery(latest.values("started_at")[:1])


def rich(memberships: QuerySet[Membership]) -> QuerySet[Membership]:
    """The memberships with all that a row shows: person, identities, last sign-in."""
    return (
        memberships.select_related("person")
        .prefetch_related("identities")
        .annotate(last_sign_in=_latest(), is_collected=Exists(_collected()))
    )


def members_of(taxpayer: Taxpayer, *, name: str = "", state: str = "") -> QuerySet[Membership]:
    """The memberships of everybody but the leads, that match; `name` may be the beginning of one.

    The open ones, unless those that were removed are asked for: whoever was, his history stays to be seen (M57).
    """
    now = timezone.now()
    open_posts = Post.objects.open().filter(taxpayer=taxpayer, person=OuterRef("person"))
    members = Membership.objects.filter(taxpayer=taxpayer, removed_at__isnull=state != State.REMOVED)
    if name:
        members = members.filter(person__name__startswith=name)
    if state == State.REMOVED:
        return members
    members = members.exclude(Exists(open_posts.filter(position__in=LEADS)))
    frozen = Q(frozen_at__isnull=False) & (Q(frozen_until__isnull=True) | Q(frozen_until__gt=now))
    expired = Q(valid_until__isnull=False, valid_until__lte=now)
    unregistered = Q(unregistered_at__isnull=False) | ~Exists(open_posts)
    linked = open_posts.filter(linked_at__isnull=False)
    misused = open_posts.filter(IS_MISUSED)
    filters = {
        State.FROZEN: frozen,
        State.BOUND: Q(bound_at__isnull=False),
        State.EXPIRED: expired,
        State.UNREGISTERED: unregistered,
        State.NORMAL: ~frozen & ~expired & ~unregistered & Exists(_collected()) & Exists(linked) & ~Exists(misused),
        State.UNUSABLE: ~Exists(_collected()) | ~Exists(linked) | Exists(misused),
    }
    return members.filter(filters[State(state)]) if state else members


def rows_of(taxpayer: Taxpayer, memberships: list[Membership]) -> list[Row]:
    """A row for each of these rich memberships, with the person's open posts: one query."""
    posts: dict[int, tuple[Post, ...]] = {}
    people = [membership.person_id for membership in memberships]
    found = Post.objects.open().filter(taxpayer=taxpayer, person__in=people).annotate(is_misused=IS_MISUSED)
    for post in sorted(found, key=_weight):
        posts[post.person_id] = (*posts.get(post.person_id, ()), post)
    return [row_with(each, posts.get(each.person_id, ())) for each in memberships]


def row_of(membership: Membership) -> Row:
    """The row of one member, for his own page."""
    return rows_of(membership.taxpayer, [rich(Membership.objects.filter(pk=membership.pk)).get()])[0]
