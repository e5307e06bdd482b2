"""实名采集 on its way: what somebody sent in about himself (Collection), with pictures (Photo), until it is decided."""

import uuid

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import numbers, sealing
from accounts.constraints import in_order, not_empty, one_of
from accounts.fields import LookupHashField, SealedTextField
from accounts.models import Person
from realname.models.records import RealNameRecord


class Way(models.TextChoices):
    """Why somebody collects (M17, M44, M86)."""

    NEW = "new", _("首次采集")
    SUPPLEMENT = "supplement", _("补录")
    CHANGE = "change", _("变更")


class Outcome(models.TextChoices):
    """How a collection ended."""

    APPROVED = "approved", _("审核通过")
    RETURNED = "returned", _("审核不通过")
    WITHDRAWN = "withdrawn", _("本人撤回")


class CollectionQuerySet(models.QuerySet["Collection"]):
    """Ways of choosing collections."""

    def waiting(self) -> "CollectionQuerySet":
        """Those that an officer is to decide."""
        return self.filter(submitted_at__isnull=False, decided_at__isnull=True)

    def unfinished(self) -> "CollectionQuerySet":
        """Those whose owner is still at it, or gave up."""
        return self.filter(submitted_at__isnull=True)

    def by_document(self, id_type: str, number: str) -> "CollectionQuerySet":
        """Those of this identity document, its number folded."""
        return self.filter(id_type=id_type, id_number_hash__in=sealing.lookup_hashes(number))

    def about(self, person: Person) -> "CollectionQuerySet":
        """Those that became his record, and those that became nobody's and name a document of his, new or former.

        Whoever sent in the latter may have typed a stranger's document: they may be deleted for him, never shown.
        """
        named = Q()
        for id_type, number in self._documents_of(person):
            hashes = sealing.lookup_hashes(number)
            named |= Q(id_type=id_type, id_number_hash__in=hashes)
            named |= Q(former_id_type=id_type, former_id_number_hash__in=hashes)
        # Asked apart: beside an OR a query within the query would have the whole table read.
        records = list(RealNameRecord.objects.filter(person=person).values_list("pk", flat=True))
        return self.filter(Q(record__in=records) | Q(named, record__isnull=True))

    def _documents_of(self, person: Person) -> list[tuple[str, str]]:
        """The person's document, and those it took the place of unless they are another's now; numbers folded."""
        replaced = self.model.objects.filter(record__person=person).exclude(former_id_number="")
        former = replaced.values_list("former_id_type", "former_id_number")
        own = [each for each in former if not Person.objects.by_id_number(*each).exclude(pk=person.pk).exists()]
        return [(person.id_type, numbers.fold(person.id_number)), *own]

    def in_hand(self) -> "CollectionQuerySet":
        """Those that wait, or that pictures are kept of."""
        kept = Photo.objects.kept().filter(collection=OuterRef("pk"))
        return self.filter(Q(submitted_at__isnull=False, decided_at__isnull=True) | Exists(kept))

    def by_phone(self, phone: str) -> "CollectionQuerySet":
        """Those whose owner proved this phone."""
        return self.filter(phone_hash__in=sealing.lookup_hashes(phone))


