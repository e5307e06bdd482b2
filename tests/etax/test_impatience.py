"""A request doesn't wait for a database that hangs, and work that nobody waits for isn't hurried (F2)."""

import pytest
from django.db import OperationalError, connection

from etax import postgresql

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is no server that could hang"),
]


@pytest.fixture
def serving(db, settings):
    """A connection as a worker of the portal opens it."""
    settings.SERVING = True
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
