"""Every error is the portal's own page: what happened, the next step, the request's number, and nothing from inside."""

import fcntl
import io
import logging
import os
import re
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings as portal
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.http import Http404, HttpResponse, HttpResponseForbidden, HttpResponseServerError
from django.test import Client
from django.urls import path, reverse
from django.utils import timezone, translation

from accounts.models import AuditEntry, SignIn
from accounts.models.record import Kind
from etax import urls
from staff.models import Identity, Membership
from tests import cast
from tests.staff.acting import as_himself
from tests.visitor import Visitor, words

SECRET = "canary-in-a-local-variable"
INTERNALS = re.compile(
    r"Traceback|Exception|Error\b|django|urlpatterns|ROOT_URLCONF|DEBUG|settings|\.py\b|/usr/|site-packages"
    rf"|{re.escape(str(portal.BASE_DIR))}"
    r"|sqlite|psycopg|SELECT |accounts_|No \w+ matches|DoesNotExist|canary",
    re.IGNORECASE,
)

# This module is also the address book of the pages that fail, beside the portal's own.
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500


@login_not_required
def failing(request, how: str) -> HttpResponse:
    """A page with a fault."""
    canary = SECRET
    faults: dict[str, Callable[[], Exception]] = {
        "key": lambda: KeyError(canary),
        "unicode": lambda: UnicodeEncodeError("utf-8", canary, 0, 1, canary),
        "database": lambda: DatabaseError(canary),
        "recursion": lambda: RecursionError(canary),
        "memory": lambda: MemoryError(canary),
        "assertion": lambda: AssertionError(canary),
        "suspicious": lambda: SuspiciousOperation(canary),
        "bad": lambda: BadRequest(canary),
        "missing": lambda: Http404(canary),
    }
    fault = faults[how]()
    raise fault


@login_not_required
def bare(request, status: int) -> HttpResponse:
    """A page that answers an error with words of its own, as a library might."""
    return HttpResponse(SECRET, status=status)


@login_not_required
def forbidden(request) -> HttpResponse:
    """A refusal without words."""
    raise PermissionDenied


urlpatterns = [
    *urls.urlpatterns,
    path("failing/<str:how>/", failing),
    path("bare/<int:status>/", bare),
    path("forbidden/", forbidden),
    path("forbidden/bare/", lambda request: HttpResponseForbidden(SECRET)),
    path("error/bare/", login_not_required(lambda request: HttpResponseServerError(SECRET))),
]

debug_or_not = pytest.mark.parametrize("debug", [True, False], ids=["debug", "no debug"])


@pytest.fixture
def faulty(visitor, settings, debug) -> Visitor:
    """A visitor of a portal some of whose pages fail, with DEBUG on and off."""
    settings.ROOT_URLCONF, settings.DEBUG = __name__, debug
    settings.HASH_WAIT_SECONDS, settings.SMS_URL = 0, "https://gateway.invalid/send"
    visitor.raise_request_exception = False
    return visitor


def assert_is_own_page(answer, status: int, heading: str) -> None:
    """The page in full: heading, next step, way home, status, request's number; and nothing from inside."""
    page = answer.content.decode()
    read = words(answer)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.lstrip().startswith("<!DOCTYPE html>")
    assert '<html lang="zh-Hans"' in page
    assert re.search(r'<h1 id="error-heading">(.*?)</h1>', page)[1] == heading
    assert "接下来可以" in read
    assert "返回首页" in read
    assert f"错误代码 {status}" in read
    assert f"请求编号 {answer.headers['X-Request-ID']}" in read
    assert not INTERNALS.search(read), INTERNALS.search(read)
    assert SECRET not in page


@contextmanager
def all_slots_held():
    """Every hash slot of the machine is in use."""
    folder = Path(portal.VAR_DIR) / "slots"
    folder.mkdir(exist_ok=True)
    held = [(folder / str(number)).open("ab") for number in range(portal.HASH_SLOTS)]
    try:
        for slot in held:
            fcntl.flock(slot, fcntl.LOCK_EX)
        yield
    finally:
        for slot in held:
            slot.close()


LOGIN = "/login/"
HEADINGS = {
    400: "请求无法识别",
    403: "没有权限",
    404: "页面不存在",
    405: "操作方式不正确",
    409: "办税身份已切换",
    413: "提交的内容过大",
    429: "操作过于频繁",
    500: "系统出现错误",
    503: "系统繁忙",
}
STALE = "页面已过期"
FIELDS = "&".join(f"field{number}=1" for number in range(500))
FORM = "application/x-www-form-urlencoded"

REFUSED: dict[str, tuple[int, Callable[[Visitor], HttpResponse]]] = {
    "foreign host": (400, lambda v: v.get(LOGIN, headers={"host": "evil.example"})),
    "host that is none": (400, lambda v: v.get(LOGIN, headers={"host": "127.0.0.1:port/@evil"})),
    "host with a label too long": (400, lambda v: v.post(LOGIN, headers={"host": "a" * 300})),
    "too many fields": (400, lambda v: v.post(LOGIN, FIELDS, content_type=FORM)),
    "too many parameters": (
        400,
        lambda v: v.get(f"/demo/phone/?{FIELDS}" if portal.DEBUG else f"/failing/bad/?{FIELDS}"),
    ),
    "form without a boundary": (400, lambda v: v.post(LOGIN, b"x", content_type="multipart/form-data")),
    "form of negative length": (
        400,
        lambda v: v.post(LOGIN, b"x", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH="-1"),
    ),
    "suspicious": (400, lambda v: v.get("/failing/suspicious/")),
    "bad request": (400, lambda v: v.get("/failing/bad/")),
    "bare 400": (400, lambda v: v.get("/bare/400/")),
    "permission denied": (403, lambda v: v.get("/forbidden/")),
    "bare 403": (403, lambda v: v.get("/bare/403/")),
    "missing": (404, lambda v: v.get("/nowhere/")),
    "missing for a post": (404, lambda v: v.post("/nowhere/")),
    "missing row": (404, lambda v: v.get("/failing/missing/")),
    "forged picture": (404, lambda v: v.get("/picture/forged.png")),
    "bare 404": (404, lambda v: v.get("/bare/404/")),
    "wrong method": (405, lambda v: v.get("/logout/")),
    "other capacity": (409, lambda v: v.post(reverse("accounts:acknowledge"), {"capacity": "another"})),
    "bare 413": (413, lambda v: v.get("/bare/413/")),
    "bare 429": (429, lambda v: v.get("/bare/429/")),
    "key error": (500, lambda v: v.get("/failing/key/")),
    "encoding error": (500, lambda v: v.get("/failing/unicode/")),
    "database error": (500, lambda v: v.get("/failing/database/")),
    "recursion": (500, lambda v: v.get("/failing/recursion/")),
    "memory": (500, lambda v: v.get("/failing/memory/")),
    "assertion": (500, lambda v: v.get("/failing/assertion/")),
    "bare 500": (500, lambda v: v.get("/error/bare/")),
    "bare 503": (503, lambda v: v.get("/bare/503/")),
}


@pytest.mark.rule("CFG-06", "CFG-05")
@debug_or_not
@pytest.mark.parametrize("what", REFUSED)
def test_an_error_is_a_page_of_the_portal(faulty, what):
    status, ask = REFUSED[what]
    assert_is_own_page(ask(faulty), status, HEADINGS[status])


@pytest.mark.rule("CFG-06", "D7")
@debug_or_not
def test_a_function_that_is_not_held_is_403_and_says_who_can_give_it(faulty):
    faulty.sign_in_by_password("HC", "孙雅静")
    cast.membership("HC", "孙雅静").identities.clear()
    answer = faulty.get(reverse("staff:operations"))
    assert_is_own_page(answer, 403, HEADINGS[403])
    assert "您还没有权限身份。请法定代表人（业主）或财务负责人登录后，在【企业人员维护】中" in words(answer)
    cast.membership("HC", "孙雅静").identities.set([Identity.objects.create(taxpayer=cast.taxpayer("HC"), name="空")])
    answer = faulty.get(reverse("staff:operations"))
    assert_is_own_page(answer, 403, HEADINGS[403])
    assert "请法定代表人（业主）或财务负责人登录后，在【身份维护】中为您的权限身份勾选该功能" in words(answer)


@pytest.mark.rule("CFG-06", "D7", "D32")
def test_who_is_signed_in_as_himself_is_told_to_switch_and_not_to_ask_anybody(visitor):
    as_himself(visitor, "何晨曦")
    answer = visitor.get(reverse("staff:operations"))
    assert answer.status_code == 403
    assert "您现在以自然人身份登录" in words(answer)
    assert "您还没有权限身份" not in words(answer)


@pytest.mark.rule("CFG-06", "SES-08")
@debug_or_not
def test_a_form_that_has_grown_old_is_403_and_says_so(faulty):
    answer = Client(enforce_csrf_checks=True).post(LOGIN)
    assert_is_own_page(answer, 403, STALE)


@pytest.mark.rule("CFG-06")
@debug_or_not
def test_a_body_that_is_too_large_is_refused_on_a_page_of_the_portal(faulty):
    for body in (b"code=" + b"a" * 300_000, b"code=a&password=" + b"%41" * 400_000):
        answer = faulty.post(LOGIN, body, content_type=FORM)
        assert answer.status_code in (400, 413)
        assert_is_own_page(answer, answer.status_code, HEADINGS[answer.status_code])


