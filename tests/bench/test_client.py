"""The load client against a server of a few lines."""

import itertools
import socket
import threading
import time

import pytest

from bench import client
from bench.client import Answer, Broken, Reader, Turn

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


def test_a_visitor_gets_each_answer_before_the_next_question(serve):
    told = WHOLE.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=B\r\nset-cookie: c=D\r\n\r\n")
    address = serve(itertools.cycle([told, None]))
    answers = []

    def visit():
        answers.append((yield Turn(_get(), "first")))
        answers.append((yield Turn(_get(), "second")))

    samples = client.converse(address, [visit()])
    assert answers == [Answer(200, b"hello"), None]
    assert answers[0].headers(b"set-cookie") == [b"a=B", b"c=D"]
    assert answers[0].headers(b"etag") == []
    assert len(samples["first"].latencies) == 1
    assert samples["second"].errors == ["the connection was closed"]


def test_what_is_a_success_can_be_said(serve):
    address = serve(itertools.repeat(b"HTTP/1.1 304 Not Modified\r\n\r\n"))

    def visit():
        yield Turn(_get(), "news")

    assert client.converse(address, [visit()])["news"].errors == ["304: b''"]
    samples = client.converse(address, [visit()], good={304})
    assert (len(samples["news"].latencies), samples["news"].errors) == (1, [])


def test_an_unused_connection_may_be_closed_and_is_made_anew(serve):
    # Closed after the answer, without a word of it, as gunicorn does after 5 s.
    address = serve(itertools.repeat(WHOLE), is_closed_after_each=True)

    def visit():
        yield Turn(_get(), "first")
        yield Turn(_get(), "later", time.perf_counter() + 0.05)

    samples = client.converse(address, [visit()])
    assert [len(sample.latencies) for sample in samples.values()] == [1, 1]
    assert not any(sample.errors for sample in samples.values())


@pytest.mark.parametrize(("method", "answered"), [("GET", 1), ("POST", 0)])
def test_what_meets_a_connection_that_is_being_closed_is_asked_again(
    method, answered, serve, monkeypatch
):
    monkeypatch.setattr(client, "_IDLE_SECONDS", 0.01)
    address = serve(itertools.cycle([WHOLE, None, WHOLE]))

    def visit():
        yield Turn(_get(), "first")
        request = client.request(method, "/", {})
        yield Turn(request, "later", time.perf_counter() + 0.05)

    later = client.converse(address, [visit()])["later"]
    assert len(later.latencies) == answered
    assert later.errors == ["the connection was closed"] * (1 - answered)


def test_a_large_request_holds_nobody_up(serve):
    large = client.request("POST", "/", {}, b"x" * 20_000_000)
    small_came = threading.Event()
    order = []

    def read(connection):
        data = connection.recv(4096)
        if data.startswith(b"GET"):
            small_came.set()
            return data
        small_came.wait(5)
        left = len(large) - len(data)
        while left:
            left -= len(connection.recv(left))
        return data

    def visit(name, request, at):
        yield Turn(request, at=at)
        order.append(name)

    now = time.perf_counter()
    visits = [visit("large", large, 0.0), visit("small", _get(), now + 0.05)]
    client.converse(serve(itertools.repeat(WHOLE), read), visits)
    assert order == ["small", "large"]


def test_a_form_says_its_fields_and_its_files():
    headers, body = client.form({"part": "7"}, {"file": ("a.step", b"ISO")})
    assert headers == {"Content-Type": "multipart/form-data; boundary=----bench"}
    assert body == (
        b'------bench\r\nContent-Disposition: form-data; name="part"\r\n\r\n7\r\n'
        b'------bench\r\nContent-Disposition: form-data; name="file"; '
        b'filename="a.step"\r\nContent-Type: application/step\r\n\r\nISO\r\n'
        b"------bench--\r\n"
    )


def _get() -> bytes:
    return client.request("GET", "/", {"X-API-Key": "k"})


@pytest.fixture
def serve():
    """Return a function that serves ``answers`` in turn; None hangs up instead."""
    listeners = []

    def read_some(connection: socket.socket) -> bytes:
        return connection.recv(65536)

    def start(
        answers, read=read_some, *, is_closed_after_each=False
    ) -> tuple[str, int]:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        lock = threading.Lock()

        def talk(connection: socket.socket) -> None:
            with connection:
                while read(connection):
                    with lock:
                        answer = next(answers)
                    if answer is None:
                        return
                    connection.sendall(answer)
                    if is_closed_after_each or b"Connection: close" in answer:
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
