"""Who there is, how they prove it, and the record of what was done."""

from accounts.models.chain import RecordBlock
from accounts.models.credentials import Credential, PastPassword, Throttle, UsedPicture
from accounts.models.messages import SmsCode, SmsMessage
from accounts.models.people import Person, Taxpayer
from accounts.models.record import AuditEntry
from accounts.models.signins import SignIn

__all__ = [
    "AuditEntry",
    "Credential",
    "PastPassword",
    "Person",
    "RecordBlock",
    "SignIn",
    "SmsCode",
    "SmsMessage",
    "Taxpayer",
    "Throttle",
    "UsedPicture",
]
