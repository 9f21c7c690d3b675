"""A load client that costs little: raw sockets, kept alive, in one thread.

What it sends is made beforehand, what comes is parsed no further than to its end.
On the development machine it costs 25 µs of processor time for a small answer, so
it does not bound what it measures.
"""

import heapq
import itertools
import selectors
import socket
import time
from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass, field

_ONE_READ = 256 * 1024
_IDLE_SECONDS = 1
_PATIENCE_SECONDS = 60
_SUCCESS = range(200, 300)


class Broken(Exception):
    """The server closed a connection in the middle, or sent what is no HTTP."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    head: bytes = field(default=b"", compare=False)

    def headers(self, low_name: bytes) -> list[bytes]:
        """Return what each header of this name says."""
        lines = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        return [said.strip() for name, _, said in lines if name.lower() == low_name]


@dataclass(frozen=True)
class Turn:
    """What a visitor asks next.

    ``name``: whose sample it goes into. ``at``: when, as ``time.perf_counter`` tells
    it, and what it is late then counts as the answer's time; 0 is at once.
    """

    request: bytes
    name: str = ""
    at: float = 0.0


# What a visitor does: says what to ask, gets the answer, or None where there was none.
Visit = Generator[Turn, Answer | None, None]


@dataclass
class Sample:
    """What came of one load.

    ``latencies`` are in seconds, of the answers that were a success alone;
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
        self._head = head
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
        return Answer(status, body, self._head)


def _header(low_head: bytes, name: bytes) -> bytes | None:
    at = low_head.find(b"\r\n%b:" % name)
    if at < 0:
        return None
    return low_head[at + len(name) + 3 :].partition(b"\r\n")[0].strip()


class _Visitor:
    """Somebody on a connection, who asks for the next thing when the last is there."""

    def __init__(self, visit: Visit, turn: Turn) -> None:
        self.visit = visit
        self.turn = turn
        self.asked_at = 0.0
        self.socket: socket.socket | None = None
        self._unsent = memoryview(b"")
        self._answered_at: float | None = None  # on this connection
        self._was_idle = False

    def connect(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, _PATIENCE_SECONDS)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = Reader()
        self._answered_at = None

    def ask(self) -> None:
        """Begin to send; ``events`` tells whether there is more of it."""
        now = time.perf_counter()
        self.asked_at = self.turn.at or now
        idle_since = self._answered_at
        self._was_idle = idle_since is not None and now - idle_since > _IDLE_SECONDS
        self._unsent = memoryview(self.turn.request)
        self.send()

    def send(self) -> None:
        # A large file must not hold up all others until the server has read it.
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return

    @property
    def events(self) -> int:
        more = selectors.EVENT_WRITE if self._unsent else 0
        return selectors.EVENT_READ | more

    def receive(self) -> Answer | None:
        data = self.socket.recv(_ONE_READ)
        if not data:
            raise Broken("the connection was closed")
        self._was_idle = False
        self._answered_at = time.perf_counter()
        return self._reader.feed(data)

    @property
    def may_ask_again(self) -> bool:
        """Whether a browser would, since the server was just closing the connection.

        Nothing has come back on one that had been idle, and to read twice is harmless.
        Source: RFC 9112, section 9.3.1.
        """
        return self._was_idle and self.turn.request.startswith(b"GET ")

    @property
    def is_last(self) -> bool:
        return self._reader.is_last


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
    start = time.perf_counter()

    def visit(number: int) -> Visit:
        at = start + every_seconds * number / connections if every_seconds else 0.0
        for request in asked:
            yield Turn(request, at=at)
            at += every_seconds

    visits = map(visit, range(connections))
    until = None if seconds is None else start + seconds
    return converse(address, visits, until=until, is_kept=is_kept)[""]


def converse(
    address: tuple[str, int],
    visits: Iterable[Visit],
    *,
    since: float = 0.0,
    until: float | None = None,
    good: Collection[int] = _SUCCESS,
    is_kept: bool = False,
) -> dict[str, Sample]:
    """Have each visitor do what a visit of its own says, until all or the time is over.

    Args:
        since: what was asked before counts only where it went wrong; this and
            ``until`` as ``time.perf_counter`` tells it.
        until: when nobody asks any more.
        good: the statuses that are a success.
        is_kept: keep the answers.

    Returns:
        A sample for each name that was asked.
    """
    return _Conversation(address, since, until, good, is_kept).hold(visits)


