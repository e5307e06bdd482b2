"""The hand-over of a 纯社保户 to the 社保费征收系统: a signed one-use ticket of sixty seconds (M37, M38, D17)."""

import secrets
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import audit, sealing
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import TICKET_LIFE
from accounts.models import Taxpayer
from staff.models import HandoverTicket

_SALT = "handover"


def _nonce_hash(nonce: str) -> str:
    return sealing.keyed_hash(sealing.purpose_key(_SALT), nonce)


def issue(taxpayer: Taxpayer, *, by: Actor) -> str:
    """The address to send the taxpayer's browser to, with a fresh ticket in it."""
    nonce = secrets.token_urlsafe(24)
    with transaction.atomic():
        HandoverTicket.objects.create(
            nonce_hash=_nonce_hash(nonce), taxpayer=taxpayer, expires_at=timezone.now() + TICKET_LIFE
        )
        audit.record(Kind.HANDED_OVER, by=by, taxpayer=taxpayer)
    target = settings.SOCIAL_INSURANCE_URL or reverse("social_insurance_stand_in")
    return f"{target}?{urlencode({'ticket': signing.dumps(nonce, salt=_SALT)})}"


def redeem(ticket: str, *, by: Actor) -> Taxpayer | None:
    """The taxpayer that a ticket stands for, once and within its sixty seconds; None for any other ticket."""
    try:
        nonce = signing.loads(ticket, salt=_SALT, max_age=TICKET_LIFE)
    except signing.BadSignature:
        return None
    now = timezone.now()
    with transaction.atomic():
        open_tickets = HandoverTicket.objects.filter(nonce_hash=_nonce_hash(str(nonce)), used_at__isnull=True)
        if not open_tickets.filter(expires_at__gt=now).update(used_at=now):
            return None
        row = HandoverTicket.objects.select_related("taxpayer").get(nonce_hash=_nonce_hash(str(nonce)))
        audit.record(Kind.TICKET_REDEEMED, by=by, taxpayer=row.taxpayer)
    return row.taxpayer


def tidy() -> int:
    """Delete tickets that have expired; returns how many."""
    return HandoverTicket.objects.filter(expires_at__lt=timezone.now()).delete()[0]
