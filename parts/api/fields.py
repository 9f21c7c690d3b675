"""Fields of the API: types are not guessed, empty text is null."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from operator import attrgetter
from typing import Any

from django.db.models import Model
from django.db.models.fields.files import FieldFile
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import empty

from parts.models import MOST_PIECES, Priority, Season


def written(moment: datetime) -> str:
    """Write a time in UTC, with its offset."""
    is_utc = moment.tzinfo is UTC
    return (moment if is_utc else moment.astimezone(UTC)).isoformat()


PRIORITIES = {priority.value: priority.name.lower() for priority in Priority}


class Text(serializers.CharField):
    """Text, or null for none, which the database keeps as ``""``."""

    def __init__(self, **kwargs) -> None:
        super().__init__(
            **{"required": False, "allow_null": True, "allow_blank": True, **kwargs}
        )
        self._has_rules = "validators" in kwargs or self.min_length is not None
        kind = type(self)
        self._takes_as_is = (
            kind.to_internal_value is serializers.CharField.to_internal_value
            and not self._has_rules
        )

    def run_validation(self, data=empty):
        # What REST framework would hand on as it is, after nine calls.
        if type(data) is str and self._takes_as_is and self._is_fine(data):
            text = data.strip() if self.trim_whitespace else data
            if text:
                return text
        if data is None:
            data = ""
        # DRF takes numbers for text, and prints whatever else it gets.
        if data is not empty and not isinstance(data, str):
            self.fail("invalid")
        return super().run_validation(data)

    def run_validators(self, value: str) -> None:
        # REST framework looks at every letter, in Python.
        if self._has_rules or not self._is_fine(value):
            super().run_validators(value)

    def to_representation(self, value: str) -> str | None:
        return value or None

    def _is_fine(self, text: str) -> bool:
        """Return whether it is short enough, and what every database can hold."""
        if self.max_length is not None and len(text) > self.max_length:
            return False
        return is_storable(text)


def is_storable(text: str) -> bool:
    """Return whether every database can hold it."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


class Word(Text):
    """One of some words, or null for none."""

    def __init__(self, words: list[str], *, any_case: bool = False, **kwargs) -> None:
        self.words = words
        self.any_case = any_case
        super().__init__(**kwargs)

    def run_validation(self, data=empty):
        # As ``Text`` has it: what is a word already needs no calls to say so.
        if type(data) is str and data in self.words and not self._has_rules:
            return data
        return super().run_validation(data)

    def to_internal_value(self, data: str) -> str:
        word = super().to_internal_value(data)
        word = word.lower() if self.any_case else word
        if word not in self.words:
            # The word itself is not repeated: it may be no text that UTF-8 has.
            raise ValidationError(f"Use one of: {', '.join(self.words)}.")
        return word


class Whole(serializers.IntegerField):
    """A whole number or a string of one; ``blank`` stands for an empty one."""

    def __init__(self, *, blank: int, **kwargs) -> None:
        self.blank = blank
        super().__init__(required=False, max_value=MOST_PIECES, **kwargs)

    def run_validation(self, data=empty):
        if type(data) is int and self.min_value <= data <= self.max_value:
            return data
        if data is None or (isinstance(data, str) and not data.strip()):
            data = self.blank
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and re.fullmatch(r"\s*-?[0-9]{1,10}\s*", data):
            return int(data)
        if isinstance(data, float) and data.is_integer():
            return int(data)  # JSON does not tell 2.0 from 2
        if type(data) is not int:
            raise ValidationError("A whole number is needed.")
        return data


class PriorityWord(Word):
    """How urgent, as a word; null and blank are normal."""

    def __init__(self) -> None:
        super().__init__([priority.name.lower() for priority in Priority])

    def run_validation(self, data=empty) -> int:
        word = super().run_validation(data)
        return Priority[word.upper()] if word else Priority.NORMAL

    def to_representation(self, value: int) -> str:
        return PRIORITIES[value]


class SeasonName(Text):
    """A season by its name."""

    column = "season__name"  # for who reads rows

    def run_validation(self, data=empty) -> Season | None:
        name = super().run_validation(data)
        season = Season.objects.filter(name=name).first() if name else None
        if name and season is None:
            raise ValidationError("There is no season of this name.")
        return season

    def to_representation(self, value: Season) -> str:
        return value.name


class Derived(serializers.Field):
    """What ``write`` makes of ``columns``, and of nothing else.

    So it is the same made of a model instance and of a bare row (``rows.Rows``).
    Times reach ``write`` as they are written, stored files as their names.
    """

    columns: tuple[str, ...]
    # Whether ``write`` looks into the JSON of its columns, or passes it on.
    parses = True

    def __init__(self, **kwargs) -> None:
        super().__init__(source="*", **kwargs)

    def to_representation(self, instance: Model) -> Any:
        held = [read(instance) for read in _readers_of(self.columns)]
        return self.writer()(
            *[
                written(value)
                if isinstance(value, datetime)
                else value.name
                if isinstance(value, FieldFile)
                else value
                for value in held
            ]
        )

    def writer(self) -> Callable[..., Any]:
        """Return what writes many, one after the other."""
        return self.write

    def write(self, *values: Any) -> Any:
        raise NotImplementedError


@cache
def _readers_of(columns: tuple[str, ...]) -> list[Callable[[Model], Any]]:
    return [
        partial(_of_other, *column.split("__", 1))
        if "__" in column
        else attrgetter(column)
        for column in columns
    ]


def _of_other(name: str, column: str, instance: Model) -> Any:
    """Return what a row holds that ``instance`` points at, or None without one."""
    if getattr(instance, f"{name}_id") is None:  # to ask for the row takes longer
        return None
    return getattr(getattr(instance, name), column)


class Day(serializers.DateField):
    """A date; blank is none."""

    def __init__(self, **kwargs) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def run_validation(self, data=empty):
        return super().run_validation(None if data == "" else data)


class Moment(serializers.DateTimeField):
    """A time in UTC, written with its offset."""

    def __init__(self, **kwargs) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: datetime) -> str:
        return written(value)


class BareName(Text):
    """The current file's name; what a client sends is a hint that changes nothing."""

    def to_internal_value(self, data: str) -> str:
        name = super().to_internal_value(data)
        if "/" in name or "\\" in name or name in {".", ".."}:
            raise ValidationError("A bare file name, without folders.")
        return name
