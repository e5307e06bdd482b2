"""Starting, checking and ending sign-ins (D16)."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, UUIDField, Value
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, browsers, notices
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.composed import Composed, Given
from accounts.limits import STEP_UP_LIFE
from accounts.models import Credential, Person, SignIn, Taxpayer
from accounts.models.signins import IDLE, LONGEST, LOSSES, EndReason, Proof

SESSION_KEY = "sign_in"
BY_CODE = frozenset({Proof.ENTERPRISE_SMS, Proof.PERSON_SMS})
"""The proofs in which a code to the phone had its part."""
_BY_PHONE = (*BY_CODE, Proof.OFFICER_SMS)
_BACKEND = "accounts.backends.PersonBackend"
_SEEN_EVERY = timedelta(seconds=10)
_GIVEN, _LOST = "enterprise_passwords", "lost_capacity"
_PROOFS = ("taxpayer", "enterprise_credential", "personal_credential")
_BY_UID = Composed(
    lambda: SignIn.objects.select_related("person", "told_of", *_PROOFS).filter(uid=Given("uid", UUIDField()))
)
_PERSON, _SIGN_IN = Given("person", BigIntegerField()), Given("sign_in", BigIntegerField())
_OTHERS = Composed(
    lambda: Person.objects.filter(pk=_PERSON).values_list(
        Exists(SignIn.objects.filter(person=_PERSON).exclude(pk=_SIGN_IN)),
        Exists(_live_beside(_PERSON, _SIGN_IN)),
    )
)


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

    `enterprise` and `personal` are the passwords that proved him; when one changes, this sign-in ends. A browser that
    he has never used is told to his phone, but for his very first sign-in (SES-06).
    """
    is_known = browsers.is_known(request, browsers.person_word(person))
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
        has_others, has_live_ones = _others(sign_in)
        if has_live_ones:
            _live_beside(person.pk, sign_in.pk).update(told_of=sign_in)
        in_new_browser = has_others and not is_known
        audit.record(Kind.SIGN_IN, by=by, person=person, taxpayer=taxpayer, proof=proof, new_browser=in_new_browser)
        if in_new_browser:
            notices.tell_of_new_browser(sign_in)
    _enter(request, sign_in, {str(enterprise.pk): enterprise.version} if enterprise else {})
    return sign_in


def _live_beside(person: int | Given, sign_in: int | Given) -> QuerySet[SignIn]:
    return SignIn.objects.filter(person=person, ended_at__isnull=True).exclude(pk=sign_in)


def _others(sign_in: SignIn) -> tuple[bool, bool]:
    """Whether its owner had signed in before, and whether he is in elsewhere now: one query."""
    [(has_before, has_live)] = _OTHERS.ask(person=sign_in.person_id, sign_in=sign_in.pk)
    return bool(has_before), bool(has_live)


def door_of(sign_in: SignIn) -> str:
    """The name of the page where such a sign-in begins anew."""
    return "bureau:login" if sign_in.proof == Proof.OFFICER_SMS else "login"


def _enter(request: HttpRequest, sign_in: SignIn, given: dict[str, int]) -> None:
    """Let this browser stand for the sign-in, under a new session id; of what was before, only `given` is known."""
    request.session.clear()
    auth.login(request, sign_in.person, backend=_BACKEND)
    request.session[SESSION_KEY] = str(sign_in.uid)
    request.session[_GIVEN] = given


def switch(
    request: HttpRequest, *, taxpayer: Taxpayer | None, proof: Proof, code_at: datetime | None, by: Actor
) -> SignIn:
    """切换身份: go on in this browser for this taxpayer, or as oneself; a new session id, one entry in the record.

    Who may, and by what proof, is the caller's to judge. Raises ValidationError `stale` when the sign-in that asks
    has ended meanwhile.
    """
    previous = by.sign_in
    with transaction.atomic():
        if previous is None or not _close(previous, EndReason.SWITCHED):
            raise ValidationError(_("信息已变更，请刷新后重试"), code="stale")
        sign_in = _go_on(previous, taxpayer, proof, code_at, by=by)
        before = replace(by, taxpayer=previous.taxpayer, via=None)
        audit.record(Kind.CAPACITY_SWITCHED, by=before, taxpayer=taxpayer, proof=proof)
    _enter(request, sign_in, request.session.get(_GIVEN, {}))
    return sign_in


def fall_back(request: HttpRequest, previous: SignIn, *, by: Actor) -> bool:
    """A capacity that was switched to is lost: what proved the session still holds, so it goes on for no taxpayer.

    The next pages lead to 切换身份 until its owner has chosen one (D16): never to another capacity by itself. False,
    and nothing, where the sign-in was ended meanwhile for good.
    """
    with transaction.atomic():
        if not _close(previous, EndReason.CAPACITY_LOST) and not _lock_lost(previous):
            return False
        proof = Proof.PERSON_SMS if previous.proof in BY_CODE else Proof.PERSON_PASSWORD
        sign_in = _go_on(previous, None, proof, previous.code_at, by=by)
    _enter(request, sign_in, request.session.get(_GIVEN, {}))
    request.session[_LOST] = previous.taxpayer.name if previous.taxpayer else ""
    return True


