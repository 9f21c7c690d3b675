"""SIGKILL in mid-work: what was answered is there, the rest whole or absent."""

import hashlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests

from bench import processes

from .alone import STEP, Shop, open_shop

STEPS = 500
KILLS = 20
CLIENTS = 4
BETWEEN_KILLS_SECONDS = 0.5
SMALL = (STEP / "spacer.step").read_bytes()


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    with open_shop(tmp_path, WEB_PROCESSES="2") as shop:
        yield shop


class _Killer(threading.Thread):
    """Kills one of the web server's processes, or all of it, again and again."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.kills = 0
        self.is_over = threading.Event()

    def run(self) -> None:
        chance = random.Random(5)  # noqa: S311 - guards nothing
        while self.kills < KILLS and not self.is_over.wait(BETWEEN_KILLS_SECONDS):
            web = self.shop.web
            if self.kills % 4 == 3:
                web.kill()
                web.start()
            elif children := web.children():
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(children), signal.SIGKILL)
            self.kills += 1


class _Client:
    """Hands in, uploads and takes steps; remembers what was answered, and what not."""

    def __init__(self, shop: Shop, number: int) -> None:
        self.shop = shop
        self.number = number
        self.steps = 0
        # What is known of each part's history: verbs that were answered with 2xx.
        self.done: dict[int, list[str]] = {}
        self.unknown: dict[int, list[str]] = {}
        self.files: dict[int, list[str]] = {}
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = shop.key

    def run(self, until: threading.Event) -> None:
        round_ = 0
        while not until.is_set() or self.steps < STEPS // CLIENTS:
            round_ += 1
            self._make(round_)

    def _make(self, round_: int) -> None:
        told = {
            "name": f"Part {self.number}-{round_}",
            "subsystem": "Drive",
            "material": "steel",
            "type": "cnc",
        }
        answer = self._ask("post", "/api/parts", json=told)
        if answer is None:
            return
        pk = answer.json()["id"]
        self.done[pk], self.unknown[pk], self.files[pk] = ["created"], [], []
        content = SMALL + f"/* {self.number} {round_} */\n".encode() * 5000
        content += b"END-ISO-10303-21;\n"
        path = f"/api/parts/{pk}"
        for verb, step, body in (
            ("uploaded", "upload", {"files": {"file": ("a.step", content)}}),
            ("approved", "approve", {"json": {}}),
            ("assigned", "assign", {"json": {"assigned": "Sam"}}),
            ("unclaimed", "unclaim", {"json": {}}),
            ("assigned", "assign", {"json": {"assigned": "Kim"}}),
            ("completed", "complete", {"json": {}}),
        ):
            answer = self._ask("post", f"{path}/{step}", **body)
            if answer is None:
                self.unknown[pk].append(verb)
                return  # what follows depends on it
            self.done[pk].append(verb)
            if verb == "uploaded":
                self.files[pk].append(hashlib.sha256(content).hexdigest())

    def _ask(self, method: str, path: str, **options) -> requests.Response | None:
        self.steps += 1
        try:
            answer = self.session.request(
                method, self.shop.web.address + path, timeout=60, **options
            )
        except requests.RequestException:
            time.sleep(0.05)
            return None
        assert answer.ok, (path, answer.status_code, answer.text)
        return answer


def test_a_web_server_that_is_killed_loses_nothing_and_leaves_nothing_half(shop):
    shop.web.start()
    killer = _Killer(shop)
    clients = [_Client(shop, number) for number in range(CLIENTS)]
    over = threading.Event()
    killer.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(client.run, over) for client in clients]
            killer.join()
            over.set()
            for client in running:
                client.result()
    finally:
        killer.is_over.set()
        over.set()
        killer.join()
    assert killer.kills == KILLS
    assert sum(client.steps for client in clients) >= STEPS
    _compare(shop, clients)
    shop.check()


def _compare(shop: Shop, clients: list[_Client]) -> None:
    events: dict[int, list[str]] = {}
    for pk, verb in shop.run("SELECT part_id, verb FROM parts_partevent ORDER BY id"):
        events.setdefault(pk, []).append(verb)
    files: dict[int, list[str]] = {}
    for pk, sha256, content in shop.run(
        "SELECT part_id, sha256, content FROM parts_partfile ORDER BY id"
    ):
        files.setdefault(pk, []).append(sha256)
        stored = (shop.folder / "media" / content).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == sha256
    states = dict(shop.run("SELECT id, status FROM parts"))
    known = {pk for client in clients for pk in client.done}
    assert known <= states.keys()
    for client in clients:
        for pk, verbs in client.done.items():
            there = events[pk]
            # Nobody was told how the last one ended.
            assert there in (verbs, verbs + client.unknown[pk]), (pk, verbs)
            assert (states[pk] == "Completed") == (there[-1] == "completed")
            assert len(files.get(pk, [])) == there.count("uploaded")
            assert files.get(pk, [])[: len(client.files[pk])] == client.files[pk]
    # A part whose creation nobody was told of is whole: with its first event.
    for pk in states.keys() - known:
        assert events[pk] == ["created"]


def test_a_worker_that_is_killed_in_mid_conversion(shop):
    shop.web.start()
    session = requests.Session()
    session.headers["X-API-Key"] = shop.key
    told = {"name": "A", "subsystem": "B", "material": "steel", "type": "cnc"}
    pk = session.post(f"{shop.web.address}/api/parts", json=told).json()["id"]
    content = (STEP / "gearbox.step").read_bytes()
    session.post(
        f"{shop.web.address}/api/parts/{pk}/upload", files={"file": ("a.stp", content)}
    )
    state = "SELECT state, attempts FROM parts_partfile"
    for attempt in (1, 2):
        shop.worker.start()
        deadline = time.monotonic() + 60
        # Not before its child is at work.
        while shop.run(state) != [("running", attempt)] or not processes.named(
            shop.worker.children(), "parts.conversion.child"
        ):
            assert time.monotonic() < deadline, shop.run(state)
            time.sleep(0.02)
        shop.worker.kill()
        assert shop.run(state) == [("running", attempt)]
        assert Counter(path.name[:10] for path in shop.temporary.iterdir()) == {
            "conversion": attempt
        }
        # As if its heart had stopped a while ago, and it all were hours old.
        shop.run("UPDATE parts_partfile SET heartbeat_at = '2020-01-01 00:00:00'")
    for path in shop.temporary.iterdir():
        os.utime(path, (0, 0))
    shop.worker.start()
    shop.wait_until_converted()
    assert shop.run(state) == [("done", 3)]
    assert shop.left_behind() == []
    shop.check()
