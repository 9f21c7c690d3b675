"""What the log tells of who came in, who was refused, and what they may from now on."""

import logging

from django.http import HttpRequest

from partsite.ratelimit import client_address

logger = logging.getLogger(__name__)


def note(request: HttpRequest, event: str, **told: object) -> None:
    """Write down something that was done, by whom unless ``told`` says it."""
    _tell(logging.INFO, request, event, told)


def warn(request: HttpRequest, event: str, **told: object) -> None:
    """Write down that somebody was refused."""
    _tell(logging.WARNING, request, event, told)


def _tell(level: int, request: HttpRequest, event: str, told: dict) -> None:
    fields = {"address": client_address(request), **told}
    words = " ".join(f"{name}={value}" for name, value in fields.items())
    extra = {"fields": {"event": event, **fields}}
    logger.log(level, "%s %s", event, words, extra=extra)
