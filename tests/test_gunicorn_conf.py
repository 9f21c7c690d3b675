"""The web server stopped and renewed while people use it: nobody is cut off."""

import http.client
import json
import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

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
