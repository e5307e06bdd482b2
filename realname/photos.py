"""Keeping pictures: rebuilt, sealed, under random names, opened for the person and the reviewers alone (FIL-04…06)."""

import logging
import secrets
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.db.models import Q, Sum
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, officers, sealing, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import PHOTO_UPLOADS
from realname import pictures
from realname.models import Collection, Outcome, Photo, PhotoKind

logger = logging.getLogger(__name__)

QUOTA = 100 * 1024 * 1024
"""Bytes that the pictures of all unfinished collections together may take (FIL-05)."""
ORPHAN_AGE = timedelta(hours=1)
ABANDONED_AFTER = timedelta(hours=1)
RETURNED_KEPT = timedelta(days=30)
"""How long the pictures of a collection that was not approved are kept, should its owner object."""


def _storage() -> Storage:
    return storages["photos"]


def add(collection: Collection, kind: PhotoKind, content: bytes) -> Photo:
    """Keep an uploaded picture with its collection, in the place of an earlier one of the same kind.

    Raises ValidationError `photo_uploads` after ten uploads in a day, `photo_quota`, `photo_not_stored`,
    `not_open` for a collection that was sent in, or as `pictures.rebuilt`; `slots.Busy`.
    """
    obstacle = throttles.take((PHOTO_UPLOADS, sealing.lookup_hash(collection.phone)))
    if obstacle is not None:
        raise ValidationError(
            _("该手机号今天上传的照片已达10张，请明天再试，或到税务机关前台办理。"), code="photo_uploads"
        )
    plain = pictures.rebuilt(content)
    photo = Photo(collection=collection, kind=kind, key=sealing.new_key())
    sealed = sealing.seal_file(plain, key=photo.key, place=photo.place)
    photo.size = len(sealed)
    photo.name = _store(sealed)
    try:
        _attach(photo)
    except ValidationError:
        _remove(photo.name)
        raise
    return photo


def _attach(photo: Photo) -> None:
    """Have the picture in its collection, which must still be open, instead of the one before."""
    with transaction.atomic():
        unfinished = Collection.objects.unfinished().select_for_update(no_key=True)
        if not unfinished.filter(pk=photo.collection_id).exists():
            raise ValidationError(_("该采集已经提交，不能再更换照片。"), code="not_open")
        _refuse_over_quota(photo.size)
        delete(photo.collection.photos.kept().filter(kind=photo.kind))
        photo.save()


def _store(sealed: bytes) -> str:
    """Write a file under a random name; a failed write leaves nothing, and its owner is told."""
    token = secrets.token_hex(16)
    name = f"{token[:2]}/{token}"
    try:
        return _storage().save(name, ContentFile(sealed))
    except OSError as error:
        logger.exception("a picture could not be stored")
        _remove(name)
        raise ValidationError(
            _("照片没有保存成功，请稍后重新上传；仍不成功的，请到税务机关前台办理。"), code="photo_not_stored"
        ) from error


def _refuse_over_quota(size: int) -> None:
    unfinished = Photo.objects.kept().filter(collection__submitted_at__isnull=True)
    if (unfinished.aggregate(total=Sum("size"))["total"] or 0) + size > QUOTA:
        raise ValidationError(_("当前上传照片的人数过多，请一小时后再试，或到税务机关前台办理。"), code="photo_quota")


def find(uid: UUID, *, by: Actor) -> Photo:
    """The picture with this public id, for whom it is; for everybody else there is none, and his trying is recorded.

    Raises Http404. Visitors, whom nobody knows, are not written down.
    """
    found = Photo.objects.kept().select_related("collection__record__person").filter(uid=uid).first()
    if found is None or not seen_by(found, by):
        if by.person is not None:
            audit.record(Kind.NOT_FOUND, by=by, reason="not_yours", what="photo")
        raise Http404
    return found


def seen_by(photo: Photo, actor: Actor) -> bool:
    """Whether this actor may look: the person himself once it is his, a reviewer while there is anything to review.

    That is what the consent says. The counter, which takes no pictures, never looks (FIL-04, FIL-06).
    """
    record = photo.collection.record
    if actor.person is not None and record is not None and record.person_id == actor.person.pk:
        return True
    return photo.collection.is_for_reviewers and officers.is_reviewer(actor)


