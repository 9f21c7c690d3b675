"""Requests that take a thread of gunicorn only when all of them is here.

gunicorn gives a connection a thread as soon as it is there, and reads the request in
it. Eight clients that stop in the middle of a request had all threads of the site, and
everybody else waited for as long as they cared to (measured). Here the poller, which
also waits for kept connections, waits for the rest of a request, and it costs no more
than a place there and, of an upload, a file on disk. It is what nginx does for sites
behind it.
"""

import logging
import re
import socket
import tempfile
import time
from collections import deque
from concurrent.futures import Future
from typing import BinaryIO

from django.conf import settings
from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from . import busy, room
from .knownheads import KnownHeadRequest
from .lingering import Lingering
from .plainanswers import PlainAnswer

logger = logging.getLogger(__name__)

# How long a client may send nothing in the middle of a request, and how long what
# stands above its body may take.
SILENCE_SECONDS = HEAD_SECONDS = 30
_IN_MEMORY_BYTES = 64 * 1024
_HEAD_BYTES = 1024 * 1024  # more than gunicorn takes, so that it refuses
_END_OF_CHUNKS = b"0\r\n\r\n"
_OVER_BYTES = 1024 * 1024  # kept of what is too large, for the fields before the file
# Longer than the limit by more than this is not even awaited.
_DROPPED_BYTES = 512 * 1024 * 1024
_ONE_READ = 128 * 1024  # a larger one stays with each thread for a while
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n")
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


class WholeRequestWorker(ThreadWorker):
    def handle_quit(self, sig, frame) -> None:
        """End at once; take no lock, which what the signal breaks into may hold.

        gunicorn closes its pool of threads here. When the signal came in the middle
        of giving a request to that pool, the process waited for itself until it was
        killed, for as long as a graceful end may take.
        """
        super(ThreadWorker, self).handle_quit(sig, frame)

    def init_process(self) -> None:
        self.lingering = Lingering(self.cfg.threads)
        # Found at once; gunicorn goes through three calls for each, 26 times a request.
        for name, setting in self.cfg.settings.items():
            vars(self.cfg)[name] = setting.get()
        wsgi.Response = PlainAnswer  # whose name it is made by
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        conn.queued_at = time.monotonic()
        self.lingering.expect()
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> object:
        self.lingering.begin()
        try:
            busy.load.note(time.monotonic() - conn.queued_at)
            answered = self._answer(conn)
            while answered is True and self._asks_again(conn):
                busy.load.note(0)
                answered = self._answer(conn)
            return answered
        finally:
            self.lingering.end()

    def _answer(self, conn: TConn) -> object:
        if self.cfg.is_ssl or conn.is_http2:
            return super().handle(conn)
        try:
            if not _is_whole(conn):
                return _DEFER
        except OSError:
            return False  # it is gone, or has taken too long
        return super().handle(conn)

    def _asks_again(self, conn: TConn) -> bool:
        if self.cfg.is_ssl:  # what is there may be in its layer, unseen
            return False
        # What was read too early is looked for by who puts it back into the line.
        is_there = conn.parser.unreader.buf.getvalue()
        return not is_there and self.lingering.asks_again(conn.sock)

    def finish_request(self, conn: TConn, fs: Future) -> None:
        super().finish_request(conn, fs)
        if self.pending_conns and self.pending_conns[-1] is conn:
            conn.timeout = conn.coming.deadline()

    def _cap_keepalive(self, deadline: float) -> None:
        """Let what is under way end when this process is told to stop, and no more.

        Browsers connect beforehand: nobody waits for what they may send one day.
        """
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            if not conn.coming.has_begun:
                conn.timeout = min(conn.timeout, deadline)
        by_time = sorted(self.pending_conns, key=lambda conn: conn.timeout)
        self.pending_conns = deque(by_time)


def _is_whole(conn: TConn) -> bool:
    """Take what has come of the next request, and return whether it is all.

    Raises:
        OSError: the rest will not come.
    """
    if not conn.initialized:
        conn.init()
        conn.parser = _Parser(conn.cfg, conn.sock, conn.client)
        conn.parser.unreader = Unreader(conn.sock)
    unreader = conn.parser.unreader
    coming = getattr(conn, "coming", None)
    if coming is None:
        coming = conn.coming = _Coming(unreader.take_buffered())
    coming.read(conn.sock)
    if not coming.is_whole:
        return False
    coming.hand_over(unreader)
    conn.coming = None
    return True


class Unreader(SocketUnreader):
    """Reads what was kept of a request, and waits for nothing after that."""

    kept: "_Kept | None" = None

    def chunk(self, size_hint: int | None = None) -> bytes:
        size = max(self.mxchunk, min(size_hint or 0, self.max_body_chunk))
        if self.kept is not None:
            if data := self.kept.read(size):
                return data
            self.kept = None
        try:
            return self.sock.recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""


class _Parser(RequestParser):
    mesg_class = KnownHeadRequest

    def finish_body(self, *args, **kwargs) -> bool:
        if self.mesg and not self.mesg.body.failed:
            reader = self.mesg.body.reader
            if isinstance(reader, LengthReader) and not reader.length:
                return True  # there is none, or all of it was read
        return super().finish_body(*args, **kwargs)


