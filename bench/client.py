"""A load client that costs little: raw sockets, kept alive, in one thread.

What it sends is made beforehand, what comes is parsed no further than to its end.
On the development machine it costs 25 µs of processor time for a small answer, so
it does not bound what it measures.
"""

import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_ONE_READ = 256 * 1024
_PATIENCE_SECONDS = 60


class Broken(Exception):
    """The server closed a connection in the middle, or sent what is no HTTP."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


@dataclass
class Sample:
    """What came of one load.

    ``latencies`` are in seconds, of the answers that had status 2xx alone;
    ``answers`` are kept on demand, beside what was sent for them.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    answers: list[tuple[bytes, Answer]] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0


class Reader:
    """Reads answers off one connection, as their bytes come.

    ``is_last``: the server has said that it closes the connection.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self.is_last = False

    def feed(self, data: bytes) -> Answer | None:
        """Take bytes; return the answer when it is whole.

        Raises:
            Broken: the bytes are no answer.
        """
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._data[:end])
        if not head.startswith(b"HTTP/1.") or not head[9:12].isdigit():
            raise Broken(f"no HTTP: {head[:60]!r}")
        status, low, start = int(head[9:12]), head.lower(), end + 4
        self.is_last = _header(low, b"connection") == b"close"
        if status in (204, 304):
            return self._whole(status, b"", start)
        length = _header(low, b"content-length")
        if length is not None:
            stop = start + int(length)
            if len(self._data) < stop:
                return None
            return self._whole(status, bytes(self._data[start:stop]), stop)
        if _header(low, b"transfer-encoding") == b"chunked":
            return self._chunked(status, start)
        raise Broken("an answer without a length")

    def _chunked(self, status: int, start: int) -> Answer | None:
        chunks = []
        while True:
            line = self._data.find(b"\r\n", start)
            if line < 0:
                return None
            size = int(bytes(self._data[start:line]).partition(b";")[0], 16)
            begin, stop = line + 2, line + 2 + size
            if len(self._data) < stop + 2:
                return None
            if not size:
                return self._whole(status, b"".join(chunks), stop + 2)
            chunks.append(bytes(self._data[begin:stop]))
            start = stop + 2

    def _whole(self, status: int, body: bytes, stop: int) -> Answer:
        del self._data[:stop]
        return Answer(status, body)


def _header(low_head: bytes, name: bytes) -> bytes | None:
    at = low_head.find(b"\r\n%b:" % name)
    if at < 0:
        return None
    return low_head[at + len(name) + 3 :].partition(b"\r\n")[0].strip()


class _Connection:
    """One visitor, who asks for the next thing when the last one is there."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.request = b""
        self.asked_at = 0.0
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(self._address, _PATIENCE_SECONDS)
        self.socket.settimeout(None)  # read when there is something to read
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader()

    def send(self, request: bytes, now: float) -> None:
        self.request, self.asked_at = request, now
        self.socket.sendall(request)

    def receive(self) -> Answer | None:
        data = self.socket.recv(_ONE_READ)
        if not data:
            raise Broken("the connection was closed")
        return self.reader.feed(data)


def load(
    address: tuple[str, int],
    requests: Iterable[bytes],
    *,
    connections: int = 8,
    seconds: float | None = None,
    every_seconds: float = 0.0,
    is_kept: bool = False,
) -> Sample:
    """Have some visitors ask for ``requests``, until those or the time is over.

    Args:
        every_seconds: how long each visitor waits from one question to the next;
            time that an answer is late counts as its own. 0: asks at once again.
        is_kept: keep the answers.
    """
    asked: Iterator[bytes] = iter(requests)
    sample = Sample()
    clock = time.perf_counter
    visitors = [_Connection(address) for _ in range(connections)]
    with selectors.DefaultSelector() as selector:
        start = clock()
        until = start + (float("inf") if seconds is None else seconds)
        due = {
            visitor: start + every_seconds * number / connections
            for number, visitor in enumerate(visitors)
        }
        waiting = 0
        for visitor in visitors:
            selector.register(visitor.socket, selectors.EVENT_READ, visitor)
        while True:
            now = clock()
            for visitor in [v for v, at in due.items() if at <= now]:
                at = due.pop(visitor)
                request = next(asked, None) if now < until else None
                if request is not None:
                    visitor.send(request, at if every_seconds else clock())
                    waiting += 1
                else:
                    selector.unregister(visitor.socket)
            if not (due or waiting):
                break
            next_at = min(due.values(), default=now + _PATIENCE_SECONDS)
            ready = selector.select(max(0.0, next_at - now))
            if not ready and not due:
                sample.errors += [f"no answer in {_PATIENCE_SECONDS} s"] * waiting
                break
            for key, _ in ready:
                visitor = key.data
                try:
                    answer = visitor.receive()
                except (Broken, OSError) as error:
                    sample.errors.append(str(error))
                    is_over = True
                else:
                    if answer is None:
                        continue
                    now = clock()
                    _note(sample, visitor, answer, now, is_kept=is_kept)
                    is_over = visitor.reader.is_last
                if is_over:
                    selector.unregister(visitor.socket)
                    visitor.socket.close()
                    visitor.connect()
                    selector.register(visitor.socket, selectors.EVENT_READ, visitor)
                waiting -= 1
                due[visitor] = visitor.asked_at + every_seconds
        sample.seconds = clock() - start
    for visitor in visitors:
        visitor.socket.close()
    return sample


def _note(
    sample: Sample, visitor: _Connection, answer: Answer, now: float, *, is_kept: bool
) -> None:
    if 200 <= answer.status < 300:
        sample.latencies.append(now - visitor.asked_at)
    else:
        sample.errors.append(f"{answer.status}: {answer.body[:120]!r}")
    if is_kept:
        sample.answers.append((visitor.request, answer))


def ask(address: tuple[str, int], request: bytes) -> Answer:
    """Ask one thing on a connection of its own.

    Raises:
        Broken: there is no answer.
    """
    sample = load(address, [request], connections=1, is_kept=True)
    if not sample.answers:
        raise Broken(sample.errors[0])
    return sample.answers[0][1]


def request(
    method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> bytes:
    """Return the bytes of a request."""
    lines = {"Host": "127.0.0.1", "Accept": "application/json", **headers}
    if body or method != "GET":
        lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