def open_for(photo: Photo, *, by: Actor) -> bytes:
    """The picture, JPEG, and an entry in the record. Raises `SealBroken` or OSError where the file isn't as it was."""
    with _storage().open(photo.name, "rb") as file:
        content = sealing.unseal_file(file.read(), key=photo.key, place=photo.place)
    record = photo.collection.record
    audit.record(Kind.PHOTO_SEEN, by=by, target=record.person if record else None, photo=photo.kind)
    return content


def content_of(photo: Photo) -> bytes:
    """The picture for a verifier, who is a program: nobody sees it. Raises as `open_for`."""
    with _storage().open(photo.name, "rb") as file:
        return sealing.unseal_file(file.read(), key=photo.key, place=photo.place)


def delete(photos: Iterable[Photo]) -> int:
    """Delete these pictures at once: name and key in the caller's transaction, the files when it is committed."""
    count = 0
    for photo in photos:
        deleted_at = max(timezone.now(), photo.taken_at)
        Photo.objects.filter(pk=photo.pk).update(name="", key="", deleted_at=deleted_at)
        transaction.on_commit(partial(_remove, photo.name))
        count += 1
    return count


def _remove(name: str) -> None:
    """Take a file away; one that resists is in nobody's row any more, and `tidy` takes it later."""
    try:
        _storage().delete(name)
    except OSError:
        logger.exception("a picture's file could not be deleted")


def tidy() -> dict[str, int]:
    """The net under every deletion: how many of each kind went, and how many pictures have lost their file.

    Abandoned collections after an hour; pictures whose consent was withdrawn; those of a collection that was not
    approved, after thirty days; files that no row names after an hour. A row without a file is reported and closed.
    """
    return {
        "abandoned": _delete_abandoned(),
        "withdrawn": _delete_with_entry(Q(collection__consent_withdrawn_at__isnull=False)),
        "returned": _delete_with_entry(
            Q(collection__outcome=Outcome.RETURNED, collection__decided_at__lt=timezone.now() - RETURNED_KEPT)
        ),
        **_compare(),
    }


def _delete_abandoned() -> int:
    count = 0
    old = Collection.objects.unfinished().filter(begun_at__lt=timezone.now() - ABANDONED_AFTER)
    for key in list(old.values_list("pk", flat=True)):
        with transaction.atomic():
            locked = old.select_for_update().filter(pk=key).first()
            if locked is not None:
                delete(locked.photos.kept())
                locked.delete()
                count += 1
    return count


def _delete_with_entry(whose: Q) -> int:
    """Delete pictures that may not be kept any longer, each collection with its entry in the record."""
    count = 0
    keys = Photo.objects.kept().filter(whose).values_list("collection", flat=True).distinct()
    for collection in Collection.objects.select_related("record__person").filter(pk__in=list(keys)):
        with transaction.atomic():
            gone = delete(collection.photos.kept().select_for_update())
            person = collection.record.person if collection.record else None
            audit.record(Kind.PHOTOS_DELETED, by=Actor(), target=person, photos=gone)
        count += gone
    return count


def _folders() -> Iterator[tuple[set[str], set[str]]]:
    """Each folder of the storage with the names in its rows, and then the files in it: a row's file is there first."""
    for number in range(256):
        folder = f"{number:02x}"
        named = set(Photo.objects.kept().filter(name__startswith=f"{folder}/").values_list("name", flat=True))
        try:
            files = {f"{folder}/{name}" for name in _storage().listdir(folder)[1]}
        except FileNotFoundError:
            files = set()
        yield named, files


def _is_old(name: str) -> bool:
    """Whether no request can still be about to give this file its row."""
    try:
        return _storage().get_modified_time(name) < timezone.now() - ORPHAN_AGE
    except FileNotFoundError:  # somebody was quicker
        return False


def _compare() -> dict[str, int]:
    """Files that no row names go, once they are old; rows whose file is gone are reported and closed.

    The first are left by a request that died, or a deletion that failed; the second should never be.
    """
    count = {"orphans": 0, "lost": 0}
    for named, files in _folders():
        for name in files - named:
            if _is_old(name):
                _remove(name)
                count["orphans"] += 1
        for photo in Photo.objects.kept().filter(name__in=named - files):
            logger.error("%s has lost its file", photo)
            count["lost"] += delete([photo])
    return count
