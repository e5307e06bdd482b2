"""Pictures that are kept of somebody, without the pages that took them."""

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone

from accounts import sealing
from accounts.models import Person
from realname.models import Collection, CollectionMethod, Outcome, Photo, PhotoKind
from tests.realname import cards


def keep_photo(person: Person) -> Photo:
    """The face of this person, kept with his real-name record; who has none is given one."""
    record = person.real_name_records.get_or_create(revoked_at=None, defaults={"method": CollectionMethod.APP})[0]
    now = timezone.now()
    times = {"begun_at": now, "consented_at": now, "submitted_at": now, "decided_at": now}
    collection = Collection.objects.create(
        record=record,
        name=person.name,
        id_type=person.id_type,
        id_number=person.id_number,
        phone=person.phone or "13900000001",
        consent_version="2026-11",
        outcome=Outcome.APPROVED,
        **times,
    )
    photo = Photo(collection=collection, kind=PhotoKind.FACE, key=sealing.new_key())
    sealed = sealing.seal_file(cards.jpeg(), key=photo.key, place=photo.place)
    photo.name, photo.size = storages["photos"].save("ab/" + photo.uid.hex, ContentFile(sealed)), len(sealed)
    photo.save()
    return photo
