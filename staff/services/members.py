"""Acts of 企业人员维护 on a clerk: remove, freeze, unfreeze, bind, unbind, reset, change rights, end sign-ins.

Legal representative and finance officer only, never on themselves or each other (D8, D9). Every act asks for the
version of the membership that its page showed; a newer one means that somebody was quicker (STF-03).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, notices, passwords, signins, throttles
from accounts.actor import Actor
from accounts.audit import Kind, Result
from accounts.limits import PASSWORD
from accounts.models import AuditEntry
from accounts.models.signins import EndReason
from accounts.refusals import refusals_recorded
from accounts.words import for_phones
from realname.models import LEADS, Post
from staff import functions, ordinary, signals, standing
from staff.models import Grant, Identity, Membership
from staff.services import rights
from staff.standing import NOT_COLLECTED, NOT_LINKED


def picture_of(membership: Membership) -> dict[str, Any]:
    """What the record keeps of a membership before and after an act."""
    names = ("frozen_at", "frozen_until", "bound_at", "valid_until", "removed_at")
    dates = {name: getattr(membership, name) for name in names}
    return {
        **{name: value.astimezone(UTC).isoformat() if value else None for name, value in dates.items()},
        "identities": sorted(membership.identities.values_list("name", flat=True)),
        "is_manager": membership.is_manager,
    }


@contextmanager
def _acting(
    kind: Kind, membership: Membership, version: int, *, by: Actor, **asked: Any
) -> Iterator[tuple[Membership, dict[str, Any]]]:
    """The membership, locked and at the version the actor saw, and what its entry will say besides.

    `asked` are the act's own arguments, by which the same form sent twice is known. Afterwards it is saved as the next
    version, and recorded.
    """
    target = membership.person if membership.person_id is not None else None  # a caller may know the key alone
    _person, taxpayer = rights.require_lead(by, act=kind, target=target)
    details: dict[str, Any] = {"reason_given": asked["reason"]} if "reason" in asked else {}

    def is_repetition() -> bool:
        return target is not None and has_just_done(kind, membership, by=by, **asked)

    recorded = refusals_recorded(kind, by=by, target=target, is_repetition=is_repetition)
    with recorded, transaction.atomic():
        locked = Membership.objects.select_for_update(no_key=True).get(pk=membership.pk, taxpayer=taxpayer)
        if locked.version != version or locked.removed_at is not None:
            raise rights.stale()
        obstacle = obstacle_to(kind, locked, by=by)
        if obstacle is not None:
            raise obstacle
        before = picture_of(locked)
        yield locked, details
        locked.version += 1
        locked.save()
        audit.record(kind, by=by, target=locked.person, before=before, after=picture_of(locked), **details)


def has_just_done(kind: Kind, membership: Membership, *, by: Actor, **asked: Any) -> bool:
    """Whether the last that was done to this member was this act, by the same person, within the last minute.

    With what was `asked` of the act as well (its own arguments): whether he stands as they say. A form that asks for
    something else is no second sending of the same.
    """
    done = AuditEntry.objects.filter(taxpayer=membership.taxpayer, target=membership.person, result=Result.DONE)
    last = done.order_by("-seq").first()
    if last is None or last.kind != kind or last.person != by.person or timezone.now() - last.at >= audit.TWICE:
        return False
    return _stands_as(asked, Membership.objects.get(pk=membership.pk), last)


def _stands_as(asked: dict[str, Any], membership: Membership, last: AuditEntry) -> bool:
    if "identities" in asked:
        asked = {**asked, "identities": {identity.pk for identity in asked["identities"]}}
    stands = {
        "until": membership.frozen_until,
        "reason": last.details.get("reason_given"),
        "identities": set(membership.identities.values_list("pk", flat=True)),
        "is_manager": membership.is_manager,
        "valid_until": membership.valid_until,
    }
    return all(stands[name] == value for name, value in asked.items())


def obstacle_to(kind: Kind, membership: Membership, *, by: Actor) -> ValidationError | None:
    """Why this act would be refused as the membership stands now, whoever is LR or FR and asks for it; None if not.

    Codes: `self`, `not_clerk`, and what the act itself names. The page asks before it offers the act; the act asks
    again, with the row locked.
    """
    if by.person is not None and membership.person_id == by.person.pk:
        return ValidationError(_("不能对本人进行此操作。"), code="self")
    posts = Post.objects.open().filter(taxpayer=membership.taxpayer, person=membership.person, position__in=LEADS)
    if posts.exists():
        text = _("法定代表人（业主）和财务负责人通过变更税务登记维护，不能在这里操作。")
        return ValidationError(text, code="not_clerk")
    own = _OWN_OBSTACLES.get(kind)
    return own(membership) if own else None


def _why_not_freeze(membership: Membership) -> ValidationError | None:
    return ValidationError(_("该办税人员已经冻结。"), code="already_frozen") if membership.is_frozen else None


def _why_not_unfreeze(membership: Membership) -> ValidationError | None:
    return None if membership.is_frozen else ValidationError(_("该办税人员没有冻结。"), code="not_frozen")


def _why_not_bind(membership: Membership) -> ValidationError | None:
    if membership.is_bound:
        return ValidationError(_("该办税员已绑定自然人账户。"), code="already_bound")
    account = membership.person.credential
    if account is None or not account.is_set:
        return ValidationError(_("该办税员尚未注册自然人账户"), code="no_account")
    return None


def _why_not_unbind(membership: Membership) -> ValidationError | None:
    return None if membership.is_bound else ValidationError(_("该办税员没有绑定自然人账户。"), code="not_bound")


def _why_not_reset(membership: Membership) -> ValidationError | None:
    text = _("该办税员已绑定自然人账户，请先解绑")
    return ValidationError(text, code="bound") if membership.is_bound else None


def _why_no_rights(membership: Membership) -> ValidationError | None:
    """Who isn't collected or linked can't be given identities (M93)."""
    problem = standing.of_person(membership.person, membership.taxpayer).problem
    if problem not in (NOT_COLLECTED, NOT_LINKED):
        return None
    text = _("%(problem)s，无法维护其人员身份。%(next_step)s")
    params = {"problem": problem.text, "next_step": problem.next_step}
    return ValidationError(text, code=problem.code, params=params)


_OWN_OBSTACLES: dict[Kind, Callable[[Membership], ValidationError | None]] = {
    Kind.MEMBER_FROZEN: _why_not_freeze,
    Kind.MEMBER_UNFROZEN: _why_not_unfreeze,
    Kind.MEMBER_BOUND: _why_not_bind,
    Kind.MEMBER_UNBOUND: _why_not_unbind,
    Kind.PASSWORD_RESET: _why_not_reset,
    Kind.MEMBER_CHANGED: _why_no_rights,
}
"""What in the membership's own state keeps each act from being done."""


