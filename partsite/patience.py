"""Not to wait, each for itself, for a server that everybody waits for in vain."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PAUSE_SECONDS = 5


class Patience:
    """Remembers for some seconds, in this process, that a server said nothing.

    Meanwhile whoever would ask it is refused at once, or a few requests would hold
    all threads of a web process, which others need that have nothing to do with that
    server. One at a time finds out whether it is back. A connection that is refused
    is none of this: that takes no time.
    """

    def __init__(
        self, silence: tuple[type[Exception], ...], refusal: Exception
    ) -> None:
        """
        Args:
            silence: what whoever has waited in vain raises.
            refusal: what is raised in the place of waiting; its text is shown.
        """
        self._silence = silence
        self._refusal = refusal
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._next_try: float | None = None  # none while the server answers

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask within the block; of blocks within each other the outer one counts."""
        if getattr(self._mine, "is_asking", False):
            yield
            return
        if self._next_try is not None:
            self._take_turn()
        self._mine.is_asking = True
        next_try = None
        try:
            yield
        except self._silence:
            next_try = time.monotonic() + _PAUSE_SECONDS
            raise
        finally:
            self._mine.is_asking = False
            self._next_try = next_try

    def _take_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            if self._next_try is not None:
                if now < self._next_try:
                    raise type(self._refusal)(*self._refusal.args)
                self._next_try = now + _PAUSE_SECONDS
