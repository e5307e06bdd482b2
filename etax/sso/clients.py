"""Connecting a downstream system: what the toolkit must know of it, and what the portal adds."""

from django.contrib.auth.hashers import check_password
from django.db import transaction
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import Application

from etax.models import ConnectedSystem


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
                "client_secret": secret,
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
    """Whether this is the client's secret."""
    client = Application.objects.filter(client_id=client_id).first()
    return client is not None and check_password(secret, client.client_secret)


def of(client_id: str) -> ConnectedSystem | None:
    """The system that this client id stands for."""
    return ConnectedSystem.objects.filter(client_id=client_id).first()
