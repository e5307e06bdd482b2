"""The outbox with a slow gateway and a database where transactions commit: the threads send (F7)."""

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction

from accounts import outbox
from accounts.models import SmsMessage


def finish() -> None:
    """Wait until every thread is idle again, and close its connection, or the test database couldn't be dropped."""
    barrier = threading.Barrier(outbox._SLOTS)

    def last() -> None:
        barrier.wait(20)
        connections.close_all()

    for done in [outbox._pool.submit(last) for _ in range(outbox._SLOTS)]:
        done.result(20)


@pytest.mark.django_db(transaction=True)
def test_a_slow_gateway_is_served_by_a_thread_while_the_request_goes_on(gateway):
    gateway.slow.clear()
    try:
        with transaction.atomic():
            message = outbox.queue("13800001234", "你好", useful_for=timedelta(minutes=5))
        assert gateway.asked.wait(10)  # it hasn't answered yet, and we are here already
        assert SmsMessage.objects.get(pk=message.pk).sent_at is None
    finally:
        gateway.slow.set()
        finish()
    message.refresh_from_db()
    assert message.sent_at is not None
    assert (message.to, message.text) == ("", "")
    assert len(gateway.calls) == 1
