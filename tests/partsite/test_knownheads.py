"""A head that is known is what gunicorn would read again, for the same client only."""

from itertools import product

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Message, Request
from gunicorn.http.unreader import IterUnreader
from hypothesis import given
from hypothesis import strategies as st

from partsite import knownheads
from partsite.knownheads import KnownHeadRequest

PROXY, STRANGER = ("127.0.0.1", 1), ("192.0.2.7", 1)
CFG = Config()
CFG.set("secure_scheme_headers", {"X-FORWARDED-PROTO": "https"})
HTTPS = b"X-Forwarded-Proto: https\r\n"

fields = st.lists(
    st.sampled_from(
        [
            b"Host: here",
            b"X-API-Key: pk_1",
            b"x-api-key:pk_2 ",
            HTTPS.strip(),
            b"X-Forwarded-Proto: http",
            b"Script_Name: /under",
            b"Expect: 100-continue",
            b"Expect: more",
            b"Connection: close",
            b"Content-Length: 3",
            b"Note: Zo\xc3\xab",
            b"Bad name: 1",
            b"Bell: \x07",
            b" folded",
        ]
    ),
    max_size=4,
)


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(knownheads, "_known", {})


def _read(kind: type[Request], raw: bytes, peer) -> tuple | str:
    try:
        read = kind(CFG, IterUnreader([raw]), peer)
    except ParseException as error:
        return repr(error)
    asks_first = read._expected_100_continue
    return read.headers, read.scheme, asks_first, read.should_close(), read.body.read()


def _raw(head: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET /a HTTP/%b\r\n%b\r\nabc" % (version, head)


@given(
    st.lists(
        st.tuples(
            fields, st.sampled_from([PROXY, STRANGER, ""]), st.sampled_from("10")
        ),
        max_size=6,
    )
)
def test_each_request_is_read_as_gunicorn_reads_it(asked):
    for lines, peer, minor in asked * 2:
        raw = _raw(b"".join(line + b"\r\n" for line in lines), b"1." + minor.encode())
        assert _read(KnownHeadRequest, raw, peer) == _read(Request, raw, peer)


TARGETS = [
    *("/", "/api/parts", "/api/parts/1/", "//here/a", "/a//b", "/?", "/a?", "/a?b=1"),
    *("/a?b?c", "/a#b", "/a?b#c", "/a?#", "/%2F%3F", "/a?b=Zo%C3%AB&c=1+2", "/a?b=1,2"),
    *("/a?at=2026-01-01T00:00:00", "/a?b=/c", "/a:b", "/a;b", "/a@b", "/~a_b-c.d"),
    *("", "*", "here:80", "http://here/a?b", "/a b", "/a\tb", "/Zo\xeb", "/a[b", "a"),
    *("/a?b=[c", "/a\\b", "/\x00", "/a\n", "/a?b\n"),
]
VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/1.1 ", "HTTP/1.1\n"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "OPTIONS", "get", "GE", "G" * 21])
def test_each_line_is_read_as_gunicorn_reads_it(method):
    def read(kind: type[Request], line: str) -> dict | str:
        raw = f"{line}\r\n\r\n".encode("latin-1")
        try:
            read = kind(CFG, IterUnreader([raw]), PROXY)
        except ParseException as error:
            return repr(error)
        names = ("method", "uri", "path", "query", "fragment", "version")
        return {name: getattr(read, name) for name in names}

    for target, version in product(TARGETS, VERSIONS):
        line = f"{method} {target} {version}"
        assert read(KnownHeadRequest, line) == read(Request, line), line


def test_a_plain_line_takes_one_step(monkeypatch):
    monkeypatch.delattr(Request, "parse_request_line")
    raw = b"GET /api/parts?limit=50&search=a%20b HTTP/1.1\r\n\r\n"
    read = KnownHeadRequest(CFG, IterUnreader([raw]), PROXY)
    assert (read.path, read.query) == ("/api/parts", "limit=50&search=a%20b")


def test_a_known_head_is_not_read_again(monkeypatch):
    raw = _raw(HTTPS)
    first = _read(KnownHeadRequest, raw, PROXY)
    monkeypatch.delattr(Message, "parse_headers")
    assert _read(KnownHeadRequest, raw, PROXY) == first
    assert first[:2] == ([("X-FORWARDED-PROTO", "https")], "https")


def test_what_a_proxy_may_say_a_stranger_may_not():
    assert _read(KnownHeadRequest, _raw(HTTPS), PROXY)[1] == "https"
    assert _read(KnownHeadRequest, _raw(HTTPS), STRANGER)[1] == "http"


def test_a_newer_client_is_told_to_go_on_where_an_older_one_was_not():
    head = b"Expect: 100-continue\r\n"
    assert _read(KnownHeadRequest, _raw(head, b"1.0"), PROXY)[2] is False
    assert _read(KnownHeadRequest, _raw(head, b"1.1"), PROXY)[2] is True


def test_what_a_request_does_to_its_fields_stays_its_own():
    raw = _raw(b"Host: here\r\n")
    for _ in range(3):
        read = KnownHeadRequest(CFG, IterUnreader([raw]), PROXY)
        assert read.headers == [("HOST", "here")]
        read.headers.append(("HOST", "there"))


def test_trailers_keep_their_own_rules():
    """A length is a field of a head and refused below a body (RFC 9110, 6.5.1)."""
    read = KnownHeadRequest(CFG, IterUnreader([_raw(b"Content-Length: 3\r\n")]), PROXY)
    with pytest.raises(ParseException):
        read.parse_headers(b"Content-Length: 3", from_trailer=True)


def test_little_is_kept():
    long = b"Note: %b\r\n" % (b"x" * knownheads._LONGEST_BYTES)
    _read(KnownHeadRequest, _raw(long), PROXY)
    assert not knownheads._known
    for number in range(knownheads._MOST + 1):
        _read(KnownHeadRequest, _raw(b"Note: %d\r\n" % number), PROXY)
    assert len(knownheads._known) == 1
