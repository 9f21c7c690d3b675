"""Moving in: the parts of another server of this kind, brought over whole."""

from .move import import_parts
from .outcomes import Line, Outcome, Subject
from .source import Source, SourceError, opened

__all__ = [
    "Line",
    "Outcome",
    "Source",
    "SourceError",
    "Subject",
    "import_parts",
    "opened",
]
