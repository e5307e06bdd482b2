"""Starting, checking and ending sign-ins (D16)."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import STEP_UP_LIFE
from accounts.models import Credential, Person, SignIn, Taxpayer
from accounts.models.signins import IDLE, EndReason, Proof

SESSION_KEY = "sign_in"
_BACKEND = "accounts.backends.PersonBackend"
_SEEN_EVERY = timedelta(seconds=10)


def start(
    request: HttpRequest,
    *,
    person: Person,
    taxpayer: Taxpayer | None,
    proof: Proof,
    enterprise: Credential | None,
    personal: Credential | None,
    code_at: datetime | None,
    by: Actor,
) -> SignIn:
    """Sign the person in, in this browser: a new session id, one entry in the record, and his other sign-ins are told.

    `enterprise` and `personal` are the passwords that proved him; when one changes, this sign-in ends.
    """
    with transaction.atomic():
        previous = current(request)
        if previous is not None:
            end(previous, EndReason.REPLACED, by=replace(by, person=previous.person, taxpayer=previous.taxpayer))
        sign_in = SignIn.objects.create(
            person=person,
            taxpayer=taxpayer,
            proof=proof,
            enterprise_credential=enterprise,
            enterprise_version=enterprise.version if enterprise else 0,
            personal_credential=personal,
            personal_version=personal.version if personal else 0,
            code_at=code_at,
            ip=by.ip,
            browser=by.browser,
        )
        others = SignIn.objects.filter(person=person, ended_at__isnull=True).exclude(pk=sign_in.pk)
        others.update(told_of=sign_in)
        audit.record(Kind.SIGN_IN, by=by, person=person, taxpayer=taxpayer, proof=proof)
    request.session.clear()
    auth.login(request, person, backend=_BACKEND)  # under a new session id: nothing from before is known any more
    request.session[SESSION_KEY] = str(sign_in.uid)
    return sign_in


def door_of(sign_in: SignIn) -> str:
    """The name of the page where such a sign-in begins anew."""
    return "bureau:login" if sign_in.proof == Proof.OFFICER_SMS else "login"


def current(request: HttpRequest) -> SignIn | None:
    """The sign-in that this browser's session stands for, with all that is needed to judge it, in one query."""
    uid = request.session.get(SESSION_KEY)
    if uid is None:
        return None
    related = ("person", "taxpayer", "enterprise_credential", "personal_credential", "told_of")
    return SignIn.objects.select_related(*related).filter(uid=uid).first()


def seen(sign_in: SignIn) -> None:
    """Note that its owner is at work; idle time counts from here. Written at most every ten seconds."""
    now = timezone.now()
    if now - sign_in.seen_at >= _SEEN_EVERY:
        SignIn.objects.filter(pk=sign_in.pk, ended_at__isnull=True).update(seen_at=now)


def end(sign_in: SignIn, reason: EndReason, *, by: Actor) -> None:
    """End one sign-in. One that has ended already keeps its first reason."""
    changed = SignIn.objects.filter(pk=sign_in.pk, ended_at__isnull=True).update(
        ended_at=max(timezone.now(), sign_in.started_at), ended_because=reason
    )
    if changed:
        kind = Kind.SIGN_OUT if reason == EndReason.SIGNED_OUT else Kind.SIGN_IN_ENDED
        audit.record(kind, by=by, target=sign_in.person, proof=sign_in.proof, because=reason)


def end_all(person: Person, taxpayer: Taxpayer | None, reason: EndReason, *, keep: SignIn | None = None) -> int:
    """End every live sign-in of a person for a taxpayer, but the one to keep; returns how many there were.

    Writes no entry of its own: the act that ends them is the entry, and says how many (LOG-01).
    """
    live = SignIn.objects.filter(person=person, taxpayer=taxpayer, ended_at__isnull=True)
    if keep is not None:
        live = live.exclude(pk=keep.pk)
    return live.update(ended_at=Greatest(Value(timezone.now()), F("started_at")), ended_because=reason)


def leave(request: HttpRequest) -> None:
    """Forget in this browser who was signed in: the server's session row goes, the visitor is nobody again."""
    request.session.flush()
    request.user = AnonymousUser()


def keep_after_password_change(request: HttpRequest, sign_in: SignIn, credential: Credential) -> None:
    """Whoever changes his password himself keeps this sign-in, under a new session id; all others end (D16)."""
    for name in ("enterprise", "personal"):
        if getattr(sign_in, f"{name}_credential_id") == credential.pk:
            SignIn.objects.filter(pk=sign_in.pk).update(**{f"{name}_version": credential.version})
    request.session.cycle_key()


def step_up(request: HttpRequest, sign_in: SignIn) -> None:
    """Note that a code to the phone has just proven him again; a new session id (D15, SES-02)."""
    SignIn.objects.filter(pk=sign_in.pk).update(code_at=timezone.now())
    request.session.cycle_key()


def has_fresh_code(sign_in: SignIn) -> bool:
    """Whether a code to the phone proved him within the last five minutes (D15)."""
    return sign_in.code_at is not None and timezone.now() - sign_in.code_at < STEP_UP_LIFE


def needs_code(actor: Actor) -> bool:
    """Whether staff acts and password changes ask for a code first: weaker proofs, the 111111 state (D10, D15)."""
    if actor.sign_in is None:
        return True
    weak = actor.sign_in.proof != Proof.ENTERPRISE_SMS
    return (weak or actor.holds_reset) and not has_fresh_code(actor.sign_in)


def idle_since() -> datetime:
    """A sign-in not seen since this time is over, though nobody has ended it yet."""
    return timezone.now() - IDLE


def forget_told_of(newer: SignIn) -> None:
    """Stop telling anybody of this sign-in: its owner has seen it, or it has ended."""
    SignIn.objects.filter(told_of=newer).update(told_of=None)
