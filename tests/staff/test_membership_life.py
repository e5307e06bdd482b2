"""A membership's life, played ten thousand steps long by people with and without the right to it (STF-02, F13).

A small model says what each act must do. After every step the rows are what the model says, the record has told it,
and what was refused has changed nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts import passwords
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, Credential, SignIn, Throttle
from realname.models import Post
from staff import functions, standing
from staff.middleware import completed
from staff.models import Membership
from staff.services import adding, identities, own_password, sync
from staff.services import members as services
from tests import cast

CLERKS = ("孙雅静", "马文涛", "郑海涛")
LEADS = ("钱思远", "林若兰")
STRANGER, VISITOR = "王晓敏", "nobody"
HAS_ACCOUNT = {"孙雅静"}
HOLDS = {"全量办税": functions.ALL, "查询员": functions.branch_codes("query"), "空身份": frozenset()}
TICKED = (frozenset(), functions.branch_codes("query"), frozenset({"query.record.operations"}), functions.ALL)
"""What may be ticked in an identity when it is changed."""
FIRST, RESET = "Etwas-anderes-2026", "111111"
DENIED, NOT_FOUND, DONE = "denied", "not_found", "done"
DAY = timedelta(days=1)

who = st.sampled_from((*LEADS, *LEADS, *CLERKS, STRANGER, VISITOR))
whom = st.sampled_from((*CLERKS, *CLERKS, *CLERKS, *LEADS))
seen = st.sampled_from((0, 0, 0, 0, 0, -1, 1))
given = st.lists(st.sampled_from(sorted(HOLDS)), unique=True)
often = st.sampled_from((False, False, True))


Password = tuple[str | None, int | None, datetime | None]
PASSWORD = ("credential__password", "credential__version", "credential__temporary_until")
DATES = ("frozen_at", "frozen_until", "bound_at", "valid_until", "removed_at")
FIELDS = (*DATES, "unregistered_at", "is_manager", "version", *PASSWORD)
ENDING = {Kind.MEMBER_REMOVED, Kind.MEMBER_BOUND, Kind.MEMBER_UNBOUND, Kind.PASSWORD_RESET, Kind.SIGN_IN_ENDED}
STEPS, LIVES = 50, 240  # some lives end early


@dataclass
class Life:
    """What the model knows of one membership. `story` is what the record has told of it so far."""

    pk: int
    identities: set[str]
    is_manager: bool
    version: int = 1
    frozen: bool = False
    frozen_until: datetime | None = None
    bound: bool = False
    valid_until: datetime | None = None
    removed: bool = False
    registered: bool = True
    marked: bool = False
    password: Password = (None, None, None)
    secret: str = ""
    story: dict[str, object] = field(default_factory=dict)

    def is_frozen(self) -> bool:
        return self.frozen and (self.frozen_until is None or timezone.now() < self.frozen_until)

    def is_expired(self) -> bool:
        return self.valid_until is not None and self.valid_until <= timezone.now()

    @property
    def problem(self) -> standing.Problem | None:
        """What keeps him from acting, the first of what there is: the register's word comes before the firm's."""
        if not self.registered or (self.marked and not self.removed):
            return standing.NOT_IN_REGISTER
        if self.removed:
            return standing.NOT_ADDED
        return standing.FROZEN if self.is_frozen() else standing.EXPIRED if self.is_expired() else None


def picture(row: dict[str, object], names: set[str]) -> dict[str, object]:
    """The row as the record pictures it; dates as dates."""
    return {**{name: row[name] for name in DATES}, "identities": sorted(names), "is_manager": row["is_manager"]}


def parsed(told: dict[str, object]) -> dict[str, object]:
    """A picture out of the record, with its dates read."""
    return {
        name: datetime.fromisoformat(value) if name.endswith(("_at", "_until")) and value else value
        for name, value in told.items()
    }


class MembershipLife(RuleBasedStateMachine):
    """One firm, its register and its identities, three clerks, two leads, a stranger and a visitor.

    `holds` is what each identity carries, `done_to` the last that was done to each person and `done_by` the last that
    each has done: by these the same form sent twice is known, which is refused but no refusal (F12).
    """

    looks = lives_begun = 0

    def __init__(self) -> None:
        super().__init__()
        MembershipLife.lives_begun += 1
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.clock = time_machine.travel(timezone.now(), tick=False)
        self.time = self.clock.start()
        self.firm = cast.taxpayer("HC")
        everybody = Membership.objects.open().filter(taxpayer=self.firm)
        everybody.exclude(person__name__in=(*CLERKS, *LEADS)).update(removed_at=timezone.now())
        self.people = {name: cast.person(name) for name in (*CLERKS, *LEADS, STRANGER)}
        self.identities = {each.name: each for each in self.firm.identities.all()}
        self.sign_ins = {name: self._sign_in(name) for name in self.people}
        self.leads = {name: self._complete(name, "HC") for name in LEADS} | {STRANGER: self._complete(STRANGER, "YF")}
        self.clerks: dict[str, tuple[object, Actor]] = {}
        self.holds, self.versions = dict(HOLDS), dict.fromkeys(HOLDS, 1)
        self.turn, self.passwords_set = 0, 0
        self.done_to: dict[str, tuple[object, ...]] = {}
        self.done_by: dict[str, tuple[object, ...]] = {}
        self.lives: dict[str, Life] = {}
        members = Membership.objects.open().filter(taxpayer=self.firm, person__name__in=(*CLERKS, *LEADS))
        for row in members.values("pk", "person__name", *FIELDS):
            names = set(self.firm.identities.filter(memberships=row["pk"]).values_list("name", flat=True))
            life = Life(row["pk"], names, row["is_manager"], password=tuple(row[name] for name in PASSWORD))
            life.story = picture(row, names)
            life.secret = FIRST if life.password[0] else ""
            self.lives[row["person__name"]] = life
        self.last_entry = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0

    def teardown(self) -> None:
        """Forget everything."""
        self.clock.stop()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def _sign_in(self, name: str) -> SignIn:
        firm = cast.taxpayer("YF") if name == STRANGER else self.firm
        return SignIn.objects.create(
            person=self.people[name], taxpayer=firm, proof="enterprise_sms", code_at=timezone.now()
        )

    def _complete(self, name: str, key: str) -> Actor:
        person, firm = self.people[name], cast.taxpayer(key)
        found = standing.of_person(person, firm)
        if found.problem is not None:  # the middleware has put him out: a person without a firm
            return Actor(person=person)
        return completed(Actor(person=person, taxpayer=firm, sign_in=self.sign_ins[name]), found)

    def _actor(self, name: str) -> Actor:
        if name == VISITOR:
            return Actor()
        if name in self.leads:
            return self.leads[name]
        life = self.lives[name]
        now = (life.pk, life.version, timezone.now(), life.registered, self.turn)
        if self.clerks.get(name, (None, None))[0] != now:
            self.clerks[name] = (now, self._complete(name, "HC"))
        return self.clerks[name][1]

    # What must come of it.

    def _refusal_of_act(self, name: str, subject: str, off: int) -> str:
        if name not in self.leads:
            return DENIED
        if name == STRANGER:
            return NOT_FOUND
        if off or self.lives[subject].removed:
            return "stale"
        if name == subject:
            return "self"
        return "not_clerk" if subject in LEADS else ""

    def _is_manager(self, name: str) -> bool:
        life = self.lives.get(name)
        return name in self.leads or (life is not None and life.is_manager and life.problem is None)

    def _refusal_of_adding(self, name: str, subject: str, names: list[str], is_manager: bool) -> str:
        if not self._is_manager(name):
            return DENIED
        if name == STRANGER or not self.lives[subject].removed or not self.lives[subject].registered:
            return "search_again"
        if not names:
            return "no_identity"
        if name not in LEADS:
            if not self._carried(self.lives[name].identities).issuperset(self._carried(names)):
                return "function_not_held"
            if is_manager:
                return "only_leads_give_management"
        return ""

    def _carried(self, names: Iterable[str]) -> frozenset[str]:
        """The functions of these identities as they are now."""
        return frozenset().union(*(self.holds[each] for each in names))

    def _is_repetition(self, kind: Kind, name: str, subject: str, asked: dict[str, object]) -> bool:
        """Whether this very person has just done this to him, and he stands as it says: the same form sent twice."""
        if self.done_to.get(subject) != (kind, name, timezone.now()):
            return False
        life = self.lives[subject]
        stands = {
            "until": life.frozen_until,
            "reason": "x",
            "is_manager": life.is_manager,
            "valid_until": life.valid_until,
            "identities": [self.identities[each] for each in sorted(life.identities)],
        }
        if "identities" in asked:
            asked = {**asked, "identities": sorted(asked["identities"], key=lambda each: each.name)}
        return all(stands[word] == value for word, value in asked.items())

    def _note(self, kind: Kind, name: str, *subjects: str) -> None:
        """What was done last, to whom and by whom."""
        for subject in subjects:
            self.done_to[subject] = (kind, name, timezone.now())
        self.done_by[name] = (kind, timezone.now())

    # Doing it, and looking.

    def _act(self, kind: Kind, service: Callable[..., object], name: str, subject: str, off: int, why: str, **more):
        """The service for this actor on this member; what was expected comes of it, and nothing else."""
        life, by = self.lives[subject], self._actor(name)
        member = Membership(pk=life.pk, person=self.people[subject], taxpayer=self.firm)
        expected = self._refusal_of_act(name, subject, off) or why or DONE
        live = self._live_sign_ins(subject) if expected == DONE else 0
        is_repetition = expected == "stale" and self._is_repetition(kind, name, subject, more)
        outcome = self._outcome(lambda: service(member, version=life.version + off, **more, by=by))
        assert outcome == expected
        self._compare_record(kind, name, subject, outcome, silent=is_repetition)
        if outcome == DONE:
            self._note(kind, name, subject)
            self._compare_sign_ins(kind, subject, live)
        return outcome == DONE

    def _outcome(self, call: Callable[[], object]) -> str:
        try:
            call()
        except PermissionDenied:
            return DENIED
        except Membership.DoesNotExist:
            return NOT_FOUND
        except ValidationError as error:
            return str(error.code)
        return DONE

    def _new_entries(self) -> list[AuditEntry]:
        new = list(AuditEntry.objects.filter(seq__gt=self.last_entry).order_by("seq"))
        self.last_entry = new[-1].seq if new else self.last_entry
        return new

    def _compare_refusal(self, new: list[AuditEntry], kind: Kind, outcome: str, *, silent: bool) -> None:
        told = {DENIED: [Kind.ACT_REFUSED], NOT_FOUND: [], "search_again": []}.get(outcome, [kind])
        told = [] if silent else told
        assert [(entry.kind, entry.result) for entry in new] == [(each, "refused") for each in told]
        assert outcome == DENIED or [entry.reason for entry in new] == [outcome] * len(told)

    def _compare_record(self, kind: Kind, name: str, subject: str, outcome: str, *, silent: bool = False) -> None:
        new = self._new_entries()
        if outcome != DONE:
            self._compare_refusal(new, kind, outcome, silent=silent)
            return
        (entry,) = new
        assert (entry.kind, entry.result, entry.taxpayer_id) == (kind, "done", self.firm.pk)
        assert (entry.person_id, entry.target_id) == (self.people[name].pk, self.people[subject].pk)
        life = self.lives[subject]
        if kind == Kind.MEMBER_ADDED:
            assert entry.details == {"identities": sorted(life.identities), "is_manager": life.is_manager}
            return
        assert parsed(entry.details["before"]) == life.story
        life.story = parsed(entry.details["after"])
        life.version += 1

    def _compare_sign_ins(self, kind: Kind, subject: str, before: int) -> None:
        """Some acts end what sign-ins there were, and their entry says how many; others leave them alone."""
        if kind in ENDING:
            assert AuditEntry.objects.get(seq=self.last_entry).details["sign_ins_ended"] == before
        assert self._live_sign_ins(subject) == (0 if kind in ENDING else before)

    @invariant()
    def rows_are_what_the_model_says(self) -> None:
        """After every step: what nobody was to change is as it was, what was changed is as it should be."""
        MembershipLife.looks += 1
        lives = {life.pk: life for life in self.lives.values()}
        members = Membership.objects.filter(taxpayer=self.firm, person__in=self.people.values())
        rows = {row["pk"]: row for row in members.values("pk", *FIELDS)}
        are_open = {pk for pk, row in rows.items() if row["removed_at"] is None}
        assert are_open == {pk for pk, life in lives.items() if not life.removed}
        names: dict[int, set[str]] = {}
        through = Membership.identities.through.objects.filter(membership__in=lives)
        for pk, name in through.values_list("membership_id", "identity__name"):
            names.setdefault(pk, set()).add(name)
        for pk, life in lives.items():
            row, held = rows[pk], names.get(pk, set())
            assert held == (set() if life.removed else life.identities)
            assert row["is_manager"] == (life.is_manager and not life.removed)
            assert row["version"] == life.version
            assert (row["removed_at"] is not None) == life.removed
            assert (row["bound_at"] is not None) == life.bound
            assert (row["unregistered_at"] is not None) == life.marked
            assert (row["frozen_at"] is not None) == life.frozen
            assert row["frozen_until"] == life.frozen_until
            assert row["valid_until"] == life.valid_until
            assert tuple(row[name] for name in PASSWORD) == life.password
            assert picture(row, held) == life.story

    def _live_sign_ins(self, name: str) -> int:
        return SignIn.objects.filter(person=self.people[name], taxpayer=self.firm, ended_at__isnull=True).count()

    # The acts.

    @rule(name=who, subject=whom, off=seen)
    def remove(self, name: str, subject: str, off: int) -> None:
        """删除."""
        if self._act(Kind.MEMBER_REMOVED, services.remove, name, subject, off, ""):
            self.lives[subject].removed = True
            assert standing.of_person(self.people[subject], self.firm).problem is self.lives[subject].problem

    @rule(name=who, subject=whom, off=seen, days=st.sampled_from((None, None, 0, 1, 2)))
    def freeze(self, name: str, subject: str, off: int, days: int | None) -> None:
        """冻结, for good or until a day; 0 is an end in the past."""
        life = self.lives[subject]
        until = None if days is None else timezone.now() + days * DAY
        why = "already_frozen" if life.is_frozen() else "until_in_the_past" if days == 0 else ""
        if self._act(Kind.MEMBER_FROZEN, services.freeze, name, subject, off, why, until=until, reason="x"):
            life.frozen, life.frozen_until = True, until
            assert standing.of_person(self.people[subject], self.firm).problem is life.problem

    @rule(name=who, subject=whom, off=seen)
    def unfreeze(self, name: str, subject: str, off: int) -> None:
        """解冻."""
        life = self.lives[subject]
        why = "" if life.is_frozen() else "not_frozen"
        if self._act(Kind.MEMBER_UNFROZEN, services.unfreeze, name, subject, off, why):
            life.frozen, life.frozen_until = False, None

    @rule(name=who, subject=whom, off=seen)
    def bind(self, name: str, subject: str, off: int) -> None:
        """绑定."""
        life = self.lives[subject]
        why = "already_bound" if life.bound else "" if subject in HAS_ACCOUNT else "no_account"
        if self._act(Kind.MEMBER_BOUND, services.bind, name, subject, off, why):
            life.bound = True

    @rule(name=who, subject=whom, off=seen)
    def unbind(self, name: str, subject: str, off: int) -> None:
        """解绑; the own password is what it was."""
        life = self.lives[subject]
        why = "" if life.bound else "not_bound"
        if self._act(Kind.MEMBER_UNBOUND, services.unbind, name, subject, off, why):
            life.bound = False

    @rule(name=who, subject=whom, off=seen)
    def reset(self, name: str, subject: str, off: int) -> None:
        """重置密码."""
        life = self.lives[subject]
        if self._act(Kind.PASSWORD_RESET, services.reset_password, name, subject, off, "bound" if life.bound else ""):
            life.password = ("", (life.password[1] or 0) + 1, timezone.now() + DAY)
            life.secret = RESET

    @rule(name=who, subject=whom, off=seen, names=given, is_manager=often, days=st.sampled_from((None, None, 0, 1, 3)))
    def change_rights(
        self, name: str, subject: str, off: int, names: list[str], is_manager: bool, days: int | None
    ) -> None:
        """权限, for good or until a last day; 0 is one in the past."""
        life = self.lives[subject]
        until = None if days is None else timezone.now() + days * DAY
        more = {"identities": [self.identities[each] for each in names], "is_manager": is_manager}
        why = "until_in_the_past" if days == 0 else ""
        if self._act(Kind.MEMBER_CHANGED, services.change_rights, name, subject, off, why, **more, valid_until=until):
            life.identities, life.is_manager, life.valid_until = set(names), is_manager, until
            assert standing.of_person(self.people[subject], self.firm).held_functions() == self._carried(names)

    @rule(name=who, subject=whom, off=seen)
    def end_sign_ins(self, name: str, subject: str, off: int) -> None:
        """结束登录."""
        self._act(Kind.SIGN_IN_ENDED, services.end_sign_ins, name, subject, off, "")

    @rule(name=who, subject=st.sampled_from(CLERKS), names=given, is_manager=often)
    def add(self, name: str, subject: str, names: list[str], is_manager: bool) -> None:
        """添加办税人员: a new membership, and nothing of an earlier one."""
        by, person = self._actor(name), self.people[subject]
        token = adding.token_for(standing.of_person(person, self.firm), by=by)
        identities = [self.identities[each] for each in names]
        made: list[Membership] = []

        def call() -> None:
            found = adding.candidate(token, by=by)
            more = {"identities": identities, "is_manager": is_manager, "by": by}
            made.append(adding.add(found, password="Wieder-da-2026", **more))

        outcome = self._outcome(call).replace("just_added", "search_again")  # how the same form sent twice is told
        assert outcome == (self._refusal_of_adding(name, subject, names, is_manager) or DONE)
        if outcome == DONE:
            (member,) = made
            assert member.pk != self.lives[subject].pk
            hashed = Credential.objects.get(pk=member.credential_id).password
            assert passwords.check(member.credential, "Wieder-da-2026")
            story = {**dict.fromkeys(DATES), "identities": sorted(names), "is_manager": is_manager}
            self.lives[subject] = Life(member.pk, set(names), is_manager, password=(hashed, 1, None), story=story)
            self.lives[subject].secret = "Wieder-da-2026"
            self._note(Kind.MEMBER_ADDED, name, subject)
        self._compare_record(Kind.MEMBER_ADDED, name, subject, outcome)

    @rule(name=st.sampled_from(CLERKS))
    def sign_in(self, name: str) -> None:
        """One more live sign-in, for the acts that end them."""
        self._sign_in(name)

    @rule(name=st.sampled_from(CLERKS))
    def a_day_passes(self, name: str) -> None:
        """A freeze with an end lifts itself, and a last day comes; the row stays as it is."""
        self.time.shift(DAY)
        for sign_in in self.sign_ins.values():
            sign_in.code_at = timezone.now()  # what the 111111 state asks for is another test's
        assert standing.of_person(self.people[name], self.firm).problem is self.lives[name].problem

    # What comes from elsewhere: the tax register, the identities, the clerk himself.

    @rule(name=st.sampled_from(CLERKS))
    def the_register_forgets_or_names_him_again(self, name: str) -> None:
        """A post ends, or is there again: who is a member stays one, and what he may changes at once (M102, D20)."""
        life = self.lives[name]
        life.registered = not life.registered
        posts = Post.objects.filter(taxpayer=self.firm, person=self.people[name])
        assert posts.update(until=None if life.registered else timezone.localdate()) == 1
        assert standing.of_person(self.people[name], self.firm).problem is life.problem

    @rule(name=st.sampled_from((*LEADS, *LEADS, *CLERKS, VISITOR)))
    def synchronise(self, name: str) -> None:
        """同步办税人: whom the register no longer names is marked, whom it names again isn't any more (D20)."""
        by = self._actor(name)
        members = {each: life for each, life in self.lives.items() if each in CLERKS and not life.removed}
        gone = {each for each, life in members.items() if not life.registered and not life.marked}
        returned = {each for each, life in members.items() if life.registered and life.marked}
        outcome = self._outcome(lambda: sync.synchronise(by=by))
        assert outcome == (DONE if name in LEADS else DENIED)
        new = self._new_entries()
        if outcome != DONE:
            self._compare_refusal(new, Kind.SYNCED, outcome, silent=False)
            return
        (whole,) = [entry for entry in new if entry.target_id is None]
        assert whole.details == {"marked": len(gone), "lifted": len(returned)}
        told = {entry.target.name: entry.details["marked"] for entry in new if entry.target is not None}
        assert told == dict.fromkeys(gone, True) | dict.fromkeys(returned, False)
        for each in gone | returned:
            members[each].marked, members[each].version = each in gone, members[each].version + 1
        self._note(Kind.SYNCED, name, *gone, *returned)
        for each, life in members.items():
            assert standing.of_person(self.people[each], self.firm).problem is life.problem

    @rule(name=who, which=st.sampled_from(("查询员", "空身份")), off=seen, ticked=st.sampled_from(TICKED))
    def change_identity(self, name: str, which: str, off: int, ticked: frozenset[str]) -> None:
        """身份维护: whoever has the identity gains and loses at once what is ticked and unticked, and is told of it."""
        by, before = self._actor(name), self.holds[which]
        identity, version = self.identities[which], self.versions[which] + off
        words = {"name": which, "description": identity.description}
        holders = [each for each in CLERKS if which in self.lives[each].identities and not self.lives[each].removed]
        held_before = {each: self._carried(self.lives[each].identities) for each in holders}
        is_last = self.done_by.get(name) == ((Kind.IDENTITY_CHANGED, which), timezone.now())
        outcome = self._outcome(lambda: identities.change(identity, version=version, **words, codes=ticked, by=by))
        assert outcome == (self._refusal_of_identity(name, off, before ^ ticked) or DONE)
        new = self._new_entries()
        if outcome != DONE:
            silent = outcome == "stale" and is_last and ticked == before
            self._compare_refusal(new, Kind.IDENTITY_CHANGED, outcome, silent=silent)
            return
        self.holds[which], self.versions[which], self.turn = ticked, version + 1, self.turn + 1
        changed = {each: self._carried(self.lives[each].identities) for each in holders}
        told = {entry.target.name: entry.details for entry in new if entry.kind == Kind.MEMBER_CHANGED}
        assert told.keys() == {each for each in holders if changed[each] != held_before[each]}
        for each, held in changed.items():
            assert standing.of_person(self.people[each], self.firm).held_functions() == held
            if each in told:
                assert set(told[each]["gained"]) == held - held_before[each]
                assert set(told[each]["lost"]) == held_before[each] - held
        (whole,) = [entry for entry in new if entry.kind == Kind.IDENTITY_CHANGED]
        assert set(whole.details["gained"]) == ticked - before
        assert set(whole.details["lost"]) == before - ticked
        self._note(Kind.MEMBER_CHANGED, name, *told)
        self.done_by[name] = ((Kind.IDENTITY_CHANGED, which), timezone.now())

    def _refusal_of_identity(self, name: str, off: int, changed: frozenset[str]) -> str:
        if not self._is_manager(name):
            return DENIED
        if name == STRANGER or off:
            return "stale"
        holds_all = name in LEADS or self._carried(self.lives[name].identities).issuperset(changed)
        return "" if holds_all else "function_not_held"

    @rule(name=st.sampled_from(CLERKS), is_right=st.sampled_from((True, True, False)))
    def change_own_password(self, name: str, is_right: bool) -> None:
        """修改密码 by the clerk himself: ends the 111111 state, and every other sign-in of his here (M73, M78, D10)."""
        life = self.lives[name]
        if life.problem is not None:  # the middleware has put him out
            return
        self.passwords_set += 1
        new, old = f"Neu-{self.passwords_set}-Lindenbaum", life.secret if is_right else "Falsch-2026-Linde"
        is_over = life.secret == RESET and life.password[2] is not None and life.password[2] <= timezone.now()
        expected = "bound" if life.bound else "" if is_right and life.secret and not is_over else "wrong_old_password"
        by = self._actor(name)
        outcome = self._outcome(lambda: own_password.change(old, new, by=by))
        assert outcome == (expected or DONE)
        entries = self._new_entries()
        Throttle.objects.all().delete()  # wrong tries in a row are another test's
        if outcome != DONE:
            assert [(entry.kind, entry.reason) for entry in entries] == [(Kind.PASSWORD_CHANGED, outcome)]
            return
        (entry,) = entries
        assert (entry.kind, entry.result, entry.target_id) == (Kind.PASSWORD_CHANGED, "done", self.people[name].pk)
        credential = Credential.objects.get(membership_owner=life.pk)
        assert passwords.check(credential, new)
        life.secret, life.password = new, (credential.password, (life.password[1] or 0) + 1, None)
        live = SignIn.objects.filter(person=self.people[name], taxpayer=self.firm, ended_at__isnull=True)
        assert not live.exclude(pk=self.sign_ins[name].pk).exists()
        self.turn += 1
        self._note(Kind.PASSWORD_CHANGED, name, name)


@pytest.mark.rule("STF-02", "STF-03", "STF-04", "STF-06", "D8", "D9", "D28", "M59", "M62", "M65", "M69", "M71")
@pytest.mark.rule("D7", "D10", "D20", "M73", "M78", "M102", "F12")
def test_ten_thousand_steps_lead_to_no_illegal_state_and_the_record_tells_the_same_story(fast_hash):
    MembershipLife.looks = MembershipLife.lives_begun = 0
    run_state_machine_as_test(
        MembershipLife,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert MembershipLife.looks - MembershipLife.lives_begun >= 10_000


@pytest.fixture
def fast_hash(world, settings) -> None:
    """A hash that costs nothing: this is about memberships, and ten thousand steps are to be quick."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    Credential.objects.exclude(password="").update(password=passwords.hash_new(FIRST))
