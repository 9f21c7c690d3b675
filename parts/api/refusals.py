"""Every refusal of the API, with examples that the error handler itself makes."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions

from accounts.authentication import KeyInAddress, RateLimited
from parts.errors import (
    AlreadyClaimed,
    BadInput,
    FileInfected,
    FileRefused,
    FileTooBig,
    NoRoom,
    NotAllowed,
    NotBackedUp,
    NotCompleted,
    OnshapeFailed,
    ScannerAway,
    WrongState,
)

from .exceptions import (
    ConversionFailed,
    Missing,
    StillConverting,
    StillFetching,
    told,
)

REFUSAL = {
    "type": "object",
    "description": "Every refusal. `error` is short and safe to show.",
    "properties": {
        "error": {"type": "string"},
        "details": {"description": "More of it: as a rule a sentence."},
        "message": {"type": "string", "description": "With 429 only."},
        "retry_after": {
            "type": "number",
            "minimum": 0,
            "description": "Seconds, with 429 only.",
        },
        "code": {"type": "string", "description": "A stable name, for scripts."},
        "field": {"type": "string", "description": "The first field at fault."},
        "errors": {
            "type": "object",
            "description": "All fields at fault, with what is wrong with each.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["error", "details"],
}


@dataclass(frozen=True)
class Refusal:
    """One status, and by what it comes about."""

    name: str
    description: str
    causes: dict[str, Exception]
    has_wait: bool = False

    def described(self) -> dict[str, Any]:
        """Return the OpenAPI response object."""
        examples = {
            title: {"value": told(cause)[1]} for title, cause in self.causes.items()
        }
        content = {
            "schema": {"$ref": "#/components/schemas/Refusal"},
            "examples": examples,
        }
        described: dict[str, Any] = {
            "description": self.description,
            "content": {"application/json": content},
        }
        if self.has_wait:
            wait = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
            described["headers"] = {"Retry-After": wait}
        return described


_FIELDS = {
    "material": ["This field is required."],
    "amount": ["A whole number is needed."],
}
BY_STATUS = {
    400: Refusal(
        "BadRequest",
        "Something sent cannot be taken as it is; all fields at fault are named.",
        {
            "Fields at fault": exceptions.ValidationError(_FIELDS),
            "A contradiction": BadInput(
                "Category “completed” and status “Pending” contradict each other.",
                field="status",
            ),
            "No JSON": exceptions.ParseError("Expecting value at line 1, column 1."),
            "A file that is not taken": FileRefused(
                "“.exe” files are not taken; upload a .step, .stp or .pdf file.",
                field="file",
            ),
            "A virus": FileInfected(
                "The virus scanner found “Win.Test.EICAR_HDB-1” in this file, so it "
                "was not kept.",
                field="file",
            ),
            "Not completed": NotCompleted("Part is not completed"),
        },
    ),
    401: Refusal(
        "Unauthorized",
        "No key and no session, or a key that is unknown, expired or revoked.",
        {
            "No key": exceptions.NotAuthenticated(),
            "Not a good key": exceptions.AuthenticationFailed(),
            "A key in the address, where the site takes none": KeyInAddress(),
        },
    ),
    403: Refusal(
        "Forbidden",
        "The key or account has not the right to do this.",
        {
            "A key for reading": exceptions.PermissionDenied(
                "This key or account may only read."
            ),
            "A step of leads": NotAllowed("Only leads may review parts."),
        },
    ),
    404: Refusal(
        "NotFound",
        "There is no such part, or it has nothing of this kind.",
        {
            "No part": Http404(),
            "No file": Missing("File not found", "There is no such file of this part."),
        },
    ),
    409: Refusal(
        "Conflict",
        "The part stands where this step cannot be taken.",
        {
            "Somebody has it": AlreadyClaimed("Sam has “Gearbox plate” already."),
            "The wrong board": WrongState(
                "“Gearbox plate” is still in review, so it cannot be finished."
            ),
        },
    ),
    413: Refusal(
        "TooLarge",
        "More was sent than is taken.",
        {
            "A file": FileTooBig("The file is larger than 100 MB.", field="file"),
            "Anything else": RequestDataTooBig(),
        },
    ),
    415: Refusal(
        "UnsupportedMediaType",
        "JSON is taken, and files as multipart/form-data.",
        {"Neither": exceptions.UnsupportedMediaType("text/csv")},
    ),
    422: Refusal(
        "NoModel",
        "The STEP file could not be converted, and waiting does not help.",
        {"Failed": ConversionFailed("The file holds no solid and no surface.")},
    ),
    429: Refusal(
        "TooManyRequests",
        "Too much was asked in too short a time.",
        {"Limited": RateLimited(1.5)},
        has_wait=True,
    ),
    502: Refusal(
        "OtherSideFailed",
        "Onshape did not give the drawing.",
        {"Refused": OnshapeFailed("Onshape refused the keys of this server.")},
    ),
    503: Refusal(
        "NotYet",
        "It is being made, or cannot be done just now; ask again.",
        {
            "A model": StillConverting(),
            "A drawing": StillFetching(),
            "No virus scanner": ScannerAway(
                "The virus scanner does not answer, so the file was not kept. Try "
                "again in a moment.",
                field="file",
            ),
            "No backup": NotBackedUp(
                "Nothing was deleted, since no backup could be made before. "
                "Tell whoever runs the server."
            ),
        },
        has_wait=True,
    ),
    507: Refusal(
        "NoRoom",
        "The server's disk is full. Nothing was kept or changed.",
        {
            "A file": NoRoom(
                "The server's disk is full, so the file was not kept. Tell whoever "
                "runs the server, and send it again when there is room.",
                field="file",
            )
        },
    ),
}
