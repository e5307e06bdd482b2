"""When the database is gone, hung or full, the visitor is told so at once, nobody is let in, and it heals by itself."""

import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import DataError, InterfaceError, OperationalError, connection
from django.http import HttpResponse
from django.urls import path, reverse

from accounts.models import SignIn
from etax import errors, postgresql, urls
from tests.visitor import words

handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500


@login_not_required
def failing(request, how: str) -> HttpResponse:
    raise {"gone": OperationalError, "closed": InterfaceError, "nonsense": DataError}[how]("canary")


urlpatterns = [*urls.urlpatterns, path("failing/<str:how>/", failing)]


@pytest.fixture(params=[True, False], ids=["debug", "no debug"])
def broken(visitor, settings, request):
    """A signed-in visitor's portal whose database can be made to fail and to heal."""
    settings.ROOT_URLCONF, settings.DEBUG = __name__, request.param
    visitor.raise_request_exception = False
    monkeypatch = pytest.MonkeyPatch()

    def refuse(*_args, **_kwargs):
        raise OperationalError("canary: could not connect to server 10.0.0.9")

    def set_broken(*, is_broken: bool) -> None:
        monkeypatch.undo() if not is_broken else monkeypatch.setattr(connection, "cursor", refuse)

    yield set_broken
    monkeypatch.undo()


def assert_says_so(answer) -> None:
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "系统繁忙" in words(answer)
    assert "canary" not in answer.content.decode()
    assert "Set-Cookie" not in answer.headers


@pytest.mark.rule("F1", "CFG-06")
@pytest.mark.parametrize(("how", "status"), [("gone", 503), ("closed", 503), ("nonsense", 500)])
@pytest.mark.parametrize("debug", [True, False], ids=["debug", "no debug"])
def test_a_view_whose_database_is_gone_is_503_and_one_that_asked_nonsense_is_500(visitor, settings, how, status, debug):
    settings.ROOT_URLCONF, settings.DEBUG = __name__, debug
    visitor.raise_request_exception = False
    answer = visitor.get(f"/failing/{how}/")
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.rule("F1", "CFG-06", "SES-05")
def test_who_is_signed_in_is_told_to_wait_and_is_still_signed_in_afterwards(visitor, broken):
    visitor.sign_in_by_password("HC", "钱思远")
    broken(is_broken=True)
    assert_says_so(visitor.get(reverse("home")))
    broken(is_broken=False)
    assert visitor.get(reverse("home")).status_code == 200


@pytest.mark.rule("F1")
def test_nobody_is_let_in_while_it_is_gone(visitor, broken):
    visitor.go_to_verify("HC", "钱思远")
    broken(is_broken=True)
    for where in ("staff:verify_by_password", "staff:verify_by_sms", "login"):
        assert_says_so(visitor.post(reverse(where), {"password": "Siyuan-2026-ok", "code": "123456"}))
    broken(is_broken=False)
    assert not SignIn.objects.exists()


@pytest.mark.rule("F18")
def test_a_full_disk_and_a_locked_file_count_as_down():
    assert errors.is_database_down(OperationalError("database or disk is full"))
    assert not errors.is_database_down(ValueError())
    assert not errors.is_database_down(None)


@pytest.mark.rule("F2")
def test_the_waits_of_one_request_make_less_than_five_seconds():
    serving, working = postgresql.options(serving=True), postgresql.options(serving=False)
    assert postgresql.PATIENCE_SECONDS + serving["connect_timeout"] < 5
    assert "statement_timeout=2200" in serving["options"]
    assert "lock_timeout=1800" in serving["options"]
    assert "options" not in working
