"""How many requests a minute one key, or one person's session, may make."""

import logging
from functools import cache

from django.conf import settings
from django.db import Error as DatabaseError
from redis import RedisError
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.authentication import RateLimited
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
        kind, per_minute = _kind(request, view)
        if not per_minute or not actor.is_authenticated:
            return True
        try:
            wait_seconds = _limit(kind, per_minute).wait_seconds(
                actor._meta.label, str(actor.pk)
            )
        except (DatabaseError, RedisError):
            # Better a request uncounted than a shop that stands still.
            logger.exception("throttle_failed kind=%s", kind)
            return True
        if wait_seconds:
            raise RateLimited(wait_seconds)
        return True


def _kind(request: Request, view) -> tuple[str, int]:
    """Return what a request counts as, and how many of these are let through."""
    if request.method in SAFE_METHODS:
        return "reads", settings.API_READS_PER_MINUTE
    if any(issubclass(parser, MultiPartParser) for parser in view.parser_classes):
        return "uploads", settings.API_UPLOADS_PER_MINUTE
    return "writes", settings.API_WRITES_PER_MINUTE


@cache
def _limit(kind: str, per_minute: int) -> BlockLimit:
    return BlockLimit(f"api-{kind}", per_minute)
