"""The figures for Prometheus: who reads them, and that they are right."""

import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone
from django_q.brokers import get_broker

from parts import tasks
from parts.conversion.step import ConversionError
from parts.models import Conversion, ConversionCount, PartFile
from parts.watch.figures import Shop
from tests.factories import make_draft, make_file, make_part

from .figures import read_figures

ADDRESS = "/metrics"
HERE = "127.0.0.1"


@pytest.fixture
def figures(client, db, settings):
    settings.METRICS_ALLOW = ["127.0.0.0/8"]

    def read() -> dict[str, float]:
        answer = client.get(ADDRESS)
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=")
        assert answer["Cache-Control"] == "no-store"
        return read_figures(answer.content.decode())

    return read


# --- Who ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "socket", "forwarded", "status"),
    [
        ([], HERE, "", 404),
        ([HERE], HERE, "", 200),
        ([HERE], "203.0.113.9", "", 404),
        (["203.0.113.0/24"], "203.0.113.9", "", 200),
        (["2001:db8::/32"], "2001:db8::7", "", 200),
        # A proxy in front: what it says of its client counts, not itself.
        (["10.0.0.1"], "10.0.0.1", "203.0.113.9", 404),
        (["203.0.113.9"], "10.0.0.1", "203.0.113.9", 200),
        # What a stranger says of itself counts for nothing.
        ([HERE], "203.0.113.9", HERE, 404),
    ],
)
def test_only_listed_addresses_read_them(
    client, db, settings, allowed, socket, forwarded, status
):
    settings.METRICS_ALLOW = allowed
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = client.get(ADDRESS, REMOTE_ADDR=socket, headers=headers)
    assert answer.status_code == status
    assert (b"partsite_parts" in answer.content) is (status == 200)


def test_a_network_that_is_none_stops_the_start(settings):
    from parts.checks import check_networks_readable

    settings.METRICS_ALLOW = ["prometheus"]
    [error] = check_networks_readable(None)
    assert error.id == "parts.E003"
    assert error.msg.startswith("METRICS_ALLOW: 'prometheus' does not appear to be")


# --- The shop -----------------------------------------------------------------


def test_parts_are_told_by_board(figures):
    for category in ("cnc", "cnc", "review"):
        make_part(category=category)
    make_part(category="hand", deleted_at=timezone.now())
    told = figures()
    boards = {"review": 1, "cnc": 2, "hand": 0, "misc": 0, "completed": 0}
    for category, count in boards.items():
        assert told[f"partsite_parts category={category}"] == count
    assert told["partsite_up"] == 1
    assert told["partsite_storage_free_bytes"] > 0


def test_the_queue_is_told(figures, member):
    assert figures()["partsite_conversion_wait_seconds"] == 0
    file = make_file(make_part())
    make_file(make_part())
    make_draft(member)
    PartFile.objects.filter(pk=file.pk).update(
        heartbeat_at=timezone.now() - timedelta(seconds=90)
    )
    running = make_file(make_part())
    PartFile.objects.filter(pk=running.pk).update(state=Conversion.RUNNING)
    get_broker().enqueue("x")
    told = figures()
    assert told["partsite_conversions_open state=queued"] == 3
    assert told["partsite_conversions_open state=running"] == 1
    assert 90 <= told["partsite_conversion_wait_seconds"] < 120
    assert told["partsite_tasks_waiting"] == 1
    assert "partsite_worker_silent_seconds" not in told
    cache.set("worker-seen", time.time() - 50, None)
    assert 50 <= figures()["partsite_worker_silent_seconds"] < 80


def test_each_conversion_is_counted_once_by_how_it_ended(figures, monkeypatch):
    def convert(outcome):
        def instead(file):
            if outcome is None:
                raise ConversionError("unreadable", "It is broken.")
            return {"state": Conversion.DONE, "model": "m"}

        monkeypatch.setattr("parts.tasks._convert", instead)
        file = make_file(make_part())
        monkeypatch.setattr("parts.tasks._twin_outcome", lambda file: None)
        tasks.convert(file.pk)
        tasks.convert(file.pk)  # handed out twice

    convert(Conversion.DONE)
    convert(Conversion.DONE)
    convert(None)
    told = figures()
    assert told["partsite_conversion_seconds_count outcome=done"] == 2
    assert told["partsite_conversion_seconds_bucket le=1 outcome=done"] == 2
    assert told["partsite_conversion_seconds_count outcome=failed"] == 1
    # What an equal file gave took no conversion.
    twin = {"state": Conversion.DONE, "model": "m"}
    monkeypatch.setattr("parts.tasks._twin_outcome", lambda file: twin)
    tasks.convert(make_file(make_part()).pk)
    assert figures()["partsite_conversion_seconds_count outcome=done"] == 2


@pytest.mark.django_db
def test_seconds_add_up_in_a_histogram(figures):
    for seconds in (0.4, 1.0, 1.1, 30, 500):
        ConversionCount.add(Conversion.DONE, seconds=seconds)
    told = figures()
    bucket = "partsite_conversion_seconds_bucket le={} outcome=done"
    so_far = {"1": 2, "2": 3, "5": 3, "20": 3, "60": 4, "120": 4, "+Inf": 5}
    assert {le: told[bucket.format(le)] for le in so_far} == so_far
    assert told["partsite_conversion_seconds_sum outcome=done"] == pytest.approx(532.5)


def test_a_file_that_kills_its_workers_is_counted(figures, settings):
    assert figures()["partsite_conversions_given_up_total"] == 0
    file = make_file(make_part())
    PartFile.objects.filter(pk=file.pk).update(
        state=Conversion.RUNNING, heartbeat_at=None, attempts=9
    )
    tasks.rescue()
    tasks.rescue()
    assert figures()["partsite_conversions_given_up_total"] == 1


def test_without_a_database_the_rest_is_told(figures, monkeypatch, caplog):
    def fail(*keys, **kwargs):
        raise OperationalError("at secret.host")

    monkeypatch.setattr("parts.tallies.standing", fail)
    told = figures()
    assert told["partsite_up"] == 0
    assert told["partsite_storage_free_bytes"] > 0
    assert "at secret.host" in caplog.text
    assert not any(name.startswith("partsite_parts") for name in told)


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [1, 20])
def test_they_cost_few_queries(rows, settings, django_assert_num_queries):
    for _ in range(rows):
        make_file(make_part())
        ConversionCount.add(Conversion.DONE, seconds=rows)
    in_redis = 2 if settings.REDIS_URL else 0  # tasks, worker
    with django_assert_num_queries(6 - in_redis):  # and parts, files, drafts, counts
        list(Shop().collect())
