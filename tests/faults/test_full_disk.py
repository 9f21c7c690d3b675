"""A full disk, which is a small one: of files, of what lies there a moment, of all."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from .alone import STEP, Shop, open_shop

SIZE = "24m"
FILE = (STEP / "spacer.step").read_bytes()
# So large that it is written to disk before it is looked at.
END = b"/* the end */ END-ISO-10303-21;\n"
LARGE = FILE + b"/* large */\n" * 300_000 + END
FULL = "The server's disk is full"


class Disk:
    """A disk of its own, mounted on ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            for size in (1024 * 1024, 4096, 1):
                with suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def make_room(self) -> None:
        (self.folder / "filler").unlink()


@contextmanager
def _mounted(folder: Path) -> Iterator[Disk]:
    folder.mkdir(exist_ok=True)
    told = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder]
    done = subprocess.run(told, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        pytest.skip(f"A disk of its own cannot be mounted here: {done.stderr}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S603, S607


@pytest.fixture(params=["media", "tmp", "."])
def place(request) -> str:
    """What lies on the small disk, of all that the site keeps."""
    return request.param


@pytest.fixture
def disk(tmp_path, place) -> Iterator[Disk]:
    folder = tmp_path / "shop"
    folder.mkdir()
    with _mounted(folder / place) as disk:
        yield disk


@pytest.fixture
def shop(tmp_path, disk) -> Iterator[Shop]:
    with open_shop(tmp_path / "shop", WEB_PROCESSES="1") as shop:
        shop.web.start()
        yield shop


@pytest.fixture
def ask(shop) -> Callable[..., requests.Response]:
    def ask(method: str, path: str, **options) -> requests.Response:
        options.setdefault("headers", {"X-API-Key": shop.key})
        return requests.request(method, shop.web.address + path, timeout=60, **options)

    return ask


def _hand_in(ask) -> int:
    told = {"name": "A", "subsystem": "B", "material": "steel", "type": "cnc"}
    return ask("POST", "/api/parts", json=told).json()["id"]


def _files(shop: Shop) -> int:
    [(rows,)] = shop.run("SELECT count(*) FROM parts_partfile")
    return rows


def _stored(shop: Shop) -> set[str]:
    files = (shop.folder / "media").rglob("*")
    return {path.name for path in files if path.is_file()} - {"filler"}


def test_an_upload_is_refused_in_words_and_nothing_is_half_kept(shop, disk, ask):
    pk = _hand_in(ask)
    page = shop.lead()
    sent = {"file": ("a.stp", LARGE + END)}
    assert ask("POST", f"/api/parts/{pk}/upload", files=sent).status_code == 201
    disk.fill()
    before = _files(shop), _stored(shop)

    answer = ask("POST", f"/api/parts/{pk}/upload", files={"file": ("a.stp", LARGE)})
    assert answer.status_code == 507, answer.text
    told = answer.json()
    assert FULL in told["error"]
    assert told["code"] == "no_room"
    answer = page.post(
        f"{shop.web.address}/parts/{pk}/files/",
        {"csrfmiddlewaretoken": page.cookies["csrftoken"]},
        files={"file": ("a.stp", LARGE)},
        timeout=60,
    )
    assert answer.status_code == 507, answer.text
    assert FULL in answer.text.replace("&#x27;", "'")

    assert (_files(shop), _stored(shop)) == before
    assert shop.left_behind(beside="filler") == []
    # It stays up, and who only looks sees no difference.
    assert ask("GET", f"/api/parts/{pk}").json()["id"] == pk
    assert page.get(f"{shop.web.address}/review/", timeout=60).status_code == 200
    assert ask("GET", "/health").json()["database"] == "ok"

    disk.make_room()
    answer = ask("POST", f"/api/parts/{pk}/upload", files={"file": ("a.stp", LARGE)})
    assert answer.status_code == 201, answer.text
    assert shop.left_behind() == []
    shop.check()


@pytest.mark.parametrize("place", ["."], indirect=True)
def test_a_step_is_taken_whole_or_refused_in_words(shop, disk, ask):
    parts = [_hand_in(ask) for _ in range(5)]
    disk.fill()
    taken, refused = 0, 0
    # As long as the database's log has room in itself, there is no trouble at all.
    for number in range(2000):
        pk = parts[number % len(parts)]
        told = {"notes": f"{number} " + "much to say " * 300}
        answer = ask("PATCH", f"/api/parts/{pk}", json=told)
        if answer.status_code == 200:
            taken += 1
        else:
            assert answer.status_code == 507, answer.text
            assert FULL in answer.json()["error"]
            refused += 1
            if refused == 20:
                break
    assert refused
    assert ask("GET", f"/api/parts/{parts[0]}").status_code == 200
    disk.make_room()
    answer = ask("PATCH", f"/api/parts/{parts[0]}", json={"notes": "again"})
    assert answer.status_code == 200, answer.text
    [(events,)] = shop.run("SELECT count(*) FROM parts_partevent WHERE verb = 'edited'")
    assert events == taken + 1
    shop.check()


@pytest.mark.parametrize("place", ["media", "tmp"], indirect=True)
def test_a_conversion_fails_in_words_and_can_be_tried_again(shop, disk, ask):
    pk = _hand_in(ask)
    shop.worker.start()
    sent = {"file": ("a.stp", FILE + END)}
    assert ask("POST", f"/api/parts/{pk}/upload", files=sent).status_code == 201
    shop.wait_until_converted()  # from now on it has its temporary folder
    # Of another shape, since equal models are stored once.
    sent = {"file": ("a.stp", (STEP / "camera_bracket.step").read_bytes())}
    os.killpg(shop.worker.pid, signal.SIGSTOP)
    while ask("POST", f"/api/parts/{pk}/upload", files=sent).status_code == 503:
        # It was stopped while it wrote, and has the database.
        os.killpg(shop.worker.pid, signal.SIGCONT)
        time.sleep(0.1)
        os.killpg(shop.worker.pid, signal.SIGSTOP)
    disk.fill()
    os.killpg(shop.worker.pid, signal.SIGCONT)
    shop.wait_until_converted()
    state = "SELECT state, error FROM parts_partfile WHERE revision = 2"
    assert shop.run(state) == [("failed", f"{FULL}. Try again when there is room.")]
    disk.make_room()
    assert ask("POST", f"/api/parts/{pk}/convert").status_code == 202
    shop.wait_until_converted()
    assert shop.run(state) == [("done", "")]
    assert shop.left_behind() == []
    shop.check()
