"""Nothing secret and no full number is written anywhere: the log, the record, the database, addresses (LOG-05)."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.urls import reverse

from accounts import passwords
from accounts.models import AuditEntry, SmsMessage
from accounts.models.record import Kind
from tests import cast
from tests.etax import in_production
from tests.etax.tables import raw
from tests.visitor import Visitor

WRONG = "Canary-wrong-2026"
NEW = "云帆2026-canary"
NEW_AT_WORK = "海川2026-canary"
TYPED_IN_THE_WRONG_BOX = "CanaryPassw0rd2026"
"""A password typed where the taxpayer's number belongs: letters and digits, as long as a number."""


class Sniffer(Visitor):
    """A visitor who keeps every address that he asked for or was sent to."""

    def __init__(self, messages: Path) -> None:
        super().__init__(messages)
        self.addresses: list[str] = []
        self.pages: list[str] = []

    def request(self, **request):
        answer = super().request(**request)
        asked = f"{request['PATH_INFO']}?{request.get('QUERY_STRING', '')}"
        self.addresses += [asked, answer.headers.get("Location", ""), request.get("HTTP_REFERER", "")]
        if not answer.streaming:
            self.pages.append(answer.content.decode(errors="replace"))
        return answer


@dataclass
class Sinks:
    """Everything that was written, by where."""

    told: dict[str, str] = field(default_factory=dict)

    def holding(self, canary: str) -> list[str]:
        """Where the canary was found: as it is, or as its JSON."""
        spelt = {canary, json.dumps(canary)[1:-1], repr(canary)[1:-1]}
        return [name for name, text in self.told.items() if any(self._is_in(each, text) for each in spelt)]

    @staticmethod
    def _is_in(canary: str, text: str) -> bool:
        if not re.fullmatch(r"[0-9]{6}", canary):
            return canary in text
        # Six digits alone: not a piece of a longer number, of a hash or of a time.
        return re.search(rf"(?<![0-9A-Za-z.:_+/=-]){canary}(?![0-9A-Za-z_+/=-])", text) is not None