class _Coming:
    """The next request of a connection, as far as it is here."""

    def __init__(self, early: bytes) -> None:
        self._began_at = time.monotonic()
        self._data = bytearray()  # all of it, but what is kept
        self._kept: _Kept | None = None
        self._seen_bytes = 0
        self._all_bytes: int | None = None  # unknown while the head is not here
        self._chunked_head = b""
        self._is_asked_for = False
        self._take(early)

    @property
    def has_begun(self) -> bool:
        return self._seen_bytes > 0

    @property
    def is_whole(self) -> bool:
        if self._chunked_head:
            is_over = self._data.endswith(_END_OF_CHUNKS)
            return is_over or self._seen_bytes > _DROPPED_BYTES
        if self._all_bytes is None:
            return self._seen_bytes > _HEAD_BYTES
        return self._seen_bytes >= self._all_bytes

    def deadline(self) -> float:
        silence = time.monotonic() + SILENCE_SECONDS
        has_head = self._chunked_head or self._all_bytes is not None
        return silence if has_head else min(silence, self._began_at + HEAD_SECONDS)

    def read(self, sock: socket.socket) -> None:
        """Take what has come, without waiting for more."""
        while not self.is_whole:
            if self._is_asked_for:
                self._is_asked_for = False
                sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self._chunked_head:
                size = _ONE_READ
            elif self._all_bytes is None:
                if time.monotonic() > self._began_at + HEAD_SECONDS:
                    raise TimeoutError
                size = _IN_MEMORY_BYTES
            else:
                size = min(self._all_bytes - self._seen_bytes, _ONE_READ)
            try:
                data = sock.recv(size, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if not data:
                raise ConnectionResetError
            self._take(data)

    def hand_over(self, unreader: Unreader) -> None:
        if self._chunked_head:
            unreader.unread(self._chunked_head + _END_OF_CHUNKS)
            return
        beginning = bytes(self._data)
        if self._kept is None:
            unreader.unread(beginning)
            return
        if self._kept.found_no_room:
            told = f"\r\n{room.BODY_FOUND_NONE}: 1\r\n".encode()
            beginning = beginning.replace(b"\r\n", told, 1)
        self._kept.begin(beginning)
        unreader.kept = self._kept

    def _take(self, data: bytes) -> None:
        self._seen_bytes += len(data)
        if self._chunked_head:
            # The site takes none, so nothing of it is kept but how it ends.
            self._data = (self._data + data)[-len(_END_OF_CHUNKS) :]
            return
        if self._kept is not None:
            # The beginning of the body says what it is: without that the site could
            # not even say that there is no room for the rest.
            missing = max(0, _IN_MEMORY_BYTES - len(self._data))
            self._data += data[:missing]
            data = data[missing:]
            most = settings.UPLOAD_LIMIT_BYTES + _OVER_BYTES
            if self._seen_bytes > most:
                self._kept.skip(len(data))
            else:
                self._kept.write(memoryview(data))
            return
        searched = max(0, len(self._data) - 3)
        self._data += data
        if self._all_bytes is None:
            end = self._data.find(b"\r\n\r\n", searched)
            if end >= 0:
                self._read_head(bytes(self._data[: end + 4]))

    def _read_head(self, head: bytes) -> None:
        low = head.lower()
        if b"\r\ntransfer-encoding:" in low:
            self._chunked_head = head
            self._data = self._data[len(head) :][-len(_END_OF_CHUNKS) :]
            return
        found = _LENGTH.search(low) if b"\r\ncontent-length:" in low else None
        body_bytes = int(found[1]) if found else 0
        self._all_bytes = len(head) + body_bytes
        if body_bytes <= _IN_MEMORY_BYTES:
            pass
        elif body_bytes > settings.UPLOAD_LIMIT_BYTES + _DROPPED_BYTES:
            self._all_bytes = len(head)
            return
        else:
            self._kept = _Kept()
        if body_bytes and b"\r\nexpect:" in low:
            # Answered here, since nobody else sees the request before its body.
            shorter = _EXPECT.sub(b"", head)
            self._is_asked_for = shorter != head
            self._data[: len(head)] = shorter
            self._seen_bytes -= len(head) - len(shorter)
            self._all_bytes -= len(head) - len(shorter)


class _Kept:
    """What comes of a large request: in a file, with zeros for what is not kept."""

    def __init__(self) -> None:
        self.found_no_room = False
        self._beginning = b""
        self._file: BinaryIO | None = None
        self._zeros = 0

    def write(self, data: memoryview) -> None:
        try:
            while data and not self.found_no_room:
                if self._file is None:
                    self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
                data = data[self._file.write(data) :]
        except OSError as error:
            logger.error("body_not_kept why=%s", error)
            self.found_no_room = True
        self.skip(len(data))

    def skip(self, count: int) -> None:
        self._zeros += count

    def begin(self, beginning: bytes) -> None:
        """Be read from here on, ``beginning`` first."""
        self._beginning = beginning
        if self._file is not None:
            self._file.seek(0)

    def read(self, size: int) -> bytes:
        if self._beginning:
            data, self._beginning = self._beginning, b""
            return data
        if self._file is not None:
            if data := self._file.read(size):
                return data
            self._file.close()
            self._file = None
        size = min(size, self._zeros)
        self._zeros -= size
        return bytes(size)
