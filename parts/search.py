"""Where a part was found, beyond what everybody sees of it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from .models import Part
from .querysets import words_of

BEFORE, AFTER = 12, 40  # letters shown around what was found in a note


@dataclass(frozen=True)
class Found:
    """Where else than in what a card shows anyway a word was found."""

    where: str
    text: str


def where_found(part: Part, text: str) -> list[Found]:
    """Say where the words stand that neither name, code nor subsystem has."""
    told = " ".join((part.name, part.code, part.subsystem, part.material)).casefold()
    places = (
        (_("Lies at"), part.storage_location),
        (_("Person"), part.assigned),
        (_("Note"), part.notes),
    )
    found = {}
    for word in words_of(text):
        if word.casefold() in told:
            continue
        for where, value in places:
            if word.casefold() in value.casefold():
                found.setdefault(where, _excerpt(value, word))
                break
    return [Found(where, value) for where, value in found.items()]


def _excerpt(text: str, word: str) -> str:
    """Cut ``text`` down to what stands around ``word``."""
    line = " ".join(text.split())
    at = max(line.casefold().find(word.casefold()), 0)
    start, end = max(0, at - BEFORE), at + len(word) + AFTER
    if start and " " in line[start:at]:
        start = line.index(" ", start)  # a whole word first
    before, after = "…" if start else "", "…" if end < len(line) else ""
    return f"{before}{line[start:end].strip()}{after}"
