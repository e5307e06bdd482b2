"""Races in 企业人员维护, with real threads and real transactions: PostgreSQL only (F12 to F15, STF-03, STF-04)."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import passwords
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, Credential, Person, SignIn, SmsMessage, Taxpayer
from staff import standing
from staff.models import Identity, Membership
from staff.services import adding, enterprise_password, identities, own_password, sync
from staff.services import members as services
from tests import cast
from tests.races.crowd import at_once
from tests.staff.acting import actor, newcomer
from tests.visitor import Visitor

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time: run on PostgreSQL"),
    pytest.mark.usefixtures("committed_world"),
]
CLERKS, ROUNDS = 20, 50
DAY = timedelta(days=1)
BASIC = "info.taxpayer.basic"


def outcome_of(call: Callable[[], object]) -> str:
    """`done`, or the code of the refusal."""
    try:
        call()
    except ValidationError as error:
        return str(error.code)
    return "done"


def change_rights(membership: Membership, *, version: int, by: Actor) -> None:
    services.change_rights(membership, version=version, identities=[], is_manager=True, by=by)


def freeze_for_a_day(membership: Membership, *, version: int, by: Actor) -> None:
    services.freeze(membership, version=version, until=timezone.now() + DAY, by=by)


ACTS: dict[str, tuple[Callable[..., object], Kind]] = {
    "remove": (services.remove, Kind.MEMBER_REMOVED),
    "freeze": (services.freeze, Kind.MEMBER_FROZEN),
    "freeze_for_a_day": (freeze_for_a_day, Kind.MEMBER_FROZEN),
    "unfreeze": (services.unfreeze, Kind.MEMBER_UNFROZEN),
    "bind": (services.bind, Kind.MEMBER_BOUND),
    "unbind": (services.unbind, Kind.MEMBER_UNBOUND),
    "reset": (services.reset_password, Kind.PASSWORD_RESET),
    "change_rights": (change_rights, Kind.MEMBER_CHANGED),
    "end_sign_ins": (services.end_sign_ins, Kind.SIGN_IN_ENDED),
}
TELLING = set(ACTS) - {"change_rights", "end_sign_ins"}


def refusal_in(act: str, *, frozen: bool, bound: bool) -> str:
    """Why the act is not for this state; empty where it is."""
    refusals = {
        "freeze": "already_frozen" if frozen else "",
        "freeze_for_a_day": "already_frozen" if frozen else "",
        "unfreeze": "" if frozen else "not_frozen",
        "bind": "already_bound" if bound else "",
        "unbind": "" if bound else "not_bound",
        "reset": "bound" if bound else "",
    }
    return refusals.get(act, "")


def last_entry() -> int:
    """The newest entry of the record; 0 where there is none yet."""
    return AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


@pytest.fixture
def leads(committed_world) -> tuple[Actor, Actor]:
    """The legal representative and the finance officer of one firm, both signed in by SMS."""
    return actor("HC", "钱思远"), actor("HC", "林若兰")


@pytest.fixture
def clerks(committed_world) -> list[Membership]:
    """Twenty clerks of the firm with an own password and a natural account."""
    firm = cast.taxpayer("HC")
    for number in range(CLERKS):
        person = newcomer(firm, number)
        Membership.objects.filter(person=person).update(credential=Credential.objects.create(password="own"))
        Person.objects.filter(pk=person.pk).update(
            username=f"clerk{number}", credential=Credential.objects.create(password="natural")
        )
    return list(Membership.objects.filter(taxpayer=firm, person__name__startswith="员工").order_by("pk"))


def put_back(clerk: Membership, identity: Identity, *, frozen: bool, bound: bool) -> None:
    """The clerk as before every race, at version 1, with one identity and one live sign-in."""
    now = timezone.now()
    Membership.objects.filter(pk=clerk.pk).update(
        version=1,
        removed_at=None,
        is_manager=False,
        frozen_at=now if frozen else None,
        frozen_until=None,
        bound_at=now if bound else None,
    )
    clerk.identities.set([identity])
    Credential.objects.filter(pk=clerk.credential_id).update(password="own", temporary_until=None, version=1)
    SignIn.objects.filter(person=clerk.person_id).delete()
    SignIn.objects.create(person=clerk.person, taxpayer=clerk.taxpayer, proof="enterprise_sms")


def check_state(clerk: Membership, winner: str, *, frozen: bool, bound: bool) -> None:
    """The row is what it was but for what the winner did."""
    clerk.refresh_from_db()
    assert clerk.version == (2 if winner else 1)
    assert (clerk.removed_at is not None) == (winner == "remove")
    assert (clerk.frozen_at is not None) == (winner.startswith("freeze") or (frozen and winner != "unfreeze"))
    assert (clerk.frozen_until is not None) == (winner == "freeze_for_a_day")
    assert (clerk.bound_at is not None) == (winner == "bind" or (bound and winner != "unbind"))
    assert clerk.is_manager == (winner == "change_rights")
    assert clerk.identities.count() == (0 if winner in ("remove", "change_rights") else 1)
    assert clerk.credential.is_temporary == (winner == "reset")
    assert clerk.credential.password == ("" if winner == "reset" else "own")
    live = SignIn.objects.filter(person=clerk.person, ended_at__isnull=True).count()
    assert live == (0 if winner in ("remove", "bind", "unbind", "reset", "end_sign_ins") else 1)


@pytest.mark.rule("STF-02", "STF-03", "D28", "LOG-02")
def test_of_two_leads_on_one_clerk_one_wins_and_the_other_is_told_a_thousand_times(leads, clerks):
    choose, identity = random.Random(20261123), cast.taxpayer("HC").identities.get(name="查询员")
    done, told = Counter(), Counter()
    for _ in range(ROUNDS):
        states = [(choose.random() < 0.4, choose.random() < 0.4) for _ in clerks]
        pairs = [choose.choices(list(ACTS), k=2) for _ in clerks]
        with transaction.atomic():
            for clerk, (frozen, bound) in zip(clerks, states, strict=True):
                put_back(clerk, identity, frozen=frozen, bound=bound)
        mark = last_entry()

        def act(number: int, pairs=pairs) -> str:
            clerk, side = number // 2, number % 2
            service, _kind = ACTS[pairs[clerk][side]]
            return outcome_of(lambda: service(Membership(pk=clerks[clerk].pk), version=1, by=leads[side]))

        outcomes = at_once(2 * CLERKS, act)
        for number, clerk in enumerate(clerks):
            frozen, bound = states[number]
            pair, both = pairs[number], outcomes[2 * number : 2 * number + 2]
            why = [refusal_in(name, frozen=frozen, bound=bound) for name in pair]
            winners = [name for name, outcome in zip(pair, both, strict=True) if outcome == "done"]
            assert len(winners) == (1 if "" in why else 0)
            for outcome, refusal in zip(both, why, strict=True):
                assert outcome in ({"done", "stale"} if not refusal else {refusal, "stale"} if winners else {refusal})
            winner = winners[0] if winners else ""
            check_state(clerk, winner, frozen=frozen, bound=bound)
            entries = AuditEntry.objects.filter(seq__gt=mark, target=clerk.person, details__has_key="after")
            assert [entry.kind for entry in entries] == [ACTS[name][1] for name in winners]
            assert [entry.result for entry in entries] == ["done"] * len(winners)
            done[winner] += 1
            told.update(both)
    assert sum(done.values()) == CLERKS * ROUNDS == 1000
    assert set(done) == {*ACTS, ""}
    assert told["done"] + done[""] == 1000
    assert SmsMessage.objects.count() == sum(done[name] for name in TELLING)


@pytest.mark.rule("STF-03", "STF-02")
def test_who_reloads_after_losing_acts_on_what_the_winner_left(leads, clerks):
    identity = cast.taxpayer("HC").identities.get(name="查询员")
    for _ in range(5):
        for clerk in clerks:
            put_back(clerk, identity, frozen=False, bound=False)
        mark = last_entry()

        def freeze_or_bind(number: int) -> str:
            clerk, side = clerks[number // 2].pk, number % 2
            service = (services.freeze, services.bind)[side]
            while True:
                version = Membership.objects.get(pk=clerk).version
                outcome = outcome_of(
                    lambda version=version: service(Membership(pk=clerk), version=version, by=leads[side])
                )
                if outcome != "stale":
                    return outcome

        assert at_once(2 * CLERKS, freeze_or_bind) == ["done"] * 2 * CLERKS
        for clerk in clerks:
            clerk.refresh_from_db()
            assert (clerk.version, clerk.is_frozen, clerk.is_bound) == (3, True, True)
            told = AuditEntry.objects.filter(seq__gt=mark, target=clerk.person, details__has_key="after").order_by(
                "seq"
            )
            first, second = [entry.details for entry in told]
            assert first["after"] == second["before"]


@pytest.mark.rule("STF-03")
def test_one_form_sent_forty_times_at_once_has_one_effect(leads, clerks):
    clerk = clerks[0]
    outcomes = at_once(
        40, lambda n: outcome_of(lambda: services.freeze(Membership(pk=clerk.pk), version=1, by=leads[n % 2]))
    )
    assert Counter(outcomes) == {"done": 1, "stale": 39}
    assert AuditEntry.objects.filter(kind=Kind.MEMBER_FROZEN, result="done").count() == 1
    assert SmsMessage.objects.count() == 1


@pytest.mark.rule("STF-04", "D9")
def test_two_leads_who_remove_each_other_at_once_both_stay(leads):
    rows = [cast.membership("HC", name) for name in ("林若兰", "钱思远")]
    outcomes = at_once(
        40,
        lambda n: outcome_of(
            lambda: services.remove(Membership(pk=rows[n % 2].pk), version=rows[n % 2].version, by=leads[n % 2])
        ),
    )
    assert set(outcomes) == {"not_clerk"}
    for name in ("钱思远", "林若兰"):
        found = standing.of_person(cast.person(name), cast.taxpayer("HC"))
        assert (found.is_lead, found.problem) == (True, None)


# Signing in while being deleted.


def browsers_at_the_password(clerks: list[Membership], own_folder, number: int) -> list[Visitor]:
    """So many browsers, each one password away from being in as one of the clerks."""
    found = []
    for clerk in clerks[:number]:
        visitor = Visitor(own_folder / "sms.jsonl")
        visitor.give_enterprise_password("HC")
        visitor.post(reverse("staff:choose_person"), {"person": str(clerk.person.uid)})
        found.append(visitor)
    return found


@pytest.mark.rule("STF-02", "STF-06", "M57", "M58", "SES-05")
def test_no_sign_in_outlives_a_removal_at_the_same_moment_and_no_membership_comes_back(leads, clerks, own_folder):
    hashed = passwords.hash_new("Gemeinsam-2026")
    for _ in range(3):
        for clerk in clerks:
            put_back(clerk, cast.taxpayer("HC").identities.get(name="查询员"), frozen=False, bound=False)
        Credential.objects.filter(membership_owner__in=clerks).update(password=hashed)
        visitors = browsers_at_the_password(clerks, own_folder, CLERKS)

        def race(number: int, visitors=visitors) -> None:
            if number % 2:
                services.remove(Membership(pk=clerks[number // 2].pk), version=1, by=leads[0])
            else:
                data = {"password": "Gemeinsam-2026"}
                assert visitors[number // 2].post(reverse("staff:verify_by_password"), data).status_code == 302

        at_once(2 * CLERKS, race)
        for clerk, visitor in zip(clerks, visitors, strict=True):
            answer = visitor.get(reverse("staff:operations"))
            assert answer.status_code == 302
            assert answer.url.startswith(reverse("login"))
            assert list(Membership.objects.filter(person=clerk.person)) == [clerk]
            clerk.refresh_from_db()
            assert clerk.removed_at is not None


@pytest.mark.rule("M57", "M58")
def test_no_clerk_who_changes_his_password_while_being_removed_gets_it_into_a_new_membership(leads, clerks):
    hashed = passwords.hash_new("Gemeinsam-2026")
    Credential.objects.filter(membership_owner__in=clerks).update(password=hashed)

    def race(number: int) -> str:
        clerk = Membership.objects.select_related("person", "taxpayer").get(pk=clerks[number // 2].pk)
        if number % 2:
            return outcome_of(lambda: services.remove(clerk, version=1, by=leads[0]))
        by = Actor(person=clerk.person, taxpayer=clerk.taxpayer)
        try:
            return outcome_of(lambda: own_password.change("Gemeinsam-2026", f"Neues-Wort-{number}", by=by))
        except PermissionDenied:
            return "denied"

    outcomes = at_once(2 * CLERKS, race)
    assert set(outcomes[1::2]) == {"done"}
    assert set(outcomes[::2]) <= {"done", "stale", "denied"}
    assert Membership.objects.filter(person__in=[clerk.person_id for clerk in clerks]).count() == CLERKS
    assert not Membership.objects.open().filter(pk__in=[clerk.pk for clerk in clerks]).exists()


# Adding.


@pytest.mark.rule("STF-01", "STF-02", "STF-03")
def test_one_person_added_by_two_leads_at_once_is_one_membership_one_entry_and_one_message(leads):
    firm, person = cast.taxpayer("HC"), cast.person("宋雨桐")
    found, identity = standing.of_person(person, firm), firm.identities.get(name="查询员")
    before = Credential.objects.count()

    def add(number: int) -> str:
        more = {"identities": [identity], "is_manager": False, "by": leads[number % 2]}
        return outcome_of(lambda: adding.add(found, password=f"Yutong-2026-{number}", **more))

    outcomes = at_once(8, add)
    assert Counter(outcomes) == {"done": 1, "already_added": 7}
    member = Membership.objects.get(person=person, taxpayer=firm)
    assert passwords.check(member.credential, f"Yutong-2026-{outcomes.index('done')}")
    assert Credential.objects.count() == before + 1
    assert AuditEntry.objects.filter(kind=Kind.MEMBER_ADDED, result="done").count() == 1
    assert SmsMessage.objects.count() == 1


@pytest.mark.rule("M25", "STF-03")
def test_one_identity_changed_in_two_places_at_once_is_changed_once(leads):
    identity = cast.taxpayer("HC").identities.get(name="空身份")

    def change(number: int) -> str:
        more = {"version": 1, "name": f"名{number}", "description": "", "codes": [BASIC], "by": leads[number % 2]}
        return outcome_of(lambda: identities.change(Identity.objects.get(pk=identity.pk), **more))

    outcomes = at_once(20, change)
    assert Counter(outcomes) == {"done": 1, "stale": 19}
    identity.refresh_from_db()
    assert (identity.name, identity.version) == (f"名{outcomes.index('done')}", 2)
    assert AuditEntry.objects.filter(kind=Kind.IDENTITY_CHANGED, result="done").count() == 1


@pytest.mark.rule("M25")
def test_one_name_given_to_twenty_new_identities_at_once_is_taken_once(leads):
    outcomes = at_once(
        20, lambda n: outcome_of(lambda: identities.add(name="新", description="", codes=[BASIC], by=leads[n % 2]))
    )
    assert Counter(outcomes) == {"done": 1, "name_taken": 19}
    assert AuditEntry.objects.filter(kind=Kind.IDENTITY_ADDED, result="done").count() == 1


@pytest.mark.rule("D7", "D28")
def test_an_identity_deleted_while_being_given_is_either_had_or_gone_and_the_record_says_which(leads, clerks):
    firm = cast.taxpayer("HC")
    for _ in range(5):
        made = [firm.identities.create(name=f"短命{number}") for number in range(CLERKS)]
        versions = [Membership.objects.get(pk=clerk.pk).version for clerk in clerks]

        def race(number: int, made=made, versions=versions) -> str:
            pair = number // 2
            identity = Identity.objects.filter(pk=made[pair].pk).first()
            if identity is None:
                return "gone"
            if number % 2:
                return outcome_of(lambda: identities.delete(identity, version=1, by=leads[1]))
            give = {"version": versions[pair], "identities": [identity], "is_manager": False, "by": leads[0]}
            return outcome_of(lambda: services.change_rights(Membership(pk=clerks[pair].pk), **give))

        outcomes = at_once(2 * CLERKS, race)
        for number, clerk in enumerate(clerks):
            given, deleted = outcomes[2 * number : 2 * number + 2]
            has = clerk.identities.filter(pk=made[number].pk).exists()
            assert has == (given == "done")
            assert Identity.objects.filter(pk=made[number].pk).exists() == (deleted != "done")
            assert (given, deleted) in {("done", "in_use"), ("gone", "done"), ("stale", "done")}
        firm.identities.filter(name__startswith="短命").delete()


# What waits for a lock: one transaction holds it, the other is seen waiting, then the first one commits.


@contextmanager
def meanwhile(call: Callable[[], object]) -> Iterator[Future]:
    """Within the block, a transaction; the call runs in another thread until it waits for what the block has locked."""

    def run() -> object:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool, transaction.atomic():
        future: Future = Future()
        yield future
        running = pool.submit(run)
        _wait_until_somebody_waits_for_us(running)
        running.add_done_callback(lambda done: _pass_on(done, future))


def _pass_on(done: Future, future: Future) -> None:
    if done.exception() is not None:
        future.set_exception(done.exception())
    else:
        future.set_result(done.result())


def _wait_until_somebody_waits_for_us(running: Future) -> None:
    with connection.cursor() as cursor:
        while not running.done():
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return


@pytest.mark.rule("STF-03")
def test_a_lead_who_waited_for_the_others_act_is_told_that_it_came_first(leads, clerks):
    clerk = clerks[0]
    with meanwhile(
        lambda: outcome_of(lambda: services.remove(Membership(pk=clerk.pk), version=1, by=leads[1]))
    ) as later:
        services.freeze(clerk, version=1, by=leads[0])
    assert later.result() == "stale"


@pytest.mark.rule("M57", "M58", "M21", "STF-06")
def test_a_clerk_who_sets_his_first_password_while_being_removed_makes_no_membership_for_himself(leads, own_folder):
    member = cast.membership("HC", "马文涛")
    visitor = Visitor(own_folder / "sms.jsonl")
    visitor.go_to_verify("HC", "马文涛")
    assert visitor.verify_by_sms(member.person.phone).url == reverse("staff:set_password")
    with meanwhile(lambda: visitor.set_password("Wentao-2026-neu")):
        Taxpayer.objects.select_for_update().get(pk=member.taxpayer_id)
        services.remove(member, version=member.version, by=leads[0])
    assert not Membership.objects.open().filter(person=member.person, taxpayer=member.taxpayer).exists()


@pytest.mark.rule("D7", "M31")
def test_an_identity_deleted_a_moment_before_it_is_given_is_a_refusal(leads, clerks):
    identity = cast.taxpayer("HC").identities.create(name="短命")
    give = {"version": 1, "identities": [Identity.objects.get(pk=identity.pk)], "is_manager": False, "by": leads[1]}
    with meanwhile(lambda: outcome_of(lambda: services.change_rights(Membership(pk=clerks[0].pk), **give))) as later:
        identities.delete(identity, version=1, by=leads[0])
    assert later.result() in ("foreign_identity", "stale")


@pytest.mark.rule("D10", "D16", "M75")
def test_a_reset_is_not_undone_by_a_password_change_that_waited_for_it(leads):
    member = cast.membership("HC", "孙雅静")
    by = Actor(person=member.person, taxpayer=member.taxpayer)
    old = cast.PERSONAL_PASSWORDS["HC", "孙雅静"]
    with meanwhile(lambda: outcome_of(lambda: own_password.change(old, "Neues-Wort-2026", by=by))) as later:
        services.reset_password(member, version=member.version, by=leads[0])
    assert later.result() == "stale"
    assert cast.membership("HC", "孙雅静").credential.is_temporary


@pytest.mark.rule("M81", "D16", "STF-03")
def test_of_two_leads_who_change_the_enterprise_password_the_second_is_told(leads):
    old, firm = cast.ENTERPRISE_PASSWORDS["HC"], cast.taxpayer("HC")
    first = passwords.hash_new("Erstes-Wort-2026")
    with meanwhile(
        lambda: outcome_of(lambda: enterprise_password.change(old, "Zweites-Wort-2026", by=leads[1]))
    ) as later:
        Taxpayer.objects.select_for_update().get(pk=firm.pk)
        passwords.store(firm.credential, first)
    assert later.result() == "stale"
    assert passwords.check(cast.taxpayer("HC").credential, "Erstes-Wort-2026")


@pytest.mark.rule("STF-03", "D20")
def test_a_synchronisation_that_waited_for_an_act_makes_a_version_of_its_own(leads):
    member = cast.membership("HC", "董佳慧")
    with meanwhile(lambda: sync.synchronise(by=leads[1])) as later:
        services.freeze(member, version=1, by=leads[0])
    later.result()
    member.refresh_from_db()
    assert member.is_frozen
    assert member.unregistered_at is not None
    assert member.version == 3
