"""阿里云短信, by its official kit (the extra `aliyun`): messages by template, each refusal by its code."""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from accounts.gateways.messages import Declined, MaybeSent, Message, NotSent, never_reached
from accounts.gateways.templates import Account

if TYPE_CHECKING:
    from alibabacloud_dysmsapi20170525.client import Client

_TAKEN = "OK"

_NUMBER_IS_FULL = frozenset({"isv.BUSINESS_LIMIT_CONTROL"})
_NEVER = frozenset(
    {
        "isv.BLACK_KEY_CONTROL_LIMIT",
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
        "isv.INVALID_JSON_PARAM",
        "isv.INVALID_PARAMETERS",
        "isv.MOBILE_COUNT_OVER_LIMIT",
        "isv.MOBILE_NUMBER_ILLEGAL",
        "isv.PARAM_LENGTH_LIMIT",
        "isv.PARAM_NOT_SUPPORT_URL",
        "isv.SMS_CONTENT_ILLEGAL",
        "isv.TEMPLATE_MISSING_PARAMETERS",
        "isv.TEMPLATE_PARAMS_ILLEGAL",
    }
)
_NOBODY_KNOWS = frozenset({"isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "isp.UNKNOWN"})


def refusal(code: str) -> NotSent:
    """What the service's code means: for this message (later, or never), unknown, or that the account can't send.

    The last is so for whatever isn't named here: no money, no right, a sign or template not approved, the day's or
    the month's limit of the account.
    """
    if code in _NUMBER_IS_FULL:
        return Declined(code, forever=False)
    if code in _NEVER:
        return Declined(code)
    return MaybeSent(code) if code in _NOBODY_KNOWS else NotSent(code)


@lru_cache(maxsize=4)
def _client(account: Account, timeout: float) -> "Client":
    from alibabacloud_dysmsapi20170525.client import Client
    from alibabacloud_tea_openapi.utils_models import Config

    milliseconds = int(timeout * 1000)
    return Client(
        Config(
            access_key_id=account.key,
            access_key_secret=account.secret,
            endpoint=account.host,
            protocol=account.protocol,
            connect_timeout=milliseconds,
            read_timeout=milliseconds,
        )
    )


class AliyunSender:
    """Sends by 阿里云's SendSms (2017-05-25): `aliyun://AccessKeyId:AccessKeySecret@dysmsapi.aliyuncs.com/`."""

    is_quick = False

    def __init__(self, account: Account, timeout: float) -> None:
        self.account, self.timeout = account, timeout
        self.name = f"aliyun {account.host}"[:40]

    def carries(self, message: Message) -> bool:
        """Whether a template stands for this kind."""
        return bool(self.account.template(message))

    def send(self, message: Message) -> None:
        """See `Sender.send`."""
        from alibabacloud_dysmsapi20170525.models import SendSmsRequest
        from darabonba.runtime import RuntimeOptions

        request = SendSmsRequest(
            phone_numbers=message.to,
            sign_name=self.account.sign,
            template_code=self.account.template(message),
            template_param=json.dumps({"code": message.code}) if message.code else None,
        )
        try:
            answer = _client(self.account, self.timeout).send_sms_with_options(request, RuntimeOptions())
        except Exception as error:  # the kit raises several families of them, and whatever its client raises
            raise self._from_kit(error) from None
        code = str(answer.body.code) if answer.body else ""
        if code != _TAKEN:
            raise refusal(code) if code else MaybeSent("no code")

    @staticmethod
    def _from_kit(error: Any) -> NotSent:
        """The kit's own error: a code of the service, or one of the network, whose words may hold the message."""
        code = getattr(error, "code", None)
        if isinstance(code, str) and code and getattr(error, "status_code", None):
            return MaybeSent(code) if error.status_code >= 500 else refusal(code)
        return (NotSent if never_reached(error) else MaybeSent)(type(error).__name__)
