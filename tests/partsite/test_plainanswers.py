"""A plain answer is, byte for byte, what gunicorn would send."""

from itertools import product
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http.wsgi import Response

from partsite import plainanswers
from partsite.plainanswers import PlainAnswer

CFG = Config()
FIELDS = [
    ("Content-Type", "application/json"),
    ("Vary", " Accept,\tX-API-Key "),
    ("ETag", '"a"'),
    ("X-Request-ID", " 1 "),
    ("Connection", "close"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Upgrade", "h2c"),
    ("Transfer-Encoding", "chunked"),
    ("Content-Length", "3"),
    ("content-length", " 3"),
    ("Content-Length", "three"),
    ("Place", "Zo\xeb"),
    ("Place", "Box\r\nSet-Cookie: a=b"),
    ("Bad name", "1"),
    ("Number", 1),
    (b"Bytes", "1"),
]
LENGTH = ("Content-Length", "3")
BODIES = [
    [],
    [b""],
    [b"abc"],
    [b"abc", b"abc"],
    [b"a", b"bc"],
    [b"abcdef"],
    ["abc"],
    [bytearray(b"abc")],
]


class _Wire:
    """A socket that keeps what it is given."""

    def __init__(self) -> None:
        self.sent = []

    def sendall(self, data: bytes) -> None:
        self.sent.append(bytes(data))


def _request(method: str, minor: int, must_close: bool) -> SimpleNamespace:
    return SimpleNamespace(
        method=method, version=(1, minor), should_close=lambda: must_close
    )


def _sent(kind: type[Response], request, status, fields, bodies, closes) -> tuple:
    wire = _Wire()
    answer = kind(request, wire, CFG)
    if closes:
        answer.force_close()
    try:
        answer.start_response(status, fields)
        for body in bodies:
            answer.write(body)
        answer.close()
    except Exception as error:  # noqa: BLE001 - which one is compared
        return b"".join(wire.sent), repr(error)
    return b"".join(wire.sent), answer.should_close(), answer.sent


@pytest.fixture(autouse=True, scope="module")
def _one_moment():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gunicorn.util.time.time", lambda: 1_800_000_000.5)
        yield


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "304 Not Modified"])
def test_each_answer_is_sent_as_gunicorn_sends_it(status):
    heads = [[field] for field in FIELDS] + [[field, LENGTH] for field in FIELDS]
    booleans = (False, True)
    for method, minor, must_close, closes in product(
        ("GET", "HEAD"), (0, 1), booleans, booleans
    ):
        request = _request(method, minor, must_close)
        for fields, bodies in product([[], *heads], BODIES):
            told = request, status, fields, bodies, closes
            assert _sent(PlainAnswer, *told) == _sent(Response, *told), told


@pytest.mark.parametrize("count", [3, 100_000])
def test_a_plain_answer_is_sent_at_once_if_it_is_not_long(count):
    wire = _Wire()
    answer = PlainAnswer(_request("GET", 1, must_close=False), wire, CFG)
    answer.start_response("200 OK", [("Content-Length", str(count))])
    answer.write(bytes(count))
    answer.close()
    assert len(wire.sent) == (1 if count == 3 else 2)


def test_the_date_is_that_of_the_moment(monkeypatch):
    def date_at(second: float) -> bytes:
        monkeypatch.setattr("gunicorn.util.time.time", lambda: second)
        fields = [("Content-Length", "3")]
        request = _request("GET", 1, must_close=False)
        sent = _sent(PlainAnswer, request, "200 OK", fields, [b"abc"], closes=False)[0]
        return sent.partition(b"Date: ")[2].partition(b"\r\n")[0]

    assert date_at(0.9) == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert date_at(1.0) == b"Thu, 01 Jan 1970 00:00:01 GMT"


def test_a_known_field_is_not_looked_at_again(monkeypatch):
    plainanswers._kept("Vary", "Accept")
    monkeypatch.delattr(Response, "process_headers")
    answer = PlainAnswer(_request("GET", 1, must_close=False), _Wire(), CFG)
    answer.process_headers([("Vary", "Accept")])
    assert answer.headers == [("Vary", "Accept")]
