"""自然人 (Person) and 纳税人 (Taxpayer)."""

import uuid
from typing import ClassVar, Self

from django.contrib.auth.models import PermissionsMixin
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import numbers, sealing
from accounts.constraints import in_order, not_empty, one_of
from accounts.fields import LookupHashField, SealedTextField
from accounts.models.credentials import Credential


class PersonQuerySet(models.QuerySet["Person"]):
    """Ways of finding people."""

    def by_id_number(self, id_type: str, number: str) -> Self:
        """Whoever has this identity document; the number is folded first."""
        return self.filter(id_type=id_type, id_number_hash__in=sealing.lookup_hashes(numbers.fold(number)))

    def by_phone(self, phone: str) -> Self:
        """Everybody whose real-name phone this is: a phone may be shared."""
        return self.filter(phone_hash__in=sealing.lookup_hashes(numbers.fold(phone).removeprefix("+86")))


class PersonManager(models.Manager["Person"]):
    """Finds a person the way Django's own sign-in machinery asks for him."""

    def get_queryset(self) -> PersonQuerySet:
        return PersonQuerySet(self.model, using=self._db)

    def by_id_number(self, id_type: str, number: str) -> PersonQuerySet:
        """See `PersonQuerySet.by_id_number`."""
        return self.get_queryset().by_id_number(id_type, number)

    def by_phone(self, phone: str) -> PersonQuerySet:
        """See `PersonQuerySet.by_phone`."""
        return self.get_queryset().by_phone(phone)

    def find_or_add(self, name: str, *, id_type: str, id_number: str) -> "Person":
        """The person with this identity document, whoever brought him here first; made where there is none.

        `id_number` is folded and well formed. His name stays as it is: whoever asks decides about that.
        """
        found = self.by_id_number(id_type, id_number).first()
        if found is not None:
            return found
        try:
            with transaction.atomic():
                return self.create(name=name, id_type=id_type, id_number=id_number)
        except IntegrityError:  # somebody else has just added the same
            return self.by_id_number(id_type, id_number).get()

    def get_by_natural_key(self, username: str | None) -> "Person":
        """The person with this 用户注册名."""
        return self.get(username=username)


class Person(PermissionsMixin, models.Model):
    """自然人: one human being, one record, however many firms he works for.

    `phone` is his real-name phone (实名手机号): empty until a real-name collection has proven it. `credential` is the
    natural-person password of his own account, and `username` its name; both are empty for who has no account.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("姓名"), max_length=100, db_index=True)
    id_type = models.CharField(_("身份证件类型"), max_length=16, choices=numbers.IdType.choices)
    id_number = SealedTextField(_("身份证件号码"))
    id_number_hash = LookupHashField(of="id_number")
    phone = SealedTextField(_("实名手机号"), blank=True, default="")
    phone_hash = LookupHashField(of="phone", db_index=True)
    username = models.CharField(_("用户注册名"), max_length=64, unique=True, null=True, blank=True)
    credential = models.OneToOneField(
        Credential, on_delete=models.PROTECT, null=True, blank=True, related_name="person_owner"
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(_("税务人员"), default=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = PersonManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_anonymous = False
    is_authenticated = True

    class Meta:
        constraints = (
            one_of("id_type", numbers.IdType, name="person_id_type_is_known"),
            not_empty("name", name="person_has_a_name"),
            not_empty("id_number", name="person_has_an_id_number"),
            not_empty("username", name="person_username_is_null_or_something"),
            models.UniqueConstraint("id_type", "id_number_hash", name="one_person_per_identity_document"),
        )

    def __str__(self) -> str:
        return self.masked_name

    def get_username(self) -> str:
        """The 用户注册名, empty for who has no account of his own."""
        return self.username or ""

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


class TaxpayerKind(models.TextChoices):
    """What sort of taxpayer it is: it decides which doors it may use (M4, M37)."""

    ENTERPRISE = "enterprise", _("企业")
    AGENCY = "agency", _("涉税代理机构")
    SOCIAL_INSURANCE = "social_insurance", _("纯社保户")


class Taxpayer(models.Model):
    """纳税人: an enterprise, a sole trader, an agency, or a payer of social insurance only.

    `opened_at` is when the bureau opened it for electronic business; until then it has no enterprise password.
    """

    Kind = TaxpayerKind

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("纳税人识别号"), max_length=20, unique=True)
    name = models.CharField(_("纳税人名称"), max_length=200, db_index=True)
    kind = models.CharField(max_length=20, choices=TaxpayerKind.choices, default=TaxpayerKind.ENTERPRISE)
    credential = models.OneToOneField(
        Credential, on_delete=models.PROTECT, null=True, blank=True, related_name="taxpayer_owner"
    )
    opened_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            one_of("kind", TaxpayerKind, name="taxpayer_kind_is_known"),
            not_empty("code", name="taxpayer_has_a_code"),
            not_empty("name", name="taxpayer_has_a_name"),
            in_order("opened_at", "cancelled_at", name="taxpayer_opened_before_cancelled"),
        )
        # Of a million taxpayers a few hundred are agencies, and clients look for them by any part of a name.
        indexes = (models.Index("kind", models.F("id").desc(), name="taxpayer_of_kind"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether the bureau has opened it for electronic business and not ended that."""
        return self.opened_at is not None and self.cancelled_at is None
