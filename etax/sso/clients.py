"""Connecting a downstream system: what the toolkit must know of it, and what the portal adds."""

import hashlib

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils.crypto import constant_time_compare
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import Application

from accounts import slots
from etax.models import ConnectedSystem

_FAST = "sha256$"


def hash_of(secret: str) -> str:
    """What is kept of a system's secret: SHA-256, for the portal makes it itself, of a hundred random characters.

    Argon2 would add nothing to that but work, which anybody could ask for (PW-03).
    """
    return _FAST + hashlib.sha256(secret.encode()).hexdigest()


def is_secret(given: str, kept: str) -> bool:
    """Whether what is kept is the hash of this secret; never for one that an earlier release kept (see `takes`)."""
    return constant_time_compare(hash_of(given), kept)


def connect(
    system: str, *, redirects: list[str], logout_url: str, client_id: str = "", secret: str = ""
) -> tuple[str, str]:
    """Connect the system, or connect it anew with other addresses and a new secret; its client id and its secret.

    The secret is kept as a hash: it is told here and never again.
    """
    known = ConnectedSystem.objects.filter(system=system).first()
    client_id = client_id or (known.client_id if known else generate_client_id())
    secret = secret or generate_client_secret()
    with transaction.atomic():
        Application.objects.update_or_create(
            client_id=client_id,
            defaults={
                "name": system,
                "client_secret": hash_of(secret),
                "hash_client_secret": False,  # it is one already, which the toolkit doesn't know
                "client_type": Application.CLIENT_CONFIDENTIAL,
                "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
                "redirect_uris": " ".join(redirects),
                "algorithm": Application.RS256_ALGORITHM,
                "skip_authorization": True,  # the bureau's own systems: there is nothing to consent to
            },
        )
        ConnectedSystem.objects.update_or_create(
            system=system, defaults={"client_id": client_id, "logout_url": logout_url}
        )
    return client_id, secret


def takes(client_id: str, secret: str) -> bool:
    """Whether this is the client's secret. Raises `slots.Busy` for one that an earlier release kept by Argon2."""
    client = Application.objects.filter(client_id=client_id).first()
    if client is None:
        return False
    if client.client_secret.startswith(_FAST):
        return is_secret(secret, client.client_secret)
    return _takes_old(client, secret)


def _takes_old(client: Application, secret: str) -> bool:
    """As `takes`, within a hash slot; a right secret is kept by `hash_of` from now on."""
    with slots.slot():
        right = check_password(secret, client.client_secret)
    if right:
        old = Application.objects.filter(pk=client.pk, client_secret=client.client_secret)
        old.update(client_secret=hash_of(secret), hash_client_secret=False)
    return right


def of(client_id: str) -> ConnectedSystem | None:
    """The system that this client id stands for."""
    return ConnectedSystem.objects.filter(client_id=client_id).first()