def remove(membership: Membership, *, version: int, by: Actor) -> None:
    """删除: his identities and rights are gone at once; the history stays (M55 to M59). He is told by SMS.

    Raises ValidationError `stale`, `self`, `not_clerk`, `code_needed`; PermissionDenied for who isn't LR or FR.
    """
    with _acting(Kind.MEMBER_REMOVED, membership, version, by=by) as (locked, entry):
        locked.identities.clear()
        locked.is_manager = False
        locked.removed_at = locked.moment()
        entry["sign_ins_ended"] = _end_sign_ins(
            locked, EndReason.REMOVED
        )  # or they would live again when he is added again
        signals.membership_ended.send(Membership, membership=locked, by=by)
        _tell(locked, for_phones("您已不再是%(firm)s的办税人员。"))


def freeze(membership: Membership, *, version: int, until: datetime | None = None, reason: str = "", by: Actor) -> None:
    """冻结, with a reason and, if wanted, until a time when it lifts itself (M60 to M63). He is told by SMS.

    Raises ValidationError `already_frozen`, `until_in_the_past`, and as `remove`.
    """
    with _acting(Kind.MEMBER_FROZEN, membership, version, by=by, until=until, reason=reason) as (locked, _entry):
        now = locked.moment()
        if until is not None and until <= now:
            raise ValidationError(_("解冻时间应晚于现在。"), code="until_in_the_past")
        locked.frozen_at, locked.frozen_until = now, until
        if until is None:
            _tell(locked, for_phones("您在%(firm)s的办税身份已被冻结。"))
        else:
            _tell(locked, for_phones("您在%(firm)s的办税身份已被冻结，%(until)s自动解冻。"), until=_day(until))


