"""实名采集: sent in by the person himself or taken at the counter, decided by an officer (M7, M83 to M87, D26).

Only an approval makes a collection a real-name record, and the phone that was proven the person's own. What a visitor
sees never depends on whether the bureau knows the person he says he is.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, notices, numbers, officers, signins, sms
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person
from accounts.models.signins import EndReason
from accounts.words import for_phones
from realname import photos, verifiers
from realname.models import Collection, CollectionMethod, Outcome, Photo, PhotoKind, RealNameRecord, Way

CONSENT_VERSION = "2026-11"
"""The text that is agreed to now: `realname/consents/<version>.html`; earlier ones stay there to be read."""
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonData:
    """Who somebody is by his identity document; the number is folded."""

    name: str
    id_type: str
    id_number: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The name that the bureau has for this document, where the one collected is another: the officer looks (M16)."""

    known: str
    collected: str


# --- The person himself ----------------------------------------------------------------------------------------------


def begin(data: PersonData, phone: str, *, way: Way, former: PersonData | None = None) -> Collection:
    """A new collection, once the phone is proven. `former` is the document that the new one takes the place of."""
    return Collection.objects.create(
        way=way,
        name=data.name,
        id_type=data.id_type,
        id_number=data.id_number,
        former_id_type=former.id_type if former else "",
        former_id_number=former.id_number if former else "",
        phone=phone,
    )


def consent(collection: Collection, version: str, *, by: Actor) -> None:
    """Write down that he agrees to his picture and document being collected, to which text and when (FIL-06).

    Raises ValidationError `consent_changed` when another text is in force by now.
    """
    if version != CONSENT_VERSION:
        raise ValidationError(_("同意书已更新，请重新阅读后再同意。"), code="consent_changed")
    with transaction.atomic():
        locked = _unfinished(collection)
        locked.consent_version, locked.consented_at = version, max(timezone.now(), locked.begun_at)
        locked.save(update_fields=["consent_version", "consented_at"])
        audit.record(Kind.CONSENT_GIVEN, by=by, target=known_person(locked), version=version)


def fill_in(collection: Collection, valid_until: date | None) -> None:
    """Write down until when the document is valid; None for one without end. Raises ValidationError `card_expired`."""
    if valid_until is not None and valid_until < timezone.localdate():
        raise ValidationError(_("该证件已过有效期，请换领新证件后再采集。"), code="card_expired")
    with transaction.atomic():
        locked = _unfinished(collection)
        locked.valid_until = valid_until
        locked.save(update_fields=["valid_until"])


def submit(collection: Collection, *, by: Actor) -> Collection:
    """Send the collection in: a configured verifier judges it at once, else an officer will (D26).

    Raises ValidationError `no_consent`, `photos_missing`, `already_open`, or the verifier's own code with
    `params["retake"]`, the kind of the picture to be taken anew.
    """
    verdict = verifiers.configured().judge(_complete(collection))
    if verdict.refuses:
        raise ValidationError(verdict.text, code=verdict.code, params={"retake": verdict.retake})
    try:
        with transaction.atomic():
            locked = _unfinished(collection)
            locked.submitted_at = max(timezone.now(), locked.consented_at or timezone.now())
            locked.finding = str(verdict.text)
            locked.save(update_fields=["submitted_at", "finding"])
            audit.record(Kind.COLLECTION_SUBMITTED, by=by, target=known_person(locked), way=locked.way)
            if verdict.passes and not needs_officer(locked):
                _become_record(locked, decided_by=None, by=by)
            else:
                _warn_of(locked)
    except IntegrityError as error:
        text = _("该证件已有一份采集正在审核，请等待短信通知；如非您本人提交，请到税务机关前台办理。")
        raise ValidationError(text, code="already_open") from error
    return locked


