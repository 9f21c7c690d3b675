"""Answers that the processes of a web server tell each other.

What one process has read after a change, the others would read once more. So it also
lies in memory that all have which were forked of one, as a web server's are, since it
loads the site before it forks. Nobody waits for anybody: what is being overwritten
while it is read is seen to be so, and read from the database.
"""

import mmap
from hashlib import blake2b
from struct import Struct

_PLACES = 64
_PLACE_BYTES = 64 * 1024
_DIGEST_BYTES = 16
_HEAD = Struct(f"={_DIGEST_BYTES}sI")


class Shelf:
    """Places for answers; a question has one, which others have too."""

    def __init__(self, places: int = _PLACES) -> None:
        self._places = places
        # Only what has been written to takes memory.
        self._memory = mmap.mmap(-1, places * _PLACE_BYTES)

    def put(self, question: bytes, answer: bytes) -> None:
        """Let others find ``answer``, unless it is too long."""
        if len(answer) > _PLACE_BYTES - _HEAD.size:
            return
        head = _HEAD.pack(_digest(question, answer), len(answer))
        start = self._start(question)
        self._memory[start : start + len(head) + len(answer)] = head + answer

    def find(self, question: bytes) -> bytes | None:
        """Return what was put for ``question``, if it lies there unbroken."""
        start = self._start(question)
        digest, length = _HEAD.unpack_from(self._memory, start)
        if not 0 < length <= _PLACE_BYTES - _HEAD.size:
            return None
        begin = start + _HEAD.size
        answer = self._memory[begin : begin + length]
        return answer if _digest(question, answer) == digest else None

    def _start(self, question: bytes) -> int:
        # Not ``hash``, which each process may salt in its own way.
        number = int.from_bytes(_digest(question)[:4])
        return number % self._places * _PLACE_BYTES


def _digest(*pieces: bytes) -> bytes:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for piece in pieces:
        digest.update(b"%d:" % len(piece))
        digest.update(piece)
    return digest.digest()


shelf = Shelf()
