"""A stand-in for clamd on this machine, which can be as odd as no real one is.

It speaks as clamd(8) says, of PING, INSTREAM and VERSION what the site asks.
"""

import socketserver
import threading
from contextlib import suppress
from pathlib import Path

from partsite.clamd import eicar


class Scanner:
    """Finds the test virus, unless it is told to say or do something else.

    Attributes:
        says: what it answers when it was sent a file, in the place of its own answer.
        takes_bytes: after how many of a file it breaks off with that.
        looks_at_bytes: how large a file may be; a larger one it calls clean unseen.
        sticks_at: where it hangs: before it reads a ``command`` or a ``file``, or when
            it is to say its ``verdict`` on one.
        seen: the files that were sent to it.
    """

    def __init__(self, socket: Path | None = None) -> None:
        self.says: bytes | None = None
        self.version = b"ClamAV 1.4.6\0"
        self.takes_bytes: int | None = None
        self.looks_at_bytes: int | None = None
        self.sticks_at = ""
        self.seen: list[bytes] = []
        self._ended = threading.Event()
        kind = (
            socketserver.ThreadingUnixStreamServer
            if socket
            else socketserver.ThreadingTCPServer
        )
        place = str(socket) if socket else ("127.0.0.1", 0)
        self._server = kind(place, self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    @property
    def address(self) -> str | tuple[str, int]:
        """What the setting CLAMD is for it."""
        return self._server.server_address

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()  # waits for what is under way
        self._thread.join()

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        scanner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                answer = scanner._answer(self.rfile)
                with suppress(BrokenPipeError):  # nobody waited for it
                    self.wfile.write(answer)

        return Handler

    def _answer(self, said) -> bytes:
        self._may_stick("command")
        command = b""
        while not command.endswith(b"\0"):
            if not (more := said.read(1)):
                return b""  # somebody only looked whether it is there
            command += more
        if command == b"zVERSION\0":
            return self.version
        if command == b"zPING\0":
            return b"PONG\0"
        assert command == b"zINSTREAM\0"
        self._may_stick("file")
        file = b""
        while size := int.from_bytes(said.read(4), "big"):
            if self.takes_bytes is not None and len(file) + size > self.takes_bytes:
                return self.says or b"INSTREAM size limit exceeded. ERROR\0"
            file += said.read(size)
        self.seen.append(file)
        self._may_stick("verdict")
        if self.says is not None:
            return self.says
        is_seen = self.looks_at_bytes is None or len(file) <= self.looks_at_bytes
        has_virus = is_seen and eicar() in file
        return b"stream: Eicar FOUND\0" if has_virus else b"stream: OK\0"

    def _may_stick(self, place: str) -> None:
        if self.sticks_at == place:
            self._ended.wait()
