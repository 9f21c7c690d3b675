"""What “in any case” means, the same in Python, on SQLite and on PostgreSQL.

A letter counts as its simple case folding, one letter for one letter: “ZOË” is “zoë”,
a final “ς” is “σ”, and the Kelvin sign is “k”; “ß” stays one letter and is not “ss”.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain

from django.db.backends.signals import connection_created
from django.db.models import CharField, Func

_BASIC = range(0xD800), range(0xE000, 0x10000)
_ALL = *_BASIC, range(0x10000, 0x1F000)  # beyond are pictures and CJK
# Older shapes of nine Cyrillic letters, which keep apart: SQLite's index of the
# search has them so, and else could not be asked for в, д, о, с or т.
_APART = range(0x1C80, 0x1C8B)


def _letter(letter: str) -> str:
    # Some fold to two letters; then a capital has its one small letter, if any.
    for other in (letter.casefold(), letter.lower()):
        if len(other) == 1 and ord(letter) not in _APART:
            return other
    return letter


@cache
def _exceptions() -> re.Pattern:
    """Match the letters that ``str.casefold`` folds otherwise."""
    letters = [letter for letter in _letters(_BASIC) if len(letter.casefold()) > 1]
    return re.compile(f"([{''.join(letters)}{chr(_APART[0])}-{chr(_APART[-1])}])")


def _letters(ranges: Iterable[range]) -> Iterator[str]:
    return map(chr, chain.from_iterable(ranges))


def fold(text: str) -> str:
    """Return ``text`` with one letter for each, the same whatever its case."""
    if text.isascii():
        return text.lower()
    pieces = _exceptions().split(text)
    if len(pieces) == 1:
        return text.casefold()
    # Between the pieces stand the exceptions.
    return "".join(
        _letter(piece) if number % 2 else piece.casefold()
        for number, piece in enumerate(pieces)
    )


def folds() -> dict[str, str]:
    """Return what every letter folds to that does not stay as it is."""
    pairs = ((letter, _letter(letter)) for letter in _letters(_ALL))
    return {letter: other for letter, other in pairs if letter != other}


def holds(needle: str, *texts: str | None) -> bool:
    """Return whether one of ``texts`` holds ``needle``, which is folded already."""
    # No needle has this letter, so none is found across two texts.
    return needle in fold("\x00".join(text or "" for text in texts))


class Fold(Func):
    """``fold`` in the database."""

    function = "FOLD"
    output_field = CharField()

    def as_postgresql(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, function="parts_fold", **context)


def register() -> None:
    """Give every SQLite connection from now on what its own LOWER and LIKE lack."""
    connection_created.connect(_add_functions, dispatch_uid="lettercase")


def _add_functions(connection, **kwargs) -> None:
    if connection.vendor == "sqlite":
        add = connection.connection.create_function
        add("FOLD", 1, _fold_or_none, deterministic=True)
        add("HOLDS", -1, holds, deterministic=True)


def _fold_or_none(text: str | None) -> str | None:
    return None if text is None else fold(text)