def must_choose(request: HttpRequest) -> bool:
    """Whether the capacity of this session was lost, and its owner has not chosen another yet."""
    return _LOST in request.session


def lost_taxpayer(request: HttpRequest) -> str:
    """The name of the taxpayer for which that capacity was; empty where none was lost."""
    return str(request.session.get(_LOST, ""))


def _close(sign_in: SignIn, reason: EndReason) -> bool:
    """End the row because another goes on for it; False when it has ended already."""
    now = max(timezone.now(), sign_in.started_at)
    return bool(SignIn.objects.filter(pk=sign_in.pk, ended_at__isnull=True).update(ended_at=now, ended_because=reason))


def _lock_lost(sign_in: SignIn) -> bool:
    """Lock the row, as who ends it for good does; whether it has lost its capacity, and nothing else."""
    return _coming_back(sign_in.person).select_for_update(of=("self",), no_key=True).filter(pk=sign_in.pk).exists()


def _coming_back(person: Person) -> QuerySet[SignIn]:
    """His sign-ins that have lost the capacity they were switched to, and go on at their next click (`fall_back`).

    They count as live for whoever ends them: they have an end only as what they were.
    """
    lost = SignIn.objects.filter(person=person, origin__isnull=False, ended_because__in=LOSSES)
    newer = SignIn.objects.filter(origin=OuterRef("origin"), pk__gt=OuterRef("pk"))
    recent = lost.filter(seen_at__gt=idle_since(), started_at__gt=timezone.now() - LONGEST)
    return recent.exclude(Exists(newer))


def _go_on(previous: SignIn, taxpayer: Taxpayer | None, proof: Proof, code_at: datetime | None, *, by: Actor) -> SignIn:
    """The next row of the same session: it began when the first did, and ends with any password that proved it."""
    enterprise = taxpayer.credential if taxpayer else None
    sign_in = SignIn.objects.create(
        person=previous.person,
        taxpayer=taxpayer,
        proof=proof,
        enterprise_credential=enterprise,
        enterprise_version=enterprise.version if enterprise else 0,
        personal_credential=previous.personal_credential,
        personal_version=previous.personal_version,
        origin=previous.origin or previous,
        code_at=code_at,
        started_at=previous.started_at,
        told_of=previous.told_of,
        ip=by.ip,
        browser=by.browser,
    )
    SignIn.objects.filter(told_of=previous).update(told_of=sign_in)
    return sign_in


def note_given(request: HttpRequest, enterprise: Credential) -> None:
    """Remember, on the server, that this enterprise password was given in this session; a new session id (D32)."""
    request.session[_GIVEN] = {**request.session.get(_GIVEN, {}), str(enterprise.pk): enterprise.version}
    request.session.cycle_key()


def was_given(request: HttpRequest, enterprise: Credential | None) -> bool:
    """Whether this enterprise password, as it is now, was given in this session."""
    given = request.session.get(_GIVEN, {})
    return enterprise is not None and given.get(str(enterprise.pk)) == enterprise.version


def current(request: HttpRequest) -> SignIn | None:
    """The sign-in that this browser's session stands for, with all that is needed to judge it.

    One query, or two where its owner has switched his capacity: every page asks this, and few have switched.
    """
    uid = request.session.get(SESSION_KEY)
    if uid is None:
        return None
    sign_in = _BY_UID.first(uid=uid)
    if sign_in is not None and sign_in.origin_id is not None:
        sign_in.origin = SignIn.objects.select_related(*_PROOFS).get(pk=sign_in.origin_id)
    return sign_in


def seen(sign_in: SignIn) -> None:
    """Note that its owner is at work; idle time counts from here. Written at most every ten seconds."""
    now = timezone.now()
    if now - sign_in.seen_at >= _SEEN_EVERY:
        SignIn.objects.filter(pk=sign_in.pk, ended_at__isnull=True).update(seen_at=now)


@transaction.atomic
def end(sign_in: SignIn, reason: EndReason, *, by: Actor) -> None:
    """End one sign-in, or the one that its owner switched to; one that has ended already keeps its first reason.

    One that would come back has only lost a capacity: it ends now.
    """
    if reason != EndReason.SWITCHED:
        sign_in = _now(sign_in)
    changed = SignIn.objects.filter(pk=sign_in.pk, ended_at__isnull=True).update(
        ended_at=max(timezone.now(), sign_in.started_at), ended_because=reason
    )
    if not changed and reason not in LOSSES:
        changed = _coming_back(sign_in.person).filter(pk=sign_in.pk).update(ended_because=reason)
    if changed:
        kind = Kind.SIGN_OUT if reason == EndReason.SIGNED_OUT else Kind.SIGN_IN_ENDED
        audit.record(kind, by=by.as_signed_in, target=sign_in.person, proof=sign_in.proof, because=reason)