class Counted(io.BytesIO):
    """A body that knows how much of it was read."""

    read_so_far = 0

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        self.read_so_far += len(chunk)
        return chunk


@pytest.mark.rule("CFG-06")
@pytest.mark.parametrize("where", [LOGIN, "/handover/redeem/", "/logout/", "/nowhere/"])
def test_of_a_file_that_nobody_asked_for_no_more_is_read_than_a_body_may_have(world, where):
    """The size of a body is limited whatever its type: a visitor may not fill the disk with what no form takes."""
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    body = part + b"a" * 4_000_000 + b"\r\n--x--\r\n"
    client = Client(enforce_csrf_checks=True)
    client.get(LOGIN)
    stream = Counted(body)
    sent = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": str(len(body)), "wsgi.input": stream}
    answer = client.generic("POST", where, **sent)
    assert answer.status_code < 500
    assert stream.read_so_far < 2 * portal.DATA_UPLOAD_MAX_MEMORY_SIZE


@pytest.mark.rule("CFG-06", "CAP-06")
@debug_or_not
def test_too_many_pictures_are_429_with_the_time_to_wait(faulty):
    with time_machine.travel(timezone.now(), tick=False):  # all in one minute
        answers = [faulty.get("/picture/forged.png") for _ in range(31)]
    assert [answer.status_code for answer in answers] == [404] * 30 + [429]
    assert_is_own_page(answers[-1], 429, HEADINGS[429])
    assert answers[-1].headers["Retry-After"] == "60"


@pytest.mark.rule("CFG-06", "PW-03")
@debug_or_not
def test_a_busy_portal_is_503_with_the_time_to_wait_and_counts_nothing(faulty):
    with all_slots_held():
        answer = faulty.give_enterprise_password("HC")
    assert_is_own_page(answer, 503, HEADINGS[503])
    assert answer.headers["Retry-After"] == "2"
    assert not AuditEntry.objects.filter(kind=Kind.ENTERPRISE_PASSWORD).exists()
    assert faulty.give_enterprise_password("HC").status_code == 302


@pytest.mark.rule("CFG-06")
@debug_or_not
def test_a_form_from_another_capacity_is_409_and_does_nothing(faulty):
    faulty.sign_in_by_password("HC", "孙雅静")
    faulty.post(reverse("sign_out"))
    page = _page_of(faulty, "林若兰")
    old = re.search(r'name="capacity" value="([^"]+)"', page)[1]
    _page_of(faulty, "钱思远")
    live = SignIn.objects.filter(ended_at__isnull=True).count()
    for name in (
        "accounts:end_other_sign_ins",
        "accounts:acknowledge",
        "staff:send_step_up_code",
        "staff:change_password",
    ):
        assert_is_own_page(faulty.post(reverse(name), {"capacity": old}), 409, HEADINGS[409])
    assert SignIn.objects.filter(ended_at__isnull=True).count() == live
    assert faulty.get(reverse("home")).status_code == 200


def _page_of(visitor: Visitor, name: str) -> str:
    visitor.sign_in_by_password("HC", name)
    return visitor.get(reverse("home")).content.decode()


@pytest.mark.rule("CFG-06")
@debug_or_not
def test_the_page_knows_who_is_signed_in_and_offers_the_way_out(faulty):
    faulty.sign_in_by_password("HC", "钱思远")
    for where in ("/failing/key/", "/nowhere/", "/logout/"):
        page = faulty.get(where).content.decode()
        assert "沈阳海川贸易有限公司" in page, where
        assert f'action="{reverse("sign_out")}"' in page, where


@pytest.mark.rule("CFG-06")
@debug_or_not
def test_the_page_can_be_shown_while_the_database_is_broken(faulty):
    """Who was signed in isn't known then, and must not be asked for: the error page is the last thing that may fail."""
    faulty.sign_in_by_password("HC", "钱思远")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE django_session RENAME TO django_session_elsewhere")
        try:
            answer = faulty.get(reverse("home"))
        finally:
            transaction.set_rollback(True)
    assert answer.status_code in (500, 503)
    assert_is_own_page(answer, answer.status_code, HEADINGS[answer.status_code])


@contextmanager
def the_log(caplog):
    """What the portal's log lines carry, the request's number as the handlers put it in."""
    logger = logging.getLogger("django")
    numbering = next(each for handler in logger.handlers for each in handler.filters)
    caplog.handler.addFilter(numbering)
    logger.addHandler(caplog.handler)
    try:
        yield
    finally:
        logger.removeHandler(caplog.handler)
        caplog.handler.removeFilter(numbering)


