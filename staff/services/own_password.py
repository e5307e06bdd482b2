"""Changing one's own personal password (M73, M74, M78)."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, passwords, signins, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import PASSWORD
from accounts.models import Credential, Person
from accounts.models.signins import EndReason
from accounts.passwords import Setting
from staff import natural, ordinary, recovery, standing
from staff.models import Membership


def change(old: str, new: str, *, by: Actor) -> Credential:
    """Change the actor's own password: the personal one of his firm (M73, M74), else his natural-person one.

    The 111111 state ends with it (M78, D10).

    Returns the credential, whose version has grown. Raises ValidationError `bound`, `wrong_old_password`, `locked`,
    or the code of the rule of D12 that the new one breaks; PermissionDenied for who has no password to change.
    """
    if by.person is None:
        raise PermissionDenied
    if by.taxpayer is None:
        return _change_natural(by.person, old, new, by=by)
    found = standing.of_person(by.person, by.taxpayer)
    membership = found.membership
    if membership is None:
        raise PermissionDenied
    if membership.is_bound:
        raise ValidationError(_("您已绑定自然人账户，登录使用自然人登录密码，请先解绑。"), code="bound")
    credential = membership.credential
    right = passwords.check_reset_state(credential, old) or passwords.check(credential, old)
    _refuse_wrong_old(right, ordinary.personal_account(found), by=by)
    others = (by.taxpayer.credential, by.person.credential)
    passwords.validate_new(new, Setting(person=by.person, taxpayer=by.taxpayer, old=credential, others=others))
    return _store_own(membership, credential, passwords.hash_new(new), by=by)


def _refuse_wrong_old(right: bool, subject: str, *, by: Actor) -> None:
    """A wrong old password counts as a failed login (PW-10)."""
    with transaction.atomic():
        reason = "" if right and throttles.succeed(PASSWORD, subject) else "wrong_old_password"
        if reason:
            throttles.fail(PASSWORD, subject)
            seconds = throttles.wait(PASSWORD, subject)
            reason = "locked" if seconds else reason
            audit.record(Kind.PASSWORD_CHANGED, by=by, target=by.person, reason=reason)
    if reason == "locked":
        text = _("旧密码连续输错5次，已锁定，请在%(minutes)s分钟后再试。")
        raise ValidationError(text, code=reason, params={"minutes": -(-seconds // 60)})
    if reason:
        hint = _("密码被重置后，旧密码为111111。") if by.taxpayer else _("忘记了请退出后用【忘记密码】找回。")
        raise ValidationError(_("旧密码有误。%(hint)s"), code=reason, params={"hint": hint})


def _store_own(membership: Membership, read: Credential | None, hashed: str, *, by: Actor) -> Credential:
    with transaction.atomic():
        locked = Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
        credential = Credential.objects.select_for_update(no_key=True).filter(membership_owner=locked).first()
        if credential is None or read is None or credential.version != read.version or locked.removed_at is not None:
            raise ValidationError(_("信息已变更，请刷新后重试"), code="stale")
        passwords.store(credential, hashed)
        ended = signins.end_all(membership.person, membership.taxpayer, EndReason.PASSWORD_CHANGED, keep=by.sign_in)
        audit.record(Kind.PASSWORD_CHANGED, by=by, target=by.person, sign_ins_ended=ended)
    return credential


def _change_natural(person: Person, old: str, new: str, *, by: Actor) -> Credential:
    """As `change`, for the natural-person password; sign-ins of firms it proved while bound end as well (D16)."""
    credential = Credential.objects.filter(person_owner=person).first()
    if credential is None:
        raise PermissionDenied
    right = passwords.check(credential, old)
    _refuse_wrong_old(right, natural.account_word(person.get_username()), by=by)
    passwords.validate_new(new, Setting(person=person, old=credential, others=recovery.own_passwords(person)))
    hashed = passwords.hash_new(new)
    with transaction.atomic():
        locked = Credential.objects.select_for_update(no_key=True).get(pk=credential.pk)
        if locked.version != credential.version:
            raise ValidationError(_("信息已变更，请刷新后重试"), code="stale")
        passwords.store(locked, hashed)
        ended = signins.end_all(person, None, EndReason.PASSWORD_CHANGED, keep=by.sign_in)
        audit.record(Kind.NATURAL_PASSWORD_CHANGED, by=by, target=person, sign_ins_ended=ended)
    return locked
