"""Telling a person by SMS what was done to his rights; without secrets, links or full numbers."""

from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from accounts import outbox
from accounts.models import Person

USEFUL = timedelta(days=1)


def tell(person: Person, text: str) -> bool:
    """Send the text to the person's real-name phone, in the caller's transaction; False where he has none."""
    if not person.phone:
        return False
    outbox.queue(person.phone, words(text), useful_for=USEFUL)
    return True


def words(text: str) -> str:
    """The text between the bureau's name and what to do about it."""
    return _("【%(bureau)s】%(text)s如非您知情，请联系企业或税务机关。") % {
        "bureau": settings.BUREAU_NAME,
        "text": text,
    }
