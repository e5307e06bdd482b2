"""Telling a person by SMS what was done to his rights; without secrets, links or full numbers."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import addresses, outbox
from accounts.models import Person, SignIn
from accounts.models.signins import Proof
from accounts.words import for_phones

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
    whole = for_phones("【%(bureau)s】%(text)s如非您知情，请联系企业或税务机关。") % words
    outbox.queue(phone, whole, useful_for=_USEFUL)


def tell_of_new_browser(sign_in: SignIn) -> bool:
    """Tell the person that he was signed in with a browser he has never used (SES-06): when, where to, how."""
    text = for_phones("您的身份于%(at)s在新的浏览器登录%(firm)s，验证方式：%(how)s，网络地址%(ip)s。")
    words = {
        "at": timezone.localtime(sign_in.started_at).strftime("%Y-%m-%d %H:%M"),
        "firm": _where(sign_in),
        "how": for_phones(Proof(sign_in.proof).label),
        "ip": addresses.mask(sign_in.ip),
    }
    return tell(sign_in.person, text % words)


def _where(sign_in: SignIn) -> str:
    if sign_in.taxpayer:
        return f"“{sign_in.taxpayer.name}”"
    return for_phones("税务人员后台") if sign_in.proof == Proof.OFFICER_SMS else for_phones("自然人账户")
