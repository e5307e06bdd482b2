"""A person's standing in a taxpayer: whether he may act for it now, and if not, why and who can mend it (D4, D6, D18).

Said here once, for the list of people at sign-in, for the last step of every door, and for every request after it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    CharField,
    DateField,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    UUIDField,
    Value,
)
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import sealing
from accounts.composed import Composed, Given
from accounts.models import Person, Taxpayer
from accounts.words import Words
from realname.models import LEADS, MisuseCase, Position, Post, RealNameRecord
from staff import functions
from staff.models import Grant, Membership


@dataclass(frozen=True, slots=True)
class Problem:
    """Why somebody can't act for a taxpayer, and the next step in words."""

    code: str
    text: Words
    next_step: Words
    url_name: str = ""
    """The page where the next step is done, where there is one that anybody may open."""
    link: Words = ""
    """What the link to it says."""


CLOSED = Problem(
    "firm_closed",
    _("该企业在电子税务局的账户已注销"),
    _("如需继续办理，请法定代表人（业主）到税务机关前台重新开户。"),
)
NOT_IN_REGISTER = Problem(
    "not_in_register",
    _("当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。"),
    _(
        "第一步：在【变更税务登记】-【办税人员信息】中增加该办税人员；第二步：由本人实名采集；第三步：由法定代表人或财务负责人授权。前两步也可以到税务机关前台办理。"
    ),
)
MISUSED = Problem(
    "misused",
    _("该人员已申报非本人任职，其在本企业的身份已停止使用"),
    _("请等待税务机关核实，结果以短信通知本人；确系本人任职的，请本人到税务机关前台说明。"),
)
NOT_COLLECTED = Problem(
    "not_collected",
    _("该人员尚未实名采集"),
    _("请本人在【实名采集】页面、移动办税 APP 或到税务机关前台完成实名采集。"),
    "realname:collect",
    _("去实名采集"),
)
NOT_LINKED = Problem(
    "not_linked",
    _("该人员尚未与企业关联"),
    _("请本人登录后，在【个人中心】-【我的任职】中点击【确认关联】，也可以到税务机关前台办理。"),
)
FIRST_IS_DUE = Problem(
    "first_is_due",
    _("首次普通登录只能选择法定代表人（业主）或财务负责人"),
    _("请法定代表人（业主）或财务负责人先登录并设置个人登录密码。"),
)
NOT_ADDED = Problem(
    "not_added",
    _("该人员尚未添加为本企业的办税人员"),
    _("请法定代表人（业主）或财务负责人登录后，在【企业人员维护】中点击【添加办税人员】。"),
)
REMOVED = Problem(
    "removed",
    _("您已不是该企业的办税人员"),
    _("如需继续办税，请联系法定代表人（业主）或财务负责人重新添加。"),
)
FROZEN = Problem(
    "frozen",
    _("办税人员已冻结"),
    _("请法定代表人（业主）或财务负责人登录后，在【企业人员维护】中为该办税人员【解冻】。"),
)
EXPIRED = Problem(
    "expired",
    _("办税权限已到期"),
    _("请法定代表人（业主）或财务负责人登录后，在【企业人员维护】中延长有效期。"),
)
PASSWORD_NOT_SET = Problem(
    "password_not_set",
    _("尚未设置密码"),
    _("重置后的24小时已过，密码没有修改。请用短信登录，并设置个人登录密码。"),
)
NOT_SET_UP = Problem(
    "not_set_up",
    _("请先使用普通登录完成人员权限设置"),
    _("法定代表人（业主）、财务负责人须先用普通登录设置个人登录密码；办税员须已被添加并授予权限身份。"),
)
PRINTED = Problem(
    "password_printed",
    _("企业登录密码是税务机关出具的初始密码，须由法定代表人（业主）或财务负责人先修改"),
    _("请法定代表人（业主）或财务负责人登录并修改企业登录密码，再用新密码登录。"),
)
_IS_COLLECTED = Exists(RealNameRecord.objects.filter(person=OuterRef("person"), revoked_at__isnull=True))
_CASES = MisuseCase.objects.filter(taxpayer=OuterRef("taxpayer"), person=OuterRef("person"))
IS_MISUSED = Exists(_CASES.blocking(since=OuterRef("since")))
"""Of a post: whether its person has said that the firm uses his name without him (D35)."""
_TODAY, _TAXPAYER = Given("today", DateField()), Given("taxpayer", BigIntegerField())
_WEIGHT = {Position.LEGAL_REP: 0, Position.FINANCE: 1, Position.CLERK: 2}


