"""A request as plain as can be, and the answer to it."""

import re
from dataclasses import dataclass, field
from http import HTTPStatus

from django.http import QueryDict


@dataclass(frozen=True, slots=True)
class Plain:
    """What ``front`` gives to those who answer.

    Args:
        way: of the address.
        query: what stands behind it, but no key.
        key_text: what came as the key.
    """

    environ: dict
    way: re.Match
    query: str
    params: QueryDict
    key_text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Its headers are its own: all that every answer has is ``front``'s to add."""

    status: HTTPStatus
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)