class Collection(models.Model):
    """实名采集 by the person himself: who he says he is, the phone he proved, what he consented to (D26).

    It begins when the phone is proven, waits from `submitted_at` on, and ends at `decided_at`: only when approved does
    it become a `record`, and the phone that person's. `former_…` is the document that the new one takes the place of,
    `valid_until` the card's last day, empty for one without end. `consent_withdrawn_at`: no picture may be kept.
    """

    Way = Way
    Outcome = Outcome

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    way = models.CharField(max_length=12, choices=Way.choices, default=Way.NEW)
    name = models.CharField(_("姓名"), max_length=100)
    id_type = models.CharField(_("身份证件类型"), max_length=16, choices=numbers.IdType.choices)
    id_number = SealedTextField(_("身份证件号码"))
    id_number_hash = LookupHashField(of="id_number")
    former_id_type = models.CharField(max_length=16, choices=numbers.IdType.choices, blank=True, default="")
    former_id_number = SealedTextField(_("原身份证件号码"), blank=True, default="")
    former_id_number_hash = LookupHashField(of="former_id_number", db_default="")
    phone = SealedTextField(_("手机号"))
    phone_hash = LookupHashField(of="phone", db_index=True)
    begun_at = models.DateTimeField(default=timezone.now)
    consent_version = models.CharField(max_length=20, blank=True, default="")
    consented_at = models.DateTimeField(null=True, blank=True)
    consent_withdrawn_at = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateField(_("证件有效期至"), null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    finding = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True, default="")
    reason = models.CharField(max_length=200, blank=True, default="")
    record = models.OneToOneField(
        RealNameRecord, on_delete=models.PROTECT, null=True, blank=True, related_name="collection"
    )

    objects = CollectionQuerySet.as_manager()

    class Meta:
        constraints = (
            one_of("way", Way, name="collection_way_is_known"),
            one_of("id_type", numbers.IdType, name="collection_id_type_is_known"),
            not_empty("name", name="collection_has_a_name"),
            not_empty("id_number", name="collection_has_an_id_number"),
            not_empty("phone", name="collection_has_a_phone"),
            in_order("begun_at", "consented_at", name="collection_begun_before_consent"),
            in_order("consented_at", "submitted_at", name="collection_consent_before_submission"),
            in_order("submitted_at", "decided_at", name="collection_submitted_before_decided"),
            models.CheckConstraint(
                condition=Q(consented_at__isnull=True, consent_version="")
                | (Q(consented_at__isnull=False) & ~Q(consent_version="")),
                name="collection_consent_has_version_and_time",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True) | Q(consented_at__isnull=False),
                name="collection_submitted_with_consent",
            ),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, outcome="")
                | Q(decided_at__isnull=False, submitted_at__isnull=False, outcome__in=Outcome.values),
                name="collection_decided_has_an_outcome",
            ),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.APPROVED, record__isnull=False)
                | (~Q(outcome=Outcome.APPROVED) & Q(record__isnull=True)),
                name="collection_approved_is_a_record",
            ),
            models.CheckConstraint(
                condition=Q(former_id_type="", former_id_number="")
                | (Q(former_id_type__in=numbers.IdType.values) & ~Q(former_id_number="")),
                name="collection_former_document_is_whole",
            ),
            models.UniqueConstraint(
                "id_type",
                "id_number_hash",
                condition=Q(submitted_at__isnull=False, decided_at__isnull=True),
                name="one_open_collection_per_document",
            ),
        )
        indexes = (
            models.Index(
                fields=("submitted_at", "id"),
                condition=Q(submitted_at__isnull=False, decided_at__isnull=True),
                name="collection_waiting",
            ),
            models.Index("id_number_hash", condition=Q(record__isnull=True), name="collection_of_nobody"),
            models.Index(
                "former_id_number_hash", condition=Q(record__isnull=True), name="collection_of_nobody_by_former"
            ),
        )

    def __str__(self) -> str:
        return f"collection {self.uid}"

    @property
    def masked_name(self) -> str:
        """王*敏 (D27)."""
        return numbers.mask_name(self.name)

    @property
    def masked_id_number(self) -> str:
        """2101**********0042 (D27)."""
        return numbers.mask_id_number(self.id_number)

    @property
    def masked_phone(self) -> str:
        """138****1234 (D27)."""
        return numbers.mask_phone(self.phone)

    @property
    def is_waiting(self) -> bool:
        """Whether an officer is to decide it."""
        return self.submitted_at is not None and self.decided_at is None

    @property
    def is_for_reviewers(self) -> bool:
        """Whether reviewers may look at its pictures: it waits, or wasn't approved and its owner may yet object."""
        return self.submitted_at is not None and self.outcome != Outcome.APPROVED


class PhotoKind(models.TextChoices):
    """What a picture shows."""

    FRONT = "front", _("证件正面（人像面）")
    BACK = "back", _("证件反面")
    FACE = "face", _("本人脸部照片")


class PhotoQuerySet(models.QuerySet["Photo"]):
    """Ways of choosing pictures."""

    def kept(self) -> "PhotoQuerySet":
        """Those that haven't been deleted."""
        return self.filter(deleted_at__isnull=True)


class Photo(models.Model):
    """A picture of a collection: rebuilt from pixels, its file sealed under a key of its own (FIL-03, FIL-04).

    `name` is the file's in the storage, `size` its bytes there. Deleting wipes both name and key: what may be left of
    the file opens for nobody.
    """

    Kind = PhotoKind

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="photos")
    kind = models.CharField(max_length=8, choices=PhotoKind.choices)
    name = models.CharField(max_length=80, blank=True, default="", db_index=True)
    key = SealedTextField(blank=True, default="")
    size = models.PositiveIntegerField()
    taken_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = PhotoQuerySet.as_manager()

    class Meta:
        constraints = (
            one_of("kind", PhotoKind, name="photo_kind_is_known"),
            in_order("taken_at", "deleted_at", name="photo_taken_before_deleted"),
            models.CheckConstraint(
                condition=(Q(deleted_at__isnull=True) & ~Q(name="") & ~Q(key=""))
                | Q(deleted_at__isnull=False, name="", key=""),
                name="photo_deleted_is_wiped",
            ),
            models.UniqueConstraint(
                "collection", "kind", condition=Q(deleted_at__isnull=True), name="one_photo_of_each_kind_per_collection"
            ),
            models.UniqueConstraint(F("name"), condition=~Q(name=""), name="one_photo_per_file"),
        )

    def __str__(self) -> str:
        return f"photo {self.uid}"

    @property
    def place(self) -> str:
        """What its file is sealed for, so that a file in the place of another doesn't open."""
        return f"photo:{self.uid}"
