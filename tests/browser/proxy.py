"""A reverse proxy as small as one can be, in front of a site of a test."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# Of one connection, not of what is sent over it (RFC 9110, 7.6.1).
OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}
PATIENCE_SECONDS = 60


class Proxy(ThreadingHTTPServer):
    """Passes on what lies below ``base``, and notes what does not in ``strays``."""

    daemon_threads = True

    def __init__(self, site: str, base: str, *, strips: bool):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.site = urlsplit(site).netloc
        self.base = base
        self.strips = strips
        self.strays: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.base}/"

    def handle_error(self, request, client_address) -> None:
        """Say nothing of a browser that hangs up; the test sees what it misses."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        proxy = self.server
        path = self.path
        if not path.startswith(f"{proxy.base}/"):
            proxy.strays.append(path)
            self._answer(404, [], b"There is another site here.")
            return
        if proxy.strips:
            path = path.removeprefix(proxy.base)
        link = http.client.HTTPConnection(proxy.site, timeout=PATIENCE_SECONDS)
        try:
            link.request(self.command, path, body, dict(self.headers))
            answer = link.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
        finally:
            link.close()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _answer(self, status: int, headers: list, body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in OF_ONE_CONNECTION:
                self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words) -> None:
        """Say nothing: the test tells what went wrong."""


@contextmanager
def running_proxy(site: str, base: str, *, strips: bool) -> Iterator[Proxy]:
    with Proxy(site, base, strips=strips) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join(PATIENCE_SECONDS)