def _warn_of(collection: Collection) -> None:
    """Tell the phone that the bureau has for this document, so that nobody takes another's place unnoticed (OTP-10)."""
    known = known_person(collection)
    if known is not None and numbers.fold(known.phone) != collection.phone:
        text = for_phones("有人用手机号%(phone)s为您的身份证件提交了实名采集，审核通过后您的实名手机号将变更。")
        notices.tell(known, text % {"phone": collection.masked_phone})


def _complete(collection: Collection) -> Collection:
    if collection.consented_at is None:
        raise ValidationError(_("请先阅读并同意采集实名信息。"), code="no_consent")
    if set(collection.photos.kept().values_list("kind", flat=True)) != set(PhotoKind.values):
        raise ValidationError(_("照片不齐全，请补齐证件两面和脸部照片。"), code="photos_missing")
    return collection


def _unfinished(collection: Collection) -> Collection:
    """The collection, locked. Raises ValidationError `not_open` once it was sent in, or is gone."""
    locked = Collection.objects.unfinished().select_for_update(no_key=True).filter(pk=collection.pk).first()
    if locked is None:
        raise ValidationError(_("该采集已经提交或已失效，请重新开始。"), code="not_open")
    return locked


def sent_in(data: PersonData, phone: str) -> Collection | None:
    """The newest collection sent in for this document from this phone, for who has just proven the phone."""
    sent = Collection.objects.by_document(data.id_type, data.id_number).by_phone(phone)
    return sent.filter(submitted_at__isnull=False).order_by("-submitted_at", "-pk").first()


def withdraw(collection: Collection, *, by: Actor) -> None:
    """Its owner, who has proven the phone, takes back what he sent in: the pictures are deleted at once (FIL-06).

    Raises ValidationError `not_open` when it was decided meanwhile.
    """
    with transaction.atomic():
        locked = _waiting(collection)
        _close(locked, Outcome.WITHDRAWN, by=by)
        gone = photos.delete(locked.photos.kept())
        audit.record(Kind.CONSENT_WITHDRAWN, by=by, target=known_person(locked), photos=gone)


def withdraw_consent(person: Person, *, by: Actor) -> int:
    """Delete all pictures of a person at once, and take back what waits; how many pictures went (FIL-06, D26).

    Whatever waits or keeps pictures counts, returned or not sent in yet, under the document that he has or had. He
    keeps his real name: only the pictures rest on his consent. Raises PermissionDenied for anybody but himself and the
    counter; ValidationError `nothing_to_withdraw`.
    """
    himself = by.person is not None and by.person.pk == person.pk
    if not himself:
        officers.require_counter(by)
    with transaction.atomic():
        locked = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        concerned = list(Collection.objects.about(locked).in_hand().select_for_update(no_key=True))
        if not concerned:
            raise ValidationError(_("没有可以撤回的同意：系统中没有保存您的照片。"), code="nothing_to_withdraw")
        gone = photos.delete(Photo.objects.kept().filter(collection__in=concerned))
        for each in concerned:
            _take_back(each, by=by)
        audit.record(Kind.CONSENT_WITHDRAWN, by=by, target=locked, photos=gone)
        notices.tell(locked, for_phones("您已撤回采集实名照片的同意，照片已删除。"))
    return gone


def _take_back(collection: Collection, *, by: Actor) -> None:
    """End what rests on a consent that is withdrawn: what waits is closed, what was not sent in yet is gone."""
    if collection.submitted_at is None:
        collection.delete()  # else it could still be sent in, with pictures taken anew
    elif collection.is_waiting:
        _close(collection, Outcome.WITHDRAWN, by=by)
    else:
        collection.consent_withdrawn_at = timezone.now()
        collection.save(update_fields=["consent_withdrawn_at"])


# --- Officers --------------------------------------------------------------------------------------------------------


def mismatch(collection: Collection) -> Mismatch | None:
    """What the officer must look at: the bureau knows the document under another name; None where all agrees."""
    known = known_person(collection)
    if known is None or known.name == collection.name:
        return None
    return Mismatch(known.name, collection.name)