def unfreeze(membership: Membership, *, version: int, by: Actor) -> None:
    """解冻: he may act again (M64). Raises ValidationError `not_frozen`, and as `remove`."""
    with _acting(Kind.MEMBER_UNFROZEN, membership, version, by=by) as (locked, _entry):
        locked.frozen_at = locked.frozen_until = None
        _tell(locked, for_phones("您在%(firm)s的办税身份已解冻。"))


def bind(membership: Membership, *, version: int, by: Actor) -> None:
    """绑定: his natural-person password is his personal password from now on (M67, M68). He is told by SMS.

    Raises ValidationError `no_account`, `already_bound`, and as `remove`.
    """
    with _acting(Kind.MEMBER_BOUND, membership, version, by=by) as (locked, entry):
        locked.bound_at = locked.moment()
        entry["sign_ins_ended"] = _end_sign_ins(locked, EndReason.PASSWORD_CHANGED)
        _tell(locked, for_phones("您在%(firm)s的个人登录密码已绑定为您的自然人登录密码。"))


def unbind(membership: Membership, *, version: int, by: Actor) -> None:
    """解绑: his own personal password is asked again, as it was (M70, D11). He is told by SMS.

    Raises ValidationError `not_bound`, and as `remove`.
    """
    with _acting(Kind.MEMBER_UNBOUND, membership, version, by=by) as (locked, entry):
        locked.bound_at = None
        entry["sign_ins_ended"] = _end_sign_ins(locked, EndReason.PASSWORD_CHANGED)
        _tell(locked, for_phones("您在%(firm)s的登录已与自然人登录密码解绑，请使用原个人登录密码。"))


def reset_password(membership: Membership, *, version: int, by: Actor) -> None:
    """重置密码: opens the 111111 state for 24 hours, ends his sign-ins and tells him (M75, M76, D10).

    Raises ValidationError `bound`, and as `remove`.
    """
    with _acting(Kind.PASSWORD_RESET, membership, version, by=by) as (locked, entry):
        locked.credential = passwords.reset(locked.credential)
        # Whoever locked himself out by wrong tries needs the way in that this opens (M100).
        account = ordinary.personal_account(standing.of_person(locked.person, locked.taxpayer))
        throttles.release_everywhere(PASSWORD, account)
        entry["sign_ins_ended"] = _end_sign_ins(locked, EndReason.PASSWORD_RESET)
        _tell(locked, for_phones("您在%(firm)s的个人登录密码已被重置，请在24小时内登录并修改。"))


