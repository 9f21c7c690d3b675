"""Hold an answer against the OpenAPI document."""

import json
import re
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, ValidationError

# Not in the document: what every address may answer to a wrong method or a bug.
_EVERYWHERE = {405, 500}


@cache
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(public=True)


@cache
def _addresses() -> list[tuple[re.Pattern, dict[str, Any]]]:
    """List what each address looks like, with its operations."""
    kinds = {"{category}": "[^/]+", "{tag}": "[^/]+"}
    return [
        (
            re.compile(
                re.sub(
                    r"\\\{\w+\\\}",
                    lambda m: kinds.get(m[0].replace("\\", ""), "[0-9]+"),
                    re.escape(path.rstrip("/")),
                )
                + "/?"
            ),
            operations,
        )
        for path, operations in document()["paths"].items()
    ]


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    for pattern, operations in _addresses():
        if pattern.fullmatch(path):
            return operations.get(method.lower())
    return None


def check(method: str, path: str, answer) -> None:
    """Assert that the document allows this answer, and tells all that is in it."""
    operation = operation_of(method, path)
    if operation is None or answer.status_code in _EVERYWHERE:
        return
    status = str(answer.status_code)
    if status == "503" and status not in operation["responses"]:
        return  # what the site stands on is away; told once, for all
    assert status in operation["responses"], f"{method} {path}: {status} is untold"
    told = operation["responses"][status]
    if "$ref" in told:
        told = document()["components"]["responses"][told["$ref"].rpartition("/")[2]]
    content_type = answer.get("Content-Type", "").partition(";")[0]
    if content_type == "text/html":
        return  # for people in browsers
    if "content" not in told:
        assert not answer.content
        return
    assert content_type in told["content"], f"{method} {path}: {content_type} is untold"
    if content_type == "application/json":
        error = fault_of(answer.json(), told["content"][content_type]["schema"])
        assert error is None, f"{method} {path} {status}: {error}"


def fault_of(value: Any, schema: dict[str, Any]) -> ValidationError | None:
    """Return the first thing in ``value`` that ``schema`` does not allow or name."""
    return next(_validator(json.dumps(_closed(schema))).iter_errors(value), None)


@cache
def _validator(schema: str) -> Draft202012Validator:
    components = _closed(document()["components"]["schemas"])
    return Draft202012Validator(
        {**json.loads(schema), "components": {"schemas": components}}
    )


def _closed(schema: Any) -> Any:
    """Return ``schema`` with every object closed to fields it does not name."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed
