"""Faults are told to Sentry without a secret, by a real server to a stand-in."""

import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import brotli
import pytest
import requests

from tests import databases
from tests.running import serving_site

PATIENCE_SECONDS = 20


@pytest.fixture
def ingest():
    """Take reports on this machine; ``bodies`` are what came."""

    class Ingest(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            unpack = {"gzip": gzip.decompress, "br": brotli.decompress}
            bodies.append(unpack[self.headers["Content-Encoding"]](body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args) -> None:
            pass

    bodies: list[bytes] = []
    server = HTTPServer(("127.0.0.1", 0), Ingest)
    server.bodies = bodies
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _events(bodies: list[bytes]) -> list[dict]:
    """Return the events of envelopes: a head, then a head and a body for each item."""
    lines = [json.loads(line) for body in bodies for line in body.splitlines()]
    return [line for line in lines if "exception" in line]


def test_a_fault_of_the_real_server_is_told_without_a_secret(shop, ingest):
    dsn = f"http://public@127.0.0.1:{ingest.server_port}/1"
    with databases.connected(shop) as database:
        database.execute("ALTER TABLE parts_partevent RENAME COLUMN note TO elsewhere")
    with serving_site(shop, SENTRY_DSN=dsn, NO_PROXY="*") as site:
        address = f"{site.address}/api/parts/1/events"
        headers = {
            "X-Request-ID": "n-1",
            "Cookie": "sessionid=secretsession",
            "Authorization": "Basic secretword",
        }
        answer = requests.get(
            address, params={"api_key": site.key}, headers=headers, timeout=10
        )
        assert answer.status_code == 500
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _events(ingest.bodies):
            assert time.monotonic() < deadline, "Nothing was told."
            time.sleep(0.05)
    [event] = _events(ingest.bodies)
    [*_causes, fault] = event["exception"]["values"]
    assert fault["type"] in {"OperationalError", "ProgrammingError"}
    assert event["request"] == {"method": "GET", "url": address}
    assert event["tags"]["request_id"] == "n-1"
    assert "user" not in event
    frames = fault["stacktrace"]["frames"]
    assert not any("vars" in frame for frame in frames)
    everything = b"".join(ingest.bodies)
    for secret in (site.key[16:], "secretsession", "secretword"):
        assert secret.encode() not in everything