def change_rights(
    membership: Membership,
    *,
    version: int,
    identities: Collection[Identity],
    is_manager: bool,
    valid_until: datetime | None = None,
    by: Actor,
) -> None:
    """Give him these identities instead of those he has, 管理权限 or not, and a last day or none (M31, D7, D8).

    Raises ValidationError `foreign_identity`, `until_in_the_past`, `not_collected`, `not_linked`, and as `remove`.
    """
    asked = {"identities": identities, "is_manager": is_manager, "valid_until": valid_until}
    with _acting(Kind.MEMBER_CHANGED, membership, version, by=by, **asked) as (locked, _entry):
        if any(identity.taxpayer_id != locked.taxpayer_id for identity in identities):
            raise ValidationError(_("请从列表中选择权限身份。"), code="foreign_identity")
        if valid_until is not None and valid_until <= locked.moment():
            raise ValidationError(_("有效期应晚于现在。"), code="until_in_the_past")
        chosen = list(Identity.objects.select_for_update(no_key=True).filter(pk__in=[each.pk for each in identities]))
        if len(chosen) != len(set(identities)):  # one was deleted meanwhile
            raise rights.stale()
        locked.identities.set(chosen)
        locked.is_manager, locked.valid_until = is_manager, valid_until


def effects_of(membership: Membership, identities: Collection[Identity]) -> tuple[frozenset[str], frozenset[str]]:
    """The functions that the member would gain and lose with these identities instead of his own (D7)."""
    held, wanted = _carried(membership.identities.all()), _carried(identities)
    return wanted - held, held - wanted


def _carried(identities: Iterable[Identity]) -> frozenset[str]:
    codes = Grant.objects.filter(identity__in=list(identities)).values_list("function", flat=True)
    return functions.ALL.intersection(codes)


def end_sign_ins(membership: Membership, *, version: int, by: Actor) -> int:
    """End whatever sign-ins he has for this firm; returns how many there were (SES-07). Raises as `remove`."""
    with _acting(Kind.SIGN_IN_ENDED, membership, version, by=by) as (locked, entry):
        entry["sign_ins_ended"] = ended = _end_sign_ins(locked, EndReason.ENDED_BY_LEAD)
    return ended


def _end_sign_ins(membership: Membership, reason: EndReason) -> int:
    return signins.end_all(membership.person, membership.taxpayer, reason)


def _tell(membership: Membership, text: str, **more: str) -> None:
    notices.tell(membership.person, text % {"firm": f"“{membership.taxpayer.name}”", **more})


def _day(moment: datetime) -> str:
    """A day as messages to phones write it."""
    day = timezone.localdate(moment)
    return for_phones("%(year)s年%(month)s月%(day)s日") % {"year": day.year, "month": day.month, "day": day.day}


_HIDES_ALL = (standing.NOT_IN_REGISTER, standing.MISUSED)
_HIDES_PHONE = (standing.NOT_COLLECTED, standing.NOT_LINKED)


def show_number(membership: Membership, which: str, *, by: Actor) -> str:
    """His full id number or phone, for LR and FR, with an entry in the record (D27, AUZ-08).

    `which` is "id_number" or "phone"; anything else raises LookupError. Raises ValidationError `removed` for who is
    no member any more: what he has since changed is no business of the firm. So too, with the problem's code, for whom
    the register doesn't name or who has said that the firm uses his name (D35); and the phone of who isn't collected
    and linked (M93).
    """
    _person, taxpayer = rights.require_lead(by, act=Kind.NUMBER_SHOWN, target=membership.person, which=which)
    current = Membership.objects.select_related("person").get(pk=membership.pk, taxpayer=taxpayer)
    person = current.person
    if current.removed_at is not None:
        audit.record(Kind.NUMBER_SHOWN, by=by, target=person, reason="removed", which=which)
        raise ValidationError(_("该人员已不是本企业的办税人员，不能查看其完整号码。"), code="removed")
    number = {"id_number": person.id_number, "phone": person.phone}[which]
    problem = standing.of_person(person, taxpayer).problem
    if problem in _HIDES_ALL or (problem in _HIDES_PHONE and which == "phone"):
        audit.record(Kind.NUMBER_SHOWN, by=by, target=person, reason=problem.code, which=which)
        text = _("%(problem)s，不能查看其完整号码。") % {"problem": problem.text}
        raise ValidationError(text, code=problem.code)
    audit.record(Kind.NUMBER_SHOWN, by=by, target=person, which=which)
    return number
