"""Serializers that read and write with few calls between them and their fields."""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Self

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import SkipField, empty, get_error_detail

from .fields import Text

ALIASES = {
    "material_thickness": "materialThickness",
    "onshape_url": "onshapeUrl",
    "misc_info": "miscInfo",
    "part_id": "partId",
}


class DirectSerializer(serializers.Serializer):
    """Writes an instance by asking its fields, and nothing between them.

    REST framework looks at each value from all sides, which takes three times as long
    (measured). So each field is a column as it stands, another row, or ``Derived``.
    """

    def to_representation(self, instance: Any) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for name, read, write in _writers_of(type(self)):
            value = read(instance) if read else instance
            if write is None:
                value = value or None
            elif value is not None:
                value = write(value)
            told[name] = value
        return told


_Writer = tuple[str, Callable[[Any], Any] | None, Callable[[Any], Any] | None]


@cache
def _writers_of(kind: type[DirectSerializer]) -> list[_Writer]:
    """Return of each field its name, what reads its value, and what writes that.

    A field that is of the instance itself has no reader, and a plain text no writer:
    to call one for each takes longer than all else.
    """
    return [
        (
            name,
            None if field.source == "*" else attrgetter(field.source),
            None if _is_plain_text(field) else field.to_representation,
        )
        for name, field in kind().fields.items()
    ]


def _is_plain_text(field: serializers.Field) -> bool:
    return type(field).to_representation is Text.to_representation


class InputSerializer(serializers.Serializer):
    """What is sent, also by the older names of fields.

    Its fields are shared by all serializers of a class, which to copy takes REST
    framework longer than to validate what is sent (0.6 ms for a part, measured). So
    no field may look at the serializer that it is of, but for what ``partial`` is.
    """

    @classmethod
    def of_new(cls, data: Any) -> Self:
        """Return one that reads ``data``, of which nothing is there yet.

        REST framework takes as long to make one as to read eight fields (measured).
        """
        made = cls.__new__(cls)
        made.__dict__.update(vars(_blank(cls)), initial_data=data)
        return made

    @property
    def fields(self) -> Mapping[str, serializers.Field]:
        return _fields_of(type(self), self.partial)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping):
            data = {**{ALIASES.get(key, key): data[key] for key in data}, **data}
            return self._read(data)
        return super().to_internal_value(data)

    def _read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Do as REST framework, without looking for what only an HTML form has."""
        read: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for field, check in _readers_of(type(self), self.partial):
            name = field.field_name
            if name not in data and not field.required:
                continue
            try:
                value = field.run_validation(data.get(name, empty))
                if check is not None:
                    value = check(self, value)
            except ValidationError as error:
                errors[name] = error.detail
            except DjangoValidationError as error:
                errors[name] = get_error_detail(error)
            except SkipField:
                continue
            else:
                if field.source == "*":
                    read |= value
                else:
                    read[field.source] = value
        if errors:
            raise ValidationError(errors)
        return read

    def run_validators(self, value: dict[str, Any]) -> None:
        if self.validators:  # else it looks for defaults that nobody needs
            super().run_validators(value)


@cache
def _blank(kind: type[InputSerializer]) -> InputSerializer:
    made = kind(data=None)
    made.validators = made.get_validators()
    return made


@cache
def _fields_of(
    kind: type[InputSerializer], partial: bool
) -> Mapping[str, serializers.Field]:
    return super(InputSerializer, kind(partial=partial)).fields


_Check = Callable[[InputSerializer, Any], Any]


@cache
def _readers_of(
    kind: type[InputSerializer], partial: bool
) -> list[tuple[serializers.Field, _Check | None]]:
    """Return the fields that can be sent, and what the serializer then says of each."""
    return [
        (field, getattr(kind, f"validate_{name}", None))
        for name, field in _fields_of(kind, partial).items()
        if not field.read_only
    ]
