"""The wire names of a part, its model, its files and its history."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.validators import URLValidator
from django.urls import get_script_prefix, reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from parts.errors import FileRefused
from parts.models import (
    Category,
    Conversion,
    Kind,
    PartEvent,
    PartFile,
    Priority,
    Status,
    Type,
    hash_tag,
)
from parts.uploads import check_png, safe_name

from .fields import (
    BareName,
    Day,
    Derived,
    Moment,
    PriorityWord,
    SeasonName,
    Text,
    Whole,
    Word,
)
from .misc import CLEARED, MiscInfo
from .serializing import DirectSerializer, InputSerializer

_OF_A_WHOLE_PART = {"id", "uuid"}


# --- The part -----------------------------------------------------------------


@extend_schema_field({"type": ["string", "null"]})
class ThumbnailAddress(Derived):
    """Where the picture is, by the part's number and the picture's stored name."""

    def __init__(self, columns: tuple[str, str]) -> None:
        self.columns = columns
        super().__init__(read_only=True)

    def writer(self) -> Callable[[int, str | None], str | None]:
        pattern = _pattern("api:part-thumbnail", 1, get_script_prefix())
        return lambda part_id, stored_name: (
            pattern % (part_id, hash_tag(stored_name)) if stored_name else None
        )


@extend_schema_field({"type": ["string", "null"]})
class ModelAddress(Derived):
    """Where the model is, as an address that never changes."""

    columns = ("part_id", "model")

    def __init__(self) -> None:
        super().__init__(read_only=True)

    def write(self, part_id: int, stored_name: str) -> str | None:
        if not stored_name:
            return None
        address = _pattern("api:part-model", 0, get_script_prefix()) % part_id
        return f"{address}?v={hash_tag(stored_name)}"


@cache
def _pattern(name: str, tags: int, prefix: str) -> str:
    """Return an address with gaps; to reverse it anew takes 20 times as long."""
    address = reverse(name, args=[0, *("tag" for _ in range(tags))])
    before, _, after = address.rpartition("/0")
    return f"{before}/%d{after.replace('tag', '%s')}"


def address_of(part_id: int) -> str:
    return _pattern("api:part-detail", 0, get_script_prefix()) % part_id


class PartSerializer(DirectSerializer, InputSerializer):
    """Something to be made, as many pieces of it as ``amount``."""

    # validated_data is what workflow.create and workflow.update take.

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
    thumbnail = ThumbnailAddress(("id", "current_step__thumbnail"))
    priority = PriorityWord()
    dueDate = Day(source="due_date")
    made = Whole(min_value=0, blank=0)
    scrapped = Whole(min_value=0, blank=0)
    # Written as miscInfo.storage: an old client sends both back, one of them stale.
    storage = Text(source="storage_location", read_only=True)
    blockedReason = Text(source="blocked_reason", max_length=500)
    season = SeasonName()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if self.instance is None and isinstance(data, Mapping):
            # It is generated.
            data = {k: data[k] for k in data if k not in {"partId", "part_id"}}
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
        if self.instance is not None and not _OF_A_WHOLE_PART.isdisjoint(
            self.initial_data
        ):
            # What came back as it was read is no wish, so one changed word of
            # status, category or type contradicts nothing.
            for field in ("status", "category"):
                if attrs.get(field) == getattr(self.instance, field):
                    del attrs[field]
        others = self.initial_data.keys() - {"miscInfo", "misc_info", "api_key"}
        if "misc" not in attrs:
            return attrs
        misc = attrs.pop("misc")
        is_whole_set = misc is None or not others
        attrs.update(CLEARED if is_whole_set else {}, **(misc or {"extra": {}}))
        if self.instance is not None:
            attrs["keep_extra"] = not is_whole_set
        return attrs

    def _not_blank_on_create(self, value: str) -> str:
        if self.instance is None and not value:
            raise ValidationError("This field may not be blank.")
        return value


class HoleSerializer(serializers.Serializer):
    diameter_mm = serializers.FloatField()
    count = serializers.IntegerField()


class ItemSerializer(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField()


class FactsSerializer(serializers.Serializer):
    """What was measured of a model."""

    box_mm = serializers.ListField(
        child=serializers.FloatField(), help_text="The sides, the largest first."
    )
    box_in = serializers.ListField(child=serializers.FloatField())
    volume_mm3 = serializers.FloatField(
        allow_null=True, help_text="null: the surface is not closed enough to trust."
    )
    area_mm2 = serializers.FloatField()
    closed = serializers.BooleanField()
    solids = serializers.IntegerField()
    thickness_mm = serializers.FloatField(
        allow_null=True, help_text="Of a sheet; null: the part is none."
    )
    holes = HoleSerializer(many=True, help_text="The smallest first.")
    items = ItemSerializer(many=True, help_text="The part list of an assembly.")
    triangles = serializers.IntegerField()
    faces = serializers.IntegerField()
    warnings = serializers.ListField(child=serializers.CharField())


@extend_schema_field(FactsSerializer(allow_null=True))
class Facts(Derived):
    """What was measured, once that is done."""

    columns = ("state", "facts")
    parses = False

    def __init__(self) -> None:
        super().__init__(read_only=True)

    def write(self, state: str, facts: dict | None) -> dict | None:
        return facts if state == Conversion.DONE else None


class ModelInfoSerializer(DirectSerializer):
    """What is known of the current STEP file's model."""

    state = serializers.ChoiceField(["queued", "running", "done", "failed"])
    error = Text()
    revision = serializers.IntegerField()
    name = serializers.CharField()
    sha256 = serializers.CharField()
    glb = ModelAddress()
    thumbnail = ThumbnailAddress(("part_id", "thumbnail"))
    facts = Facts()


