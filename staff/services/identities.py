"""身份维护: the identities of a taxpayer (M25, D7, D8)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, ProtectedError, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Taxpayer
from accounts.refusals import refusals_recorded
from realname.models import LEADS, Post
from staff import functions, signals
from staff.models import Grant, Identity, Membership, beyond
from staff.services import rights

NOT_YOURS_TO_DELETE = gettext_lazy("该身份含有您本人没有的功能，您不能删除。请法定代表人（业主）或财务负责人删除。")
"""What a manager is told of an identity with functions that he doesn't hold (D8)."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a changed identity means for one member: the functions he gains and loses, by code."""

    membership: Membership
    gains: frozenset[str]
    loses: frozenset[str]


def held_by(identity: Identity) -> frozenset[str]:
    """The functions of an identity."""
    return frozenset(identity.grants.values_list("function", flat=True))


def users_of(identity: Identity) -> QuerySet[Membership]:
    """The clerks who have this identity, by name. Who became a lead holds every function without it (D7, D31)."""
    leads = Post.objects.open().filter(taxpayer=OuterRef("taxpayer"), person=OuterRef("person"), position__in=LEADS)
    clerks = identity.memberships.open().exclude(Exists(leads))
    return clerks.select_related("person").order_by("person__name", "pk")


def effects(identity: Identity, wanted: Collection[str]) -> list[Effect]:
    """Whom the change would affect, and how; a function that another of his identities carries is not lost (D7)."""
    users = users_of(identity)
    other: dict[int, set[str]] = {}
    grants = Grant.objects.filter(identity__memberships__in=users).exclude(identity=identity)
    for membership_pk, code in grants.values_list("identity__memberships", "function"):
        other.setdefault(membership_pk, set()).add(code)
    before, after = held_by(identity), frozenset(wanted)
    found = []
    for user in users:
        kept = frozenset(other.get(user.pk, ()))
        found.append(Effect(user, after - before - kept, before - after - kept))
    return [effect for effect in found if effect.gains or effect.loses]


def _check_known(given: Collection[str]) -> None:
    if functions.unknown(given):
        raise ValidationError(_("请从功能树中勾选。"), code="unknown_function")


def _check_functions(changed: Collection[str], *, by: Actor) -> None:
    """Only those that the giver or taker holds himself (D8); what has left the tree meanwhile binds nobody."""
    if not by.functions.issuperset(functions.ALL.intersection(changed)):
        raise ValidationError(_("您只能授予或收回您本人拥有的功能。"), code="function_not_held")


def add(*, name: str, description: str, codes: Collection[str], by: Actor) -> Identity:
    """A new identity of the actor's taxpayer.

    Raises ValidationError `name_taken`, `unknown_function`, `function_not_held`, `code_needed`; PermissionDenied for
    who has no 管理权限.
    """
    _person, taxpayer = rights.require_manager(by, act=Kind.IDENTITY_ADDED, name=name)
    asked: dict[str, Any] = {"name": name, "description": description, "codes": codes}
    recorded = refusals_recorded(
        Kind.IDENTITY_ADDED, by=by, name=name, is_repetition=lambda: was_just_saved(None, **asked, by=by)
    )
    with recorded, transaction.atomic():
        _check_known(codes)
        _check_functions(codes, by=by)
        identity = _create(taxpayer, name, description)
        identity.grant(codes)
        audit.record(Kind.IDENTITY_ADDED, by=by, name=name, description=description, functions=sorted(codes))
    return identity


def _create(taxpayer: Taxpayer, name: str, description: str) -> Identity:
    try:
        with transaction.atomic():
            return Identity.objects.create(taxpayer=taxpayer, name=name, description=description)
    except IntegrityError as error:
        raise _name_taken() from error


def _name_taken() -> ValidationError:
    return ValidationError(_("已有同名的权限身份，请换一个名称。"), code="name_taken")


