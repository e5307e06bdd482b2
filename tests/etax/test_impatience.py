"""A request doesn't wait for a database that hangs, and work that nobody waits for isn't hurried (F2)."""

import socket

import psycopg
import pytest
from django.db import OperationalError, connection

from etax import postgresql
from etax.postgresql import base

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is no server that could hang"),
]


@pytest.fixture
def serving(db, settings):
    """A connection as a worker of the portal opens it."""
    settings.SERVING, settings.DEBUG = True, False
    own = connection.copy()
    own.settings_dict["OPTIONS"] = own.settings_dict["OPTIONS"] | postgresql.options(serving=True)
    yield own
    own.close()


@pytest.mark.rule("F2")
def test_a_statement_that_takes_too_long_is_ended_by_the_server(serving):
    with pytest.raises(OperationalError, match="statement timeout"), serving.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")
    assert serving.is_usable()


@pytest.mark.rule("F2")
def test_a_server_that_no_longer_ends_anything_is_given_up_and_the_next_request_asks_it_anew(serving):
    with serving.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # as if it had stopped: nothing comes from there
        with pytest.raises(OperationalError, match=r"no answer in 2\.5 s"):
            cursor.execute("SELECT pg_sleep(20)")
    assert not serving.is_usable()
    serving.close_if_unusable_or_obsolete()
    with serving.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.rule("F2")
def test_a_lock_that_somebody_keeps_is_not_waited_for(serving, db):
    other = serving.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(42)")
        with pytest.raises(OperationalError, match="lock timeout"), serving.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(42)")
    finally:
        other.close()


@pytest.mark.rule("F2", "F21")
def test_a_command_is_not_hurried(db):
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.rule("F2")
def test_who_asks_after_one_who_waited_in_vain_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as hung:  # takes the connection, and says nothing
        where = {"host": "127.0.0.1", "port": hung.getsockname()[1], "connect_timeout": 2}
        try:
            with pytest.raises(psycopg.OperationalError, match="timeout"):
                base.DatabaseWrapper._connect(where)
            with pytest.raises(psycopg.OperationalError, match="a moment ago"):
                base.DatabaseWrapper._connect(where)
        finally:
            base._breaker.answered()


@pytest.mark.rule("F1", "F2")
def test_a_server_that_says_no_at_once_may_be_asked_again_at_once():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError, match="refused"):
            base.DatabaseWrapper._connect({"host": "127.0.0.1", "port": port, "connect_timeout": 2})
    assert not base._breaker.is_open
