"""miscInfo: wherever its keys are kept, on the wire they stand together."""

import math
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.fields import empty

from parts.workflow import SERVERS_OWN

from .fields import Derived, Text, is_storable


class MiscText(Text):
    """A miscInfo text with a column of its own; a number there is its digits."""

    def run_validation(self, data=empty):
        if isinstance(data, int | float) and not isinstance(data, bool):
            data = str(data)
        return super().run_validation(data)


# miscInfo keys that are columns, and how each is read.
COLUMNS = {
    "storage": ("storage_location", MiscText(max_length=200)),
    "reviewer": ("reviewer", MiscText(max_length=100)),
    "serviceMethod": ("service_method", MiscText(max_length=200)),
}
CLEARED = {
    "storage_location": "",
    "reviewer": "",
    "service_method": "",
    "completed_incorrectly": False,
}
NEVER_TAKEN = {*SERVERS_OWN, "completed_at"}


class MiscInfo(Derived):
    """Whatever else is noted of a part, wherever it is kept.

    Sent, it is ``misc``: the columns and the ``extra`` that are meant, or None to
    clear them all.
    """

    columns = (
        "extra",
        "completed_incorrectly",
        "completed_at",
        *(column for column, _ in COLUMNS.values()),
    )

    def __init__(self, **kwargs) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def write(
        self, extra: dict, is_wrong: bool, completed_at: str | None, *noted: str
    ) -> dict[str, Any]:
        misc = {**extra}
        if "views" in misc:
            misc["views"] = manifest(extra)
        for key, value in zip(COLUMNS, noted, strict=True):
            if value:
                misc[key] = value
        if is_wrong:
            misc["completedIncorrectly"] = True
        if completed_at:
            misc["completed_at"] = completed_at
        return misc

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        if data is None:
            return True, {"misc": None}  # with source="*" None would be lost
        return super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise ValidationError("An object is needed.")
        columns: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        errors: list[str] = []
        for key, value in data.items():
            if key in NEVER_TAKEN or value is None:
                continue
            try:
                _check_text(key)
                if key in COLUMNS:
                    column, field = COLUMNS[key]
                    columns[column] = field.run_validation(value)
                elif key == "completedIncorrectly":
                    columns["completed_incorrectly"] = _truth(value)
                else:
                    extra[key] = _plain(value)
            except ValidationError as error:
                errors += [f"{_shown(key)}: {message}" for message in error.detail]
        if errors:
            raise ValidationError(errors)
        return {"misc": {**columns, "extra": extra}}


def manifest(extra: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what is told of a part's pictures: no places in the storage."""
    views = extra.get("views")
    if not views:
        return None
    told = {
        side: {"filename": file["filename"], "timestamp": file["timestamp"]}
        for side, file in views["files"].items()
    }
    return {"files": told, "updated_at": views["updated_at"]}


def _plain(value: Any) -> Any:
    """Return ``value`` without nulls, if it is no deeper than one level.

    Raises:
        ValidationError: it is.
    """
    if isinstance(value, list):
        return [_scalar(item) for item in value if item is not None]
    if isinstance(value, Mapping):
        for key in value:
            _check_text(key)
        return {k: _scalar(item) for k, item in value.items() if item is not None}
    return _scalar(value)


def _scalar(value: Any) -> str | bool | int | float:
    if isinstance(value, str):
        _check_text(value)
    elif not isinstance(value, bool | int | float):
        raise ValidationError("Too deep: text, numbers, lists or objects of those.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValidationError("A finite number is needed.")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValidationError("true or false is needed.")
    return value


def _check_text(text: str) -> None:
    """Refuse what PostgreSQL cannot store and UTF-8 cannot write."""
    if not is_storable(text):
        raise ValidationError("Null and surrogate characters are not allowed.")


def _shown(key: str) -> str:
    return key.encode("ascii", "backslashreplace").decode()[:50]
