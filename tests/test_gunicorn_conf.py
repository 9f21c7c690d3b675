"""The web server stopped and renewed while people use it: nobody is cut off."""

import http.client
import json
import os
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .running import ROOT, Site, serving_site

STEP = ROOT / "fixtures" / "step" / "gusset_plate.step"
PATIENCE_SECONDS = 20


@contextmanager
def _serving(shop: Path, **variables: str) -> Iterator[tuple[Site, int]]:
    """Run the web server alone; give the site and its head's process id."""
    note = shop / "gunicorn.pid"
    told = {"GUNICORN_CMD_ARGS": f"--pid {note}", "API_READS_PER_MINUTE": "0"}
    with serving_site(shop, **told, **variables) as site:
        yield site, int(note.read_text())


def _port(site: Site) -> int:
    return int(site.address.rpartition(":")[2])


def test_an_upload_under_way_ends_before_the_server_does(shop):
    name, start = "late.step", b'--x\r\nContent-Disposition: form-data; name="file"; '
    body = start + f'filename="{name}"\r\n\r\n'.encode()
    body += STEP.read_bytes() + b"\r\n--x--\r\n"
    with _serving(shop) as (site, pid), socket.socket() as line:
        line.settimeout(PATIENCE_SECONDS)
        line.connect(("127.0.0.1", _port(site)))
        head = (
            f"POST /api/parts/1/upload HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"X-API-Key: {site.key}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        line.sendall(head.encode() + body[:20_000])
        time.sleep(0.3)  # for a thread to take it up
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "Handling signal: term" not in (shop / "log.txt").read_text():
            assert time.monotonic() < deadline, "It does not stop."
            time.sleep(0.05)
        time.sleep(0.5)  # for its processes to hear of it
        line.sendall(body[20_000:])
        answer = http.client.HTTPResponse(line)
        answer.begin()
        told = json.loads(answer.read())
        assert (answer.status, told["filename"]) == (201, name), told


def test_a_process_that_gives_way_to_a_new_one_drops_no_request(shop):
    asked, clients = 80, 4

    def visit(port: int, key: str) -> list[int]:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        seen = []
        for _ in range(asked):
            line.request("GET", "/api/parts/1", headers={"X-API-Key": key})
            answer = line.getresponse()
            answer.read()
            seen.append(answer.status)
        line.close()
        return seen

    with _serving(shop, WEB_MAX_REQUESTS="30", WEB_PROCESSES="2") as (site, _):
        with ThreadPoolExecutor(clients) as pool:
            visits = [pool.submit(visit, _port(site), site.key) for _ in range(clients)]
            seen = Counter(status for done in visits for status in done.result())
        log = (shop / "log.txt").read_text()
    assert seen == {200: asked * clients}
    booted = len(re.findall("Booting worker", log))
    assert booted >= asked * clients // 33, "33 requests are the most for each."


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_is_made_anew_gets_its_share_of_kept_connections(shop):
    with _serving(shop, WEB_PROCESSES="2") as (site, pid), _eight_lines(site) as lines:
        ended = min(_shared_evenly(lines, site, pid))
        os.kill(ended, signal.SIGTERM)
        _shared_evenly(lines, site, pid, without=ended)


@pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) == 1,
    reason="one core is not shared out, and other systems keep threads to none",
)
@pytest.mark.parametrize("has_own", [True, False])
def test_processes_answer_on_cores_of_their_own(shop, has_own):
    every = os.sched_getaffinity(0)
    told = {"WEB_PROCESSES": "2", "WEB_OWN_CORES": str(int(has_own))}
    with _serving(shop, **told) as (site, pid), _eight_lines(site) as lines:
        _shared_evenly(lines, site, pid)
        waits = [{*os.sched_getaffinity(child)} for child in _children(pid)]
        answers = [_cores_of_answers(child) for child in _children(pid)]
    assert len(waits) == 2
    if not has_own:
        assert waits == answers == [every, every]
        return
    [one, other] = answers
    assert one
    assert other
    assert not one & other
    assert one | other == every
    assert waits == [other, one]


Lines = list[http.client.HTTPConnection]


@contextmanager
def _eight_lines(site: Site) -> Iterator[Lines]:
    lines = [
        http.client.HTTPConnection("127.0.0.1", _port(site), timeout=PATIENCE_SECONDS)
        for _ in range(8)
    ]
    yield lines
    for line in lines:
        line.close()


def _shared_evenly(
    lines: Lines, site: Site, pid: int, without: int = 0
) -> dict[int, int]:
    """Ask on all until each process has half; return how many each has.

    Args:
        without: a process that has to be gone.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        for line in lines:
            line.request("GET", "/api/parts/1", headers={"X-API-Key": site.key})
            answer = line.getresponse()
            answer.read()
            assert answer.status == 200
        found = _connections(pid, _port(site))
        if sorted(found.values()) == [4, 4] and without not in found:
            return found
        assert time.monotonic() < deadline, found


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [*map(int, children.split())]


def _cores_of_answers(pid: int) -> set[int]:
    """Return the cores of the threads of a process, but for its first one."""
    threads = [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]
    return set().union(
        *(os.sched_getaffinity(thread) for thread in threads if thread != pid)
    )


def _connections(pid: int, port: int) -> dict[int, int]:
    """Count the connections to ``port`` of each process that ``pid`` has started."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    established = "01"  # include/net/tcp_states.h
    inodes = {
        f"socket:[{row[9]}]"
        for row in rows
        if row[3] == established and row[1].endswith(f":{port:04X}")
    }
    counts: Counter[int] = Counter()
    for child in _children(pid):
        with suppress(OSError):  # it is ending
            for file in Path(f"/proc/{child}/fd").iterdir():
                with suppress(OSError):
                    counts[child] += str(file.readlink()) in inodes
    return +counts
