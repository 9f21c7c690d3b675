"""How many requests a minute one key, or one person's session, may make."""

import logging
from functools import cache

from django.conf import settings
from django.db import Error as DatabaseError
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.authentication import RateLimited
from accounts.models import ApiKey, User
from partsite.ratelimit import BlockLimit

from .permissions import actor_of

logger = logging.getLogger(__name__)


class PerMinute(BaseThrottle):
    """Reads, writes and uploads, each counted for itself.

    It guards the shop against a script gone wild. A stranger never comes this
    far. What is open to everybody (health, the schema), and the pictures that
    boards are made of, are not counted.
    """

    def allow_request(self, request: Request, view) -> bool:
        """Count the request.

        Raises:
            RateLimited: too soon; DRF's own answer knows whole seconds only.
        """
        actor = actor_of(request)
        kind = _kind(request, view)
        if actor.is_authenticated and (wait := wait_seconds(actor, kind)):
            raise RateLimited(wait)
        return True


def wait_seconds(actor: User | ApiKey, kind: str) -> float:
    """Count a request; return 0.0, or how long it has to wait: then nothing counts.

    Args:
        kind: reads, writes or uploads.
    """
    per_minute = getattr(settings, f"API_{kind.upper()}_PER_MINUTE")
    if not per_minute:
        return 0.0
    try:
        return _limit(kind, per_minute).wait_seconds(actor._meta.label, str(actor.pk))
    except _cache_failures():
        # Better a request uncounted than a shop that stands still.
        logger.exception("throttle_failed kind=%s", kind)
        return 0.0


def _kind(request: Request, view) -> str:
    if request.method in SAFE_METHODS:
        return "reads"
    if any(issubclass(parser, MultiPartParser) for parser in view.parser_classes):
        return "uploads"
    return "writes"


@cache
def _limit(kind: str, per_minute: int) -> BlockLimit:
    return BlockLimit(f"api-{kind}", per_minute)


def _cache_failures() -> tuple[type[Exception], ...]:
    """Return what a cache raises that is away."""
    # Not before there is a failure: a tenth of a web process's start (measured).
    from redis import RedisError

    return (DatabaseError, RedisError)
