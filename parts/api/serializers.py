"""The wire names of a part, its model, its files and its history."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from django.core.validators import URLValidator
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import empty

from parts.models import (
    Category,
    Conversion,
    Kind,
    Part,
    PartEvent,
    PartFile,
    Priority,
    Season,
    Status,
    Type,
)
from parts.uploads import safe_name
from parts.workflow import SERVERS_OWN

_MOST = 2_147_483_647  # what the column holds on every database
_ALIASES = {
    "material_thickness": "materialThickness",
    "onshape_url": "onshapeUrl",
    "misc_info": "miscInfo",
    "part_id": "partId",
}


# --- Fields: types are not guessed --------------------------------------------


class Text(serializers.CharField):
    """Text, or null for none, which the database keeps as ``""``."""

    def __init__(self, **kwargs) -> None:
        super().__init__(
            **{"required": False, "allow_null": True, "allow_blank": True, **kwargs}
        )

    def run_validation(self, data=empty):
        if data is None:
            data = ""
        # DRF takes numbers for text, and prints whatever else it gets.
        if data is not empty and not isinstance(data, str):
            self.fail("invalid")
        return super().run_validation(data)

    def to_representation(self, value: str) -> str | None:
        return value or None


class Word(Text):
    """One of some words, or null for none."""

    def __init__(self, words: list[str], *, any_case: bool = False, **kwargs) -> None:
        self.words = words
        self.any_case = any_case
        super().__init__(**kwargs)

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
        super().__init__(required=False, max_value=_MOST, **kwargs)

    def run_validation(self, data=empty):
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
        return Priority(value).name.lower()


class SeasonName(Text):
    """A season by its name."""

    def run_validation(self, data=empty) -> Season | None:
        name = super().run_validation(data)
        season = Season.objects.filter(name=name).first() if name else None
        if name and season is None:
            raise ValidationError("There is no season of this name.")
        return season

    def to_representation(self, value: Season) -> str:
        return value.name


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
        return value.astimezone(UTC).isoformat()


class BareName(Text):
    """The current file's name; what a client sends is a hint that changes nothing."""

    def to_internal_value(self, data: str) -> str:
        name = super().to_internal_value(data)
        if "/" in name or "\\" in name or name in {".", ".."}:
            raise ValidationError("A bare file name, without folders.")
        return name


# --- miscInfo -----------------------------------------------------------------


class MiscText(Text):
    """A miscInfo text with a column of its own; a number there is its digits."""

    def run_validation(self, data=empty):
        if isinstance(data, int | float) and not isinstance(data, bool):
            data = str(data)
        return super().run_validation(data)


