"""Binding and unbinding one's own membership, in one's own 个人中心 (D9, M67 to M70)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models.signins import EndReason
from accounts.refusals import own_refusals_recorded
from staff.models import Membership
from staff.services import rights
from staff.services.members import picture_of


@contextmanager
def _acting(kind: Kind, membership: Membership, version: int, *, by: Actor) -> Iterator[Membership]:
    """His own membership, locked and at the version he saw; afterwards saved as the next, and recorded."""
    if by.person is None or membership.person_id != by.person.pk:
        raise PermissionDenied
    if signins.needs_code(by):
        raise ValidationError(_("请先通过短信验证码确认是您本人。"), code="code_needed")
    with own_refusals_recorded(kind, membership.taxpayer, by=by), transaction.atomic():
        locked = Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
        if locked.version != version or locked.removed_at is not None:
            raise rights.stale()
        before = picture_of(locked)
        yield locked
        locked.version += 1
        locked.save()
        ended = signins.end_all(locked.person, locked.taxpayer, EndReason.PASSWORD_CHANGED, keep=by.sign_in)
        after, firm = picture_of(locked), locked.taxpayer
        audit.record(kind, by=by, taxpayer=firm, target=locked.person, before=before, after=after, sign_ins_ended=ended)


def bind(membership: Membership, *, version: int, by: Actor) -> None:
    """My natural-person password is my personal password in this firm from now on (M67, M68).

    Raises ValidationError `no_account`, `already_bound`, `stale`, `code_needed`; PermissionDenied for anybody else's.
    """
    with _acting(Kind.MEMBER_BOUND, membership, version, by=by) as locked:
        if locked.is_bound:
            raise ValidationError(_("您已绑定自然人账户。"), code="already_bound")
        account = locked.person.credential
        if account is None or not account.is_set:
            raise ValidationError(_("您尚未注册自然人账户，请先注册。"), code="no_account")
        locked.bound_at = locked.moment()


def unbind(membership: Membership, *, version: int, by: Actor) -> None:
    """My own personal password of this firm is asked again, as it was (M70, D11).

    Raises ValidationError `not_bound`, `stale`, `code_needed`; PermissionDenied for anybody else's.
    """
    with _acting(Kind.MEMBER_UNBOUND, membership, version, by=by) as locked:
        if not locked.is_bound:
            raise ValidationError(_("您没有绑定自然人账户。"), code="not_bound")
        locked.bound_at = None
