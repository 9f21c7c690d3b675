"""What Prometheus is told: requests, and the shop as the database has it.

Of the shop nothing is counted in a process, so any web server of the site gives the
same answer.
"""

import logging
from collections.abc import Iterator
from datetime import datetime

import prometheus_client
from django.db.models import Count, Min
from django.http import HttpResponse
from django.utils import timezone
from django_prometheus.exports import ExportToDjangoView
from django_q.brokers import get_broker
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from parts import tallies
from parts.models import Category, Conversion, ConversionCount, DraftFile, PartFile
from partsite import queue

from . import disk

logger = logging.getLogger(__name__)

_OPEN = (Conversion.QUEUED, Conversion.RUNNING)


def exposition() -> HttpResponse:
    """Return all figures in Prometheus's text form."""
    answer = ExportToDjangoView(None)  # of the requests to all processes here
    registry = CollectorRegistry()
    registry.register(Shop())
    answer.write(prometheus_client.generate_latest(registry))
    answer["Cache-Control"] = "no-store"
    return answer


class Shop(Collector):
    """The figures of the shop, read anew for each who asks."""

    def describe(self) -> list[Metric]:
        return []  # or registering it would read them

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("partsite_up", "Whether database and queue answer.")
        try:
            yield from list(self._of_database())
        except Exception:
            # Each kind of queue has errors of its own; the requests are told anyway.
            logger.exception("figures_failed")
            up.add_metric([], 0)
        else:
            up.add_metric([], 1)
        yield up
        if (left := disk.free_bytes()) is not None:
            yield GaugeMetricFamily(
                "partsite_storage_free_bytes", "Left for files.", left
            )

    def _of_database(self) -> Iterator[Metric]:
        yield _parts()
        yield from _queue()
        yield from _conversions()


def _parts() -> Metric:
    parts = GaugeMetricFamily(
        "partsite_parts", "Parts on each board, without the trash.", labels=["category"]
    )
    standing = tallies.standing("category")
    for category in Category.values:
        tally = standing.get((category,))
        parts.add_metric([category], tally.parts if tally else 0)
    return parts


def _queue() -> Iterator[Metric]:
    counts = dict.fromkeys(_OPEN, 0)
    waiting_since: list[datetime] = []
    for files in (PartFile.objects, DraftFile.objects):
        rows = files.filter(state__in=_OPEN).values_list("state")
        for state, count, since in rows.annotate(Count("pk"), Min("heartbeat_at")):
            counts[state] += count
            if state == Conversion.QUEUED and since:
                waiting_since.append(since)
    files_open = GaugeMetricFamily(
        "partsite_conversions_open", "STEP files in the queue.", labels=["state"]
    )
    for state, count in counts.items():
        files_open.add_metric([state], count)
    yield files_open
    now = timezone.now()
    yield GaugeMetricFamily(
        "partsite_conversion_wait_seconds",
        "How long the oldest STEP file has waited.",
        max([0.0, *((now - since).total_seconds() for since in waiting_since)]),
    )
    yield GaugeMetricFamily(
        "partsite_tasks_waiting",
        "Tasks of any kind that no worker has taken.",
        get_broker().queue_size(),
    )
    silent = GaugeMetricFamily(
        "partsite_worker_silent_seconds", "Since a worker has last shown itself."
    )
    if (seconds := queue.silent_seconds()) is not None:
        silent.add_metric([], seconds)
    yield silent


def _conversions() -> Iterator[Metric]:
    took = HistogramMetricFamily(
        "partsite_conversion_seconds",
        "Conversions that ended, by outcome.",
        labels=["outcome"],
    )
    gave_up = CounterMetricFamily(
        "partsite_conversions_given_up", "Files that killed their workers."
    )
    rows = {
        (row.outcome, row.up_to): row for row in ConversionCount.objects.order_by("pk")
    }
    for outcome in (Conversion.DONE, Conversion.FAILED):
        so_far, seconds = 0, 0.0
        buckets = []
        for up_to in ConversionCount.BUCKETS:
            if row := rows.get((outcome, up_to)):
                so_far += row.count
                seconds += row.seconds
            buckets.append((up_to, so_far))
        took.add_metric([outcome], buckets, seconds)
    yield took
    given_up = rows.get((ConversionCount.GIVEN_UP, "+Inf"))
    gave_up.add_metric([], given_up.count if given_up else 0)
    yield gave_up
