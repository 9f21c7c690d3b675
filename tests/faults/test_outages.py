"""Services that die or hang while in use: told in words, and over by themselves."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import requests

from services import S3
from tests.factories import STEP_SAMPLES

from .machines import Web, Worker, frozen
from .people import Person, by_key, signed_in
from .shop import Shop

PATIENCE_SECONDS = 120
# For what ends in 10 seconds, and in twice as many for a bucket that is tried twice.
HANG_SECONDS = 30
AT_ONCE = 8  # twice as many as the threads of a web server
READS = 10
SPACER = (STEP_SAMPLES / "spacer.step").read_bytes()
PART = {"name": "Hub", "subsystem": "Arm", "material": "PLA", "type": "cnc"}


class Load(threading.Thread):
    """Hands in parts at all web servers until it is told to stop."""

    def __init__(self, person: Person) -> None:
        super().__init__()
        self.person = person
        self.statuses: Counter[int] = Counter()
        self.made: list[int] = []
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(0.02):
            answer = self.person.ask("POST", "/api/parts/", json=PART)
            self.statuses[answer.status_code] += 1
            if answer.status_code == 201:
                self.made.append(answer.json()["id"])

    def stop(self) -> None:
        self._is_over.set()
        self.join()


@contextmanager
def loaded(shop: Shop) -> Iterator[Load]:
    load = Load(by_key(shop, "Lead 0"))
    load.start()
    try:
        until(lambda: load.made)
        yield load
    finally:
        load.stop()


def until(is_so: Callable[[], object], *, every_seconds: float = 0.1) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(every_seconds)


def assert_away(answer: requests.Response, words: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"] == "10"
    assert words in answer.text


def upload(person: Person, part: int, mark: str, **where: Web) -> requests.Response:
    content = SPACER.replace(b"Spacer 7/8", mark.encode())
    file = {"file": (f"{mark}.step", content)}
    return person.ask("POST", f"/api/parts/{part}/upload", files=file, **where)


def is_converted(person: Person, part: int) -> bool:
    model = person.ask("GET", f"/api/parts/{part}").json()["model"]
    return model["state"] == "done"


@pytest.fixture
def same_processes(shop: Shop) -> Iterator[None]:
    """Hold the site to staying up: nobody starts anything again."""
    machines = [*shop.webs, *shop.workers]
    before = [machine.pid for machine in machines]
    yield
    assert all(machine.is_running() for machine in machines)
    assert [machine.pid for machine in machines] == before


@pytest.mark.usefixtures("same_processes")
def test_the_database_dies_and_comes_back(shop):
    key, page = by_key(shop, "Lead 1"), signed_in(shop, "Lead 1", at=shop.webs[0])
    with loaded(shop) as load:
        shop.postgres.kill()
        try:
            # Each waits three seconds for a connection.
            away = "Database out of reach"
            words = "database does not answer. Try again in a moment"
            for web in shop.webs:
                assert_away(key.ask("GET", "/api/parts/", web=web), away)
                assert_away(page.ask("GET", "/review/", web=web), words)
            assert_away(key.ask("POST", "/api/parts/", json=PART), away)
            assert_away(page.ask("GET", "/api/parts/"), away)
            assert_away(page.ask("GET", "/parts/live/"), words)
            health = key.ask("GET", "/health")
            assert (health.status_code, health.json()["database"]) == (503, "failed")
            assert key.ask("GET", "/health/ready").status_code == 503
        finally:
            shop.postgres.start()
        came_back = time.monotonic()
        for web in shop.webs:
            until(lambda web=web: key.ask("GET", "/api/parts/", web=web).ok)
            until(lambda web=web: page.ask("GET", "/review/", web=web).ok)
        assert time.monotonic() - came_back < 30
        done = len(load.made)
        until(lambda: len(load.made) > done + 10)
    assert load.statuses.keys() <= {201, 503}
    stand = {row[0] for row in shop.rows("SELECT id FROM parts")}
    assert set(load.made) <= stand
    part = load.made[-1]
    assert upload(key, part, "after the database").status_code == 201
    until(lambda: is_converted(key, part))


@pytest.mark.usefixtures("same_processes")
def test_redis_dies_with_the_queue_and_comes_back(shop):
    key, page = by_key(shop, "Lead 2"), signed_in(shop, "Lead 2", at=shop.webs[0])
    parts = [key.ask("POST", "/api/parts/", json=PART).json()["id"] for _ in range(4)]
    with loaded(shop) as load:
        for part in parts[:3]:
            assert upload(key, part, f"before {part}").status_code == 201
        shop.redis.kill()
        try:
            for web in shop.webs:
                assert key.ask("GET", "/api/parts/", web=web).status_code == 200
                assert page.ask("GET", "/review/", web=web).status_code == 200
                made = key.ask("POST", "/api/parts/", web=web, json=PART)
                assert made.status_code == 201
                check = key.ask("GET", "/api/parts/auth/check", web=web)
                assert_away(check, "Limits out of reach")
                stranger = Person("nobody", [web])
                stranger.session.headers["X-API-Key"] = "pk_0123456789ab_wrong"
                answer = stranger.ask("GET", "/api/parts/")
                assert_away(answer, "Limits out of reach")
                ready = key.ask("GET", "/health/ready", web=web)
                assert (ready.status_code, ready.json()["checks"]["cache"]) == (
                    503,
                    "failed",
                )
            answer = upload(key, parts[3], "while it is away")
            assert answer.status_code == 201
        finally:
            shop.redis.start()
        until(lambda: key.ask("GET", "/api/parts/auth/check").status_code == 200)
    assert load.statuses.keys() == {201}
    # The queue is gone, but the files' rows tell what was in it.
    shop.hasten()
    for part in parts:
        until(lambda part=part: is_converted(key, part))
    until(lambda: key.ask("GET", "/health/ready").status_code == 200)


def test_the_storage_dies_and_comes_back(shop, tmp_path):
    with S3.running() as s3:
        web = Web(tmp_path, {**shop.variables, **s3.variables})
        web.start()
        try:
            key, page = by_key(shop, "Lead 3"), signed_in(shop, "Lead 3", at=web)
            where = {"web": web}
            part = key.ask("POST", "/api/parts/", json=PART, **where).json()["id"]
            s3.kill()
            assert_away(upload(key, part, "away", **where), "Files out of reach")
            assert_away(
                page.ask(
                    "POST",
                    f"/parts/{part}/files/",
                    files={"file": ("hub.step", SPACER)},
                    **where,
                ),
                "Nothing was changed",
            )
            assert key.ask("GET", f"/api/parts/{part}/files", **where).json() == {
                "files": []
            }
            assert page.ask("GET", f"/parts/{part}/", **where).status_code == 200
            s3.start()
            assert upload(key, part, "back", **where).status_code == 201
            download = key.ask("GET", f"/api/parts/{part}/download", **where)
            assert b"PRODUCT('back'" in download.content
        finally:
            web.stop()


# --- What hangs, and says nothing -------------------------------------------------


def at_once(*asks: Callable[[], Any]) -> list[Any]:
    """Ask all at the same moment; nobody waits for ever."""
    began = time.monotonic()
    with ThreadPoolExecutor(len(asks)) as pool:
        answers = list(pool.map(lambda ask: ask(), asks))
    assert time.monotonic() - began < HANG_SECONDS
    return answers


@pytest.mark.usefixtures("same_processes")
def test_the_database_hangs_and_goes_on(shop):
    web = shop.webs[0]
    key, other = by_key(shop, "Lead 1"), by_key(shop, "Lead 2")
    page = signed_in(shop, "Lead 1", at=web)
    part = key.ask("POST", "/api/parts/", json=PART).json()["id"]
    with frozen(shop.postgres):
        health, *rest = at_once(
            lambda: Person("nobody", [web]).ask("GET", "/health"),
            lambda: page.ask("GET", "/review/", web=web),
            lambda: key.ask("GET", "/api/parts/", web=web),
            lambda: other.ask("POST", "/api/parts/", json=PART, web=web),
            lambda: upload(by_key(shop, "Lead 3"), part, "hanging", web=web),
        )
        assert (health.status_code, health.json()["database"]) == (503, "failed")
        assert_away(rest.pop(0), "database does not answer. Try again in a moment")
        for answer in rest:
            assert_away(answer, "Database out of reach")
    for web in shop.webs:
        until(lambda web=web: key.ask("GET", "/api/parts/", web=web).ok)
        until(lambda web=web: page.ask("GET", "/review/", web=web).ok)
    assert upload(key, part, "after the database hung").status_code == 201
    until(lambda: is_converted(key, part))


@pytest.mark.usefixtures("same_processes")
def test_redis_hangs_and_nobody_waits_for_it_who_needs_it_not(shop):
    web = shop.webs[0]
    key, page = by_key(shop, "Lead 2"), signed_in(shop, "Lead 2", at=web)
    part = key.ask("POST", "/api/parts/", json=PART).json()["id"]
    with frozen(shop.redis):
        people = [by_key(shop, f"Lead {n % 4}") for n in range(AT_ONCE)]
        # One after the other too: each once would wait no longer than a bit.
        for answers in at_once(*[partial(_read_often, who, web) for who in people]):
            assert answers == [200] * READS
        assert page.ask("GET", "/review/", web=web).status_code == 200
        made = key.ask("POST", "/api/parts/", web=web, json=PART)
        assert made.status_code == 201
        check = key.ask("GET", "/api/parts/auth/check", web=web)
        assert_away(check, "Limits out of reach")
        assert upload(key, part, "Redis hangs", web=web).status_code == 201
        ready = key.ask("GET", "/health/ready", web=web)
        assert ready.json()["checks"]["cache"] == "failed"
    until(lambda: key.ask("GET", "/api/parts/auth/check", web=web).status_code == 200)
    # What is queued just then goes to whoever has stopped waiting for it, now and then.
    until(lambda: shop.hasten() or is_converted(key, part), every_seconds=3)


def _read_often(person: Person, web: Web) -> list[int]:
    return [person.ask("GET", "/api/parts/", web=web).status_code for _ in range(READS)]


def test_the_storage_hangs_and_holds_up_nobody_else(shop, tmp_path):
    with S3.running() as s3:
        web = Web(tmp_path, {**shop.variables, **s3.variables})
        web.start()
        try:
            people = [by_key(shop, f"Lead {n % 4}") for n in range(AT_ONCE)]
            where = {"web": web}
            key = people[0]
            part = key.ask("POST", "/api/parts/", json=PART, **where).json()["id"]
            assert upload(key, part, "before", **where).status_code == 201
            path = f"/api/parts/{part}/download"
            with frozen(s3):
                for answer in at_once(
                    lambda: upload(key, part, "hanging", **where),
                    *[lambda who=who: who.ask("GET", path, **where) for who in people],
                ):
                    assert_away(answer, "Files out of reach")
                assert key.ask("GET", f"/api/parts/{part}", **where).ok
                files = key.ask("GET", f"/api/parts/{part}/files", **where).json()
                assert len(files["files"]) == 1
            until(lambda: key.ask("GET", path, **where).ok)
            assert upload(key, part, "after", **where).status_code == 201
        finally:
            web.stop()


# --- What is started first ----------------------------------------------------------


def test_web_server_and_worker_are_started_before_their_services(shop, tmp_path):
    web = Web(tmp_path / "web", shop.variables)
    worker = Worker(tmp_path / "worker", shop.variables)
    shop.postgres.kill()
    shop.redis.kill()
    with ThreadPoolExecutor(1) as pool:
        try:
            comes = pool.submit(worker.start)
            web.start()
            key = by_key(shop, "Lead 0")
            answer = key.ask("GET", "/api/parts/", web=web)
            assert_away(answer, "Database out of reach")
            until(lambda: worker.log.exists() and "worker_waits" in _said(worker))
            shop.redis.start()
            until(lambda: "for=database" in _said(worker))
            shop.postgres.start()
            assert comes.result(PATIENCE_SECONDS)
            assert "worker_goes_on" in _said(worker)
            assert "Traceback" not in _said(worker)
            until(lambda: key.ask("GET", "/api/parts/", web=web).ok)
        finally:
            shop.redis.start()
            shop.postgres.start()
            comes.result(PATIENCE_SECONDS)
            worker.stop()
            web.stop()


def _said(worker: Worker) -> str:
    return worker.log.read_text()