# miscInfo keys that are columns, and how each is read.
_COLUMNS = {
    "storage": ("storage_location", MiscText(max_length=200)),
    "reviewer": ("reviewer", MiscText(max_length=100)),
    "serviceMethod": ("service_method", MiscText(max_length=200)),
}
_CLEARED = {
    "storage_location": "",
    "reviewer": "",
    "service_method": "",
    "completed_incorrectly": False,
}
_NEVER_TAKEN = {*SERVERS_OWN, "completed_at"}


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": True,
        "nullable": True,
        "example": {"storage": "Shelf A3", "reviewer": "Kim"},
    }
)
class MiscInfo(serializers.Field):
    """Whatever else is noted of a part, wherever it is kept.

    Read, it is made of the whole part. Written, it is ``misc``: the columns and
    the ``extra`` that are meant, or None to clear them all.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(source="*", required=False, allow_null=True, **kwargs)

    def to_representation(self, part: Part) -> dict[str, Any]:
        misc = dict(part.extra)
        for key, (column, _) in _COLUMNS.items():
            if value := getattr(part, column):
                misc[key] = value
        if part.completed_incorrectly:
            misc["completedIncorrectly"] = True
        if part.completed_at:
            misc["completed_at"] = part.completed_at.astimezone(UTC).isoformat()
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
            if key in _NEVER_TAKEN or value is None:
                continue
            try:
                _check_text(key)
                if key in _COLUMNS:
                    column, field = _COLUMNS[key]
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
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValidationError("Null and surrogate characters are not allowed.")


def _shown(key: str) -> str:
    return key.encode("ascii", "backslashreplace").decode()[:50]


# --- The part -----------------------------------------------------------------


class PartSerializer(serializers.Serializer):
    """The part object, in lists and on the way in.

    ``validated_data`` is what ``workflow.create`` and ``workflow.update`` take.
    """

    id = serializers.IntegerField(read_only=True)
    uuid = serializers.UUIDField(read_only=True)
    partId = Text(source="code", max_length=100)
    type = Word(Type.values, any_case=True)
    name = Text(max_length=200)
    subsystem = Text(max_length=100, required=True)
    material = Text(max_length=200, required=True)
    materialThickness = Text(source="material_thickness", max_length=50)
    amount = Whole(min_value=1, blank=1)
    assigned = Text(max_length=100)
    status = Word(Status.values)
    category = Word(Category.values)
    notes = Text(max_length=20_000)
    file = BareName(max_length=255)
    onshapeUrl = Text(
        source="onshape_url",
        max_length=500,
        validators=[
            URLValidator(["http", "https"], message="A http or https address.")
        ],
    )
    miscInfo = MiscInfo()
    claimedDate = Moment(source="claimed_date", allow_null=True)
    createdAt = Moment(source="created_at")
    updatedAt = Moment(source="updated_at")
    thumbnail = serializers.SerializerMethodField()
    priority = PriorityWord()
    dueDate = Day(source="due_date")
    made = Whole(min_value=0, blank=0)
    scrapped = Whole(min_value=0, blank=0)
    # Written as miscInfo.storage: an old client sends both back, one of them stale.
    storage = Text(source="storage_location", read_only=True)
    blockedReason = Text(source="blocked_reason", max_length=500)
    season = SeasonName()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping):
            data = {**{_ALIASES.get(key, key): data[key] for key in data}, **data}
            if self.instance is None:
                data.pop("partId", None)  # it is generated
        return super().to_internal_value(data)

    def validate_subsystem(self, value: str) -> str:
        return self._not_blank_on_create(value)

    def validate_material(self, value: str) -> str:
        return self._not_blank_on_create(value)

    def validate_partId(self, value: str) -> str:
        if not value:
            raise ValidationError("This field may not be blank.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.pop("file", None)
        others = self.initial_data.keys() - {"miscInfo", "misc_info", "api_key"}
        if "misc" not in attrs:
            return attrs
        misc = attrs.pop("misc")
        is_whole_set = misc is None or not others
        attrs.update(_CLEARED if is_whole_set else {}, **(misc or {"extra": {}}))
        if self.instance is not None:
            attrs["keep_extra"] = not is_whole_set
        return attrs

    @extend_schema_field({"type": "string", "nullable": True})
    def get_thumbnail(self, part: Part) -> str | None:
        return _thumbnail_address(part.current_step)

    def _not_blank_on_create(self, value: str) -> str:
        if self.instance is None and not value:
            raise ValidationError("This field may not be blank.")
        return value


class ModelInfoSerializer(serializers.Serializer):
    """What is known of the current STEP file's model."""

    state = serializers.ChoiceField(["queued", "running", "done", "failed"])
    error = Text()
    revision = serializers.IntegerField()
    name = serializers.CharField()
    sha256 = serializers.CharField()
    glb = serializers.SerializerMethodField()
    thumbnail = serializers.SerializerMethodField()
    facts = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "nullable": True})
    def get_glb(self, file: PartFile) -> str | None:
        if not file.model:
            return None
        return f"{reverse('api:part-model', args=[file.part_id])}?v={file.model_tag}"

    @extend_schema_field({"type": "string", "nullable": True})
    def get_thumbnail(self, file: PartFile) -> str | None:
        return _thumbnail_address(file)

    @extend_schema_field(
        {"type": "object", "additionalProperties": True, "nullable": True}
    )
    def get_facts(self, file: PartFile) -> dict | None:
        return file.facts if file.state == Conversion.DONE else None


class PartDetailSerializer(PartSerializer):
    """The part object where it stands alone."""

    model = ModelInfoSerializer(source="current_step", read_only=True, allow_null=True)


def _thumbnail_address(file: PartFile | None) -> str | None:
    if file is None or not file.thumbnail:
        return None
    return reverse("api:part-thumbnail", args=[file.part_id, file.thumbnail_tag])


# --- What a step is told ------------------------------------------------------


