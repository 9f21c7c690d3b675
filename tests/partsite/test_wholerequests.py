"""What comes of a request, bit by bit; tests/faults has it on real servers."""

import itertools
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.http.parser import Parser
from gunicorn.http.wsgi import Response
from gunicorn.workers.gthread import ThreadWorker

from partsite import busy, room, wholerequests
from partsite.lingering import Lingering
from partsite.plainanswers import PlainAnswer
from partsite.wholerequests import Unreader, WholeRequestWorker, _Coming, _Parser

HEAD = b"POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n"
LARGE = 200_000


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's end and the server's."""
    client, server = socket.socketpair()
    yield client, server
    client.close()
    server.close()


def _come(line, *pieces: bytes, coming: _Coming | None = None) -> _Coming:
    client, server = line
    coming = coming or _Coming(b"")
    for piece in pieces:
        while piece:
            piece = piece[client.send(piece, socket.MSG_DONTWAIT) :]
            coming.read(server)
    return coming


def _handed_over(coming: _Coming, server: socket.socket) -> bytes:
    unreader = Unreader(server)
    coming.hand_over(unreader)
    return b"".join(iter(unreader.read, b""))


@pytest.mark.parametrize("body", [b"", b"small", b"x" * LARGE])
def test_it_is_whole_with_its_last_byte_and_handed_over_as_it_came(line, body):
    request = HEAD % len(body) + body
    coming = _come(line, request[:30], request[30:-1])
    assert not coming.is_whole
    _come(line, request[-1:], coming=coming)
    assert coming.is_whole
    assert _handed_over(coming, line[1]) == request


def test_what_was_sent_for_the_next_one_is_kept_for_it(line):
    first, second = HEAD % 3 + b"abc", HEAD % 0
    coming = _come(line, first + second)
    assert coming.is_whole
    unreader = Unreader(line[1])
    coming.hand_over(unreader)
    assert unreader.read(len(first)) == first
    assert _Coming(unreader.take_buffered()).is_whole


def test_who_asks_before_sending_is_told_to_go_on_once(line):
    head = HEAD.replace(b"\r\n\r\n", b"\r\nExpect: 100-Continue\r\n\r\n") % 4
    coming = _come(line, head)
    assert line[0].recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    _come(line, b"ab", b"cd", coming=coming)
    assert coming.is_whole
    # Or gunicorn would tell it again.
    assert _handed_over(coming, line[1]) == HEAD % 4 + b"abcd"
    line[0].setblocking(False)
    with pytest.raises(BlockingIOError):
        line[0].recv(100)


def test_of_what_is_far_too_large_the_rest_is_not_kept(line, settings):
    settings.UPLOAD_LIMIT_BYTES = 0
    length = wholerequests._OVER_BYTES + LARGE
    coming = _come(line, HEAD % length + b"x" * length)
    request = _handed_over(coming, line[1])
    assert len(request) == len(HEAD % length) + length
    assert request.endswith(b"x" * 1000 + b"\0" * (len(request) - request.index(b"\0")))


def test_what_is_longer_still_is_not_awaited(line):
    coming = _come(line, HEAD % 10**15)
    assert coming.is_whole
    assert _handed_over(coming, line[1]) == HEAD % 10**15


def test_a_body_in_chunks_is_awaited_to_its_last_one(line):
    head = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    coming = _come(line, head + b"3\r\nabc\r\n")
    assert not coming.is_whole
    assert _come(line, b"0\r\n\r\n", coming=coming).is_whole


def test_without_room_the_site_is_told(line, monkeypatch):
    def full(**options) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wholerequests.tempfile, "TemporaryFile", full)
    head, body = HEAD % LARGE, b"x" * LARGE
    handed_over = _handed_over(_come(line, head, body), line[1])
    first, told, rest = handed_over.split(b"\r\n", 2)
    assert told == f"{room.BODY_FOUND_NONE}: 1".encode()
    assert len(first + b"\r\n" + rest) == len(head + body)
    assert b"\r\n\r\n" + body[:50_000] in rest  # which the site reads what it is by


def test_a_client_that_goes_away_or_takes_too_long_is_given_up(line, monkeypatch):
    coming = _come(line, (HEAD % 3)[:20])
    assert coming.deadline() <= coming._began_at + wholerequests.HEAD_SECONDS
    with monkeypatch.context() as patch:
        patch.setattr(wholerequests, "HEAD_SECONDS", -1)
        with pytest.raises(TimeoutError):
            coming.read(line[1])
    _come(line, (HEAD % 3)[20:], coming=coming)
    line[0].close()
    with pytest.raises(ConnectionResetError):
        coming.read(line[1])


def test_it_can_be_told_to_quit_while_it_gives_a_request_to_a_thread():
    worker = object.__new__(WholeRequestWorker)
    worker.cfg = SimpleNamespace(worker_int=lambda worker: None)
    worker.tpool = ThreadPoolExecutor(1)

    def tell():
        with pytest.raises(SystemExit):
            worker.handle_quit(signal.SIGQUIT, None)

    with worker.tpool._shutdown_lock:  # as ``submit`` holds it
        told = Thread(target=tell, daemon=True)
        told.start()
        told.join(timeout=5)
        assert not told.is_alive()


def test_how_long_a_request_has_waited_is_noted(monkeypatch):
    now = itertools.count(100, step=3)
    noted = []
    monkeypatch.setattr(wholerequests.time, "monotonic", lambda: float(next(now)))
    monkeypatch.setattr(ThreadWorker, "enqueue_req", lambda self, conn: None)
    monkeypatch.setattr(ThreadWorker, "handle", lambda self, conn: True)
    monkeypatch.setattr(busy.load, "note", noted.append)
    worker = object.__new__(WholeRequestWorker)
    worker.cfg = SimpleNamespace(is_ssl=True)
    worker.lingering = Lingering(1)
    conn = SimpleNamespace()
    worker.enqueue_req(conn)
    assert worker.handle(conn) is True
    assert noted == [3]
    worker.lingering.close()


# --- What is left of a request --------------------------------------------------------


def _parser(raw: bytes) -> _Parser:
    return _Parser(Config(), iter([raw]), ("127.0.0.1", 1))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_nobody_read_is_not_in_the_next_request(count):
    raw = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n"
    parser = _parser(raw)
    assert next(parser).body.read(count) == b"abc"[:count]
    assert next(parser).path == "/b"


def test_nothing_follows_a_body_that_could_not_be_read():
    parser = _parser(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
    next(parser).body.failed = True
    with pytest.raises(StopIteration):
        next(parser)


def test_where_nothing_is_left_nothing_is_read(monkeypatch):
    parser = _parser(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
    assert next(parser).path == "/a"
    monkeypatch.delattr(Parser, "finish_body")
    assert parser.finish_body(deadline=1.0)
    assert next(parser).path == "/b"


def test_a_process_answers_plainly(monkeypatch):
    monkeypatch.setattr(wsgi, "Response", Response)
    monkeypatch.setattr(ThreadWorker, "init_process", lambda worker: None)
    cfg = Config()
    worker = WholeRequestWorker(1, 1, [], None, 30, cfg, Logger(cfg))
    worker.init_process()
    worker.tmp.close()
    request = next(_parser(b"GET /a HTTP/1.1\r\n\r\n"))
    answer, _environ = wsgi.create(request, None, ("127.0.0.1", 1), "here:80", cfg)
    assert isinstance(answer, PlainAnswer)
    assert vars(cfg)["threads"] == cfg.settings["threads"].get()