def needs_officer(collection: Collection) -> bool:
    """Whether no program may decide it: another name is known, or one document takes the place of another."""
    return bool(collection.former_id_number) or mismatch(collection) is not None


def approve(collection: Collection, *, name_checked: bool = False, by: Actor) -> RealNameRecord:
    """Approve: the collection becomes the person's real-name record, and its phone his own; an SMS tells him.

    `name_checked`: the officer was shown another name (`mismatch`), and the document says this one. Raises
    PermissionDenied for who is no reviewer; ValidationError `not_open`, `own_affair`, `name_differs`,
    `former_unknown`, `document_taken`.
    """
    officer = officers.require_reviewer(by)
    with transaction.atomic():
        locked = _waiting_for(officer, collection)
        if mismatch(locked) is not None and not name_checked:
            text = _("该证件在系统中登记的姓名与采集的不一致，请核对证件后确认姓名，或退回。")
            raise ValidationError(text, code="name_differs")
        return _become_record(locked, decided_by=officer, by=by)


def return_to_person(collection: Collection, reason: str, *, by: Actor) -> None:
    """Not approved, for a reason that the person is told by SMS; he may begin again at once.

    Raises PermissionDenied for who is no reviewer; ValidationError `reason_missing`, `reason_too_long`, `not_open`,
    `own_affair`.
    """
    officer = officers.require_reviewer(by)
    reason = " ".join(reason.split())
    if not reason:
        raise ValidationError(_("请写明不通过的原因，系统会用短信告知本人。"), code="reason_missing")
    if len(reason) > _LONGEST_REASON:
        raise ValidationError(_("原因最多200个字。"), code="reason_too_long")
    with transaction.atomic():
        locked = _waiting_for(officer, collection)
        locked.reason = reason
        _close(locked, Outcome.RETURNED, by=by)
        audit.record(Kind.COLLECTION_RETURNED, by=by, target=known_person(locked), reason_given=reason)
        text = for_phones("您的实名采集未通过审核：%(reason)s。请按此更正后重新采集，或到税务机关前台办理。")
        notices.tell_phone(locked.phone, text % {"reason": reason.rstrip("。")})


def show_numbers(collection: Collection, *, by: Actor) -> None:
    """Note that a reviewer is shown this collection's names and numbers in full (D27). Raises PermissionDenied."""
    officers.require_reviewer(by)
    audit.record(Kind.NUMBER_SHOWN, by=by, target=known_person(collection), which="all")


# --- What all do ----------------------------------------------------------------------------------------------------


def known_person(collection: Collection) -> Person | None:
    """The person the bureau knows by the document, the former one where there is one."""
    if collection.former_id_number:
        return Person.objects.by_id_number(collection.former_id_type, collection.former_id_number).first()
    return Person.objects.by_id_number(collection.id_type, collection.id_number).first()


def _waiting(collection: Collection) -> Collection:
    locked = Collection.objects.waiting().select_for_update(no_key=True).filter(pk=collection.pk).first()
    if locked is None:
        raise ValidationError(_("信息已变更，请刷新后重试"), code="not_open")
    return locked


def _waiting_for(officer: Person, collection: Collection) -> Collection:
    """As `_waiting`, for an officer who decides: nobody does about his own real name, nor gives another his phone."""
    locked = _waiting(collection)
    if known_person(locked) == officer or officers.is_own_phone(officer, locked.phone):
        raise officers.own_affair()
    return locked


def _close(collection: Collection, outcome: Outcome, *, by: Actor) -> None:
    """End a waiting collection that becomes no record."""
    now = _not_before(collection.submitted_at)
    collection.outcome, collection.decided_at = outcome, now
    collection.decided_by = by.person if by.is_officer else None
    if outcome == Outcome.WITHDRAWN:
        collection.consent_withdrawn_at = now
    collection.save(update_fields=["outcome", "decided_at", "decided_by", "reason", "consent_withdrawn_at"])


