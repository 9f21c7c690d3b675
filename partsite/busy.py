"""How busy a web process is, and how often open pages had better ask for news.

Where many are open they ask less often, rather than all wait in one line. If each
were told by what it met itself, those who come in the middle of many would come
together the next time too; and a pause that ends as soon as nobody waits brings all
of them back at once. So it grows in seconds and goes in a minute, and no two are told
the same.
"""

import math
import random
import time

_WAITS_BETWEEN = 250  # between one question and the next
LONGEST_SECONDS = 30
_GROWS_SECONDS, _GOES_SECONDS = 5, 40
_EITHER_WAY = 0.3


class Load:
    """The pause, followed from how long requests wait until a thread takes them."""

    def __init__(self) -> None:
        self.pause_seconds = 0.0
        self._noted_at = time.monotonic()

    def note(self, wait_seconds: float) -> None:
        # Two at once spoil each other's a little, which no lock is worth.
        now = time.monotonic()
        passed_seconds, self._noted_at = now - self._noted_at, now
        missing = min(_WAITS_BETWEEN * wait_seconds, LONGEST_SECONDS)
        missing -= self.pause_seconds
        slowness = _GROWS_SECONDS if missing > 0 else _GOES_SECONDS
        self.pause_seconds += missing * (1 - math.exp(-passed_seconds / slowness))

    def wished_pause_seconds(self) -> int:
        """Return after how long whoever asks again and again should do so."""
        spread = random.uniform(1 - _EITHER_WAY, 1 + _EITHER_WAY)  # noqa: S311 - chance
        return round(self.pause_seconds * spread)


load = Load()
