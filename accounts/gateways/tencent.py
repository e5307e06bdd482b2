"""腾讯云短信, by its official kit (the extra `tencent`): messages by template, each refusal by its code."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from accounts.gateways.messages import Declined, MaybeSent, Message, NotSent, never_reached
from accounts.gateways.templates import Account

if TYPE_CHECKING:
    from tencentcloud.sms.v20210111.sms_client import SmsClient

_TAKEN = "Ok"

_NUMBER_IS_FULL = frozenset(
    {
        "LimitExceeded.DeliveryFrequencyLimit",
        "LimitExceeded.PhoneNumberThirtySecondLimit",
        "LimitExceeded.PhoneNumberOneHourLimit",
    }
)
_NEVER = frozenset(
    {
        "FailedOperation.ContainSensitiveWord",
        "FailedOperation.PhoneNumberInBlacklist",
        "FailedOperation.PhoneNumberParseFail",
        "InvalidParameterValue.ContentLengthLimit",
        "InvalidParameterValue.IncorrectPhoneNumber",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "InvalidParameterValue.TemplateParameterFormatError",
        "InvalidParameterValue.TemplateParameterLengthLimit",
        "LimitExceeded.PhoneNumberDailyLimit",
        "LimitExceeded.PhoneNumberSameContentDailyLimit",
        "UnsupportedOperation.UnsupportedRegion",
        "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
    }
)
_NOBODY_KNOWS = frozenset({"InternalError.Timeout", "InternalError.OtherError"})


def refusal(code: str) -> NotSent:
    """What the service's code means: for this message (later, or never), unknown, or that the account can't send.

    The last is so for whatever isn't named here: no money, no right, a template not approved, too many calls.
    """
    if code in _NUMBER_IS_FULL:
        return Declined(code, forever=False)
    if code in _NEVER:
        return Declined(code)
    return MaybeSent(code) if code in _NOBODY_KNOWS else NotSent(code)


@lru_cache(maxsize=4)
def _client(account: Account, region: str, timeout: float) -> "SmsClient":
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.sms.v20210111.sms_client import SmsClient

    http = HttpProfile(protocol=account.protocol, endpoint=account.host, reqTimeout=timeout)
    return SmsClient(Credential(account.key, account.secret), region, ClientProfile(httpProfile=http))


class TencentSender:
    """Sends by 腾讯云's SendSms (2021-01-11): `tencent://SecretId:SecretKey@sms.tencentcloudapi.com/SdkAppId`."""

    is_quick = False

    def __init__(self, account: Account, timeout: float) -> None:
        self.account, self.timeout = account, timeout
        self.name = f"tencent {account.host}"[:40]
        self.app, _, region = account.path.partition("/")
        self.region = region or "ap-beijing"

    def carries(self, message: Message) -> bool:
        """Whether a template stands for this kind."""
        return bool(self.account.template(message))

    def send(self, message: Message) -> None:
        """See `Sender.send`."""
        from tencentcloud.common.exception import TencentCloudSDKException
        from tencentcloud.sms.v20210111.models import SendSmsRequest

        request = SendSmsRequest()
        request.PhoneNumberSet = [f"+86{message.to}"]
        request.SmsSdkAppId = self.app
        request.SignName = self.account.sign
        request.TemplateId = self.account.template(message)
        request.TemplateParamSet = [message.code] if message.code else []
        try:
            answer = _client(self.account, self.region, self.timeout).SendSms(request)
        except TencentCloudSDKException as error:
            raise self._from_kit(error) from None
        except Exception as error:  # an answer that the kit can't read
            raise MaybeSent(type(error).__name__) from None
        self._judge(answer)

    @staticmethod
    def _judge(answer: Any) -> None:
        statuses = answer.SendStatusSet or []
        if len(statuses) != 1:
            raise MaybeSent("no status")
        if statuses[0].Code != _TAKEN:
            raise refusal(str(statuses[0].Code))

    @staticmethod
    def _from_kit(error: Any) -> NotSent:
        """A code of the service where it has numbered the request; else the kit's, whose words may hold the message."""
        code = str(error.get_code())
        if error.get_request_id():
            return refusal(code)
        return (NotSent if code == "ClientNetworkError" and never_reached(error) else MaybeSent)(code)