@pytest.mark.rule("CFG-06")
@debug_or_not
@pytest.mark.parametrize("how", ["key", "database"])
def test_the_fault_is_in_the_log_under_the_number_that_the_visitor_was_told(faulty, caplog, how):
    with the_log(caplog):
        answer = faulty.get(f"/failing/{how}/")
    lines = [line for line in caplog.records if line.exc_info]
    assert [line.request_id for line in lines] == [answer.headers["X-Request-ID"]]


@pytest.mark.rule("CFG-06")
@pytest.mark.parametrize(
    ("status", "where"), [(403, "/forbidden/"), (404, "/nowhere/"), (405, "/logout/"), (500, "/failing/key/")]
)
@debug_or_not
def test_each_error_is_one_line_of_the_log_under_the_number_that_the_visitor_was_told(faulty, caplog, status, where):
    with the_log(caplog):
        answer = faulty.get(where)
    assert answer.status_code == status
    assert [line.request_id for line in caplog.records] == [answer.headers["X-Request-ID"]]


def tokens_out(answer) -> str:
    """The page without what differs from one visit to the next."""
    page = answer.content.decode().replace(answer.headers["X-Request-ID"], "")
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)


@pytest.mark.rule("AUZ-02", "AUZ-07", "CFG-06")
@debug_or_not
def test_somebody_elses_object_answers_like_one_that_does_not_exist(faulty, other_visitor, debug):
    other_visitor.sign_in_by_password("HC", "林若兰")
    theirs = SignIn.objects.get(person=cast.person("林若兰"))
    faulty.sign_in_by_password("HC", "钱思远")
    answers = [faulty.post(reverse("accounts:end_sign_in", args=[uid])) for uid in (theirs.uid, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert tokens_out(answers[0]) == tokens_out(answers[1])
    assert _names_and_values(answers[0]) == _names_and_values(answers[1])
    theirs.refresh_from_db()
    assert theirs.ended_at is None
    assert other_visitor.get(reverse("home")).status_code == 200


def _names_and_values(answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}


@pytest.mark.rule("AUZ-02", "FLOW-03", "CFG-06")
def test_somebody_of_another_firm_answers_like_nobody_when_a_person_is_chosen(visitor):
    visitor.give_enterprise_password("HC")
    stranger = cast.person("徐明湖").uid
    answers = [visitor.post(reverse("staff:choose_person"), {"person": str(uid)}) for uid in (stranger, uuid4())]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert tokens_out(answers[0]) == tokens_out(answers[1])
    assert not Membership.objects.filter(taxpayer=cast.taxpayer("HC"), person__uid=stranger).exists()


@pytest.mark.rule("CFG-06", "M7", "D26")
@debug_or_not
def test_who_withdrew_his_real_name_while_a_code_was_on_its_way_is_told_so_and_not_let_in(faulty, settings, debug):
    settings.DEBUG, settings.SMS_URL = True, f"file://{faulty.messages}"
    typed = {"username": "sunyajing", "agreement": "on"}
    assert faulty.post_with_picture(reverse("staff:natural_sms"), typed).status_code == 302
    cast.person("孙雅静").real_name_records.update(revoked_at=timezone.now())
    settings.DEBUG = debug
    answer = faulty.post(reverse("staff:natural_sms_code"), {"code": faulty.code_on("19900000003")}, follow=True)
    assert answer.status_code in (200, 400)
    assert "您尚未完成实名采集" in words(answer)
    assert not SignIn.objects.exists()


@pytest.mark.rule("CFG-06")
def test_nginx_may_read_its_pages_whoever_made_them(tmp_path):
    before = os.umask(0o077)
    try:
        call_command("nginx_pages", tmp_path / "pages", stdout=io.StringIO())
    finally:
        os.umask(before)
    modes = {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "pages").iterdir()}
    assert (modes, (tmp_path / "pages").stat().st_mode & 0o777) == ({"0o644"}, 0o755)


@pytest.mark.rule("CFG-06", "D30")
@pytest.mark.parametrize("spoken", ["zh-hans", "en"])
def test_the_pages_of_nginx_say_the_matter_in_every_language_whatever_the_operator_speaks(tmp_path, spoken):
    with translation.override(spoken):
        call_command("nginx_pages", tmp_path, stdout=io.StringIO())
    page = (tmp_path / "nginx-503.html").read_text()
    assert '<html lang="zh-Hans"' in page
    assert '<div lang="zh-Hant">' in page
    assert '<div lang="en">' in page
    for heading, next_step, home in (
        ("系统繁忙", "请等待几秒后刷新页面重试。", "返回首页"),
        ("系統繁忙", "請等待幾秒後刷新頁面重試。", "返回首頁"),
        ("The system is busy", "Please wait a few seconds, then refresh the page.", "Back to the home page"),
    ):
        assert heading in page
        assert next_step in page
        assert home in page
    assert page.count("<h1") == 1
