"""Passwords, and what counts the tries against them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.constraints import not_empty


class Credential(models.Model):
    """One password: an enterprise, a personal or a natural-person one. Its owner points at it.

    `version` grows with every change; a sign-in remembers the version that proved it and ends when they differ (D16).
    `temporary_until` is the 111111 state: no password is stored, and none but 111111 opens the one page it may (D10).
    """

    password = models.CharField(max_length=200, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    must_change = models.BooleanField(default=False)
    temporary_until = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(temporary_until__isnull=True) | Q(password=""),
                name="credential_in_reset_state_stores_no_password",
            ),
        )

    def __str__(self) -> str:
        return f"credential {self.pk}"

    @property
    def is_temporary(self) -> bool:
        """Whether it is in the 111111 state now (D10)."""
        return self.temporary_until is not None and timezone.now() < self.temporary_until

    @property
    def is_set(self) -> bool:
        """Whether there is a password to sign in by: false is “尚未设置密码” (M88)."""
        return self.password != ""


class PastPassword(models.Model):
    """A password that was in use before, kept hashed where the policy forbids to use it again (D12, 等保)."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="past_passwords")
    password = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (not_empty("password", name="past_password_is_a_hash"),)

    def __str__(self) -> str:
        return f"past password of credential {self.credential_id}"


class Throttle(models.Model):
    """How often something was tried, by the database's own clock (D13). `accounts.throttles` alone reads and writes it.

    The count starts anew at `resets_at`; while `blocked_until` lies ahead nothing is allowed.
    """

    key = models.CharField(max_length=160, unique=True)
    count = models.PositiveIntegerField(default=0)
    resets_at = models.DateTimeField(null=True, blank=True, db_index=True)
    blocked_until = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = (not_empty("key", name="throttle_has_a_key"),)

    def __str__(self) -> str:
        return self.key


class UsedPicture(models.Model):
    """A picture code that was tried, right or wrong: it can't be tried again (CAP-01)."""

    nonce = models.CharField(max_length=32, unique=True)
    used_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = (not_empty("nonce", name="used_picture_has_a_nonce"),)

    def __str__(self) -> str:
        return self.nonce
