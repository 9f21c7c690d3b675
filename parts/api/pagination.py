"""Lists: all rows unless a limit is asked for."""

import re

from django.http import QueryDict
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

MOST = 2**62  # what every database takes as LIMIT and OFFSET, also their sum


class OptionalLimit(BasePagination):
    """``?limit=&offset=``; existing clients rely on getting all rows without.

    Set ``key`` to the name that the rows have in the answer.
    """

    key = "results"

    def paginate_queryset(self, queryset, request: Request, view=None) -> list:
        self.limit, self.offset = asked(request.query_params)
        if self.limit is None and not self.offset:
            rows = list(queryset)
            self.total = len(rows)
            return rows
        self.total = queryset.count()
        start = min(self.offset, MOST)
        stop = None if self.limit is None else start + min(self.limit, MOST)
        return list(queryset[start:stop])

    def get_paginated_response(self, data: list) -> Response:
        return Response(
            {
                self.key: data,
                "total": self.total,
                "limit": self.limit,
                "offset": self.offset,
            }
        )

    def get_schema_operation_parameters(self, view) -> list[dict]:
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": description,
                "schema": {"type": "integer", "minimum": 0},
            }
            for name, description in (
                ("limit", "How many at most; all of them without."),
                ("offset", "How many to leave out first."),
            )
        ]

    def get_paginated_response_schema(self, schema: dict) -> dict:
        count = {"type": "integer", "minimum": 0}
        return {
            "type": "object",
            "required": [self.key, "total", "limit", "offset"],
            "properties": {
                self.key: schema,
                "total": {**count, "example": 1},
                "limit": {"type": ["integer", "null"], "minimum": 0, "example": None},
                "offset": {**count, "example": 0},
            },
        }


class PartList(OptionalLimit):
    key = "parts"


class EventList(OptionalLimit):
    key = "events"


def asked(params: QueryDict) -> tuple[int | None, int]:
    """Return limit and offset.

    Raises:
        ValidationError: one of them is no number.
    """
    numbers: dict[str, int] = {}
    errors = {}
    for name in ("limit", "offset"):
        text = params.get(name)
        # Not int() alone, which takes "+5", " 5", "1_000" and digits of any script.
        if text is not None and re.fullmatch(r"[0-9]{1,4000}", text):
            numbers[name] = int(text)
        elif text is not None:
            errors[name] = ["A whole number, 0 or more."]
    if errors:
        raise ValidationError(errors)
    return numbers.get("limit"), numbers.get("offset", 0)
