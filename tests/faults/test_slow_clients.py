"""Clients that stop half-way, and everybody else.

A few seconds show what a minute does: without the worker in
``partsite/wholerequests.py`` the first of the others waits until its time is up.
"""

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests import databases
from tests.running import Site, serving_site

COUNT = 50
PATIENCE_SECONDS = 20
BOUNDARY = "x"
FORM = (
    b"--x\r\nContent-Disposition: form-data; "
    b'name="file"; filename="slow.step"\r\n\r\nISO-10303-21;\n'
)
END = b"\nEND-ISO-10303-21;\n\r\n--x--\r\n"


@pytest.fixture(scope="module")
def site(demo_shop, tmp_path_factory) -> Iterator[Site]:
    shop = databases.copy(demo_shop, tmp_path_factory.mktemp("site") / "data")
    unlimited = {"API_READS_PER_MINUTE": "0", "API_UPLOADS_PER_MINUTE": "0"}
    with serving_site(shop, WEB_PROCESSES="2", **unlimited) as site:
        yield site


def _connected(site: Site) -> socket.socket:
    host, port = site.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), PATIENCE_SECONDS)


def _upload_head(site: Site, length: int, *more: str) -> bytes:
    lines = [
        "POST /api/parts/1/upload HTTP/1.1",
        "Host: 127.0.0.1",
        f"X-API-Key: {site.key}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        f"Content-Length: {length}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _told(line: socket.socket) -> tuple[int, dict]:
    answer = http.client.HTTPResponse(line)
    answer.begin()
    return answer.status, json.loads(answer.read())


def _ask(site: Site) -> int:
    with _connected(site) as line:
        line.sendall(
            f"GET /api/parts/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {site.key}"
            "\r\n\r\n".encode()
        )
        return _told(line)[0]


def _upload(site: Site) -> int:
    body = FORM + b"/* whole */" + END
    with _connected(site) as line:
        line.sendall(_upload_head(site, len(body)) + body)
        return _told(line)[0]


@contextmanager
def _held(site: Site, half: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        lines = [stack.enter_context(_connected(site)) for _ in range(COUNT)]
        for line in lines:
            line.sendall(half)
        time.sleep(0.5)  # for gunicorn to take up whatever it would
        yield lines


HALVES = {
    "nothing at all": lambda site: b"",
    "half a head": lambda site: b"GET /api/parts/1 HTTP/1.1\r\nHost: 127.0.0.1",
    "half a form": lambda site: _upload_head(site, 10_000) + FORM,
    "half an upload": lambda site: _upload_head(site, 50_000_000) + FORM * 5000,
    "too large an upload": lambda site: _upload_head(site, 300_000_000) + FORM * 5000,
    "a body in chunks": lambda site: (
        b"POST /api/parts/1/upload HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n10\r\nhalf"
    ),
}


@pytest.mark.parametrize("what", HALVES)
def test_nobody_waits_for_clients_that_stop_half_way(site, what):
    with _held(site, HALVES[what](site)):
        assert [_ask(site) for _ in range(20)] == [200] * 20
        assert [_upload(site) for _ in range(4)] == [201] * 4


def test_an_upload_that_goes_on_after_a_while_is_whole(site):
    body = FORM + b"/* after a while */" * 10_000 + END
    whole = _upload_head(site, len(body)) + body
    with _held(site, whole[:100_000]) as lines:
        lines[0].sendall(whole[100_000:])
        status, told = _told(lines[0])
    assert (status, told["filename"]) == (201, "slow.step")
    with _connected(site) as line:
        line.sendall(
            f"GET /api/parts/1/file HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"X-API-Key: {site.key}\r\n\r\n".encode()
        )
        answer = http.client.HTTPResponse(line)
        answer.begin()
        stored = answer.read()
    assert stored == body[body.index(b"ISO") : -len(b"\r\n--x--\r\n")]


def test_a_client_that_asks_first_is_told_to_go_on(site):
    body = FORM + b"/* asked first */" + END
    with _connected(site) as line:
        line.sendall(_upload_head(site, len(body), "Expect: 100-continue"))
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(body)
        assert _told(line)[0] == 201


def test_requests_that_come_at_once_are_answered_in_turn(site):
    ask = (
        f"GET /api/parts/{{}} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {site.key}"
        "\r\n\r\n"
    )
    with _connected(site) as line:
        line.sendall((ask.format(1) + ask.format(2) + ask.format(3)).encode())
        told = b""
        while told.count(b"HTTP/1.1 200 OK") < 3 or not told.endswith(b"}"):
            data = line.recv(64 * 1024)
            assert data
            told += data
    # PostgreSQL writes a blank before the number.
    assert re.findall(rb'\{"id" ?: ?(\d+),', told) == [b"1", b"2", b"3"]


def test_too_large_an_upload_is_refused_in_words(site):
    length = 105 * 1024 * 1024
    with _connected(site) as line:
        line.sendall(_upload_head(site, length) + FORM)
        left = length - len(FORM)
        while left:
            left -= line.send(bytes(min(left, 1024 * 1024)))
        status, told = _told(line)
    assert (status, told["error"]) == (413, "The file is larger than 100 MB.")
