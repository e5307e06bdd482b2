"""What the database refuses by itself of a firm's people: every constraint, each with its case, and every border."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Credential
from staff.models import DeclarationPassword, Grant, HandoverTicket, Identity, Membership
from staff.services import members, own_binding, own_posts, sync
from tests import cast
from tests.staff.acting import actor, identity, refusal

NOW = timezone.now()
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
MODELS = list(apps.get_app_config("staff").get_models())


def a_member(**changed) -> Membership:
    """A membership of 沈阳云帆 that the database takes."""
    usual = {"taxpayer": cast.taxpayer("YF"), "person": cast.person("孙雅静"), "added_at": NOW}
    return Membership.objects.create(**{**usual, **changed})


def a_ticket(**changed) -> HandoverTicket:
    """A ticket that the database takes."""
    usual = {"nonce_hash": "h", "taxpayer": cast.taxpayer("CG"), "expires_at": NOW}
    return HandoverTicket.objects.create(**{**usual, **changed})


def a_declaration_password(**changed) -> DeclarationPassword:
    """A 申报密码 that the database takes."""
    usual = {"taxpayer": cast.taxpayer("CG"), "first": "x", "made_at": NOW, "changed_at": NOW}
    return DeclarationPassword.objects.create(**{**usual, **changed})


def twice(make: Callable[..., object], **same) -> None:
    make(**same)
    make(**same)


CASES: dict[str, list[Callable[[], object]]] = {
    "identity_has_a_name": [lambda: Identity.objects.create(taxpayer=cast.taxpayer("YF"), name="")],
    "identity_name_once_per_taxpayer": [lambda: Identity.objects.create(taxpayer=cast.taxpayer("HC"), name="查询员")],
    "grant_names_a_function": [lambda: Grant.objects.create(identity=identity(), function="")],
    "function_once_per_identity": [lambda: twice(Grant.objects.create, identity=identity("空身份"), function="a")],
    "one_open_membership_per_person_and_taxpayer": [lambda: twice(a_member)],
    "membership_frozen_until_only_when_frozen": [lambda: a_member(frozen_until=LATER)],
    "membership_frozen_before_it_ends": [lambda: a_member(frozen_at=LATER, frozen_until=NOW)],
    "membership_added_before_removed": [lambda: a_member(removed_at=EARLIER)],
    "membership_added_before_it_expires": [lambda: a_member(valid_until=EARLIER)],
    "membership_added_before_bound": [lambda: a_member(bound_at=EARLIER)],
    "membership_added_before_frozen": [lambda: a_member(frozen_at=EARLIER)],
    "membership_added_before_unregistered": [lambda: a_member(unregistered_at=EARLIER)],
    "membership_removed_manages_nothing": [lambda: a_member(removed_at=LATER, is_manager=True)],
    "declaration_password_is_the_first_or_ones_own": [
        lambda: a_declaration_password(first=""),
        lambda: a_declaration_password(credential=Credential.objects.create(password="argon2$x")),
    ],
    "declaration_password_made_before_changed": [lambda: a_declaration_password(changed_at=EARLIER)],
    "handover_ticket_is_hashed": [lambda: a_ticket(nonce_hash="")],
    "handover_ticket_used_before_it_expires": [lambda: a_ticket(used_at=LATER)],
}

# What stands close to the border and must be taken: a constraint that refuses everything would pass the cases above.
TAKEN: list[Callable[[], object]] = [
    lambda: a_member(bound_at=NOW, frozen_at=NOW, frozen_until=NOW, unregistered_at=NOW, valid_until=NOW),
    lambda: a_member(removed_at=NOW, bound_at=NOW, frozen_at=NOW, unregistered_at=NOW),
    lambda: a_member(is_manager=True, unregistered_at=NOW),
    lambda: [a_member(removed_at=NOW), a_member(removed_at=NOW), a_member()],
    lambda: a_declaration_password(first="", credential=Credential.objects.create(password="argon2$x")),
    a_ticket,
    lambda: a_ticket(used_at=NOW),
]


def constraint(name: str) -> models.BaseConstraint:
    """The constraint of this name."""
    return next(each for model in MODELS for each in model._meta.constraints if each.name == name)


def test_every_constraint_has_a_case():
    assert {each.name for model in MODELS for each in model._meta.constraints} == set(CASES)


@pytest.mark.rule("M57", "STF-02")
@pytest.mark.parametrize(("name", "act"), [(name, act) for name, acts in CASES.items() for act in acts])
def test_the_database_refuses_what_a_constraint_forbids(world, name, act):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    assert name in str(caught.value) or isinstance(constraint(name), models.UniqueConstraint)


@pytest.mark.parametrize("act", TAKEN, ids=range(len(TAKEN)))
def test_the_database_takes_what_stands_at_the_border(world, act):
    act()


def test_every_constraint_is_in_the_database_under_its_name(world):
    with connection.cursor() as cursor:
        for model in MODELS:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
            assert {each.name for each in model._meta.constraints} <= set(found), model


@pytest.fixture
def set_back(world) -> Callable[[str], Membership]:
    """A member of 沈阳海川 who was added by a clock that ran an hour before what it says now."""

    def added(name: str, **changed) -> Membership:
        member = cast.membership("HC", name)
        dates = {"added_at": timezone.now() + timedelta(hours=1), "bound_at": None, "frozen_at": None, **changed}
        Membership.objects.filter(pk=member.pk).update(**dates)
        return cast.membership("HC", name)

    return added


@pytest.mark.rule("F16", "M57", "M61", "M68")
@pytest.mark.parametrize(("act", "date"), [("remove", "removed_at"), ("freeze", "frozen_at"), ("bind", "bound_at")])
def test_an_act_on_who_was_added_before_the_clock_was_set_back_is_done_and_dated_in_order(set_back, act, date):
    member = set_back("何晨曦")
    getattr(members, act)(member, version=member.version, by=actor("HC", "钱思远"))
    member.refresh_from_db()
    assert getattr(member, date) == member.added_at


@pytest.mark.rule("F16", "M61", "M31")
def test_what_would_end_before_the_adding_is_refused_in_words(set_back):
    member, soon = set_back("何晨曦"), timezone.now() + timedelta(minutes=30)
    by = actor("HC", "钱思远")
    assert refusal(members.freeze, member, version=member.version, until=soon, by=by) == "until_in_the_past"
    rights = {"identities": [identity()], "is_manager": False, "valid_until": soon}
    assert refusal(members.change_rights, member, version=member.version, **rights, by=by) == "until_in_the_past"


@pytest.mark.rule("F16", "M68", "M113")
def test_ones_own_acts_are_done_after_the_clock_was_set_back(set_back):
    member, by = set_back("何晨曦"), actor("HC", "何晨曦")
    own_binding.bind(member, version=member.version, by=by)
    assert cast.membership("HC", "何晨曦").bound_at == member.added_at
    own_posts.leave(member.taxpayer, by=by)
    member.refresh_from_db()
    assert member.removed_at == member.added_at


@pytest.mark.rule("F16", "D20")
def test_synchronising_marks_who_was_added_before_the_clock_was_set_back(set_back):
    member = set_back("董佳慧")
    sync.synchronise(by=actor("HC", "钱思远"))
    assert cast.membership("HC", "董佳慧").unregistered_at == member.added_at


@contextmanager
def as_before(model: type[models.Model], *names: str) -> Iterator[None]:
    """The database as it was before these checks; afterwards what it holds is read against them."""
    table, checks = model._meta.db_table, [constraint(name) for name in names]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            connection.check_constraints()  # no table is changed while what was written to it waits to be checked
            for name in names:
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        else:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        yield
        if connection.vendor == "postgresql":
            connection.check_constraints()
            with connection.schema_editor() as editor:
                for check in checks:
                    editor.add_constraint(model, check)
        else:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
            model.objects.update(version=F("version"))  # reads every row against its checks


@pytest.mark.rule("F21", "M57")
def test_rows_in_the_wrong_order_are_brought_in_line_before_the_database_refuses_them(world):
    migration = import_module("staff.migrations.0003_order_of_a_members_dates")
    names = [name for name in CASES if name.startswith("membership_added_before") and not name.endswith("expires")]
    early = dict.fromkeys(migration.DATES, EARLIER)
    with as_before(Membership, *names, "membership_removed_manages_nothing"):
        wrong = a_member(**early)
        removed = a_member(person=cast.person("郑海涛"), removed_at=LATER, is_manager=True, bound_at=LATER)
        right = cast.membership("HC", "何晨曦")
        migration.in_line(apps, SimpleNamespace(connection=connection))
    wrong.refresh_from_db()
    removed.refresh_from_db()
    assert {getattr(wrong, date) for date in migration.DATES} == {NOW}
    assert (removed.is_manager, removed.bound_at, removed.frozen_at) == (False, LATER, None)
    assert cast.membership("HC", "何晨曦").bound_at == right.bound_at
