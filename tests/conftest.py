"""Fixtures for all tests: the demo world, visitors, and a folder of their own for what the portal writes."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.test import TransactionTestCase

from accounts import triggers
from accounts.addresses import cache_breaker
from accounts.hashers import Argon2idHasher
from accounts.models import AuditEntry, Taxpayer
from etax import catalogues, demo
from tests.visitor import Visitor

# At full cost argon2 would take half of the suite's time. What a hash costs for real is the matter of
# accounts/test_passwords.py alone, which asks for `full_cost`.
_FULL_COST = {"memory_cost": Argon2idHasher.memory_cost, "time_cost": Argon2idHasher.time_cost}
Argon2idHasher.memory_cost, Argon2idHasher.time_cost = 64, 1

_STAY = {"django_migrations", "django_content_type", "auth_permission"}


def _empty_the_database(self):
    """After a test that commits: the one place where the append-only triggers give way.

    Row by row, since there are few: Django's flush, which gives every table new files, takes a second on PostgreSQL.
    """
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - _STAY
    with connection.schema_editor() as editor:
        triggers.drop(editor)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for table in sorted(tables):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
    finally:
        with connection.schema_editor() as editor:
            triggers.create(editor)


TransactionTestCase._fixture_teardown = _empty_the_database


@receiver(post_save, sender=AuditEntry)
def every_reason_has_words(instance: AuditEntry, **_kwargs: object) -> None:
    """Whatever refusal a test makes the portal record, the taxpayer must be told why in words, not by a code (D28)."""
    assert not instance.reason or instance.reason_in_words != instance.reason, f"no words for {instance.reason!r}"


@pytest.fixture(scope="session", autouse=True)
def made_catalogues() -> None:
    """What the catalogues say now, not when they were last made."""
    catalogues.compile_all()


_LEAVE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The demo world is loaded once, before the first test; tests change it in transactions that are rolled back.

    What threads of tests have left open is closed at the end: PostgreSQL drops no database that somebody is in.
    """
    with django_db_blocker.unblock():
        demo.load()
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(_LEAVE)


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path: Path) -> Iterator[Path]:
    """Every test writes its messages and slots elsewhere, and starts with an empty cache."""
    settings.VAR_DIR = tmp_path
    settings.SMS_URL = f"file://{tmp_path / 'sms.jsonl'}"
    photos = {**settings.STORAGES["photos"]["OPTIONS"], "location": str(tmp_path / "photos")}
    settings.STORAGES = {**settings.STORAGES, "photos": {**settings.STORAGES["photos"], "OPTIONS": photos}}
    if settings.CACHE_URL:  # workers side by side must not clear each other's counts
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
        address = urlsplit(settings.CACHE_URL)
        location = urlunsplit(address._replace(path=str(int(address.path.strip("/") or 0) + worker)))
        settings.CACHES = {**settings.CACHES, "default": {**settings.CACHES["default"], "LOCATION": location}}
    cache_breaker.answered()
    cache.clear()
    yield tmp_path
    cache.clear()


@pytest.fixture
def full_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as in production."""
    for name, value in _FULL_COST.items():
        monkeypatch.setattr(Argon2idHasher, name, value)


@pytest.fixture
def world(db) -> None:
    """The demo world, made again where an earlier test that commits has emptied the database."""
    if not Taxpayer.objects.exists():
        demo.load()


@pytest.fixture
def committed_world(transactional_db) -> None:
    """The demo world in a database where transactions really commit, for races and browsers."""
    demo.load()


@pytest.fixture
def visitor(world, own_folder: Path) -> Visitor:
    """A browser that nobody has used yet."""
    return Visitor(own_folder / "sms.jsonl")


@pytest.fixture
def other_visitor(world, own_folder: Path) -> Visitor:
    """Another browser."""
    return Visitor(own_folder / "sms.jsonl")
