"""修改企业密码 (M80 to M82)."""

from django.db import transaction
from django.utils.translation import gettext_lazy

from accounts import audit, passwords, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Credential, Taxpayer
from accounts.passwords import Setting
from accounts.refusals import refusals_recorded
from staff import enterprise
from staff.models import Membership
from staff.services import rights
from staff.services.old_passwords import Guess, Subject, plainly, refuse_wrong

_HINT = gettext_lazy("此处应输入企业登录密码，连续输错5次将锁定10分钟。")


def change(old: str, new: str, *, subject: Subject = plainly, by: Actor) -> Credential:
    """Change the enterprise password; every other sign-in that it proved ends at its next click (D16).

    `subject` tells what a wrong old one is counted under. Returns the credential, whose version has grown. Raises
    ValidationError `wrong_old_password`, `locked`, `stale`, `code_needed`, or the code of the rule of D12 that the new
    one breaks; PermissionDenied for who isn't LR or FR.
    """
    person, taxpayer = rights.require_lead(by, act=Kind.ENTERPRISE_PASSWORD_CHANGED)
    credential = Taxpayer.objects.select_related("credential").get(pk=taxpayer.pk).credential
    guess = Guess(Kind.ENTERPRISE_PASSWORD_CHANGED, subject(enterprise.account_word(taxpayer.code)), _HINT)
    refuse_wrong(guess, right=passwords.check(credential, old), by=by)
    own = Membership.objects.open().select_related("credential").filter(taxpayer=taxpayer, person=person).first()
    others = (own.credential if own else None, person.credential)
    with refusals_recorded(Kind.ENTERPRISE_PASSWORD_CHANGED, by=by):
        passwords.validate_new(new, Setting(person=person, taxpayer=taxpayer, old=credential, others=others))
        hashed = passwords.hash_new(new)
    with refusals_recorded(Kind.ENTERPRISE_PASSWORD_CHANGED, by=by), transaction.atomic():
        locked = Taxpayer.objects.select_for_update(no_key=True).get(pk=taxpayer.pk)
        current = Credential.objects.select_for_update(no_key=True).filter(taxpayer_owner=locked).first()
        if current is None or credential is None or current.version != credential.version:
            raise rights.stale()
        passwords.store(current, hashed)
        signins.keep(by.sign_in, current)
        audit.record(Kind.ENTERPRISE_PASSWORD_CHANGED, by=by)
    return current
