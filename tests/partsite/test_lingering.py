"""A thread stays with who asks again, and never while somebody else wants it."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn

from partsite import lingering
from partsite.lingering import Lingering
from partsite.wholerequests import WholeRequestWorker

HOUR_MS = 3_600_000
LIMIT_SECONDS = 20  # until it is clear that something waits for ever
REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


class Shop:
    """A worker with one thread; its poller is this test."""

    def __init__(self) -> None:
        cfg = Config()
        cfg.set("threads", 1)
        self.worker = WholeRequestWorker(1, os.getpid(), [], None, 30, cfg, Logger(cfg))
        self.worker.lingering = Lingering(1)
        self.worker.tpool = ThreadPoolExecutor(1)
        self.worker.nr = 0
        self.worker.wsgi = self._answer
        self.worker.method_queue = SimpleNamespace(defer=self._put_back)
        self.back: dict[TConn, Future] = {}
        self.sockets: list[socket.socket] = []

    def client(self) -> tuple[socket.socket, TConn]:
        near, far = socket.socketpair()
        self.sockets += [near, far]
        near.settimeout(LIMIT_SECONDS)
        conn = TConn(self.worker.cfg, far, ("127.0.0.1", 1), ("127.0.0.1", 80))
        self.back[conn] = Future()
        return near, conn

    def come(self, client: socket.socket, conn: TConn) -> str:
        """Ask on a new connection."""
        client.sendall(REQUEST)
        self.worker.enqueue_req(conn)
        return self.read(client)

    def ask(self, client: socket.socket) -> str:
        client.sendall(REQUEST)
        return self.read(client)

    def read(self, client: socket.socket) -> str:
        with client.makefile("rb") as answer:
            while answer.readline().strip():
                pass
            return answer.read(2).decode()

    def close(self) -> None:
        self.worker.tpool.shutdown()
        self.worker.lingering.close()
        for each in self.sockets:
            each.close()
        self.worker.tmp.close()

    def is_back(self, conn: TConn) -> object:
        """Return what the thread left the connection with, once it has."""
        return self.back[conn].result(LIMIT_SECONDS)

    def _put_back(self, _finish, conn: TConn, done: Future) -> None:
        self.back[conn].set_result(done.result())

    def _answer(self, environ, start_response) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@pytest.fixture
def shop(monkeypatch) -> Iterator[Shop]:
    monkeypatch.setattr(lingering, "LONGEST_MS", HOUR_MS)
    found = Shop()
    yield found
    for each in found.sockets:
        each.shutdown(socket.SHUT_RDWR)  # whoever still waits sees the end
    found.close()


def test_a_thread_answers_who_asks_again_without_the_poller(shop):
    client, conn = shop.client()
    assert shop.come(client, conn) == "ok"
    assert [shop.ask(client) for _ in range(3)] == ["ok"] * 3
    assert not shop.back[conn].done()


def test_who_comes_gets_the_thread_that_waits(shop):
    client, conn = shop.client()
    assert shop.come(client, conn) == "ok"
    other, newcomer = shop.client()
    assert shop.come(other, newcomer) == "ok"
    assert shop.is_back(conn) is True


def test_a_thread_does_not_wait_while_a_request_wants_it(monkeypatch):
    monkeypatch.setattr(lingering, "LONGEST_MS", HOUR_MS)
    threads = Lingering(1)
    near, far = socket.socketpair()
    with near, far, ThreadPoolExecutor(1) as pool:
        threads.expect()
        assert pool.submit(threads.asks_again, far).result(LIMIT_SECONDS) is False
    threads.close()


def test_after_its_moment_the_poller_has_the_connection_again(shop, monkeypatch):
    monkeypatch.setattr(lingering, "LONGEST_MS", 1)
    client, conn = shop.client()
    assert shop.come(client, conn) == "ok"
    assert shop.is_back(conn) is True


def test_half_a_request_is_for_the_poller_to_wait_for(shop):
    client, conn = shop.client()
    assert shop.come(client, conn) == "ok"
    client.sendall(REQUEST[:9])
    assert shop.is_back(conn) not in (True, False)
    assert conn.coming.has_begun


def test_who_sends_two_at_once_stands_in_line_for_the_second(shop):
    client, conn = shop.client()
    client.sendall(REQUEST * 2)
    shop.worker.enqueue_req(conn)
    assert shop.read(client) == "ok"
    assert shop.is_back(conn) is True
    assert conn.parser.unreader.buf.getvalue() == REQUEST


def test_a_process_that_is_to_end_waits_for_nobody(shop):
    client, conn = shop.client()
    client.sendall(REQUEST)
    shop.worker.alive = False
    shop.worker.enqueue_req(conn)
    assert shop.read(client) == "ok"
    assert shop.is_back(conn) is False  # and has told the client so


def test_who_goes_away_is_let_go(shop):
    client, conn = shop.client()
    assert shop.come(client, conn) == "ok"
    client.shutdown(socket.SHUT_RDWR)
    assert shop.is_back(conn) is False


def test_a_call_sends_away_once(monkeypatch):
    monkeypatch.setattr(lingering, "LONGEST_MS", HOUR_MS)
    threads = Lingering(2)
    near, far = socket.socketpair()
    with near, far, ThreadPoolExecutor(1) as pool:
        waits = pool.submit(threads.asks_again, far)
        os.write(threads._rope, b".")
        assert waits.result(LIMIT_SECONDS) is False
        waits = pool.submit(threads.asks_again, far)
        near.sendall(b"x")
        assert waits.result(LIMIT_SECONDS) is True
    threads.close()