def change(identity: Identity, *, version: int, name: str, description: str, codes: Collection[str], by: Actor) -> None:
    """Change name, description and functions; whoever has it gains and loses them at his next click.

    Raises ValidationError `stale`, as `add`, and with what is said against it by who lends it (`staff.signals`).
    """
    _person, taxpayer = rights.require_manager(by, act=Kind.IDENTITY_CHANGED, name=identity.name)
    asked: dict[str, Any] = {"name": name, "description": description, "codes": codes}
    recorded = refusals_recorded(
        Kind.IDENTITY_CHANGED,
        by=by,
        name=identity.name,
        is_repetition=lambda: was_just_saved(identity, **asked, by=by),
    )
    with recorded, transaction.atomic():
        locked = _locked(identity, taxpayer, version)
        before, affected = held_by(locked), effects(locked, codes)
        _check_known(frozenset(codes) - before)
        _check_functions(before ^ frozenset(codes), by=by)
        gained, lost = sorted(set(codes) - before), sorted(before - set(codes))
        signals.identity_changing.send(Identity, identity=locked, gained=gained, lost=lost, by=by)
        locked.name, locked.description, locked.version = name, description, version + 1
        _save_named(locked)
        locked.grants.exclude(function__in=codes).delete()
        locked.grant(codes)
        was = {"name": identity.name, "description": identity.description}
        now = {"name": name, "description": description}
        audit.record_each(
            Kind.MEMBER_CHANGED,
            {each.membership.person: {"gained": sorted(each.gains), "lost": sorted(each.loses)} for each in affected},
            by=by,
            name=name,
        )
        audit.record(Kind.IDENTITY_CHANGED, by=by, before=was, after=now, name=name, gained=gained, lost=lost)


def _save_named(identity: Identity) -> None:
    try:
        with transaction.atomic():
            identity.save(update_fields=["name", "description", "version"])
    except IntegrityError as error:
        raise _name_taken() from error


def _locked(identity: Identity, taxpayer: Taxpayer, version: int) -> Identity:
    locked = Identity.objects.select_for_update(no_key=True).filter(pk=identity.pk, taxpayer=taxpayer).first()
    if locked is None or locked.version != version:
        raise rights.stale()
    return locked


def was_just_saved(
    identity: Identity | None, *, name: str, description: str, codes: Collection[str], by: Actor
) -> bool:
    """Whether the actor has within the last minute saved just this: the same form sent twice (F12).

    `identity` is None for a new one.
    """
    words: dict[str, Any] = {"name": name, "description": description}
    if identity is None:
        return audit.has_just_done(Kind.IDENTITY_ADDED, by=by, **words, functions=sorted(codes))
    done = audit.has_just_done(Kind.IDENTITY_CHANGED, by=by, after=words)
    return done and held_by(identity) == frozenset(codes)


def was_just_deleted(uid: UUID, *, by: Actor) -> bool:
    """Whether the actor has within the last minute deleted the identity of this public id: a form sent twice (F12)."""
    return audit.has_just_done(Kind.IDENTITY_DELETED, by=by, identity=str(uid))


def delete(identity: Identity, *, version: int, by: Actor) -> None:
    """Delete an identity that nobody has.

    Raises ValidationError `in_use` naming who has it, `stale`, as `add`, and with what is said against it by who lends
    it (`staff.signals`).
    """
    _person, taxpayer = rights.require_manager(by, act=Kind.IDENTITY_DELETED, name=identity.name)
    recorded = refusals_recorded(
        Kind.IDENTITY_DELETED, by=by, name=identity.name, is_repetition=lambda: was_just_deleted(identity.uid, by=by)
    )
    with recorded, transaction.atomic():
        locked = _locked(identity, taxpayer, version)
        users = users_of(locked)
        count = users.count()
        if count:
            names = _("、").join(user.person.masked_name for user in users[:10])
            text = _("不能删除：%(names)s等%(count)s人正在使用该身份，请先为他们更换身份。")
            raise ValidationError(text, code="in_use", params={"names": names, "count": count})
        codes = held_by(locked)
        if beyond(by.functions, [locked]):
            raise ValidationError(NOT_YOURS_TO_DELETE, code="function_not_held")
        signals.identity_deleting.send(Identity, identity=locked, by=by)
        try:
            locked.delete()
        except ProtectedError as error:  # lent at this very moment
            raise rights.stale() from error
        uid = str(identity.uid)  # by which the same form sent twice is known
        audit.record(Kind.IDENTITY_DELETED, by=by, name=identity.name, identity=uid, functions=sorted(codes))
