"""Telling a person by SMS what was done to his rights; without secrets, links or full numbers."""

from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from accounts import outbox
from accounts.models import Person

_USEFUL = timedelta(days=1)


def tell(person: Person, text: str) -> bool:
    """Send the text to the person's real-name phone, in the caller's transaction; False where he has none."""
    if not person.phone:
        return False
    tell_phone(person.phone, text)
    return True


def tell_phone(phone: str, text: str) -> None:
    """Send the text to a phone that was proven, though it may be nobody's real-name phone yet, or no longer (D26)."""
    words = {"bureau": settings.BUREAU_NAME, "text": text}
    outbox.queue(phone, _("【%(bureau)s】%(text)s如非您知情，请联系企业或税务机关。") % words, useful_for=_USEFUL)
