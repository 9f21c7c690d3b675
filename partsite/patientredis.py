"""Redis for who has others waiting.

Imported when the cache is asked for the first time: a tenth of a web process's start.
"""

from typing import Any

import redis

from .patience import Patience

_patience = Patience(
    (redis.TimeoutError,), redis.TimeoutError("It said nothing a moment ago.")
)


class PatientRedis(redis.Redis):
    """Asks nothing for a while after Redis has let somebody wait in vain."""

    def execute_command(self, *words: Any, **options: Any) -> Any:
        with _patience.asking():
            return super().execute_command(*words, **options)