class StepSerializer(serializers.Serializer):
    """A step that is told nothing, or nothing but this."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "misc" in attrs:  # merged: null adds nothing
            attrs["misc"] = attrs["misc"] or {}
        return attrs


class ApproveSerializer(StepSerializer):
    reviewer = Text(max_length=100)
    miscInfo = MiscInfo()


class AssignSerializer(StepSerializer):
    assigned = Text(max_length=100)


class CompleteSerializer(StepSerializer):
    miscInfo = MiscInfo()


class RevertSerializer(StepSerializer):
    reason = Text(max_length=500)


class SendBackSerializer(StepSerializer):
    reason = Text(max_length=500)


# --- Files and history --------------------------------------------------------


class FileSerializer(serializers.Serializer):
    """One revision of one kind of file."""

    kind = serializers.ChoiceField(Kind.values)
    number = serializers.IntegerField(source="revision")
    name = serializers.CharField()
    size = serializers.IntegerField(source="size_bytes")
    sha256 = serializers.CharField()
    by = Text(source="uploaded_by_name")
    at = Moment(source="uploaded_at")
    address = serializers.SerializerMethodField()
    state = Text(help_text="Of its conversion; null where there is none.")

    def get_address(self, file: PartFile) -> str:
        address = reverse("api:part-revision", args=[file.part_id, file.revision])
        return address if file.kind == Kind.STEP else f"{address}?kind={file.kind}"


class FilesSerializer(serializers.Serializer):
    files = FileSerializer(many=True)


class EventSerializer(serializers.Serializer):
    """One line of a part's history."""

    at = Moment()
    actor = Text(source="actor_name")
    verb = serializers.CharField()
    changes = serializers.SerializerMethodField(
        help_text="Wire name to what it was and what it became."
    )
    revision = serializers.IntegerField(allow_null=True)
    note = Text()

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "array"}})
    def get_changes(self, event: PartEvent) -> dict[str, list]:
        changes = {_wire_name(name): pair for name, pair in event.changes.items()}
        if "priority" in changes:
            changes["priority"] = [
                Priority(n).name.lower() for n in changes["priority"]
            ]
        return changes


_WIRE_NAMES = {
    "code": "partId",
    "completed_at": "completed_at",
    "extra": "miscInfo",
    "storage_location": "storage",
}


def _wire_name(column: str) -> str:
    first, *rest = column.split("_")
    return _WIRE_NAMES.get(column, first + "".join(map(str.capitalize, rest)))


class UploadSerializer(serializers.Serializer):
    file = serializers.FileField(help_text="A .step, .stp or .pdf file.")


class ConversionSerializer(serializers.Serializer):
    success = serializers.BooleanField(
        allow_null=True, help_text="null: still running."
    )
    error = serializers.CharField(allow_null=True)
    gltf_path = serializers.CharField(allow_null=True)


class UploadedSerializer(serializers.Serializer):
    """What became of an upload; ``conversion`` stands only with a STEP file."""

    message = serializers.CharField(
        read_only=True, default="File uploaded successfully"
    )
    filename = serializers.CharField(source="name")
    file_path = serializers.SerializerMethodField()
    conversion = serializers.SerializerMethodField()

    def to_representation(self, file: PartFile) -> dict[str, Any]:
        answer = super().to_representation(file)
        if file.kind != Kind.STEP:
            del answer["conversion"]
        return answer

    def get_file_path(self, file: PartFile) -> str:
        return f"{file.part_id}/{safe_name(file.name)}"

    @extend_schema_field(ConversionSerializer)
    def get_conversion(self, file: PartFile) -> dict[str, Any]:
        ended = {Conversion.DONE: True, Conversion.FAILED: False}
        path = PurePosixPath(self.get_file_path(file)).with_suffix(".glb")
        return {
            "success": ended.get(file.state),
            "error": file.error or None,
            "gltf_path": str(path) if file.model else None,
        }


# --- Answers beside the part --------------------------------------------------


class MessageSerializer(serializers.Serializer):
    message = serializers.CharField()


class AuthenticatedSerializer(serializers.Serializer):
    status = serializers.CharField()
    message = serializers.CharField()
    timestamp = Moment()


class ErrorSerializer(serializers.Serializer):
    """Every refusal; a failed validation names each field at fault."""

    error = serializers.CharField()
    details = serializers.JSONField()
    field = serializers.CharField(required=False)
    errors = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), required=False
    )
