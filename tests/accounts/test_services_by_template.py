"""腾讯云 and 阿里云 by their official kits, over a real socket: what is asked, and what each answer means."""

import io
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.utils import timezone

from accounts import gateways, outbox
from accounts.gateways import Declined, MaybeSent, Message, NotSent, aliyun, templates, tencent
from accounts.models import SmsMessage
from accounts.models.messages import Purpose

CODE = Message("13800001234", "【某局】验证码246813，用于登录，请勿转发。", Purpose.SIGN_IN, "246813")
NOTICE = Message("13800001234", "【某局】您的身份已被冻结。")
SIGNS = {"tencent": "辽宁税务", "aliyun": "辽宁税务"}
TEMPLATES = {
    "tencent": {"sign_in": "1001", "code": "1000", "notice": "2000"},
    "aliyun": {"sign_in": "SMS_1", "code": "SMS_0", "notice": "SMS_9"},
}


class Service(ThreadingHTTPServer):
    """A service of either kind on a free port of the loopback; it answers with a status and a body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.status, self.body = 200, "{}"
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.slow = threading.Event()
        self.slow.set()


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.path, dict(self.headers), body))
        self.server.slow.wait(10)
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.body.encode())))
        self.end_headers()
        self.wfile.write(self.server.body.encode())

    def log_message(self, *args) -> None:
        """Say nothing."""


@pytest.fixture
def service(settings) -> Iterator[Service]:
    """The service, with signs and templates of both kinds."""
    settings.SMS_SIGNS, settings.SMS_TEMPLATES = SIGNS, TEMPLATES
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.slow.set()
    server.shutdown()
    server.server_close()
    thread.join(10)


def tencent_url(port: int) -> str:
    return f"tencent+http://AKIDgeheim:geheim%2F7@127.0.0.1:{port}/1400006666/ap-guangzhou"


def aliyun_url(port: int) -> str:
    return f"aliyun+http://LTAIgeheim:geheim%2F7@127.0.0.1:{port}/"


URLS = {"tencent": tencent_url, "aliyun": aliyun_url}


def answer(kind: str, code: str) -> str:
    """What the service answers with this code for the one number that was asked."""
    if kind == "aliyun":
        return json.dumps({"Code": code, "Message": "…", "BizId": "9", "RequestId": "r"})
    status = {"Code": code, "Message": "…", "PhoneNumber": "+8613800001234", "SerialNo": "1", "Fee": 1}
    return json.dumps({"Response": {"SendStatusSet": [status], "RequestId": "r"}})


@pytest.fixture(params=["tencent", "aliyun"])
def kind(request, service, settings) -> str:
    """Either service as SMS_URL names it; it takes every message."""
    settings.SMS_URL = URLS[request.param](service.server_port)
    service.body = answer(request.param, "OK" if request.param == "aliyun" else "Ok")
    return request.param


def asked(service: Service, kind: str) -> dict[str, object]:
    """What the last call asked for, in the words of the service."""
    path, headers, body = service.asked[-1]
    if kind == "tencent":
        assert headers["X-TC-Action"] == "SendSms"
        assert headers["X-TC-Version"] == "2021-01-11"
        assert headers["X-TC-Region"] == "ap-guangzhou"
        assert headers["Authorization"].startswith("TC3-HMAC-SHA256 Credential=AKIDgeheim/")
        return json.loads(body)
    assert headers["x-acs-action"] == "SendSms"
    assert headers["x-acs-version"] == "2017-05-25"
    assert "Credential=LTAIgeheim" in headers["Authorization"]
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


@pytest.mark.rule("OTP-13", "D14")
def test_a_code_goes_by_the_template_of_its_purpose_with_the_code_as_its_one_variable(service, kind):
    gateways.sender().send(CODE)
    told = asked(service, kind)
    if kind == "tencent":
        assert told == {
            "PhoneNumberSet": ["+8613800001234"],
            "SmsSdkAppId": "1400006666",
            "SignName": "辽宁税务",
            "TemplateId": "1001",
            "TemplateParamSet": ["246813"],
        }
    else:
        assert told == {
            "PhoneNumbers": "13800001234",
            "SignName": "辽宁税务",
            "TemplateCode": "SMS_1",
            "TemplateParam": '{"code": "246813"}',
        }


def test_a_code_of_a_purpose_without_a_template_goes_by_the_common_one(service, kind):
    gateways.sender().send(Message(CODE.to, CODE.text, Purpose.STEP_UP, CODE.code))
    told = asked(service, kind)
    assert told.get("TemplateId", told.get("TemplateCode")) == TEMPLATES[kind]["code"]


def test_a_notice_goes_by_its_template_without_a_word_of_what_it_would_tell(service, kind):
    gateways.sender().send(NOTICE)
    path, _headers, body = service.asked[-1]
    told = asked(service, kind)
    assert told.get("TemplateId", told.get("TemplateCode")) == TEMPLATES[kind]["notice"]
    assert "冻结" not in path + body.decode()


def test_without_a_template_for_notices_they_are_not_carried(kind, settings):
    settings.SMS_TEMPLATES = {kind: {"code": "1"}}
    sender = gateways.sender()
    assert (sender.carries(CODE), sender.carries(NOTICE)) == (True, False)


@pytest.mark.django_db
def test_a_notice_that_the_first_cannot_carry_goes_by_the_second(kind, settings, gateway):
    settings.SMS_FALLBACK_URL = gateway.url
    settings.SMS_URL = URLS[kind](9)  # nobody is to be asked there
    settings.SMS_TEMPLATES = {kind: {"code": "1"}}
    row = SmsMessage.objects.create(to=NOTICE.to, text=NOTICE.text, useful_until=timezone.now() + timedelta(hours=1))
    assert outbox.deliver(row.pk) is True
    assert len(gateway.calls) == 1


@pytest.mark.django_db
def test_a_notice_that_nobody_can_carry_is_given_up(kind, settings):
    settings.SMS_TEMPLATES = {kind: {"code": "1"}}
    row = SmsMessage.objects.create(to=NOTICE.to, text=NOTICE.text, useful_until=timezone.now() + timedelta(hours=1))
    assert outbox.deliver(row.pk) is False
    row.refresh_from_db()
    assert row.given_up_at is not None


MEANINGS = [
    ("tencent", "InvalidParameterValue.IncorrectPhoneNumber", Declined, True),
    ("tencent", "FailedOperation.PhoneNumberInBlacklist", Declined, True),
    ("tencent", "LimitExceeded.PhoneNumberDailyLimit", Declined, True),
    ("tencent", "LimitExceeded.PhoneNumberOneHourLimit", Declined, False),
    ("tencent", "LimitExceeded.PhoneNumberThirtySecondLimit", Declined, False),
    ("tencent", "FailedOperation.InsufficientBalanceInSmsPackage", NotSent, None),
    ("tencent", "FailedOperation.SignatureIncorrectOrUnapproved", NotSent, None),
    ("tencent", "FailedOperation.TemplateIncorrectOrUnapproved", NotSent, None),
    ("tencent", "LimitExceeded.AppDailyLimit", NotSent, None),
    ("tencent", "InternalError.Timeout", MaybeSent, None),
    ("tencent", "SomethingNew", NotSent, None),
    ("aliyun", "isv.MOBILE_NUMBER_ILLEGAL", Declined, True),
    ("aliyun", "isv.SMS_CONTENT_ILLEGAL", Declined, True),
    ("aliyun", "isv.BUSINESS_LIMIT_CONTROL", Declined, False),
    ("aliyun", "isv.AMOUNT_NOT_ENOUGH", NotSent, None),
    ("aliyun", "isv.OUT_OF_SERVICE", NotSent, None),
    ("aliyun", "isv.DAY_LIMIT_CONTROL", NotSent, None),
    ("aliyun", "isp.RAM_PERMISSION_DENY", NotSent, None),
    ("aliyun", "isp.SYSTEM_ERROR", MaybeSent, None),
    ("aliyun", "SomethingNew", NotSent, None),
]


@pytest.mark.rule("F8", "F9")
@pytest.mark.parametrize(("which", "code", "meaning", "forever"), MEANINGS)
def test_each_code_of_a_service_has_its_meaning(service, settings, which, code, meaning, forever):
    settings.SMS_URL = URLS[which](service.server_port)
    service.body = answer(which, code)
    with pytest.raises(NotSent) as caught:
        gateways.sender().send(CODE)
    assert type(caught.value) is meaning
    assert getattr(caught.value, "forever", None) is forever
    assert str(caught.value) == code


def test_the_errors_of_the_api_itself_are_told_from_those_of_a_message(service, settings):
    settings.SMS_URL = tencent_url(service.server_port)
    error = {"Code": "AuthFailure.SignatureFailure", "Message": "geheim"}
    service.body = json.dumps({"Response": {"Error": error, "RequestId": "r"}})
    with pytest.raises(NotSent, match=r"^AuthFailure\.SignatureFailure$") as caught:
        gateways.sender().send(CODE)
    assert type(caught.value) is NotSent
    settings.SMS_URL = aliyun_url(service.server_port)
    service.status, service.body = 400, json.dumps({"Code": "InvalidAccessKeyId.NotFound", "Message": "geheim"})
    with pytest.raises(NotSent, match=r"^InvalidAccessKeyId\.NotFound$") as caught:
        gateways.sender().send(CODE)
    assert type(caught.value) is NotSent


@pytest.mark.rule("F8")
@pytest.mark.parametrize("how", ["500", "silent", "nonsense"])
def test_an_answer_that_does_not_come_or_cannot_be_read_leaves_in_doubt(service, kind, settings, how):
    if how == "silent":
        settings.SMS_TIMEOUT_SECONDS = 0.3
        service.slow.clear()
    elif how == "500":
        service.status = 500
    else:
        service.body = "<html>"
    with pytest.raises(MaybeSent) as caught:
        gateways.sender().send(CODE)
    assert len(service.asked) == 1  # the kit doesn't try again by itself
    for secret in ("geheim", "246813", CODE.to):
        assert secret not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.rule("F9")
@pytest.mark.parametrize("which", ["tencent", "aliyun"])
def test_where_nobody_listens_nothing_can_have_been_sent(settings, which):
    settings.SMS_SIGNS, settings.SMS_TEMPLATES = SIGNS, TEMPLATES
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.SMS_URL = URLS[which](free.getsockname()[1])
    with pytest.raises(NotSent) as caught:
        gateways.sender().send(CODE)
    assert type(caught.value) is NotSent


@pytest.mark.rule("PW-12", "LOG-05")
def test_not_even_a_chatty_log_holds_code_number_or_key(service, kind, settings, caplog):
    import logging
    import logging.config

    logging.config.dictConfig({**settings.LOGGING, "root": {"handlers": [], "level": "DEBUG"}})
    with caplog.at_level("DEBUG"):
        gateways.sender().send(CODE)
    for secret in ("geheim", "246813", CODE.to, "Signature"):
        assert secret not in caplog.text


@pytest.mark.parametrize("which", ["tencent", "aliyun"])
@pytest.mark.parametrize(
    ("signs", "kinds"),
    [({}, TEMPLATES), (SIGNS, {}), (SIGNS, {"tencent": {"chat": "1"}, "aliyun": {"chat": "1"}})],
    ids=["no sign", "no templates", "unknown kind"],
)
def test_a_service_without_sign_or_templates_of_known_kinds_is_refused(settings, which, signs, kinds):
    settings.SMS_SIGNS, settings.SMS_TEMPLATES = signs, kinds
    settings.SMS_URL = URLS[which](1)
    with pytest.raises(ImproperlyConfigured):
        gateways.sender()


@pytest.mark.parametrize(
    ("url", "protocol", "host"),
    [
        ("tencent://a:b@sms.tencentcloudapi.com/1", "https", "sms.tencentcloudapi.com"),
        ("aliyun://a:b@dysmsapi.aliyuncs.com/", "https", "dysmsapi.aliyuncs.com"),
    ],
)
def test_the_services_are_spoken_to_encrypted(settings, url, protocol, host):
    settings.SMS_SIGNS, settings.SMS_TEMPLATES = SIGNS, TEMPLATES
    account = templates.Account.of(url)
    assert (account.protocol, account.host) == (protocol, host)


@pytest.mark.rule("OTP-13")
def test_the_words_to_have_approved_say_purpose_and_warning_and_hold_no_link():
    out = io.StringIO()
    call_command("sms_templates", stdout=out)
    rows = dict(line.split("\t", 1) for line in out.getvalue().splitlines())
    assert set(rows) == {*Purpose.values, "code", "notice"}
    for purpose in Purpose:
        assert str(purpose.label) in rows[purpose]
        assert "请勿转发" in rows[purpose]
        assert "{1}" in rows[purpose]
        assert "${code}" in rows[purpose]
    assert "http" not in out.getvalue()


def test_no_code_of_a_service_has_two_meanings():
    for kit in (tencent, aliyun):
        sets = (kit._NUMBER_IS_FULL, kit._NEVER, kit._NOBODY_KNOWS)
        assert len(frozenset().union(*sets)) == sum(map(len, sets))
