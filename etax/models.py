"""What single sign-on remembers: the systems that are connected, and who is in which (the extra `sso`)."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.constraints import in_order, not_empty, one_of
from accounts.models import SignIn
from staff.functions import System


class ConnectedSystem(models.Model):
    """A downstream system of the function tree that signs people in by the portal.

    `client_id` is the name under which the toolkit knows it; to `logout_url` the portal sends a logout token.
    """

    system = models.CharField(max_length=20, choices=System.choices, unique=True)
    client_id = models.CharField(max_length=100, unique=True)
    logout_url = models.URLField(max_length=200, blank=True, default="")

    class Meta:
        constraints = (
            one_of("system", System, name="connected_system_is_known"),
            not_empty("client_id", name="connected_system_has_a_client"),
        )

    def __str__(self) -> str:
        return self.system


class SystemVisit(models.Model):
    """Somebody signed in to a downstream system out of one sign-in of the portal, for one taxpayer.

    With an `engagement` it is that one's client, else the sign-in's own taxpayer. `issuer` is what the portal called
    itself then. Code and access token are kept as hashes. The visit is over for the system when the sign-in is, and
    from `left_at` on when its owner went on to act for somebody else. `told_at` says when the system was told so, and
    until then it waits as any message does.
    """

    sid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sign_in = models.ForeignKey(SignIn, on_delete=models.CASCADE, related_name="visits")
    connected = models.ForeignKey(ConnectedSystem, on_delete=models.CASCADE, related_name="visits")
    engagement = models.UUIDField(null=True, blank=True)
    issuer = models.URLField(max_length=200)
    code_hash = models.CharField(max_length=64, unique=True)
    token_hash = models.CharField(max_length=64, unique=True, null=True, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    left_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            not_empty("code_hash", name="system_visit_has_a_code"),
            models.CheckConstraint(
                condition=Q(token_hash__isnull=True) | ~Q(token_hash=F("code_hash")),
                name="system_visit_token_is_another",
            ),
            in_order("started_at", "told_at", name="system_visit_told_after_start"),
            in_order("started_at", "left_at", name="system_visit_left_after_start"),
        )
        indexes = (
            models.Index(fields=("next_try_at",), condition=Q(told_at__isnull=True), name="system_visit_not_told"),
        )

    def __str__(self) -> str:
        return f"visit {self.sid}"
