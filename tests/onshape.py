"""A stand-in for Onshape on this machine, written from its public documentation.

Addresses, states and field names are those of
https://onshape-public.github.io/docs/api-adv/translation and of the API's own
description; signatures are checked as ``docs/auth/apikeys`` says, errors look
as in ``docs/api-adv/errors``.
"""

import base64
import hashlib
import hmac
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from django.utils import timezone

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
DOCUMENT, WORKSPACE, TAB = "d" * 24, "1" * 24, "e" * 24
ROUTES = {
    "start": re.compile(
        r"POST /api/v6/drawings/d/([0-9a-f]{24})/([wvm])/([0-9a-f]{24})"
        r"/e/([0-9a-f]{24})/translations"
    ),
    "poll": re.compile(r"GET /api/v6/translations/([^/]+)"),
    "download": re.compile(r"GET /api/v6/documents/d/([0-9a-f]{24})/externaldata/(.+)"),
}


class Clock:
    """A clock that sleeping moves on; ``slept`` holds how long each time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass(frozen=True)
class Call:
    """One request; ``name`` is that of its route, or ``unknown``."""

    name: str
    method: str
    path: str
    headers: Message


class Onshape:
    """What the stand-in has, what it was asked, and what goes wrong next.

    Attributes:
        calls: the requests, in order.
        polls: how often a translation is still ACTIVE when asked for.
        troubles: for each call, what the next ones meet instead of an answer.
    """

    access_key = "standInAccessKey"
    secret_key = "standInSecretKey+/"  # noqa: S105 - opens nothing

    def __init__(self) -> None:
        self.pdf = PDF
        self.polls = 0
        self.done = {"requestState": "DONE", "resultExternalDataIds": ["f1"]}
        self.calls: list[Call] = []
        self.bodies: list[dict] = []
        self.troubles: defaultdict[str, list[Callable]] = defaultdict(list)
        self.closing = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.onshape = self
        self.server.handle_error = lambda *args: None  # a client that has gone
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(timeout=10)

    def link(self, wvm: str = "w", host: str = "") -> str:
        """Return the address of the drawing as a browser shows it."""
        place = f"/documents/{DOCUMENT}/{wvm}/{WORKSPACE}/e/{TAB}"
        return f"{host or self.url}{place}?renderMode=0&uiState=65f"

    @property
    def asked(self) -> list[str]:
        return [call.name for call in self.calls]


def refusal(status: int, message: str = "", **headers: str) -> Callable:
    """Return a trouble: an error as Onshape words it."""
    body = {"message": message, "moreInfoUrl": "", "status": status, "code": 0}

    return lambda handler: handler.send(status, json.dumps(body).encode(), **headers)


def raw(body: bytes, content_type: str = "application/json") -> Callable:
    """Return a trouble: an answer with another body than one expects."""
    return lambda handler: handler.send(200, body, Content_Type=content_type)


def redirect(location: str) -> Callable:
    return lambda handler: handler.send(307, b"", Location=location)


def silence(handler: "_Handler") -> None:
    """Never answer, until the stand-in is closed."""
    handler.onshape.closing.wait(10)
    handler.close_connection = True


def cut_off(handler: "_Handler") -> None:
    """Break off in the middle of the file."""
    pdf = handler.onshape.pdf
    handler.send(200, pdf[: len(pdf) // 2], Content_Length=str(len(pdf)))
    handler.close_connection = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def onshape(self) -> Onshape:
        return self.server.onshape

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_GET

    def log_message(self, *args) -> None:
        pass

    def send(self, status: int, body: bytes, **headers: str) -> None:
        headers = {
            "Content_Type": "application/json;charset=utf-8",
            "Content_Length": str(len(body)),
            "X_Rate_Limit_Remaining": "0" if status == 429 else "3000",
            **headers,
        }
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = f"{self.command} {urlsplit(self.path).path}"
        matches = {name: route.fullmatch(asked) for name, route in ROUTES.items()}
        name, found = next(
            ((name, match) for name, match in matches.items() if match),
            ("unknown", None),
        )
        self.onshape.calls.append(Call(name, self.command, self.path, self.headers))
        if self.onshape.troubles[name]:
            self.onshape.troubles[name].pop(0)(self)
        elif not self._is_signed():
            refusal(401, "Unauthenticated API request")(self)
        elif found is None:
            refusal(404, "Not found.")(self)
        else:
            getattr(self, f"_{name}")(*found.groups(), body)

    def _start(self, document, wvm, wvm_id, element, body) -> None:
        self.onshape.bodies.append(json.loads(body))
        self._tell({"requestState": "ACTIVE"})

    def _poll(self, number, body) -> None:
        if self.onshape.polls:
            self.onshape.polls -= 1
            self._tell({"requestState": "ACTIVE"})
        else:
            self._tell(self.onshape.done)

    def _download(self, document, number, body) -> None:
        self.send(200, self.onshape.pdf, Content_Type="application/octet-stream")

    def _tell(self, state: dict) -> None:
        known = {
            "id": "t1",
            "name": "Gusset drawing",
            "documentId": DOCUMENT,
            "requestElementId": TAB,
            "resultElementIds": None,
            "resultExternalDataIds": None,
            "failureReason": None,
            "href": f"{self.onshape.url}/api/v6/translations/t1",
        }
        self.send(200, json.dumps({**known, **state}).encode())

    def _is_signed(self) -> bool:
        """Whether the request is signed with our keys, and just now."""
        date, nonce = self.headers.get("Date", ""), self.headers.get("On-Nonce", "")
        path, _, query = self.path.partition("?")
        content_type = self.headers.get("Content-Type", "")
        text = f"{self.command}\n{nonce}\n{date}\n{content_type}\n{path}\n{query}\n"
        digest = hmac.digest(
            self.onshape.secret_key.encode(), text.lower().encode(), hashlib.sha256
        )
        signature = base64.b64encode(digest).decode()
        given = self.headers.get("Authorization")
        return (
            given == f"On {self.onshape.access_key}:HmacSHA256:{signature}"
            and re.fullmatch(r"[0-9A-Za-z]{16,}", nonce) is not None
            and abs((timezone.now() - parsedate_to_datetime(date)).total_seconds())
            < 300
        )
