"""Clocks that jump, forward and back, below a running site."""

import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.servers import lacking

from .alone import STEP, Shop, open_shop

SMALL = (STEP / "spacer.step").read_bytes()
DAY = timedelta(days=1)


class _Clock:
    """What the site's processes take for the time: ours, and something beside it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ahead"
        self.set(timedelta())
        self.variables = {
            "LD_PRELOAD": str(_library(folder)),
            "CLOCK_AHEAD": str(self._path),
        }

    def set(self, ahead: timedelta) -> None:
        self.ahead = ahead
        with self._path.open("r+b" if self._path.exists() else "wb") as file:
            file.write(struct.pack("=q", int(ahead.total_seconds())))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def _library(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if not compiler:
        lacking("There is no C compiler.")
    made, source = folder / "clock.so", Path(__file__).with_name("clock.c")
    options = ["-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", made, source], check=True)  # noqa: S603
    return made


@pytest.fixture
def clock(tmp_path) -> _Clock:
    return _Clock(tmp_path)


@pytest.fixture
def shop(tmp_path, clock) -> Iterator[Shop]:
    with open_shop(tmp_path / "shop", **clock.variables) as shop:
        shop.web.start()
        shop.worker.start()
        yield shop


@pytest.fixture
def ask(shop) -> Callable[..., requests.Response]:
    session = requests.Session()
    session.headers["X-API-Key"] = shop.key

    def ask(method: str, path: str, **options) -> requests.Response:
        return session.request(method, shop.web.address + path, timeout=60, **options)

    return ask


def _hand_in(ask, name: str) -> int:
    told = {
        "name": name,
        "subsystem": "Drive",
        "material": "steel",
        "type": "cnc",
        "category": "cnc",
    }
    answer = ask("POST", "/api/parts", json=told)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def _upload(ask, pk: int) -> None:
    content = SMALL + f"/* {pk} */\nEND-ISO-10303-21;\n".encode()
    answer = ask("POST", f"/api/parts/{pk}/upload", files={"file": ("a.stp", content)})
    assert answer.status_code == 201, answer.text


def _take(ask, pk: int, step: str, **told: str) -> dict:
    answer = ask("POST", f"/api/parts/{pk}/{step}", json=told)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _is_now(text: str, clock: _Clock) -> bool:
    return abs(datetime.fromisoformat(text) - clock.now()) < timedelta(minutes=2)


def test_work_goes_on_when_the_clock_is_set_forward_and_back(shop, clock, ask):
    first = _hand_in(ask, "before")
    _upload(ask, first)
    shop.wait_until_converted()

    clock.set(DAY)
    claimed = _take(ask, first, "assign", assigned="Sam")
    assert _is_now(claimed["claimedDate"], clock)
    second = _hand_in(ask, "ahead")
    _upload(ask, second)
    shop.wait_until_converted()
    # Waits in the queue, from a time that will not come for two days.
    shop.worker.stop()
    waiting = _hand_in(ask, "waiting")
    _upload(ask, waiting)

    clock.set(-DAY)
    shop.worker.start()
    third = _hand_in(ask, "back")
    _upload(ask, third)
    shop.wait_until_converted()
    # Done before it was claimed, by the clock.
    done = _take(ask, first, "complete")
    assert _is_now(done["miscInfo"]["completed_at"], clock)
    for path in ("/api/parts/stats/detailed", "/api/parts/leaderboard", "/"):
        assert ask("GET", path).status_code == 200, path
    events = ask("GET", f"/api/parts/{first}/events").json()["events"]
    assert sorted(event["verb"] for event in events) == [
        "assigned",
        "completed",
        "created",
        "uploaded",
    ]
    shop.check()


def test_a_worker_whose_clock_is_set_shows_soon_that_it_lives(shop, clock, ask):
    for ahead in (DAY, -DAY, timedelta()):
        clock.set(ahead)
        deadline = time.monotonic() + 30
        while (answer := ask("GET", "/health/ready")).status_code != 200:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.2)


def test_nobody_waits_for_a_time_that_was(shop, clock, ask):
    """Limits are counted by the clock; set back, none may last for as long."""
    clock.set(DAY)
    check = "/api/parts/auth/check"
    assert [ask("GET", check).status_code for _ in range(2)] == [200, 429]
    wrong = {"X-API-Key": "pk_0123456789ab_wrong"}
    while ask("GET", "/api/parts", headers=wrong).status_code == 401:
        pass
    clock.set(-DAY)
    assert ask("GET", check).status_code == 200
    assert ask("GET", check).status_code == 429
    assert ask("GET", "/api/parts", headers=wrong).status_code == 401
    assert ask("GET", "/api/parts").status_code == 200
