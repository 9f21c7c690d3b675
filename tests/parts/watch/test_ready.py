"""Whether the site says that all it needs is there, and what is not."""

import threading
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import Task
from health_check.exceptions import ServiceUnavailable

from parts.models import Conversion, PartFile
from parts.watch import ready
from partsite import queue
from tests.factories import make_file, make_part

ADDRESS = "/health/ready"


@pytest.fixture
def _worker_lives(transactional_db):
    cache.set("worker-seen", time.time(), None)


@pytest.mark.usefixtures("_worker_lives")
def test_all_is_well_and_nobody_has_to_sign_in(client):
    answer = client.get(ADDRESS)
    assert answer.status_code == 200
    names = ["database", "migrations", "cache", "storage", "worker", "queue"]
    assert answer.json() == {"status": "ready", "checks": dict.fromkeys(names, "ok")}
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert client.head(ADDRESS).status_code == 200
    assert client.post(ADDRESS).status_code == 405


@pytest.mark.usefixtures("_worker_lives")
def test_without_its_virus_scanner_the_site_is_ready_for_all_but_uploads(
    client, scanner
):
    scanner.close()
    assert client.get(ADDRESS).status_code == 200
    assert scanner.seen == []


@pytest.mark.usefixtures("_worker_lives")
def test_what_fails_is_a_503_that_tells_nothing_of_the_inside(
    client, media, monkeypatch, caplog
):
    media.write_text("in the way")

    def fail(self):
        raise OperationalError("at secret.host")

    monkeypatch.setattr(ready.Database, "ask", fail)
    answer = client.get(ADDRESS)
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "checks": {
            "database": "failed",
            "migrations": "ok",
            "cache": "ok",
            "storage": "takes no files",
            "worker": "ok",
            "queue": "ok",
        },
    }
    told = [r for r in caplog.records if r.name == "health_check"]
    [known] = [record for record in told if record.levelname == "WARNING"]
    words = "Health check Storage() failed: Unavailable: takes no files"
    assert (known.getMessage(), known.exc_info) == (words, None)
    [unknown] = [record for record in told if record.levelname == "ERROR"]
    assert "at secret.host" in str(unknown.exc_info[1])


@pytest.mark.usefixtures("_worker_lives")
def test_nobody_waits_long_for_a_check_that_hangs(client, monkeypatch):
    end = threading.Event()
    monkeypatch.setattr(ready.Cache, "ask", lambda self: end.wait(20))
    # The library gives one second on top.
    monkeypatch.setattr(ready.Check, "timeout", timedelta(seconds=-0.9))
    begun = time.monotonic()
    answer = client.get(ADDRESS)
    took_seconds = time.monotonic() - begun
    end.set()
    assert answer.status_code == 503
    assert answer.json()["checks"]["cache"].startswith("Timed out")
    assert took_seconds < 10


@pytest.mark.django_db
def test_a_migration_that_is_missing_is_told():
    ready.Migrations().ask()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'accounts' AND id = "
            "(SELECT max(id) FROM django_migrations WHERE app = 'accounts')"
        )
    with pytest.raises(ServiceUnavailable, match=r"1 to apply; run manage.py migrate"):
        ready.Migrations().ask()


@pytest.mark.django_db
def test_a_worker_that_is_silent_is_told(clock):
    silent = "no worker has ever shown itself; start manage.py worker"
    assert ready.worker_trouble() == silent
    queue.Broker().set_stat("key", "stat", 3)
    assert ready.worker_trouble() == ""
    clock.sleep(60)
    assert ready.worker_trouble() == ""
    clock.sleep(120)
    assert ready.worker_trouble() == (
        "no worker has shown itself for 3 min; start manage.py worker"
    )
    with pytest.raises(ServiceUnavailable, match="for 3 min"):
        ready.Worker().ask()


@pytest.mark.django_db
def test_a_cluster_beats_every_few_seconds_only(monkeypatch, django_assert_num_queries):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    broker = queue.Broker()
    broker.set_stat("key", "stat", 3)
    with django_assert_num_queries(0):
        broker.set_stat("key", "stat", 3)
        now = 104.9
        broker.set_stat("key", "stat", 3)
    cache.delete("worker-seen")
    now = 105.1
    broker.set_stat("key", "stat", 3)
    assert queue.silent_seconds() < 60


@pytest.mark.django_db
def test_files_that_wait_while_nothing_is_done_are_told():
    file = make_file(make_part())
    assert file.state == Conversion.QUEUED
    assert ready.queue_trouble() == ""
    long_ago = timezone.now() - timedelta(minutes=11)
    PartFile.objects.update(heartbeat_at=long_ago)
    trouble = "1 files have waited for 10 min, and nothing is done"
    assert ready.queue_trouble() == trouble
    with pytest.raises(ServiceUnavailable, match=trouble):
        ready.Queue().ask()
    task = {"name": "one", "func": "f", "started": long_ago}
    Task.objects.create(id="1", stopped=long_ago, success=True, **task)
    assert ready.queue_trouble() == trouble
    Task.objects.create(id="2", stopped=timezone.now(), success=True, **task)
    assert ready.queue_trouble() == ""


@pytest.mark.django_db
def test_a_look_costs_few_queries(settings, django_assert_num_queries):
    cached = 0 if settings.REDIS_URL else 1
    costs = {"Database": 1, "Cache": cached, "Worker": cached, "Queue": 2, "Storage": 0}
    cache.set("worker-seen", time.time(), None)
    for name, count in costs.items():
        with django_assert_num_queries(count):
            getattr(ready, name)().ask()