@contextmanager
def everything_logged(caplog) -> Iterator[None]:
    """Every logger at DEBUG, the statements sent to the database with their parameters among them."""
    names = [
        "",
        "django",
        "django.request",
        "django.db.backends",
        "django.template",
        "django.security",
        "django.server",
    ]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.INFO if name == "django.template" else logging.DEBUG)
    caplog.handler.setLevel(logging.DEBUG)
    logging.getLogger("django").addHandler(caplog.handler)
    connection.force_debug_cursor = True
    try:
        yield
    finally:
        connection.force_debug_cursor = False
        logging.getLogger("django").removeHandler(caplog.handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def sinks(caplog, visitor: Sniffer) -> Sinks:
    """All that the portal wrote down, but for the phone's own file."""
    lines = [caplog.handler.format(record) + repr(record.args) for record in caplog.records]
    told = {"the log": "\n".join(lines), "addresses": "\n".join(visitor.addresses)}
    told["the record"] = json.dumps(list(AuditEntry.objects.values("details", "reason", "kind")), ensure_ascii=False)
    told["sessions"] = repr([session.get_decoded() for session in Session.objects.all()])
    told |= {f"table {name}": repr(found) for name, found in raw().items()}
    return Sinks(told)


@pytest.fixture
def sniffer(world, own_folder) -> Sniffer:
    return Sniffer(own_folder / "sms.jsonl")


def first_sign_in_by_sms(visitor: Sniffer) -> list[str]:
    """The firm's first: a code, then a password of his own. What was typed that nobody may read."""
    visitor.give_enterprise_password("YF")
    visitor.choose("王晓敏")
    visitor.verify_by_sms("19900000001")
    visitor.set_password(NEW)
    visitor.get(reverse("home"))
    return [cast.ENTERPRISE_PASSWORDS["YF"], NEW, visitor.code_on("19900000001")]


def sign_in_by_password_and_change_it(visitor: Sniffer) -> list[str]:
    """With the code that a weaker sign-in asks for, then the change."""
    visitor.sign_in_by_password("HC", "钱思远")
    visitor.post(reverse("staff:send_step_up_code"), {"next": reverse("staff:change_password")})
    code = visitor.code_on("19900000006")
    visitor.post(reverse("staff:step_up"), {"code": code, "next": reverse("staff:change_password")})
    old = cast.PERSONAL_PASSWORDS["HC", "钱思远"]
    data = {"old_password": old, "new_password": NEW_AT_WORK, "confirm_password": NEW_AT_WORK}
    assert visitor.post_with_picture(reverse("staff:change_password"), data).status_code == 302
    visitor.get(reverse("staff:operations"))
    return [cast.ENTERPRISE_PASSWORDS["HC"], old, NEW_AT_WORK, code]


def failing_everywhere(visitor: Sniffer) -> list[str]:
    """A wrong enterprise password, a wrong code, wrong personal passwords, a wrong old and an unfit new one."""
    visitor.give_enterprise_password("HC", password=WRONG)
    visitor.go_to_verify("HC", "林若兰")
    visitor.post(reverse("staff:send_code"))
    sent = visitor.code_on("19900000007")
    wrong = "918273" if sent != "918273" else "918274"
    visitor.post(reverse("staff:verify_by_sms"), {"code": wrong})
    for _ in range(6):
        visitor.post(reverse("staff:verify_by_password"), {"password": WRONG})
    visitor.post(reverse("staff:verify_by_sms"), {"code": sent})
    data = {"old_password": WRONG, "new_password": NEW_AT_WORK, "confirm_password": NEW_AT_WORK}
    visitor.post_with_picture(reverse("staff:change_password"), data)
    short = {"old_password": WRONG, "new_password": "Canary1", "confirm_password": "Canary2"}
    visitor.post_with_picture(reverse("staff:change_password"), short)
    return [WRONG, sent, wrong, NEW_AT_WORK, "Canary1", "Canary2", cast.ENTERPRISE_PASSWORDS["HC"]]


def quick_sign_in(visitor: Sniffer) -> list[str]:
    """With a wrong phone in between."""
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"]}
    visitor.post_with_picture(reverse("staff:quick_login"), data)
    visitor.post(reverse("staff:quick_person"), {"person": str(cast.person("林若兰").uid)})
    visitor.post(reverse("staff:send_quick_code"), {"phone": "19900000007"})
    visitor.post(reverse("staff:send_quick_code"), {"phone": "13812345678"})
    code = visitor.code_on("19900000007")
    visitor.post(reverse("staff:quick_code"), {"code": code, "agreement": "on"})
    assert visitor.get(reverse("home")).status_code == 200
    return [cast.ENTERPRISE_PASSWORDS["HC"], code, "13812345678"]


def natural_sign_in(visitor: Sniffer) -> list[str]:
    """By a wrong password, by a code, then by the right password."""
    wrong = {"username": "sunyajing", "password": WRONG, "agreement": "on"}
    visitor.post_with_picture(reverse("staff:natural_login"), wrong)
    visitor.post_with_picture(reverse("staff:natural_sms"), {"username": "sunyajing", "agreement": "on"})
    code = visitor.code_on("19900000003")
    assert visitor.post(reverse("staff:natural_sms_code"), {"code": code}).url == reverse("home")
    visitor.get(reverse("staff:my_posts"))
    visitor.post(reverse("sign_out"))
    right = {"username": "sunyajing", "password": cast.NATURAL_PASSWORDS["孙雅静"], "agreement": "on"}
    assert visitor.post_with_picture(reverse("staff:natural_login"), right).url == reverse("home")
    return [WRONG, code, cast.NATURAL_PASSWORDS["孙雅静"]]


def forgotten(visitor: Sniffer) -> list[str]:
    """The enterprise password and the natural person's, each set anew by a code."""
    visitor.post_with_picture(reverse("staff:forgotten_enterprise"), {"code": cast.CODES["HC"], "phone": "19900000006"})
    codes = [visitor.code_on("19900000006")]
    visitor.post(reverse("staff:forgotten_enterprise_code"), {"code": codes[0]})
    new = {"new_password": NEW_AT_WORK, "confirm_password": NEW_AT_WORK}
    assert visitor.post(reverse("staff:forgotten_enterprise_password"), new).url == reverse("login")
    visitor.post_with_picture(reverse("staff:forgotten_person"), {"username": "hechenxi", "phone": "19900000009"})
    codes.append(visitor.code_on("19900000009"))
    visitor.post(reverse("staff:forgotten_person_code"), {"code": codes[1]})
    new = {"new_password": NEW, "confirm_password": NEW}
    assert visitor.post(reverse("staff:forgotten_person_password"), new).url == reverse("staff:natural_login")
    return [*codes, NEW, NEW_AT_WORK]


def reset_state(visitor: Sniffer) -> list[str]:
    """111111 is no secret; the password set after it is."""
    passwords.reset(cast.membership("HC", "孙雅静").credential)
    visitor.go_to_verify("HC", "孙雅静")
    visitor.post(reverse("staff:verify_by_password"), {"password": "111111"})
    visitor.post(reverse("staff:send_step_up_code"))
    code = visitor.code_on("19900000003")
    visitor.post(reverse("staff:step_up"), {"code": code})
    data = {"old_password": "111111", "new_password": NEW_AT_WORK, "confirm_password": NEW_AT_WORK}
    assert visitor.post_with_picture(reverse("staff:change_password"), data).status_code == 302
    return [cast.ENTERPRISE_PASSWORDS["HC"], code, NEW_AT_WORK]


def keeping_staff(visitor: Sniffer) -> list[str]:
    """Searching, adding with a first password, showing a number, freezing, resetting, changing the firm's password."""
    visitor.sign_in_by_sms("HC", "钱思远")
    number = cast.ID_NUMBERS["宋雨桐"]
    search = {"name": "宋雨桐", "id_type": "resident", "id_number": number}
    visitor.post(reverse("staff:search_candidate"), {**search, "name": "宋雨"})
    found = visitor.post(reverse("staff:search_candidate"), search).content.decode()
    add = unescape(re.search(r'href="(/staff/add/[^"]{20,}/)"', found)[1])
    identity = re.search(r'name="identities" value="([0-9a-f-]{36})"', visitor.get(add).content.decode())[1]
    assert visitor.post(add, {"password": NEW, "identities": identity}).status_code == 302
    for name in ("show_id_number", "show_phone", "freeze", "reset_password"):
        uid = cast.membership("HC", "孙雅静").uid
        version = cast.membership("HC", "孙雅静").version
        visitor.post(reverse(f"staff:{name}", args=[uid]), {"version": version, "reason": "休假"})
    old = cast.ENTERPRISE_PASSWORDS["HC"]
    data = {"old_password": old, "new_password": NEW_AT_WORK, "confirm_password": NEW_AT_WORK}
    assert visitor.post_with_picture(reverse("staff:change_enterprise_password"), data).status_code == 302
    return [old, NEW, NEW_AT_WORK, number]


FLOWS: list[Callable[[Sniffer], list[str]]] = [
    first_sign_in_by_sms,
    sign_in_by_password_and_change_it,
    failing_everywhere,
    quick_sign_in,
    natural_sign_in,
    forgotten,
    reset_state,
    keeping_staff,
]


@pytest.mark.rule("LOG-05", "PW-12", "OTP-08", "CRY-01", "D27")
@pytest.mark.parametrize("flow", FLOWS, ids=lambda each: each.__name__)
def test_no_secret_and_no_full_number_is_written_anywhere(sniffer, caplog, flow):
    with everything_logged(caplog):
        typed = flow(sniffer)
    written = sinks(caplog, sniffer)
    assert "SELECT" in written.told["the log"]
    assert AuditEntry.objects.exists()
    canaries = {*typed, *cast.ID_NUMBERS.values(), *cast.PHONES.values()}
    assert {canary: found for canary in canaries if (found := written.holding(canary))} == {}


@pytest.mark.rule("LOG-05")
@pytest.mark.parametrize("debug", ["on", "off"])
def test_no_setting_of_an_operator_makes_the_templates_tell_what_their_pages_know(debug):
    code = (
        "import django, logging; django.setup();"
        "print(*(logging.getLogger(n).getEffectiveLevel() for n in ('', 'django.template', 'django.db.backends')))"
    )
    done = in_production.run(["-c", code], DJANGO_SETTINGS_MODULE="etax.settings", LOG_LEVEL="DEBUG", DEBUG=debug)
    assert done.stdout.split() == [str(logging.DEBUG), str(logging.INFO), str(logging.INFO)], done.stderr


@pytest.mark.rule("LOG-05")
def test_the_search_finds_what_is_there(sniffer, caplog):
    """The same search over the same places finds what does stand in them."""
    with everything_logged(caplog):
        logging.getLogger("django.request").warning("code %s", "482915")
        sniffer.get("/nowhere/19900000001/")
        sniffer.get("/login/", {"password": WRONG})
    SmsMessage.objects.all().delete()
    written = sinks(caplog, sniffer)
    assert written.holding("482915") == ["the log"]
    assert "addresses" in written.holding(WRONG)
    assert {"the log", "addresses"} <= set(written.holding("19900000001"))
    assert written.holding(cast.CODES["HC"])
    assert written.holding("沈阳海川贸易有限公司") == ["table accounts_taxpayer"]


@pytest.mark.rule("LOG-05", "D27")
@pytest.mark.parametrize(
    "typed", [cast.ID_NUMBERS["钱思远"], TYPED_IN_THE_WRONG_BOX, "210102199509090018"], ids=["own id", "password", "id"]
)
def test_what_is_typed_by_mistake_where_the_taxpayers_number_belongs_is_not_kept_in_clear(sniffer, caplog, typed):
    """A visitor may type his own id number, or his password, into the first box: it looks like a number."""
    with caplog.at_level(logging.DEBUG):
        sniffer.give_enterprise_password("HC", code=typed, password=WRONG)
    assert AuditEntry.objects.filter(kind=Kind.ENTERPRISE_PASSWORD).count() == 1
    written = sinks(caplog, sniffer)
    assert {word: found for word in (typed, typed.upper()) if (found := written.holding(word))} == {}


@pytest.mark.rule("LOG-05", "PW-12")
@pytest.mark.parametrize("flow", FLOWS, ids=lambda each: each.__name__)
def test_no_page_shows_a_password_that_was_typed(sniffer, flow):
    typed = flow(sniffer)
    shown = Sinks({str(number): page for number, page in enumerate(sniffer.pages)})
    secrets = [each for each in typed if not re.fullmatch(r"[0-9]+X?", each)]
    assert {secret: found for secret in secrets if (found := shown.holding(secret))} == {}


@pytest.mark.rule("D27", "OTP-09", "AUZ-08")
@pytest.mark.parametrize(
    "flow",
    [first_sign_in_by_sms, sign_in_by_password_and_change_it, failing_everywhere],
    ids=lambda each: each.__name__,
)
def test_no_page_of_a_sign_in_shows_a_full_number(sniffer, flow):
    flow(sniffer)
    shown = Sinks({str(number): page for number, page in enumerate(sniffer.pages)})
    numbers = {*cast.ID_NUMBERS.values(), *cast.PHONES.values()}
    assert {number: found for number in numbers if (found := shown.holding(number))} == {}


@pytest.mark.rule("LOG-05", "PW-12")
@pytest.mark.parametrize("debug", [True, False], ids=["debug", "no debug"])
def test_a_fault_in_the_midst_of_a_sign_in_logs_where_it_was_and_not_what_was_typed(sniffer, caplog, settings, debug):
    """The fault is real: the folder of the hash slots can't be made, as on a full disk."""
    sniffer.go_to_verify("HC", "钱思远")
    blocked = Path(settings.VAR_DIR) / "a file, no folder"
    blocked.touch()
    settings.VAR_DIR, settings.DEBUG = blocked, debug
    sniffer.raise_request_exception = False
    with everything_logged(caplog):
        answer = sniffer.post(reverse("staff:verify_by_password"), {"password": WRONG})
    assert answer.status_code == 500
    logged = sinks(caplog, sniffer)
    assert "NotADirectoryError" in logged.told["the log"]
    assert logged.holding(WRONG) == []
    assert WRONG not in answer.content.decode()
