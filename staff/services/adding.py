"""添加办税人员: finding somebody who may be added, and adding him (M27 to M31, M87, D19)."""

from collections.abc import Collection
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import audit, notices, numbers, passwords, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import FLOW_LIFE, SEARCHES
from accounts.models import Credential, Person, Taxpayer
from accounts.passwords import Setting
from accounts.refusals import refusals_recorded
from accounts.words import for_phones
from realname.models import Position
from staff import standing
from staff.models import Identity, Membership, beyond
from staff.services import rights
from staff.services.members import has_just_done
from staff.standing import NOT_ADDED, Standing

_SALT = "candidate"


def find(*, name: str, id_type: str, id_number: str, by: Actor) -> Standing:
    """The one person with this name and document who is registered as clerk here, collected and linked (D19).

    Raises ValidationError `candidate_not_found` for everybody else, whatever is missing; `already_added`, whose
    params name the `member`;
    `searches` after ten an hour; `frozen` or `expired` as `_kept_out` says; PermissionDenied for who has no 管理权限.
    """
    person, taxpayer = rights.require_manager(by, act=Kind.MEMBER_SEARCHED)
    obstacle = throttles.take((SEARCHES, f"{taxpayer.uid}:{person.uid}"))
    known = None if obstacle else _look_up(name, id_type, id_number, taxpayer)
    is_member = known is not None and known.membership is not None and bool(known.posts)
    found = known if known is not None and _may_be_added(known) else None
    kept_out = _kept_out(found, by=by) if found is not None else None
    reason = "searches" if obstacle else "already_added" if is_member else "" if found else "candidate_not_found"
    reason = str(kept_out.code) if kept_out is not None else reason
    masked = numbers.mask_id_number(numbers.fold(id_number))
    target = found.person if found else None
    audit.record(Kind.MEMBER_SEARCHED, by=by, target=target, reason=reason, id_number=masked)
    if obstacle:
        minutes = -(-obstacle[1] // 60)
        text = _("查询次数过多，请在%(minutes)s分钟后再试。")
        raise ValidationError(text, code="searches", params={"minutes": minutes})
    if is_member:
        member = known.membership.uid if known and known.membership else None
        text = _("该人员已是本企业的办税人员。")
        raise ValidationError(text, code="already_added", params={"member": member})
    if found is None:
        raise ValidationError(_("未查询到该人员信息"), code="candidate_not_found")
    if kept_out is not None:
        raise kept_out
    return found


def _kept_out(found: Standing, *, by: Actor) -> ValidationError | None:
    """Why only a lead may add him again: he was frozen, or his last day was over, when he ceased to be a member.

    Else whoever has 管理权限 could lift what only legal representative and finance officer may lift (D8, M65).
    """
    if by.is_lead:
        return None
    former = Membership.objects.filter(taxpayer=found.taxpayer, person=found.person, removed_at__isnull=False)
    last = former.order_by("-removed_at").first()
    if last is None or not (last.is_frozen or last.is_expired):
        return None
    text = _("该人员此前已被冻结或权限已到期，只能由法定代表人（业主）或财务负责人重新添加。")
    return ValidationError(text, code="frozen" if last.is_frozen else "expired")


def _may_be_added(found: Standing) -> bool:
    return found.position == Position.CLERK and found.problem is NOT_ADDED


def _look_up(name: str, id_type: str, id_number: str, taxpayer: Taxpayer) -> Standing | None:
    person = Person.objects.by_id_number(id_type, id_number).filter(name=name).first()
    if person is None:
        return None
    return standing.of_person(person, taxpayer)


def token_for(found: Standing, *, by: Actor) -> str:
    """A signed word that carries the person found over to the next page, for this actor and ten minutes."""
    uids = [found.person.uid, found.taxpayer.uid, by.person.uid if by.person else ""]
    return signing.dumps([str(uid) for uid in uids], salt=_SALT)


def candidate(token: str, *, by: Actor) -> Standing:
    """The person a token stands for.

    Raises ValidationError `search_again` when it is old or somebody else's, or when he may no longer be added;
    `just_added` where this very actor has added him within the last minute.
    """
    person, taxpayer = rights.require_manager(by, act=Kind.MEMBER_ADDED)
    again = ValidationError(_("查询结果已失效，请重新搜索。"), code="search_again")
    try:
        uid, firm, asker = signing.loads(token, salt=_SALT, max_age=FLOW_LIFE)
    except (signing.BadSignature, ValueError) as error:
        raise again from error
    if (firm, asker) != (str(taxpayer.uid), str(person.uid)):
        raise again
    found = standing.of_uid(uid, taxpayer.uid)
    if found is not None and found.membership is not None and has_just_done(Kind.MEMBER_ADDED, found.membership, by=by):
        raise ValidationError(_("该人员刚刚已添加。"), code="just_added")
    if found is None or found.problem is not NOT_ADDED:
        raise again
    return found


def was_just_added(found: Standing, *, by: Actor) -> bool:
    """Whether he, who wasn't a member when he was found, has since been added by this very actor."""
    now = standing.of_person(found.person, found.taxpayer)
    return now.membership is not None and has_just_done(Kind.MEMBER_ADDED, now.membership, by=by)


def add(found: Standing, *, password: str, identities: Collection[Identity], is_manager: bool, by: Actor) -> Membership:
    """Add the person as clerk with a first personal password, identities and 管理权限 (M31). He is told by SMS.

    Raises ValidationError `no_identity`, `foreign_identity`, `function_not_held`, `only_leads_give_management`,
    `already_added`, as `_kept_out`, or the code of the rule of D12 that the password breaks.
    """
    _person, taxpayer = rights.require_manager(by, act=Kind.MEMBER_ADDED, target=found.person)
    given: dict[str, Any] = {"identities": sorted(identity.name for identity in identities), "is_manager": is_manager}

    def is_repetition() -> bool:
        return audit.has_just_done(Kind.MEMBER_ADDED, by=by, **given) and was_just_added(found, by=by)

    with refusals_recorded(Kind.MEMBER_ADDED, by=by, target=found.person, is_repetition=is_repetition):
        return _add(found, taxpayer, password, identities, is_manager, by=by)


def _add(
    found: Standing, taxpayer: Taxpayer, password: str, identities: Collection[Identity], is_manager: bool, *, by: Actor
) -> Membership:
    kept_out = _kept_out(found, by=by)
    if kept_out is not None:
        raise kept_out
    _check_identities(identities, taxpayer, by=by)
    if is_manager and not by.is_lead:
        text = _("只有法定代表人（业主）和财务负责人可以授予管理权限。")
        raise ValidationError(text, code="only_leads_give_management")
    # The clerk's own other passwords are never compared: the answer would tell them to whoever adds him (D12).
    passwords.validate_new(password, Setting(person=found.person, taxpayer=taxpayer, others=(taxpayer.credential,)))
    hashed = passwords.hash_new(password)
    with transaction.atomic():
        chosen = list(Identity.objects.select_for_update(no_key=True).filter(pk__in=[each.pk for each in identities]))
        if len(chosen) != len(set(identities)):  # one was deleted meanwhile
            raise rights.stale()
        membership = _create(found, is_manager, passwords.store(None, hashed))
        membership.identities.set(chosen)
        names = sorted(identity.name for identity in identities)
        audit.record(Kind.MEMBER_ADDED, by=by, target=found.person, identities=names, is_manager=is_manager)
        text = for_phones("您已被添加为%(firm)s的办税人员。") % {"firm": f"“{taxpayer.name}”"}
        notices.tell(found.person, text)
    return membership


def _check_identities(identities: Collection[Identity], taxpayer: Taxpayer, *, by: Actor) -> None:
    if not identities:
        raise ValidationError(_("请至少勾选一个权限身份。"), code="no_identity")
    if any(identity.taxpayer_id != taxpayer.pk for identity in identities):
        raise ValidationError(_("请从列表中选择权限身份。"), code="foreign_identity")
    closed = beyond(by.functions, identities)
    if closed:
        text = _(
            "您只能授予您本人拥有的功能，不能授予%(names)s。请改选其他权限身份，或由法定代表人（业主）、财务负责人添加该人员。"
        )
        names = "、".join(f"“{identity.name}”" for identity in closed)
        raise ValidationError(text, code="function_not_held", params={"names": names})


def _create(found: Standing, is_manager: bool, credential: Credential) -> Membership:
    try:
        with transaction.atomic():
            return Membership.objects.create(
                taxpayer=found.taxpayer, person=found.person, is_manager=is_manager, credential=credential
            )
    except IntegrityError as error:
        raise ValidationError(_("该人员已是本企业的办税人员。"), code="already_added") from error