def _now(sign_in: SignIn) -> SignIn:
    """The row under which a sign-in goes on, where its owner has switched his capacity; else itself."""
    if sign_in.ended_because != EndReason.SWITCHED:
        return sign_in
    first = sign_in.origin_id or sign_in.pk
    later = SignIn.objects.select_related("person").filter(origin=first, ended_at__isnull=True)
    return later.first() or sign_in


def end_all(person: Person, taxpayer: Taxpayer | None, reason: EndReason, *, keep: SignIn | None = None) -> int:
    """End every live sign-in of a person for a taxpayer, but the one to keep; returns how many there were.

    Those that he has switched away from end for this reason too, and with them what rests on them (D16). Writes no
    entry of its own: the act that ends them is the entry, and says how many (LOG-01).
    """
    rows = SignIn.objects.filter(person=person, taxpayer=taxpayer)
    if keep is not None:
        rows = rows.exclude(pk__in=[row for row in (keep.pk, keep.origin_id) if row is not None])
    ended = end_these(rows.filter(ended_at__isnull=True), reason)
    switched = rows.filter(ended_because=EndReason.SWITCHED, started_at__gt=timezone.now() - LONGEST)
    switched.update(ended_because=reason)
    return ended


def end_these(live: QuerySet[SignIn], reason: EndReason) -> int:
    """End these live sign-ins; returns how many there were. As `end_all`, it writes no entry."""
    return live.update(ended_at=Greatest(Value(timezone.now()), F("started_at")), ended_because=reason)


def end_proven_by_phone(person: Person, reason: EndReason, *, keep: SignIn | None = None) -> int:
    """End every live sign-in but one that a code to his phone opened or strengthened; as `end_all`.

    His real-name phone has become another: whoever has the old one is out (OTP-10).
    """
    by_phone = Q(proof__in=_BY_PHONE) | Q(code_at__isnull=False)
    return _end_beside(person, by_phone, reason, keep=keep)


def _end_beside(person: Person, which: Q, reason: EndReason, *, keep: SignIn | None) -> int:
    """End those of his sign-ins that are live or would come back, but the one to keep; returns how many."""
    live, lost = SignIn.objects.filter(which, person=person, ended_at__isnull=True), _coming_back(person).filter(which)
    if keep is not None:
        live, lost = live.exclude(pk=keep.pk), lost.exclude(pk=keep.pk)
    ended = lost.update(ended_because=reason) + end_these(live, reason)
    # Once more: one that was being switched meanwhile goes on under a row that the first look didn't see.
    return ended + end_these(live, reason)


def listed(*, by: Actor) -> list[SignIn]:
    """The sign-ins of who acts that are live now or come back at their next click, newest first (SES-07)."""
    person = by.person
    if person is None:
        return []
    live = SignIn.objects.filter(person=person, ended_at__isnull=True, seen_at__gt=idle_since())
    lost = _coming_back(person).select_related(*_PROOFS, *(f"origin__{each}" for each in _PROOFS))
    both = [*live.select_related("taxpayer"), *(each for each in lost if each.lost_because is not None)]
    return sorted(both, key=lambda each: each.started_at, reverse=True)


@transaction.atomic
def end_others(*, by: Actor) -> int:
    """End every other sign-in of who acts, whichever firm it is for (SES-07); returns how many there were."""
    if by.person is None or by.sign_in is None:
        return 0
    ended = _end_beside(by.person, Q(), EndReason.ENDED_BY_OWNER, keep=by.sign_in)
    SignIn.objects.filter(pk=by.sign_in.pk).update(told_of=None)
    if ended:
        because = EndReason.ENDED_BY_OWNER
        own = by.as_signed_in
        audit.record(Kind.SIGN_IN_ENDED, by=own, target=by.person, because=because, sign_ins_ended=ended)
    return ended


def leave(request: HttpRequest) -> None:
    """Forget in this browser who was signed in: the server's session row goes, the visitor is nobody again."""
    request.session.flush()
    request.user = AnonymousUser()


def keep(sign_in: SignIn | None, credential: Credential) -> None:
    """Whoever changes his password himself keeps this sign-in, and what it rests on; all others end (D16).

    Called in the transaction that stores the password: a second window of his would else be out in between.
    """
    if sign_in is None:
        return
    rows = SignIn.objects.filter(Q(pk=sign_in.pk) | Q(later=sign_in))
    for name in ("enterprise", "personal"):
        rows.filter(**{f"{name}_credential": credential}).update(**{f"{name}_version": credential.version})


def renew_session(request: HttpRequest, changed: Credential) -> None:
    """The session of who has changed this password goes on under a new id (SES-02)."""
    given = request.session.get(_GIVEN, {})
    if str(changed.pk) in given:
        request.session[_GIVEN] = {**given, str(changed.pk): changed.version}
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