_GRANTED = Composed(
    lambda: Grant.objects.filter(identity__memberships=Given("membership", BigIntegerField())).values_list("function")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What register, real-name records and memberships say of one person in one taxpayer today."""

    person: Person
    taxpayer: Taxpayer
    posts: tuple[Post, ...]
    membership: Membership | None
    is_collected: bool
    has_identity: bool
    is_misused: bool = False

    @property
    def position(self) -> Position:
        """His weightiest position by the register; a member whom it doesn't name counts as a clerk."""
        return Position(self.posts[0].position) if self.posts else Position.CLERK

    @property
    def position_in_words(self) -> Words:
        """His position as the pages show it."""
        return self.position.label if self.posts else _("税务登记中已无此人员")

    @property
    def is_lead(self) -> bool:
        """Whether he is legal representative or finance officer by the register, the only word that counts (D31)."""
        return self.position in LEADS

    @property
    def can_be_left(self) -> bool:
        """Whether there is something to leave: a membership, or the 关联 of a post. Leads leave by register (D9)."""
        return not self.is_lead and (self.membership is not None or any(post.linked_at for post in self.posts))

    @property
    def problem(self) -> Problem | None:
        """Why he may not act for the taxpayer, the register's word first (D4); None when he may.

        Before all of it: for a firm whose account is closed nobody acts.
        """
        if self.taxpayer.cancelled_at is not None:
            return CLOSED
        if not self.posts or (not self.is_lead and self._is_marked):
            return NOT_IN_REGISTER
        if self.is_misused:
            return MISUSED
        if not self.is_collected:
            return NOT_COLLECTED
        if not any(post.is_linked for post in self.posts):
            return NOT_LINKED
        return None if self.is_lead else self._clerk_problem()

    @property
    def holds_printed(self) -> bool:
        """Whether the enterprise password is still the one on the certificate that the counter printed (D22)."""
        return self.taxpayer.credential is not None and self.taxpayer.credential.must_change

    @property
    def _printed_problem(self) -> Problem | None:
        return PRINTED if self.holds_printed and not self.is_lead else None

    @property
    def _is_marked(self) -> bool:
        return self.membership is not None and self.membership.unregistered_at is not None

    def _clerk_problem(self) -> Problem | None:
        if self.membership is None:
            return NOT_ADDED
        if self.membership.is_frozen:
            return FROZEN
        return EXPIRED if self.membership.is_expired else None

    def problem_at_sign_in(self, first_is_due: bool) -> Problem | None:
        """As `problem`, and before the taxpayer's first sign-in is done nobody but a lead may be chosen (M14, D6)."""
        problem = self.problem
        if first_is_due and not self.is_lead and problem in (None, NOT_ADDED, FROZEN, EXPIRED):
            return FIRST_IS_DUE
        return problem or self._printed_problem

    def problem_at_quick_login(self, first_is_due: bool) -> Problem | None:
        """As at sign-in; a lead must also have set his own password, and a clerk have an identity (M36, M101, D6)."""
        problem = NOT_SET_UP if first_is_due else self.problem or self._printed_problem
        if problem is not None:
            return problem
        credential = self.membership.signing_credential if self.membership else None
        if self.is_lead:
            return None if credential is not None and credential.is_set else NOT_SET_UP
        return None if self.has_identity else NOT_SET_UP

    @property
    def needs_own_password(self) -> bool:
        """Whether he has no personal password here yet: an SMS sign-in then leads to setting one (M21, M89)."""
        membership = self.membership
        if membership is None:
            return True
        credential = membership.signing_credential
        return not membership.is_bound and (credential is None or not (credential.is_set or credential.is_temporary))

    def held_functions(self) -> frozenset[str]:
        """The functions he holds: all for a lead, for a clerk the union of his identities' (D7)."""
        if self.is_lead:
            return functions.ALL
        if self.membership is None:
            return frozenset()
        return functions.ALL.intersection(code for (code,) in _GRANTED.ask(membership=self.membership.pk))


def of_person(person: Person, taxpayer: Taxpayer) -> Standing:
    """The standing of one person in one taxpayer: one query, or two where the register doesn't name him."""
    named = _BY_KEY.ask(taxpayer=taxpayer.pk, person=person.pk, today=timezone.localdate())
    for found in _standings(named) or _without_posts(taxpayer=taxpayer, person=person):
        return found
    return Standing(person=person, taxpayer=taxpayer, posts=(), membership=None, is_collected=False, has_identity=False)


def of_people(people: Collection[Person], taxpayer: Taxpayer) -> list[Standing]:
    """The standings of those of these people whom the taxpayer's register or portal knows: two queries."""
    return _read(taxpayer=taxpayer, person__in=people)


def of_people_in(people: Collection[int], taxpayers: Collection[int]) -> dict[tuple[int, int], Standing]:
    """The standings of these people in these taxpayers, by the keys of taxpayer and person: two queries.

    Whoever has neither post nor membership in one isn't in it.
    """
    found = _read(taxpayer__in=taxpayers, person__in=people) if people else []
    return {(each.taxpayer.pk, each.person.pk): each for each in found}


def of_uid(person: UUID, taxpayer: UUID) -> Standing | None:
    """The standing by the public ids, taxpayer and passwords with it: queries as in `of_person`.

    None for who has neither post nor membership here (FLOW-03).
    """
    named = _BY_UID.ask(taxpayer=taxpayer, person=person, today=timezone.localdate())
    return next(iter(_standings(named) or _without_posts(taxpayer__uid=taxpayer, person__uid=person)), None)


def of_phone(phone: str, taxpayer: Taxpayer) -> list[Standing]:
    """Whoever of the firm has this real-name phone, the weightiest position first."""
    found = _read(taxpayer=taxpayer, person__phone_hash__in=sealing.lookup_hashes(phone))
    return sorted(found, key=lambda each: _WEIGHT[each.position])


def _everybody(**named: Given) -> QuerySet[Post, tuple[int, str]]:
    """Keys and positions of all of a firm's people; a member's position is empty."""
    whose: dict[str, Any] = {"taxpayer": _TAXPAYER, **named}
    posts = Post.objects.held_on(_TODAY).filter(**whose).values_list("person", "position")
    return posts.union(Membership.objects.open().filter(**whose).values_list("person", Value("")), all=True)


_EVERYBODY = Composed(_everybody)
_NAMED_LIKE = Composed(lambda: _everybody(person__name__startswith=Given("name", CharField())))


def _of_page(people: list[int], given: dict[str, Any]) -> list[Any]:
    """Those of these people whom the register names. Asked for in few sizes: the last one stands in what is left."""
    places = 1 << (len(people) - 1).bit_length()
    filled = people + people[-1:] * (places - len(people))
    return _these(places).ask(**given, **{f"person{number}": person for number, person in enumerate(filled)})


@lru_cache
def _these(places: int) -> Composed[Post]:
    people: Any = [Given(f"person{number}", BigIntegerField()) for number in range(places)]
    return Composed(lambda: _named(_TODAY).filter(taxpayer=_TAXPAYER, person__pk__in=people))


def page_of(taxpayer: Taxpayer, *, name: str = "", before: int | None = None, size: int) -> tuple[list[Standing], int]:
    """A page of the firm's people, and the key that the next page goes on before; 0 at the end (D4, D33).

    The leads stand first on the first page; clerks follow, newest person first. `name` may be the beginning of one.
    All people are read as keys alone, in full only those of the page: at most three queries, however many there are.
    """
    given: dict[str, Any] = {"taxpayer": taxpayer.pk, "today": timezone.localdate()}
    everybody = _NAMED_LIKE.ask(**given, name=name) if name else _EVERYBODY.ask(**given)
    positions = dict[int, set[str]]()
    for person, position in everybody:
        positions.setdefault(person, set()).add(position)
    leads = {person for person, held in positions.items() if held.intersection(LEADS)}
    older = sorted((key for key in positions.keys() - leads if before is None or key < before), reverse=True)
    clerks = older[:size]
    page = [*clerks, *(leads if before is None else ())]
    found = _standings(_of_page(page, given)) if page else []
    if any(positions[person] == {""} for person in page):
        found += _without_posts(taxpayer=taxpayer, person__in=page)
    found.sort(key=lambda each: (_WEIGHT[each.position], -each.person.pk))
    return found, clerks[-1] if len(older) > size else 0


def unregistered(taxpayer: Taxpayer | OuterRef, day: date | Given | None = None) -> QuerySet[Membership]:
    """Members whom the register no longer names on this day, today unless it is said (M102)."""
    held = Post.objects.held_on(day or timezone.localdate())
    open_posts = held.filter(taxpayer=OuterRef("taxpayer"), person=OuterRef("person"))
    members = Membership.objects.open().filter(taxpayer=taxpayer)
    return members.filter(Q(unregistered_at__isnull=False) | ~Exists(open_posts))


def of_all(taxpayer: Taxpayer) -> list[Standing]:
    """Everybody with an open post or an open membership (D4): legal representative, finance officer, then by name."""
    return sorted(_read(taxpayer=taxpayer), key=lambda each: (_WEIGHT[each.position], each.person.name))


def of_capacities(person: Person) -> list[Standing]:
    """The standing of one person in every taxpayer whose register or portal names him (我的任职), by its name."""
    return sorted(_read(person=person), key=lambda each: each.taxpayer.name)


def _read(**whose: object) -> list[Standing]:
    """A standing for each person and taxpayer that a post or a membership joins: two queries, however many."""
    return _standings(_named_on(timezone.localdate()).filter(**whose)) + _without_posts(**whose)


@lru_cache(maxsize=2)
def _named_on(day: date) -> QuerySet[Post]:
    """The question for a day without its answer, for what is asked in many ways: making it takes longer than asking."""
    return _named(day)


def _named(day: date | Given) -> QuerySet[Post]:
    """Whom the register names on this day, each with all that his standing depends on."""
    here = Q(person__memberships__taxpayer=F("taxpayer"), person__memberships__removed_at__isnull=True)
    return (
        Post.objects.held_on(day)
        .annotate(member=FilteredRelation("person__memberships", condition=here))
        # The checker takes `member`, the relation annotated above, for no relation.
        .select_related("person__credential", "taxpayer__credential", "member__credential")  # type: ignore[misc]
        .annotate(is_collected=_IS_COLLECTED, is_misused=IS_MISUSED)
        .annotate(has_identity=_has_identity("member__pk"))
    )


# What every page asks is composed once: that takes longer than the answer.
_BY_KEY = Composed(lambda: _named(_TODAY).filter(taxpayer=_TAXPAYER, person=Given("person", BigIntegerField())))
_BY_UID = Composed(
    lambda: _named(_TODAY).filter(
        taxpayer__uid=Given("taxpayer", UUIDField()), person__uid=Given("person", UUIDField())
    )
)


def _standings(rows: Iterable[Any]) -> list[Standing]:
    """The standings of whom the register names, each with his membership where he has one."""
    pairs: dict[tuple[int, int], list[Any]] = {}
    for row in rows:
        pairs.setdefault((row.taxpayer_id, row.person_id), []).append(row)
    return [_standing_by(posts) for posts in pairs.values()]


def _standing_by(posts: list[Any]) -> Standing:
    """What these open posts of one person in one taxpayer say, with all that was annotated to them."""
    post, membership = posts[0], getattr(posts[0], "member", None)  # Django sets it only where there is one
    if membership is not None:
        membership.person, membership.taxpayer = post.person, post.taxpayer
    return Standing(
        person=post.person,
        taxpayer=post.taxpayer,
        posts=tuple(sorted(posts, key=lambda each: _WEIGHT[Position(each.position)])),
        membership=membership,
        is_collected=post.is_collected,
        is_misused=any(each.is_misused for each in posts),
        has_identity=post.has_identity,
    )


def _without_posts(**whose: object) -> list[Standing]:
    """Members whom the register doesn't name, or not any more: one query."""
    posts = Post.objects.open().filter(taxpayer=OuterRef("taxpayer"), person=OuterRef("person"))
    rows: Iterable[Any] = (
        Membership.objects.open()
        .filter(~Exists(posts), **whose)
        .select_related("person__credential", "taxpayer__credential", "credential")
        .annotate(is_collected=_IS_COLLECTED, has_identity=_has_identity("pk"))
    )
    return [
        Standing(
            person=row.person,
            taxpayer=row.taxpayer,
            posts=(),
            membership=row,
            is_collected=row.is_collected,
            has_identity=row.has_identity,
        )
        for row in rows
    ]


def _has_identity(membership: str) -> Exists:
    return Exists(Membership.identities.through.objects.filter(membership=OuterRef(membership)))


def first_sign_in_is_done(taxpayer: OuterRef) -> Exists:
    """Whether a legal representative or finance officer, present or past, has set a personal password (D6)."""
    leads = Post.objects.filter(taxpayer=OuterRef("taxpayer"), person=OuterRef("person"), position__in=LEADS)
    memberships = Membership.objects.filter(Exists(leads), taxpayer=taxpayer, credential__isnull=False)
    return Exists(memberships.exclude(credential__password=""))


def first_sign_in_is_due(taxpayer: Taxpayer) -> bool:
    """Whether the taxpayer's first sign-in is still to be made (D6)."""
    return not Taxpayer.objects.filter(first_sign_in_is_done(OuterRef("pk")), pk=taxpayer.pk).exists()


def where_first_sign_in_is_done(taxpayers: Iterable[Taxpayer]) -> set[int]:
    """The keys of those of these taxpayers whose first sign-in is no longer due: one query, however many (D6)."""
    keys = [taxpayer.pk for taxpayer in taxpayers]
    done = Taxpayer.objects.filter(first_sign_in_is_done(OuterRef("pk")), pk__in=keys)
    return set(done.values_list("pk", flat=True))