class PartDetailSerializer(PartSerializer):
    """The part object where it stands alone."""

    model = ModelInfoSerializer(source="current_step", read_only=True, allow_null=True)


# --- What a step is told ------------------------------------------------------


class StepSerializer(InputSerializer):
    """Nothing; a body may hold the key."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "misc" in attrs:  # merged: null adds nothing
            attrs["misc"] = attrs["misc"] or {}
        return attrs


class ApproveSerializer(StepSerializer):
    """Who reviewed it, and what else is noted; the key's name without."""

    reviewer = Text(max_length=100)
    miscInfo = MiscInfo()


class AssignSerializer(StepSerializer):
    """Who gets it."""

    assigned = Text(max_length=100)


class CompleteSerializer(StepSerializer):
    """Where it lies, and what else is noted."""

    miscInfo = MiscInfo()


class RevertSerializer(StepSerializer):
    """Why, if that is known."""

    reason = Text(max_length=500)


class SendBackSerializer(StepSerializer):
    """Why; the reason is shown with the part."""

    reason = Text(max_length=500)


class WipeSerializer(StepSerializer):
    """A proof that it is meant."""

    password = Text(
        max_length=500,
        trim_whitespace=False,
        help_text="The password of the key's owner, or the key itself.",
    )


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

    @extend_schema_field(
        {
            "type": "object",
            "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2},
        }
    )
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


# --- Pictures -----------------------------------------------------------------


class Picture(serializers.FileField):
    """A whole PNG."""

    def to_internal_value(self, data: Any) -> UploadedFile:
        upload = super().to_internal_value(data)
        try:
            check_png(upload)
        except FileRefused as error:
            raise ValidationError(str(error)) from error
        return upload


class PicturesSerializer(serializers.Serializer):
    """Pictures of the current model, each from one of eight sides."""

    view_0, view_1, view_2, view_3 = (Picture(required=False) for _ in range(4))
    view_4, view_5, view_6, view_7 = (Picture(required=False) for _ in range(4))

    def validate(self, attrs: dict[str, UploadedFile]) -> dict[int, UploadedFile]:
        if not attrs:
            raise ValidationError("Send at least one PNG, as view_0 to view_7.")
        return {int(name.removeprefix("view_")): attrs[name] for name in attrs}


class PictureInfoSerializer(serializers.Serializer):
    filename = serializers.CharField()
    timestamp = serializers.CharField()


class ManifestSerializer(serializers.Serializer):
    files = serializers.DictField(
        child=PictureInfoSerializer(), help_text="By number of the side, 0 to 7."
    )
    updated_at = serializers.CharField()


class ViewsSerializer(serializers.Serializer):
    views = ManifestSerializer(allow_null=True)


class ViewsSavedSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    views = ManifestSerializer()
