"""The real virus scanner before a real site: what it finds, and when it is away."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from bench import processes
from doctor import services as doctor
from partsite.clamd import eicar
from services import Clamd
from services.clamd import SIGNATURE
from tests.faults.alone import STEP, Shop, open_shop

pytestmark = pytest.mark.xdist_group("scanner")  # they share a site
PATIENCE_SECONDS = 60
MB = 1024 * 1024
LIMIT_MB = 30  # of the scanner; the site takes 100
CLEAN = (STEP / "spacer.step").read_bytes()
FILES = {
    "a.step": CLEAN.replace(b"DATA;", b"DATA;/*" + eicar() + b"*/", 1),
    "a.pdf": b"%PDF-1.4\n1 0 obj<<>>endobj\n" + eicar() + b"\ntrailer<<>>\n%%EOF\n",
}
FOUND = f"The virus scanner found “{SIGNATURE}.UNOFFICIAL” in this file"

UNSEEN = "The virus scanner calls a file of 10 MB clean though a virus is in it."


def _large(size_bytes: int, content: bytes = CLEAN) -> bytes:
    end = b"END-ISO-10303-21;\n"
    return (content + b"/* large */\n" * (size_bytes // 12))[:size_bytes] + end


@pytest.fixture(scope="module")
def scanner(clamd_here) -> Iterator[Clamd]:
    with Clamd.running(limit_mb=LIMIT_MB) as scanner:
        yield scanner


@pytest.fixture(scope="module")
def shop(scanner, tmp_path_factory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    told = {**scanner.variables, "WEB_PROCESSES": "1"}
    with open_shop(folder, **told) as shop:
        shop.web.start()
        yield shop


@pytest.fixture(scope="module")
def page(shop) -> requests.Session:
    return shop.lead()


@pytest.fixture(scope="module")
def ask(shop) -> Callable[..., requests.Response]:
    def ask(method: str, path: str, **options) -> requests.Response:
        options |= {"headers": {"X-API-Key": shop.key}, "timeout": PATIENCE_SECONDS}
        return requests.request(method, shop.web.address + path, **options)  # noqa: S113

    return ask


@pytest.fixture
def pk(ask) -> int:
    told = {"name": "A", "subsystem": "B", "material": "steel", "type": "cnc"}
    return ask("POST", "/api/parts", json=told).json()["id"]


@pytest.fixture
def send(ask, pk) -> Callable[..., requests.Response]:
    def send(content: bytes = CLEAN, name: str = "a.step") -> requests.Response:
        return ask("POST", f"/api/parts/{pk}/upload", files={"file": (name, content)})

    return send


def _post(page, shop, path: str, content: bytes, **told: str) -> requests.Response:
    return page.post(
        f"{shop.web.address}{path}",
        {"csrfmiddlewaretoken": page.cookies["csrftoken"], **told},
        files={"file": ("a.step", content)},
        timeout=PATIENCE_SECONDS,
    )


def _stored(shop: Shop) -> set[Path]:
    return {path for path in (shop.folder / "media").rglob("*") if path.is_file()}


# --- It looks -----------------------------------------------------------------


def test_what_is_clean_is_converted_as_ever(shop, send, ask, pk):
    shop.worker.start()
    assert send().status_code == 201
    model = ask("GET", f"/api/parts/{pk}/model")
    assert (model.status_code, model.content[:4]) == (200, b"glTF")
    shop.worker.stop()


@pytest.mark.parametrize("name", FILES)
def test_what_has_a_virus_is_refused(shop, page, send, pk, name):
    before = _stored(shop)
    answer = send(FILES[name], name)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (400, "file_infected")
    assert (told["field"], told["error"][: len(FOUND)]) == ("file", FOUND)

    answer = _post(page, shop, f"/parts/{pk}/files/", FILES["a.step"])
    assert (answer.status_code, FOUND in answer.text) == (422, True)
    answer = _post(page, shop, "/parts/new/files/", FILES["a.step"], part=str(uuid4()))
    assert (answer.status_code, answer.json()["error"][: len(FOUND)]) == (400, FOUND)

    assert _stored(shop) == before
    assert shop.left_behind() == []
    log = shop.web.log.read_text()
    assert f"upload_infected signature={SIGNATURE}.UNOFFICIAL sha256=" in log


def test_a_virus_at_the_end_of_a_large_file_is_found(send):
    large = _large(LIMIT_MB * MB - 100, CLEAN)
    assert send(large[:-100] + eicar() + large[-100:]).json()["code"] == "file_infected"


def test_a_large_file_costs_the_web_server_no_memory(shop, send):
    assert send(_large(3 * MB)).status_code == 201
    web = shop.web.children()
    processes.forget_peak(web)
    before = processes.peak_bytes(web)
    assert send(_large(25 * MB)).status_code == 201
    # Threads and their heaps are up to 7 of it (measured).
    assert processes.peak_bytes(web) - before < 12 * MB


def test_what_is_more_than_it_takes_is_refused(send):
    # It hangs up while it is still being sent to.
    for size_mb in (31, 40, 60):
        answer = send(_large(size_mb * MB))
        assert (answer.status_code, answer.json()["code"]) == (413, "file_too_big")
        assert "StreamMaxLength in clamd.conf" in answer.json()["error"]


# --- It does not --------------------------------------------------------------


def test_while_it_is_away_no_file_is_taken_and_all_else_is(
    shop, scanner, page, ask, send, pk
):
    before = _stored(shop)
    scanner.stop()
    answer = send()
    assert (answer.status_code, answer.json()["code"]) == (503, "scanner_away")
    assert answer.headers["Retry-After"] == "10"
    answer = _post(page, shop, f"/parts/{pk}/files/", CLEAN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "The virus scanner does not answer" in answer.text
    assert _stored(shop) == before
    assert ask("GET", f"/api/parts/{pk}").status_code == 200
    assert ask("GET", "/health").status_code == 200
    scanner.start()
    assert send().status_code == 201


def test_one_that_hangs_holds_nobody_up_for_long(shop, scanner, ask, send, pk):
    os.kill(scanner.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(3) as people:
            # Its machine takes some of a file for it, and not all of a large one.
            contents = [CLEAN, CLEAN, _large(40 * MB)]
            sent = [people.submit(send, content) for content in contents]
            assert ask("GET", f"/api/parts/{pk}").status_code == 200
            answers = [each.result() for each in sent]
    finally:
        os.kill(scanner.pid, signal.SIGCONT)
    assert [answer.status_code for answer in answers] == [503] * 3
    # For some seconds nobody tries anew.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := send()).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    assert answer.status_code == 201
    assert "scanner_down why=it said nothing just now" in shop.web.log.read_text()


# --- The doctor ---------------------------------------------------------------


class Blind(Clamd):
    """One that takes more than it looks at, as its settings are easily made."""

    def prepare(self) -> None:
        super().prepare()
        settings = self.home / "clamd.conf"
        text = settings.read_text().replace(f"MaxFileSize {self.limit_mb}M", "")
        text = text.replace("AlertExceedsMax yes", "MaxFileSize 5M")
        settings.write_text(text)


@pytest.mark.parametrize(
    ("kind", "limit_mb", "found"),
    [
        (Clamd, 10, []),
        (Clamd, 11, ["The virus scanner takes no file of 11 MB."]),
        (Blind, 10, [UNSEEN]),
    ],
)
def test_the_doctor_tells_what_the_scanner_does_not_see(
    settings, clamd_here, kind, limit_mb, found
):
    settings.UPLOAD_LIMIT_BYTES = limit_mb * MB
    with kind.running(limit_mb=10) as scanner:
        settings.CLAMD = ("127.0.0.1", scanner.port)
        told = [finding.what for finding in doctor.of_scanner()]
    undated = "The virus scanner does not say how old its signatures are."
    assert told == [undated, *found]