class _Conversation:
    def __init__(
        self,
        address: tuple[str, int],
        since: float,
        until: float | None,
        good: Collection[int],
        is_kept: bool,
    ) -> None:
        self._address = address
        self._start = max(since, time.perf_counter())
        self._since = since
        self._until = float("inf") if until is None else until
        self._good = good
        self._is_kept = is_kept
        self._samples: dict[str, Sample] = defaultdict(Sample)
        self._due: list[tuple[float, int, _Visitor]] = []
        self._order = itertools.count()  # of those who are due at one moment
        self._waiting: set[_Visitor] = set()

    def hold(self, visits: Iterable[Visit]) -> dict[str, Sample]:
        with selectors.DefaultSelector() as self._selector:
            for visit in visits:
                if turn := next(visit, None):
                    self._plan(_Visitor(visit, turn))
            while self._ask_who_is_due() or self._waiting:
                self._take_what_came()
            for key in list(self._selector.get_map().values()):
                key.fileobj.close()
        seconds = time.perf_counter() - self._start
        for sample in self._samples.values():
            sample.seconds = seconds
        return self._samples

    def _plan(self, visitor: _Visitor) -> None:
        at = visitor.turn.at
        if at < self._until:
            heapq.heappush(self._due, (at, next(self._order), visitor))
        else:
            self._leave(visitor)

    def _ask_who_is_due(self) -> bool:
        """Return whether anybody is to ask later."""
        while self._due and self._due[0][0] <= (now := time.perf_counter()):
            visitor = heapq.heappop(self._due)[2]
            if now >= self._until:
                self._leave(visitor)
                continue
            if visitor.socket is None:
                visitor.connect(self._address)
                self._selector.register(visitor.socket, selectors.EVENT_READ, visitor)
            self._waiting.add(visitor)
            try:
                visitor.ask()
            except OSError as error:
                self._fail(visitor, error)
            else:
                self._selector.modify(visitor.socket, visitor.events, visitor)
        return bool(self._due)

    def _take_what_came(self) -> None:
        now = time.perf_counter()
        next_at = self._due[0][0] if self._due else now + _PATIENCE_SECONDS
        ready = self._selector.select(max(0.0, next_at - now))
        if not ready and not self._due:
            for visitor in self._waiting:
                said = f"no answer in {_PATIENCE_SECONDS} s"
                self._samples[visitor.turn.name].errors.append(said)
            self._waiting.clear()
        for key, events in ready:
            visitor = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    visitor.send()
                    self._selector.modify(visitor.socket, visitor.events, visitor)
                answer = visitor.receive() if events & selectors.EVENT_READ else None
            except (Broken, OSError) as error:
                self._fail(visitor, error)
            else:
                if answer is not None:
                    self._note(visitor, answer)

    def _fail(self, visitor: _Visitor, error: Exception) -> None:
        """Note what became of a question; a connection may end where there was none."""
        self._leave(visitor)
        if visitor in self._waiting and visitor.may_ask_again:
            self._waiting.discard(visitor)
            self._plan(visitor)
        elif visitor in self._waiting:
            self._samples[visitor.turn.name].errors.append(str(error))
            self._go_on(visitor, None)

    def _note(self, visitor: _Visitor, answer: Answer) -> None:
        sample = self._samples[visitor.turn.name]
        if answer.status in self._good:
            if visitor.asked_at >= self._since:
                sample.latencies.append(time.perf_counter() - visitor.asked_at)
        else:
            sample.errors.append(f"{answer.status}: {answer.body[:120]!r}")
        if self._is_kept:
            sample.answers.append((visitor.turn.request, answer))
        if visitor.is_last:
            self._leave(visitor)
        self._go_on(visitor, answer)

    def _go_on(self, visitor: _Visitor, answer: Answer | None) -> None:
        self._waiting.discard(visitor)
        try:
            visitor.turn = visitor.visit.send(answer)
        except StopIteration:
            self._leave(visitor)
        else:
            self._plan(visitor)

    def _leave(self, visitor: _Visitor) -> None:
        if visitor.socket is not None:
            self._selector.unregister(visitor.socket)
            visitor.socket.close()
            visitor.socket = None


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


def form(
    fields: dict[str, str], files: dict[str, tuple[str, bytes]]
) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a form with files, each a name and what is in it."""
    edge = "----bench"
    lines = []
    for name, value in fields.items():
        said = f'Content-Disposition: form-data; name="{name}"'
        lines.append(f"--{edge}\r\n{said}\r\n\r\n{value}\r\n".encode())
    for name, (file_name, content) in files.items():
        said = (
            f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
            "Content-Type: application/step"
        )
        lines += [f"--{edge}\r\n{said}\r\n\r\n".encode(), content, b"\r\n"]
    body = b"".join([*lines, f"--{edge}--\r\n".encode()])
    return {"Content-Type": f"multipart/form-data; boundary={edge}"}, body
