"""The officers' own door: user name and password, then a code to the officer's phone (CFG-05).

It fails in the words, and with the work, of the natural person's door; who is no officer has no password here.
"""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit, signins, sms
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.flows import Flow, Progress, Step
from accounts.models import Person
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from staff import natural
from staff.doors import START_AGAIN

FLOW = Flow("officer", (Step("bureau:login", "officer"), Step("bureau:code", "proof")))
NO_PHONE = _("您没有登记手机号码，无法发送验证码。请先在前台完成实名采集。")


def check_password(username: str, password: str, *, subject: str, by: Actor) -> Person:
    """The officer whose account this is, `username` folded. Raises as `natural.prove_password`; `no_phone` after it."""
    found = Person.objects.select_related("credential").filter(username=username, is_active=True, is_staff=True).first()
    officer = natural.prove_password(found, password, kind=Kind.OFFICER_PASSWORD, subject=subject, by=by)
    if not officer.phone:
        audit.record(Kind.SIGN_IN, by=by, target=officer, reason="no_phone")
        raise ValidationError(NO_PHONE, code="no_phone")
    return officer


def begin(request: HttpRequest, officer: Person) -> Progress:
    """The password is right: start the passage under a new session id."""
    progress = FLOW.begin(request)
    progress.establish("version", str(officer.credential.version if officer.credential else 0))
    progress.establish("officer", str(officer.uid))
    request.session.cycle_key()
    return progress


def officer_of(progress: Progress, *, by: Actor) -> Person:
    """The officer, read anew. Raises ValidationError `start_again` once he is none, or his password was changed.

    That is a sign-in refused (D28); a passage whose ten minutes are over was refused nothing.
    """
    officer = Person.objects.select_related("credential").get(uid=UUID(progress.get("officer")))
    version = officer.credential.version if officer.credential else 0
    if not (officer.is_active and officer.is_staff and officer.phone) or str(version) != progress.get("version"):
        audit.record(Kind.SIGN_IN, by=by, target=officer, reason="start_again")
        raise ValidationError(START_AGAIN, code="start_again")
    return officer


def binding_of(progress: Progress, officer: Person) -> sms.Binding:
    """What a code of this passage is good for."""
    return sms.Binding(
        person=officer, purpose=Purpose.OFFICER_SIGN_IN, taxpayer=None, login=progress.id, phone=officer.phone
    )


def send_code(progress: Progress, *, by: Actor) -> None:
    """Send a code to the officer's phone. Raises ValidationError `sms_wait` or `start_again`."""
    sms.send_code(binding_of(progress, officer_of(progress, by=by)), by=by)


def enter(request: HttpRequest, progress: Progress, code: str, *, by: Actor) -> Person:
    """Prove the officer by the code, sign him in. Raises ValidationError `sms_code`, `sms_blocked`, `start_again`."""
    officer = officer_of(progress, by=by)
    sms.check_code(binding_of(progress, officer), code, by=by)
    signins.start(
        request,
        person=officer,
        taxpayer=None,
        proof=Proof.OFFICER_SMS,
        enterprise=None,
        personal=officer.credential,
        code_at=timezone.now(),
        by=by,
    )
    return officer
