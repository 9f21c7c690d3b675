"""Examples of requests and answers, by action, for the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_AT = "2026-01-15T10:30:00+00:00"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PICTURE = "/api/parts/1/thumbnail/60303ae22b998861.png"
_MANIFEST = {
    "files": {"0": {"filename": "view_0.png", "timestamp": _AT}},
    "updated_at": _AT,
}
PART: dict[str, Any] = {
    "id": 1,
    "uuid": "3f2a9c01-6d2c-4f0e-9a57-1c1f0e6f7b52",
    "partId": "3f2a9c01",
    "type": "cnc",
    "name": "Gearbox plate",
    "subsystem": "Intake",
    "material": "6061-T6",
    "materialThickness": "0.25 in",
    "amount": 2,
    "assigned": "Sam",
    "status": "In Progress",
    "category": "cnc",
    "notes": "Deburr all edges.",
    "file": "plate.step",
    "onshapeUrl": None,
    "miscInfo": {"reviewer": "Kim"},
    "claimedDate": _AT,
    "createdAt": "2026-01-14T18:02:11+00:00",
    "updatedAt": _AT,
    "thumbnail": _PICTURE,
    "priority": "high",
    "dueDate": "2026-01-20",
    "made": 0,
    "scrapped": 0,
    "storage": None,
    "blockedReason": None,
    "season": "2026",
}
MODEL = {
    "state": "done",
    "error": None,
    "revision": 2,
    "name": "plate.step",
    "sha256": _SHA256,
    "glb": "/api/parts/1/model?v=fd61a03af4f77d87",
    "thumbnail": _PICTURE,
    "facts": {
        "box_mm": [203.2, 76.2, 2.286],
        "box_in": [8.0, 3.0, 0.09],
        "volume_mm3": 31116.8,
        "area_mm2": 29392.9,
        "closed": True,
        "solids": 1,
        "thickness_mm": 2.286,
        "holes": [
            {"diameter_mm": 5.1054, "count": 8},
            {"diameter_mm": 28.575, "count": 1},
        ],
        "items": [{"name": "plate", "count": 1}],
        "triangles": 1204,
        "faces": 15,
        "warnings": [],
    },
}
_DETAIL = {**PART, "model": MODEL}
_NEW = {
    "name": "Gearbox plate",
    "subsystem": "Intake",
    "material": "6061-T6",
    "materialThickness": "0.25 in",
    "type": "cnc",
    "amount": 2,
}
_IN_REVIEW = {
    "assigned": None,
    "status": "Pending",
    "category": "review",
    "claimedDate": None,
}
_READY = {**_IN_REVIEW, "status": "Reviewed", "category": "cnc"}
_DONE = {
    "status": "Completed",
    "category": "completed",
    "made": 2,
    "storage": "Shelf A3",
    "miscInfo": {"reviewer": "Kim", "storage": "Shelf A3", "completed_at": _AT},
}


def _sent(title: str, value: Any) -> OpenApiExample:
    return OpenApiExample(title, value, request_only=True)


def _answered(title: str, value: Any) -> OpenApiExample:
    statuses = ["200", "201", "202"]
    return OpenApiExample(title, value, response_only=True, status_codes=statuses)


def _part(title: str, **changed: Any) -> OpenApiExample:
    return _answered(title, {**_DETAIL, **changed})


OF: dict[str, list[OpenApiExample]] = {
    "list": [_answered("One part", PART)],
    "category": [_answered("One part", PART)],
    "create": [
        _sent("A part", _NEW),
        _part("In review", **_IN_REVIEW, file=None, thumbnail=None, model=None),
    ],
    "retrieve": [_part("In progress")],
    "update": [
        _sent("Start it", {"status": "In Progress"}),
        _sent("Give it to somebody", {"assigned": "Sam"}),
        _sent("Change what is noted", {"miscInfo": {"storage": "Shelf A3"}}),
        _part("In progress"),
    ],
    "partial_update": [
        _sent("More pieces", {"amount": 2}),
        _part("In progress"),
    ],
    "destroy": [_answered("Deleted", {"message": "Part deleted successfully"})],
    "approve": [_sent("By name", {"reviewer": "Kim"}), _part("Ready", **_READY)],
    "send_back": [
        _sent("With a reason", {"reason": "The holes are too close to the edge."}),
        _part(
            "Sent back",
            **_IN_REVIEW,
            blockedReason="The holes are too close to the edge.",
        ),
    ],
    "assign": [_sent("To Sam", {"assigned": "Sam"}), _part("In progress")],
    "unclaim": [_part("Let go", **{**_READY, "status": "Already Started"})],
    "complete": [
        _sent("With its place", {"miscInfo": {"storage": "Shelf A3"}}),
        _part("Completed", **_DONE),
    ],
    "revert": [
        _sent("With a reason", {"reason": "One hole is missing."}),
        _part("In progress again"),
    ],
    "convert": [
        _part("Queued", model={**MODEL, "state": "queued", "facts": None}),
    ],
    "upload": [
        _answered(
            "A STEP file",
            {
                "message": "File uploaded successfully",
                "filename": "plate.step",
                "file_path": "1/plate.step",
                "conversion": {"success": None, "error": None, "gltf_path": None},
            },
        ),
        _answered(
            "A drawing",
            {
                "message": "File uploaded successfully",
                "filename": "plate.pdf",
                "file_path": "1/plate.pdf",
            },
        ),
    ],
    "files": [
        _answered(
            "One revision",
            {
                "files": [
                    {
                        "kind": "step",
                        "number": 1,
                        "name": "plate.step",
                        "size": 30512,
                        "sha256": _SHA256,
                        "by": "Sam",
                        "at": _AT,
                        "address": "/api/parts/1/files/1",
                        "state": "done",
                    }
                ]
            },
        )
    ],
    "views": [
        _answered("One side", {"views": _MANIFEST}),
        _answered("None", {"views": None}),
    ],
    "add_views": [_answered("One side", {"success": True, "views": _MANIFEST})],
    "events": [
        _answered(
            "A claim",
            {
                "at": _AT,
                "actor": "Sam",
                "verb": "assigned",
                "changes": {
                    "assigned": ["", "Sam"],
                    "status": ["Reviewed", "In Progress"],
                },
                "revision": 2,
                "note": None,
            },
        )
    ],
    "stats": [
        _answered(
            "A small shop",
            {
                "by_category": {
                    "review": 2,
                    "cnc": 3,
                    "hand": 1,
                    "misc": 0,
                    "completed": 7,
                },
                "by_status": {"pending": 2, "in_progress": 1, "completed": 7},
                "assignment": {"assigned": 8, "unassigned": 5},
                "total": 13,
            },
        )
    ],
    "stats_detailed": [
        _answered(
            "A small shop",
            {
                "total_parts": 31,
                "completed_parts": 16,
                "in_progress_parts": 2,
                "average_completion_time": 5.25,
                "completion_time_distribution": {
                    "< 1 hour": 4,
                    "1-4 hours": 6,
                    "4-8 hours": 3,
                    "8-24 hours": 2,
                    "> 24 hours": 1,
                },
                "by_type": {"cnc": 18, "hand": 11, "misc": 2},
                "by_category": {
                    "review": 5,
                    "cnc": 7,
                    "hand": 3,
                    "misc": 0,
                    "completed": 16,
                },
                "top_contributors": [{"name": "Sam", "count": 9}],
            },
        )
    ],
    "leaderboard": [
        _answered(
            "Two people",
            {
                "leaderboard": [
                    {"name": "Sam", "score": 4.5},
                    {"name": "Kim", "score": 2},
                ]
            },
        )
    ],
    "wipe": [
        _sent("With the password", {"password": "the password of the key's owner"}),
        _answered(
            "Deleted", {"message": "All parts deleted successfully", "count": 13}
        ),
    ],
    "keycheck": [
        _answered(
            "A good key",
            {
                "status": "authenticated",
                "message": "API key is valid",
                "timestamp": _AT,
            },
        )
    ],
    "health": [
        _answered("Well", {"status": "healthy", "database": "ok", "storage": "ok"}),
        OpenApiExample(
            "Ill",
            {"status": "unhealthy", "database": "ok", "storage": "failed"},
            response_only=True,
            status_codes=["503"],
        ),
    ],
}
