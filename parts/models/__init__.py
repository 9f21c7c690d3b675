"""Parts, their files and their history: columns, constraints, derived values."""

from .drawings import DrawingFetch, Fetch
from .files import (
    Conversion,
    ConversionCount,
    DraftFile,
    Kind,
    PartFile,
    StoredFile,
    hash_tag,
)
from .history import PartEvent, Verb
from .part import (
    MOST_PIECES,
    SHOP,
    SORTABLE,
    Category,
    Part,
    Priority,
    Queue,
    Season,
    Status,
    Type,
    pictures_in,
)
from .saved import Board, SavedFilter

__all__ = [
    "Board",
    "Category",
    "Conversion",
    "ConversionCount",
    "DraftFile",
    "DrawingFetch",
    "Fetch",
    "Kind",
    "MOST_PIECES",
    "Part",
    "PartEvent",
    "PartFile",
    "Priority",
    "Queue",
    "SHOP",
    "SORTABLE",
    "SavedFilter",
    "Season",
    "Status",
    "StoredFile",
    "Type",
    "Verb",
    "hash_tag",
    "pictures_in",
]
