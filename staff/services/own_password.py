"""Changing one's own personal password (M73, M74, M78)."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, notices, passwords, signins, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import PASSWORD
from accounts.models import Credential, Person, Taxpayer
from accounts.models.signins import EndReason
from accounts.passwords import Setting
from accounts.refusals import refusals_recorded
from accounts.words import for_phones
from staff import natural, ordinary, recovery, standing
from staff.models import Membership
from staff.services.old_passwords import Guess, Subject, plainly, refuse_wrong
from staff.standing import Standing


def change(old: str, new: str, *, subject: Subject = plainly, by: Actor) -> Credential:
    """Change the actor's own password: the personal one of his firm (M73, M74), else his natural-person one.

    The 111111 state ends with it (M78, D10). `subject` tells what a wrong old one is counted under.

    Returns the credential, whose version has grown. Raises ValidationError `bound`, `wrong_old_password`, `locked`,
    or the code of the rule of D12 that the new one breaks; PermissionDenied for who has no password to change.
    """
    if by.person is None:
        raise PermissionDenied
    if by.taxpayer is None:
        return _change_natural(by.person, old, new, subject=subject, by=by)
    with refusals_recorded(Kind.PASSWORD_CHANGED, by=by, target=by.person):
        found, membership = _own_membership(by.person, by.taxpayer)
    credential = membership.credential
    right = passwords.check_reset_state(credential, old) or passwords.check(credential, old)
    _refuse_wrong_old(Kind.PASSWORD_CHANGED, right, subject(ordinary.personal_account(found)), by=by)
    with refusals_recorded(Kind.PASSWORD_CHANGED, by=by, target=by.person):
        hashed = _hash_valid(new, by.person, by.taxpayer, credential)
        return _store_own(Kind.PASSWORD_CHANGED, membership, credential, hashed, by=by)


def set_anew(new: str, *, by: Actor) -> Credential:
    """Another personal password for who has forgotten his, and was proven by a code a moment ago (D21).

    Legal representative and finance officer have nobody who could reset theirs (D9). He is told by SMS. Returns and
    raises as `change`, with `code_needed` for who wasn't proven, `no_password` for who has none that he could forget.
    """
    if by.person is None or by.taxpayer is None or by.sign_in is None:
        raise PermissionDenied
    if not signins.has_fresh_code(by.sign_in):
        raise ValidationError(_("请先通过短信验证码确认是您本人。"), code="code_needed")
    with refusals_recorded(Kind.PASSWORD_RECOVERED, by=by, target=by.person):
        found, membership = _own_membership(by.person, by.taxpayer)
        credential = membership.credential
        if credential is None or not credential.is_set:
            raise ValidationError(_("您在该企业尚未设置个人登录密码，或密码已被重置为111111。"), code="no_password")
        hashed = _hash_valid(new, by.person, by.taxpayer, credential)
        with transaction.atomic():
            changed = _store_own(Kind.PASSWORD_RECOVERED, membership, credential, hashed, by=by)
            throttles.release_everywhere(PASSWORD, ordinary.personal_account(found))
            text = for_phones("您在“%(firm)s”的个人登录密码已通过您的手机号码重设。")
            notices.tell(by.person, text % {"firm": by.taxpayer.name})
    return changed


def _own_membership(person: Person, taxpayer: Taxpayer) -> tuple[Standing, Membership]:
    """Where his personal password hangs. Raises ValidationError `bound`; PermissionDenied where he has none."""
    found = standing.of_person(person, taxpayer)
    if found.membership is None:
        raise PermissionDenied
    if found.membership.is_bound:
        raise ValidationError(_("您已绑定自然人账户，登录使用自然人登录密码，请先解绑。"), code="bound")
    return found, found.membership


def _hash_valid(new: str, person: Person, taxpayer: Taxpayer, old: Credential | None) -> str:
    """The hash of a new personal password. Raises ValidationError with the code of the rule of D12 that it breaks."""
    others = (taxpayer.credential, person.credential)
    passwords.validate_new(new, Setting(person=person, taxpayer=taxpayer, old=old, others=others))
    return passwords.hash_new(new)


def _refuse_wrong_old(kind: Kind, right: bool, account: str, *, by: Actor) -> None:
    hint = _("密码被重置后，旧密码为111111。") if by.taxpayer else _("忘记了请退出后用【忘记密码】找回。")
    refuse_wrong(Guess(kind, account, hint, target=by.person), right=right, by=by)


def _store_own(kind: Kind, membership: Membership, read: Credential | None, hashed: str, *, by: Actor) -> Credential:
    with transaction.atomic():
        locked = Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
        credential = Credential.objects.select_for_update(no_key=True).filter(membership_owner=locked).first()
        if credential is None or read is None or credential.version != read.version or locked.removed_at is not None:
            raise ValidationError(_("信息已变更，请刷新后重试"), code="stale")
        passwords.store(credential, hashed)
        signins.keep(by.sign_in, credential)
        ended = signins.end_all(membership.person, membership.taxpayer, EndReason.PASSWORD_CHANGED, keep=by.sign_in)
        audit.record(kind, by=by, target=by.person, sign_ins_ended=ended)
    return credential


def _change_natural(person: Person, old: str, new: str, *, subject: Subject, by: Actor) -> Credential:
    """As `change`, for the natural-person password; sign-ins of firms it proved while bound end as well (D16)."""
    credential = Credential.objects.filter(person_owner=person).first()
    if credential is None:
        raise PermissionDenied
    right = passwords.check(credential, old)
    account = subject(natural.account_word(person.get_username()))
    _refuse_wrong_old(Kind.NATURAL_PASSWORD_CHANGED, right, account, by=by)
    with refusals_recorded(Kind.NATURAL_PASSWORD_CHANGED, by=by, target=person):
        passwords.validate_new(new, Setting(person=person, old=credential, others=recovery.own_passwords(person)))
        hashed = passwords.hash_new(new)
        with transaction.atomic():
            locked = Credential.objects.select_for_update(no_key=True).get(pk=credential.pk)
            if locked.version != credential.version:
                raise ValidationError(_("信息已变更，请刷新后重试"), code="stale")
            passwords.store(locked, hashed)
            signins.keep(by.sign_in, locked)
            ended = signins.end_all(person, None, EndReason.PASSWORD_CHANGED, keep=by.sign_in)
            audit.record(Kind.NATURAL_PASSWORD_CHANGED, by=by, target=person, sign_ins_ended=ended)
    return locked
