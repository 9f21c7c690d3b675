"""How busy a web process is: how long a request waited until a thread took it."""

import threading
from math import ceil

# Between one question of an open page and the next, so many times the wait: where
# many are open they ask less often, rather than all wait in one line.
_WAITS_BETWEEN = 50
LONGEST_SECONDS = 30
_mine = threading.local()


def note(wait_seconds: float) -> None:
    """Remember it of the request that this thread answers next."""
    _mine.wait_seconds = wait_seconds


def wished_pause_seconds() -> int:
    """Return after how long whoever asks again and again should do so."""
    wait_seconds = getattr(_mine, "wait_seconds", 0.0)
    return min(ceil(_WAITS_BETWEEN * wait_seconds), LONGEST_SECONDS)
