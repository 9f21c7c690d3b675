"""Every named read of parts, files, seasons and events."""

from .events import PartEventManager
from .files import DraftFileQuerySet, PartFileManager
from .parts import (
    FOUND_BY,
    HELD_TOO_LONG,
    IN_SHOP,
    MAX_BIGINT,
    OPEN,
    PartQuerySet,
    words_of,
)
from .seasons import SeasonQuerySet

__all__ = [
    "FOUND_BY",
    "HELD_TOO_LONG",
    "IN_SHOP",
    "MAX_BIGINT",
    "OPEN",
    "DraftFileQuerySet",
    "PartEventManager",
    "PartFileManager",
    "PartQuerySet",
    "SeasonQuerySet",
    "words_of",
]
