"""Figures that the database knows, asked for when Prometheus asks: messages to phones, and whether it answers."""

import logging
from collections.abc import Iterator

from django.db import Error, close_old_connections, connection
from django.db.models.functions import Now
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts.models import SmsMessage
from accounts.models.messages import SmsChannel, SmsTally

logger = logging.getLogger(__name__)


class FromDatabase(Collector):
    """Asked at every look; a database that doesn't answer is a figure as well."""

    def collect(self) -> Iterator[Metric]:
        """Gauges by their names in docs/operation.md."""
        try:
            found = [*_messages(), *_gateways()]
            answers = 1
        except Error as error:
            logger.warning("no figures: the database does not answer (%s)", type(error).__name__)
            found, answers = [], 0
        finally:
            if not connection.in_atomic_block:  # a transaction of whoever asks keeps its connection
                close_old_connections()
        yield GaugeMetricFamily("etax_database_answers", "Whether the database answers", value=answers)
        yield from found


def _messages() -> list[Metric]:
    open_ones = SmsMessage.objects.filter(sent_at__isnull=True, given_up_at__isnull=True)
    due = (
        open_ones.filter(next_try_at__lte=timezone.now()).order_by("next_try_at").values_list("next_try_at", flat=True)
    )
    oldest = due.first()
    age = (timezone.now() - oldest).total_seconds() if oldest else 0
    return [
        GaugeMetricFamily("etax_sms_waiting", "Messages that wait to be sent", value=open_ones.count()),
        GaugeMetricFamily("etax_sms_oldest_seconds", "How long the oldest has been due", value=age),
    ]


def _gateways() -> list[Metric]:
    broken = GaugeMetricFamily("etax_sms_gateway_open", "Whether the breaker is open", labels=["gateway"])
    opened = set(SmsChannel.objects.filter(open_until__gt=Now()).values_list("name", flat=True))
    for name in SmsChannel.objects.values_list("name", flat=True):
        broken.add_metric([name], float(name in opened))
    sent = GaugeMetricFamily("etax_sms_today", "Messages of today by how they went", labels=["gateway", "outcome"])
    for name, outcome, count in SmsTally.objects.filter(day=timezone.localdate()).values_list(*_TALLY):
        sent.add_metric([name, outcome], count)
    return [broken, sent]


_TALLY = ("channel", "outcome", "count")


def registry(*, of_workers: bool) -> CollectorRegistry:
    """What the database knows, and with `of_workers` what all workers of this node have counted."""
    made = CollectorRegistry()
    made.register(FromDatabase())
    if of_workers:
        MultiProcessCollector(made)  # type: ignore[no-untyped-call]  # the package has no types here
    return made
