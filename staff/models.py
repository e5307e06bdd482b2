"""Who may act for a taxpayer, and with which functions."""

import uuid
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.constraints import in_order, not_empty
from accounts.fields import SealedTextField
from accounts.models import Credential, Person, Taxpayer
from staff import functions


class Identity(models.Model):
    """权限身份: a named set of functions that a taxpayer defines (M25)."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    taxpayer = models.ForeignKey(Taxpayer, on_delete=models.CASCADE, related_name="identities")
    name = models.CharField(_("权限身份名称"), max_length=50)
    description = models.CharField(_("权限描述"), max_length=200, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            not_empty("name", name="identity_has_a_name"),
            models.UniqueConstraint("taxpayer", "name", name="identity_name_once_per_taxpayer"),
        )

    def __str__(self) -> str:
        return self.name

    def grant(self, codes: Iterable[str]) -> None:
        """Add these functions (codes of the function tree) to the identity; those it has stay."""
        Grant.objects.bulk_create([Grant(identity=self, function=code) for code in codes], ignore_conflicts=True)


class Grant(models.Model):
    """One function, by its code in the function tree, that an identity carries."""

    identity = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="grants")
    function = models.CharField(max_length=64)

    class Meta:
        constraints = (
            not_empty("function", name="grant_names_a_function"),
            models.UniqueConstraint("identity", "function", name="function_once_per_identity"),
        )

    def __str__(self) -> str:
        return self.function


def identities_of(taxpayer: Taxpayer) -> models.QuerySet[Identity]:
    """The taxpayer's identities by name, each with `function_count`, the number of functions it carries."""
    return Identity.objects.filter(taxpayer=taxpayer).annotate(function_count=models.Count("grants")).order_by("name")


def beyond(held: Collection[str], identities: Iterable[Identity]) -> list[Identity]:
    """Those of the identities with a function of the tree that isn't among these: who holds these can't give them (D8).

    In the order of their names.
    """
    grants = Grant.objects.filter(identity__in=[each.pk for each in identities], function__in=functions.ALL)
    missing = grants.exclude(function__in=held).values("identity")
    return list(Identity.objects.filter(pk__in=missing).order_by("name"))


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Ways of choosing memberships."""

    def open(self) -> "MembershipQuerySet":
        """Those that were not removed."""
        return self.filter(removed_at__isnull=True)


class Membership(models.Model):
    """办税人员: a person in one taxpayer. That he is legal representative or finance officer is the register's to say.

    `unregistered_at` is when 【同步办税人】 found that the register no longer names him; only another one lifts it.
    `credential` is his personal password here. It stays untouched while he is bound: then the natural-person password
    is asked instead (M68, M70).
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    taxpayer = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    identities = models.ManyToManyField(Identity, blank=True, related_name="memberships")
    is_manager = models.BooleanField(_("管理权限"), default=False)
    credential = models.OneToOneField(
        Credential, on_delete=models.PROTECT, null=True, blank=True, related_name="membership_owner"
    )
    added_at = models.DateTimeField(default=timezone.now)
    bound_at = models.DateTimeField(null=True, blank=True)
    frozen_at = models.DateTimeField(null=True, blank=True)
    frozen_until = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    unregistered_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "taxpayer",
                "person",
                condition=Q(removed_at__isnull=True),
                name="one_open_membership_per_person_and_taxpayer",
            ),
            models.CheckConstraint(
                condition=Q(frozen_until__isnull=True) | Q(frozen_at__isnull=False),
                name="membership_frozen_until_only_when_frozen",
            ),
            in_order("frozen_at", "frozen_until", name="membership_frozen_before_it_ends"),
            in_order("added_at", "removed_at", name="membership_added_before_removed"),
            in_order("added_at", "valid_until", name="membership_added_before_it_expires"),
            in_order("added_at", "bound_at", name="membership_added_before_bound"),
            in_order("added_at", "frozen_at", name="membership_added_before_frozen"),
            in_order("added_at", "unregistered_at", name="membership_added_before_unregistered"),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(is_manager=False), name="membership_removed_manages_nothing"
            ),
        )
        indexes = (
            models.Index(
                "taxpayer",
                models.F("id").desc(),
                condition=Q(removed_at__isnull=True),
                name="membership_open_newest_first",
            ),
        )

    def __str__(self) -> str:
        return f"membership {self.uid}"

    def moment(self) -> datetime:
        """Now; where the clock was set back since it was added, when it was (F16): nothing happens to it before."""
        return max(timezone.now(), self.added_at)

    @property
    def is_bound(self) -> bool:
        """Whether the natural-person password stands in for the personal one (M68)."""
        return self.bound_at is not None

    @property
    def is_frozen(self) -> bool:
        """Whether it is frozen now; a freeze with an end is lifted by itself (M61)."""
        return self.frozen_at is not None and (self.frozen_until is None or timezone.now() < self.frozen_until)

    @property
    def is_expired(self) -> bool:
        """Whether its own last day has passed."""
        return self.valid_until is not None and timezone.now() >= self.valid_until

    @property
    def last_day(self) -> date | None:
        """The last day on which it may be used; None where it has no end."""
        return timezone.localdate(self.valid_until - timedelta(microseconds=1)) if self.valid_until else None

    @property
    def signing_credential(self) -> Credential | None:
        """The password that signs this member in: the natural-person one while bound (M68), else his own."""
        return self.person.credential if self.is_bound else self.credential


class DeclarationPassword(models.Model):
    """申报密码: the taxpayer's password for its 扣缴客户端 (D24).

    `first` is the one that the portal made: sealed, so that it can be seen again (M112, M125). Once somebody has set
    one of his own it is empty, and `credential` holds the hash.
    """

    taxpayer = models.OneToOneField(Taxpayer, on_delete=models.PROTECT, related_name="declaration_password")
    first = SealedTextField(blank=True, default="")
    credential = models.OneToOneField(
        Credential, on_delete=models.PROTECT, null=True, blank=True, related_name="declaration_password_owner"
    )
    made_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=(~Q(first="") & Q(credential__isnull=True)) | Q(first="", credential__isnull=False),
                name="declaration_password_is_the_first_or_ones_own",
            ),
            in_order("made_at", "changed_at", name="declaration_password_made_before_changed"),
        )

    def __str__(self) -> str:
        return f"declaration password {self.pk}"

    @property
    def is_first(self) -> bool:
        """Whether it is still the temporary one that the portal made (M112)."""
        return self.first != ""


class HandoverTicket(models.Model):
    """A one-use ticket that takes a 纯社保户 to the 社保费征收系统 (D17); the row is what makes it one-use."""

    nonce_hash = models.CharField(max_length=64, unique=True)
    taxpayer = models.ForeignKey(Taxpayer, on_delete=models.CASCADE, related_name="handover_tickets")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            not_empty("nonce_hash", name="handover_ticket_is_hashed"),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(used_at__lte=F("expires_at")),
                name="handover_ticket_used_before_it_expires",
            ),
        )

    def __str__(self) -> str:
        return f"ticket {self.pk}"
