"""The virus scanner, ClamAV's clamd: what it finds in a file, how old its knowledge is.

Spoken with as clamd(8) has it, and never for longer than a file of its size may take.
"""

import re
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.conf import settings

from .patience import Patience

PATIENCE_SECONDS = 5  # in which something must happen
# For a file, beyond that: clamd 1.4 looks at 100 MB of STEP in 2 to 4 seconds, at 50 MB
# of PDF in up to 14 (measured), and may have others to look at.
SLOWEST_BYTES_A_SECOND = 2_000_000
_LONGEST_ANSWER = 4096
_END_OF_FILE = bytes(4)
_TOO_LONG = "INSTREAM size limit exceeded. ERROR"
_NOT_ALL_SEEN = "Heuristics.Limits.Exceeded."
# Apart, since a scanner would find the file that has it, a compiled one too.
_EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*")


class ScannerDown(Exception):
    """It does not answer, or with nothing that can be relied on."""


class NotSeen(Exception):
    """A file was not looked at as a whole, since a setting of clamd's forbids it."""

    def __init__(self, setting: str) -> None:
        super().__init__(setting)
        self.setting = setting


class _Silent(ScannerDown):
    """It said nothing for as long as anybody waits."""


_patience = Patience((_Silent,), _Silent("it said nothing just now"))


@dataclass(frozen=True)
class Version:
    """Of the scanner, and when its signatures were made, if it tells."""

    engine: str
    signatures_at: datetime | None


def signature_in(chunks: Iterable[bytes], size_bytes: int) -> str:
    """Return the name of what is found in a file; nothing if it is clean.

    Raises:
        NotSeen, ScannerDown: nobody knows what is in it.
    """
    _see_that_it_lives()
    seconds = PATIENCE_SECONDS + size_bytes / SLOWEST_BYTES_A_SECOND
    with _Line(seconds) as line:
        # It breaks off what is too long, and says so.
        is_whole = all(line.takes(piece) for piece in _pieces(chunks))
        said = line.answer()
    if said == _TOO_LONG:
        raise NotSeen("StreamMaxLength")
    found = re.fullmatch(r"stream: (?:OK|(.+?)(?:\([0-9a-f]+:\d+\))? FOUND)", said)
    if not is_whole or not found:
        raise ScannerDown(f"it said “{said}”")
    name = found[1] or ""
    if name.startswith(_NOT_ALL_SEEN):
        raise NotSeen(name.removeprefix(_NOT_ALL_SEEN))
    return name


def _see_that_it_lives() -> None:
    """Refuse to ask one that hangs.

    It answers this at once, however many files it is at work on (measured). Of a file
    nobody could tell whether it is being looked at.
    """
    with _patience.asking(), _Line(PATIENCE_SECONDS) as line:
        line.takes(b"zPING\0")
        line.answer()


def version() -> Version:
    """
    Raises:
        ScannerDown: it tells none.
    """
    with _Line(PATIENCE_SECONDS) as line:
        line.takes(b"zVERSION\0")
        said = line.answer()
    engine, _, rest = said.partition("/")
    try:
        made = datetime.strptime(rest.partition("/")[2], "%a %b %d %H:%M:%S %Y")
    except ValueError:  # signatures of one's own have no date
        made = None
    return Version(engine, made)


def eicar() -> bytes:
    """Return what every scanner finds though it does nothing (eicar.org)."""
    return "".join(_EICAR).encode()


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield b"zINSTREAM\0"
    for chunk in filter(None, chunks):  # one of no length would be the end
        yield len(chunk).to_bytes(4, "big") + chunk
    yield _END_OF_FILE


class _Line:
    """A connection that ends after a time, whatever is said."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        try:
            self._connection = _connected()
        except TimeoutError as error:
            raise _Silent(str(error)) from error
        except OSError as error:
            raise ScannerDown(str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info) -> None:
        self._connection.close()

    def takes(self, data: bytes) -> bool:
        """Say something; return whether the other side still listens."""
        self._connection.settimeout(min(PATIENCE_SECONDS, self._left()))
        try:
            self._connection.sendall(data)
        except TimeoutError as error:
            raise _Silent("it takes nothing more") from error
        except OSError:
            return False
        return True

    def answer(self) -> str:
        said = b""
        while not said.endswith(b"\0"):
            self._connection.settimeout(self._left())
            try:
                more = self._connection.recv(_LONGEST_ANSWER)
            except TimeoutError as error:
                raise _Silent(str(error)) from error
            except OSError as error:
                raise ScannerDown(str(error)) from error
            if not more or len(said) > _LONGEST_ANSWER:
                raise ScannerDown(f"it said “{_text(said)}” and no more")
            said += more
        return _text(said[:-1]).strip()

    def _left(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise _Silent("timed out")
        return left


def _connected() -> socket.socket:
    if isinstance(settings.CLAMD, tuple):
        return socket.create_connection(settings.CLAMD, PATIENCE_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_SECONDS)
    try:
        connection.connect(settings.CLAMD)
    except OSError:
        connection.close()
        raise
    return connection


def _text(said: bytes) -> str:
    return said.decode(errors="replace")
