"""The load client against a server of a few lines."""

import itertools
import socket
import threading

import pytest

from bench import client
from bench.client import Answer, Broken, Reader

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\nhell\r\n1;note=x\r\no\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (WHOLE, Answer(200, b"hello")),
        (WHOLE.replace(b"Content-Length", b"content-LENGTH"), Answer(200, b"hello")),
        (CHUNKED, Answer(201, b"hello")),
        (b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", Answer(204, b"")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Answer(200, b"")),
    ],
)
def test_an_answer_is_read_however_its_bytes_are_cut(data, answer):
    for cut in range(1, len(data)):
        reader = Reader()
        assert reader.feed(data[:cut]) is None
        assert reader.feed(data[cut:]) == answer
        assert reader.feed(data) == answer  # nothing of the last one is left


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nhello"]
)
def test_what_has_no_length_or_is_no_http_is_an_error(data):
    with pytest.raises(Broken):
        Reader().feed(data)


def test_a_load_ends_with_its_requests_and_counts_what_is_no_success(serve):
    address = serve(itertools.cycle([WHOLE, WHOLE.replace(b"200 OK", b"409 Conflict")]))
    sample = client.load(address, [_get()] * 10, connections=1, is_kept=True)
    assert len(sample.latencies) == 5
    assert sample.errors == ["409: b'hello'"] * 5
    assert [answer.status for _, answer in sample.answers] == [200, 409] * 5
    assert sample.answers[0][0] == _get()
    assert sample.per_second == pytest.approx(5 / sample.seconds)


def test_a_load_ends_when_its_time_is_over(serve):
    requests = itertools.repeat(_get())
    sample = client.load(serve(itertools.repeat(WHOLE)), requests, seconds=0.1)
    assert len(sample.latencies) > 8
    assert sample.seconds < 5  # and not the client's own patience
    assert not sample.errors


def test_a_visitor_who_waits_asks_no_faster(serve):
    requests = itertools.repeat(_get())
    sample = client.load(
        serve(itertools.repeat(WHOLE)),
        requests,
        connections=2,
        seconds=0.2,
        every_seconds=0.05,
    )
    assert 2 <= len(sample.latencies) <= 8


def test_a_closed_connection_is_an_error_and_is_made_anew(serve):
    address = serve(itertools.cycle([WHOLE, None]))
    sample = client.load(address, [_get()] * 4, connections=1)
    assert len(sample.latencies) == 2
    assert sample.errors == ["the connection was closed"] * 2


def test_a_connection_that_the_server_ends_is_made_anew_and_no_error(serve):
    last = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    sample = client.load(serve(itertools.repeat(last)), [_get()] * 4, connections=1)
    assert (len(sample.latencies), sample.errors) == (4, [])


def test_one_question_without_an_answer_is_an_error(serve):
    with pytest.raises(Broken, match="the connection was closed"):
        client.ask(serve(itertools.repeat(None)), _get())


def _get() -> bytes:
    return client.request("GET", "/", {"X-API-Key": "k"})


@pytest.fixture
def serve():
    """Return a function that serves ``answers`` in turn; None hangs up instead."""
    listeners = []

    def start(answers) -> tuple[str, int]:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        lock = threading.Lock()

        def talk(connection: socket.socket) -> None:
            with connection:
                while connection.recv(65536):
                    with lock:
                        answer = next(answers)
                    if answer is None:
                        return
                    connection.sendall(answer)
                    if b"Connection: close" in answer:
                        return

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
