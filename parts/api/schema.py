"""What the OpenAPI document is told that the code does not say by itself."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample
from rest_framework.permissions import SAFE_METHODS

from . import examples, serializers
from .misc import COLUMNS, NEVER_TAKEN
from .refusals import BY_STATUS, REFUSAL
from .serializing import ALIASES

_TAGS = {
    "Steps": "approve send_back assign unclaim complete revert",
    "Files": "upload download file files revision drawing convert",
    "Models and pictures": "model revision_model thumbnail views add_views view",
    "Numbers": "stats stats_detailed leaderboard",
}
_TAG_OF = {action: tag for tag, actions in _TAGS.items() for action in actions.split()}
# Beyond what follows from the method, from a body and from the address.
_REFUSALS_OF = {
    "list": {400},
    "category": {400},
    "events": {400},
    "revision": {400},
    "update": {409},
    "partial_update": {409},
    "destroy": {409},
    "approve": {409},
    "send_back": {409},
    "assign": {409},
    "unclaim": {409},
    "complete": {409},
    "revert": {409},
    "convert": {409},
    "upload": {409, 503, 507},
    "add_views": {409, 503, 507},
    "model": {422, 503},
    "revision_model": {422, 503},
    "drawing": {400, 403, 502, 503},
    "wipe": {503},
}
# What is refused when it is blank or null, though it is no error in the type.
_NEVER_BLANK = {
    "PartRequest": {"subsystem", "material"},
    "PatchedPartRequest": {"partId", "part_id"},
    "AssignRequest": {"assigned"},
    "SendBackRequest": {"reason"},
}
# Fields that take null, but never answer with it.
_NEVER_NULL = {"partId", "status", "category", "priority", "miscInfo"}
# Whatever a component holds is always there, but for these.
_SOMETIMES = {"Uploaded": {"conversion"}}
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
# A scalar, a list of those, or an object of those.
_FLAT = {
    "anyOf": [
        _SCALAR,
        {"type": "array", "items": _SCALAR},
        {"type": "object", "additionalProperties": _SCALAR},
    ]
}
_KNOWN = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of what the client has already.",
    "schema": {"type": "string"},
}


class Described(AutoSchema):
    """Add to each operation its name, its examples and all it may refuse with."""

    def get_operation(self, *args) -> dict[str, Any] | None:
        operation = super().get_operation(*args)
        if operation is None:
            return None
        answers = operation["responses"]
        for status, answer in answers.items():
            answer["description"] = HTTPStatus(int(status)).phrase
        if self._has_etag():
            operation.setdefault("parameters", []).append(_KNOWN)
            answers["200"]["headers"] = _headers(ETag="For If-None-Match.")
            answers["304"] = {"description": "The client has it already."}
        if self._action() == "create":
            answers["201"]["headers"] = _headers(Location="Where the part is.")
        for status in self._refusals():
            name = BY_STATUS[status].name
            answers[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return operation

    def get_operation_id(self) -> str:
        return self._action()

    def get_tags(self) -> list[str]:
        if not hasattr(self.view, "action"):
            return ["Server"]
        return [_TAG_OF.get(self._action(), "Parts")]

    def get_summary(self) -> str:
        return super().get_description().partition("\n")[0].rstrip(".")

    def get_description(self) -> str:
        return super().get_description().partition("\n")[2].strip()

    def get_examples(self) -> list[OpenApiExample]:
        return examples.OF.get(self._action(), [])

    def _action(self) -> str:
        return getattr(self.view, "action", None) or type(self.view).__name__.lower()

    def _has_etag(self) -> bool:
        return self.method == "GET" and hasattr(self.view, "action")

    def _refusals(self) -> Iterable[int]:
        if not self.view.authentication_classes:
            return []
        statuses = {401, 429, *_REFUSALS_OF.get(self._action(), ())}
        if "{id}" in self.path:
            statuses.add(404)
        if self.method not in SAFE_METHODS:
            statuses.add(403)
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses |= {400, 413, 415}
        return sorted(statuses)


class KeyInHeader(OpenApiAuthenticationExtension):
    """The key in its recommended place, and in the address where that is taken.

    A JSON body has it too.
    """

    target_class = "accounts.authentication.ApiKeyAuthentication"

    @property
    def name(self) -> list[str]:
        return ["apiKey", *(["apiKeyInAddress"] if settings.API_KEY_IN_ADDRESS else [])]

    def get_security_definition(self, auto_schema) -> list[dict[str, str]]:
        return [
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            {"type": "apiKey", "in": "query", "name": "api_key"},
        ]

    def get_security_requirement(self, auto_schema) -> list[dict[str, list]]:
        return [{name: []} for name in self.name]


class WordSchema(OpenApiSerializerFieldExtension):
    target_class = "parts.api.fields.Word"
    match_subclasses = True

    def map_serializer_field(self, auto_schema, direction: str) -> dict[str, Any]:
        words = list(self.target.words)
        if direction == "request":
            if self.target.any_case:
                words = [form(w) for w in words for form in (str, str.upper, str.title)]
            words = ["", *words]
        return {"type": "string", "enum": [*words, None]}


class WholeSchema(OpenApiSerializerFieldExtension):
    target_class = "parts.api.fields.Whole"

    def map_serializer_field(self, auto_schema, direction: str) -> dict[str, Any]:
        bounds = {"minimum": self.target.min_value, "maximum": self.target.max_value}
        whole = {"type": "integer", **bounds}
        if direction == "response":
            return whole
        text = {"type": "string", "pattern": r"^\s*[0-9]{0,10}\s*$"}
        return {"anyOf": [whole, text, {"type": "null"}]}


class DaySchema(OpenApiSerializerFieldExtension):
    target_class = "parts.api.fields.Day"

    def map_serializer_field(self, auto_schema, direction: str) -> dict[str, Any]:
        day = {"type": "string", "format": "date"}
        if direction == "response":
            return day
        return {"anyOf": [day, {"type": "string", "maxLength": 0}]}


class MiscInfoSchema(OpenApiSerializerFieldExtension):
    target_class = "parts.api.misc.MiscInfo"

    def map_serializer_field(self, auto_schema, direction: str) -> dict[str, Any]:
        known: dict[str, Any] = {
            "storage": {"type": "string"},
            "reviewer": {"type": "string"},
            "serviceMethod": {"type": "string"},
            "completedIncorrectly": {"type": "boolean"},
        }
        told = {"type": "object", "example": {"storage": "Shelf A3", "reviewer": "Kim"}}
        if direction == "request":
            for key, (_, field) in COLUMNS.items():
                texts = {"type": ["string", "null"], "maxLength": field.max_length}
                known[key] = {"anyOf": [texts, {"type": "number"}]}
            known["completedIncorrectly"] = {"type": ["boolean", "null"]}
            known |= {key: {} for key in sorted(NEVER_TAKEN)}
            return {**told, "properties": known, "additionalProperties": _FLAT}
        worker = {"name": {"type": "string"}, "timestamp": {"type": "string"}}
        workers = {"type": "array", "items": {"type": "object", "properties": worker}}
        views = auto_schema.resolve_serializer(
            serializers.ManifestSerializer, "response"
        )
        known |= {"handWorkers": workers, "completed_at": {"type": "string"}}
        known |= {"views": views.ref}
        return {**told, "properties": known, "additionalProperties": _FLAT}


def leave_out_second_forms(endpoints: list[tuple], **kwargs) -> list[tuple]:
    """Show each address once: of all, only the list ends in a slash."""
    return [
        (path, *rest)
        for path, *rest in endpoints
        if path.endswith("/") == (path.rstrip("/") == "/api/parts")
    ]


def finish(result: dict[str, Any], **kwargs) -> dict[str, Any]:
    """Add aliases, what is always there, and the refusals that all share."""
    components = result["components"]
    for name, schema in components["schemas"].items():
        fields = schema.get("properties", {})
        if name.endswith("Request"):
            fields |= {
                alias: {**fields[field], "deprecated": True}
                for alias, field in ALIASES.items()
                if field in fields
            }
            blank = {"type": "string", "minLength": 1, "pattern": r"\S"}
            fields |= {f: {**fields[f], **blank} for f in _NEVER_BLANK.get(name, ())}
            if name in _NEVER_BLANK and not name.startswith("Patched"):
                schema["required"] = sorted(_NEVER_BLANK[name])
        elif fields:
            schema["required"] = sorted(fields.keys() - _SOMETIMES.get(name, set()))
        if name in {"Part", "PartDetail"}:
            for field in _NEVER_NULL:
                fields[field] = _without_null(fields[field])
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                parameter["schema"].pop("x-spec-enum-id", None)
    components["schemas"]["Refusal"] = REFUSAL
    components["responses"] = {
        refusal.name: refusal.described() for refusal in BY_STATUS.values()
    }
    return result


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    (type_,) = set(schema["type"]) - {"null"}
    words = {"enum": [w for w in schema.get("enum", []) if w is not None]}
    return {**schema, "type": type_, **(words if "enum" in schema else {})}


def _headers(**descriptions: str) -> dict[str, Any]:
    return {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in descriptions.items()
    }