def _become_record(collection: Collection, *, decided_by: Person | None, by: Actor) -> RealNameRecord:
    person = _joined(collection)
    record = new_record(person, collection.phone, CollectionMethod.APP, None)
    give(person, name=collection.name, phone=collection.phone)
    collection.record, collection.outcome = record, Outcome.APPROVED
    collection.decided_at, collection.decided_by = _not_before(collection.submitted_at), decided_by
    collection.save(update_fields=["record", "outcome", "decided_at", "decided_by"])
    delete_superseded(record)
    audit.record(Kind.COLLECTION_APPROVED, by=by, target=person, way=collection.way)
    text = for_phones("您的实名采集已审核通过，实名手机号为%(phone)s。")
    notices.tell_phone(collection.phone, text % {"phone": collection.masked_phone})
    return record


def _joined(collection: Collection) -> Person:
    """The person of this collection, locked: known by his document, under a new document, or new altogether (M16)."""
    known = _locked(collection.id_type, collection.id_number)
    if not collection.former_id_number:
        return known or _added(collection)
    person = _locked(collection.former_id_type, collection.former_id_number)
    if person is None:
        raise ValidationError(_("原证件号码没有对应的人员，请核对后退回。"), code="former_unknown")
    if known is not None and known.pk != person.pk:
        raise ValidationError(_("新证件号码已登记在另一人名下，请核对后退回。"), code="document_taken")
    person.id_type, person.id_number = collection.id_type, collection.id_number
    person.save(update_fields=["id_type", "id_number", "id_number_hash"])
    return person


def _added(collection: Collection) -> Person:
    """Who is new, or was added a moment ago by another act: locked as well."""
    person = Person.objects.find_or_add(collection.name, id_type=collection.id_type, id_number=collection.id_number)
    return Person.objects.select_for_update(no_key=True).get(pk=person.pk)


def _locked(id_type: str, number: str) -> Person | None:
    found = Person.objects.by_id_number(id_type, number).values_list("pk", flat=True).first()
    return Person.objects.select_for_update(no_key=True).get(pk=found) if found else None


def new_record(person: Person, phone: str, method: CollectionMethod, collected_by: Person | None) -> RealNameRecord:
    """The person's valid record from now on; the one before ends."""
    for old in RealNameRecord.objects.filter(person=person, revoked_at__isnull=True):
        old.revoked_at = _not_before(old.collected_at)
        old.save(update_fields=["revoked_at"])
    return RealNameRecord.objects.create(person=person, phone=phone, method=method, collected_by=collected_by)


def delete_superseded(record: RealNameRecord) -> None:
    """Delete the pictures of all that was decided about the person before this record: nobody needs them (FIL-06).

    Those of a collection that was not approved were kept should he object; he is recorded now.
    """
    decided = Collection.objects.about(record.person).filter(decided_at__isnull=False)
    photos.delete(Photo.objects.kept().filter(collection__in=decided.exclude(record=record)))


def give(person: Person, *, name: str, phone: str) -> None:
    """Give the person the name and the phone that were seen and proven (M17).

    The old phone is told, and whoever came in by a code to it is out: it may be in other hands (OTP-10).
    """
    if person.phone and numbers.fold(person.phone) != phone:
        text = for_phones("您的实名手机号已变更为%(phone)s，本号码不再接收验证码。")
        notices.tell(person, text % {"phone": numbers.mask_phone(phone)})
        sms.close_codes(person)
        signins.end_proven_by_phone(person, EndReason.ENDED_BY_BUREAU)
    person.name, person.phone = name, phone
    person.save(update_fields=["name", "phone", "phone_hash"])


def _not_before(earlier: datetime | None) -> datetime:
    """Now, or the earlier time where the clock has stepped back: the database keeps the order of dates."""
    now = timezone.now()
    return max(now, earlier) if earlier else now
