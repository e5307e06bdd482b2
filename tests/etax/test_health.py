"""What a machine that watches the portal is told, and that nobody else is told it."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import SmsMessage
from etax import health
from tests.etax import in_production

NEAR = {"REMOTE_ADDR": "127.0.0.1"}
FAR = {"REMOTE_ADDR": "203.0.113.7"}


@pytest.fixture
def unreachable(world):
    """A database that doesn't answer: every statement fails as the driver says it."""
    monkeypatch = pytest.MonkeyPatch()

    def refuse(*_args, **_kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    def break_it() -> None:
        monkeypatch.setattr(connection, "cursor", refuse)

    yield break_it
    monkeypatch.undo()


@pytest.mark.rule("REL-01", "F1")
def test_the_portal_lives_without_asking_the_database_whatever_cookies_come(visitor, django_assert_num_queries):
    visitor.sign_in_by_password("HC", "钱思远")
    with django_assert_num_queries(0):
        answer = visitor.get("/healthz", **NEAR)
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


@pytest.mark.rule("REL-01", "F1")
def test_the_portal_is_ready_when_its_tables_are_there(world):
    answer = Client().get("/readyz", **NEAR)
    told = {"ready": True, "database": "ok", "migrations": "ok", "outbox_seconds": 0, "cache": "ok"}
    assert (answer.status_code, answer.json()) == (200, told)


@pytest.mark.rule("REL-01", "F1")
def test_without_a_database_the_portal_lives_and_is_not_ready(unreachable):
    unreachable()
    answer = Client().get("/readyz", **NEAR)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"ready": False, "database": "lost", "cache": "ok"}
    assert Client().get("/healthz", **NEAR).status_code == 200


@pytest.mark.rule("REL-01", "F21")
def test_a_release_whose_tables_are_missing_is_not_ready_until_they_are_there(world):
    health._all_applied.cache_clear()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'staff'")
        answer = Client().get("/readyz", **NEAR)
        assert (answer.status_code, answer.json()["migrations"]) == (503, "missing")
        transaction.set_rollback(True)
    assert Client().get("/readyz", **NEAR).json()["migrations"] == "ok"


@pytest.mark.rule("REL-01", "F7")
def test_messages_that_wait_are_told_and_decide_nothing(world):
    due, later = timezone.now() - timedelta(seconds=90), timezone.now() + timedelta(hours=1)
    message = SmsMessage.objects.create(to="19900000001", text="x", useful_until=later)
    SmsMessage.objects.filter(pk=message.pk).update(next_try_at=due)
    answer = Client().get("/readyz", **NEAR)
    assert answer.status_code == 200
    assert 90 <= answer.json()["outbox_seconds"] < 120


@pytest.mark.rule("REL-01", "F4")
def test_a_lost_cache_is_told_and_decides_nothing(world, settings):
    before = settings.CACHES
    nobody = "redis://127.0.0.1:1"  # nothing listens there
    down = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": nobody}
    settings.CACHES = {**before, "default": down}
    answers = [Client().get("/readyz", **NEAR) for _ in range(2)]
    settings.CACHES = before
    assert [(answer.status_code, answer.json()["cache"]) for answer in answers] == [(200, "lost")] * 2
    assert cache.get("readyz") is None


@pytest.mark.rule("CFG-05", "CFG-04")
@pytest.mark.parametrize("where", ["/healthz", "/readyz"])
def test_from_outside_there_is_no_such_page(world, settings, where):
    assert Client().get(where, **FAR).status_code == 404
    assert Client().get(where, headers={"x-forwarded-for": "127.0.0.1"}, **FAR).status_code == 404
    settings.TRUSTED_PROXIES = 1
    assert Client().get(where, headers={"x-forwarded-for": "203.0.113.7"}, **NEAR).status_code == 404
    assert Client().post(where, **NEAR).status_code in (403, 404)


@pytest.mark.rule("REL-01", "CFG-01")
def test_in_production_both_are_answered_on_the_machine_itself_by_any_name_and_without_https():
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'etax.settings'\n"
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('collectstatic', verbosity=0, interactive=False)\n"
        "from django.test import Client\n"
        "print(*(Client(SERVER_NAME='10.0.0.5').get(p).status_code for p in ('/healthz', '/readyz', '/login/')))"
    )
    done = in_production.run(["-c", code])
    assert done.stdout.split() == ["200", "503", "400"], done.stderr
