"""One foreign value at a time: as text, as a word, as a time; nothing is lost."""

import base64
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime

from parts.models import Part

_YEARS = range(1970, 2200)  # outside of it no date can be shown in every time zone
_MILLISECONDS = 1e11  # a larger timestamp is no count of seconds


class Values:
    """Reads values and notes down what it mends.

    Attributes:
        mends: what was not as it should be, and what became of it.
        kept: what has no place in its field, by the name it had.
    """

    def __init__(self) -> None:
        self.mends: list[str] = []
        self.kept: dict[str, str] = {}

    def text(self, label: str, value: Any) -> str:
        """Return ``value`` as text that both databases can store; none is ``""``."""
        if value is None:
            return ""
        if isinstance(value, bytes):
            return self._from_bytes(label, value)
        if not isinstance(value, str):
            self.note(f"{label}: the number {value} is text now")
            return str(value)
        if not _is_utf8(value):
            with suppress(UnicodeEncodeError):  # no bytes, but halves from JSON
                value = _western(value.encode("utf-8", "surrogateescape"))
                self.note(f"{label}: not UTF-8, read as {shown(value)}")
        return self.clean(label, value).strip()

    def clean(self, label: str, text: str) -> str:
        """Return ``text`` without what cannot be stored: nulls and half characters."""
        clean = text.replace("\x00", "").encode("utf-8", "replace").decode()
        if clean != text:
            self.note(f"{label}: null and half characters taken out")
        return clean

    def cut(self, label: str, field: str, text: str) -> str:
        """Return as much of ``text`` as the field holds; the whole is kept."""
        limit = limit_of(field)
        if len(text) <= limit:
            return text
        self.note(
            f"{label}: {len(text)} characters, the first {limit} stay, "
            "the whole is in the notes"
        )
        self.keep(label, text)
        return text[:limit].rstrip()

    def word(self, label: str, text: str, words: Iterable[str]) -> str:
        """Return which of ``words`` it is, in any spelling; an unknown one is kept."""
        known = {_spelling(word): word for word in words}
        word = known.get(_spelling(text), "")
        if text and not word:
            self.keep(label, text)
        return word

    def moment(self, label: str, value: Any) -> datetime | None:
        """Return a time in UTC; what is none is kept."""
        if isinstance(value, bytes):
            value = self.text(label, value)
        if value is None or value == "":
            return None
        moment = parsed_moment(value)
        if moment is None:
            told = value if isinstance(value, str) else json.dumps(value)
            text = self.text(label, told)
            if text:
                self.note(f"{label}: {shown(text)} is no time, moved to the notes")
                self.keep(label, text)
        elif not isinstance(value, str):
            self.mend(label, value, moment)
        return moment

    def truth(self, label: str, value: Any) -> bool:
        if value is None or isinstance(value, bool):
            return bool(value)
        word = str(value).strip().lower()
        is_true = word in {"true", "yes", "1", "1.0"}
        self.mend(label, value, is_true)
        if not is_true and word not in {"false", "no", "0", "0.0", ""}:
            self.keep(label, self.clean(label, json.dumps(value)))
        return is_true

    def mend(self, label: str, was: Any, now: Any) -> None:
        self.note(f"{label}: {shown(was)} → {shown(now)}")

    def note(self, sentence: str) -> None:
        if sentence not in self.mends:
            self.mends.append(sentence)

    def keep(self, label: str, text: str) -> None:
        before = self.kept.get(label)
        self.kept[label] = text if before is None else f"{before}\n{text}"

    def _from_bytes(self, label: str, value: bytes) -> str:
        with suppress(UnicodeDecodeError):
            text = value.decode().strip()
            if text.isprintable():
                self.note(f"{label}: bytes, read as {shown(text)}")
                return text
        self.note(f"{label}: {len(value)} bytes, moved to the notes as base64")
        self.keep(label, base64.b64encode(value).decode())
        return ""


def limit_of(field: str) -> int:
    return Part._meta.get_field(field).max_length


def parsed_moment(value: Any) -> datetime | None:
    """Return a time in UTC, in which naive ones are already; None if it is none."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > _MILLISECONDS else value
            moment = datetime.fromtimestamp(seconds, UTC)
        else:
            moment = parse_datetime(value.strip()) if isinstance(value, str) else None
        if moment is None:
            return None
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year in _YEARS else None


def shown(value: Any) -> str:
    """Return ``value`` as a line for people names it."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    text = text if len(text) <= 60 else f"{text[:60]}…"
    return text if isinstance(value, int | float | UUID) else f"“{text}”"


def _spelling(word: str) -> str:
    return re.sub(r"[\s_-]+", " ", word).strip().casefold()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _western(raw: bytes) -> str:
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
