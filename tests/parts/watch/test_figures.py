"""The figures for Prometheus: who reads them, and that they are right."""

import os
import re
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone
from django_q.brokers import get_broker
from prometheus_client.parser import text_string_to_metric_families

from parts import tasks
from parts.conversion import ConversionError
from parts.models import Conversion, ConversionCount, PartFile
from parts.watch.figures import Shop
from tests.factories import make_draft, make_file, make_part
from tests.running import serving_site

ADDRESS = "/metrics"
HERE = "127.0.0.1"


def _read(text: str) -> dict[str, float]:
    """Return each figure by its name and labels, as Prometheus writes them."""
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {
        " ".join([s.name, *(f"{n}={v}" for n, v in sorted(s.labels.items()))]): s.value
        for s in samples
    }


@pytest.fixture
def figures(client, db, settings):
    settings.METRICS_ALLOW = ["127.0.0.0/8"]

    def read() -> dict[str, float]:
        answer = client.get(ADDRESS)
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=")
        assert answer["Cache-Control"] == "no-store"
        return _read(answer.content.decode())

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


# --- Requests -----------------------------------------------------------------


def test_requests_are_counted_over_all_processes_and_their_ends(shop):
    given = {"METRICS_ALLOW": HERE, "WEB_PROCESSES": "2", "API_READS_PER_MINUTE": "0"}
    with serving_site(shop, **given) as site:

        def ask(address: str, method: str = "GET", **headers: str) -> requests.Response:
            # A connection each, which either process may take.
            headers["Connection"] = "close"
            return requests.request(
                method, site.address + address, headers=headers, timeout=10
            )

        for _ in range(20):
            ask("/api/parts/?limit=1", **{"X-API-Key": site.key})
            ask("/account/login/")
        ask("/api/parts/stats")
        ask("/health", method="FOO")
        before = _read(ask(ADDRESS).text)
        status = "django_http_responses_total_by_status_view_method_total method=GET "
        of_keys = "partsite_reads_by_key_seconds_count status=200"
        assert before[of_keys] == 20
        assert before[status + "status=200 view=accounts:login"] == 20
        assert before[status + "status=401 view=api:part-stats"] == 1
        assert not any("FOO" in name for name in before)
        _end_a_web_process(shop)
        ask("/api/parts/?limit=1", **{"X-API-Key": site.key})
        after = _read(ask(ADDRESS).text)
        assert after[of_keys] == 21
        folder = _folder_of_figures(shop)
        # A process that took another's place counts in its files.
        names = sorted(re.sub(r"^\w+?_", "", path.name) for path in folder.iterdir())
        assert set(names) <= {"master.db", "0.db", "1.db"}
    assert not folder.exists()


def _processes(shop: Path) -> list[int]:
    """Return gunicorn's process of this shop, then those that it made."""
    found = subprocess.run(  # noqa: S603 - our own words
        ["/usr/bin/env", "pgrep", "-f", "gunicorn partsite.wsgi"],
        capture_output=True,
        text=True,
        check=True,
    )
    mine = f"DATA_DIR={shop}".encode()
    return [
        pid
        for pid in map(int, found.stdout.split())
        if mine in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    ]


def _end_a_web_process(shop: Path) -> None:
    _master, *processes = _processes(shop)
    os.kill(processes[0], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while len(now := _processes(shop)) < 3 or processes[0] in now:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _folder_of_figures(shop: Path) -> Path:
    master, *_processes_made = _processes(shop)
    maps = Path(f"/proc/{master}/maps").read_text()
    return Path(re.search(r"(/\S+/metrics-[^/\s]+)/\S+\.db", maps).group(1))
