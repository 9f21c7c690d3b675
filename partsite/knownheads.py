"""What stands above the requests of a client, which is the same again and again.

A script, a front end or a browser sends the same fields with each request of a
connection. gunicorn reads them anew each time, which took a fifth of the processor time
of a part that is read by key (measured). What it has made of them is remembered here;
what it refuses is not, so that it refuses it again. The line above them is read in one
step where it is as plain as nearly all are.
"""

import re
from typing import NamedTuple

from gunicorn.http.message import Request

_MOST = 512
_LONGEST_BYTES = 1024
_PLAIN_LINE = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE) "
    rb"(/[\w.~%/-]*)(\?[\w.~%/&=+:,-]*)? HTTP/1\.([01])"
)


class _Head(NamedTuple):
    """The fields that gunicorn keeps, names in capitals, and "http" or "https"."""

    fields: list[tuple[str, str]]
    scheme: str


_known: dict[tuple, _Head] = {}


class KnownHeadRequest(Request):
    """gunicorn's request, which reads a head that it knows no second time."""

    def parse_request_line(self, line_bytes: bytes) -> None:
        plain = _PLAIN_LINE.fullmatch(line_bytes)
        if plain is None:
            super().parse_request_line(line_bytes)
            return
        method, path, query, minor = map(bytes.decode, plain.groups(b""))
        self.method, self.path, self.fragment = method, path, ""
        self.query, self.uri = query[1:], path + query
        self.version = (1, int(minor))

    def parse_headers(
        self, data: bytes, from_trailer: bool = False
    ) -> list[tuple[str, str]]:
        if from_trailer:  # other rules
            return super().parse_headers(data, from_trailer)
        # Who is believed what is told of the client before a proxy is of its address,
        # and what may be expected of the version.
        peer = self.peer_addr[0] if isinstance(self.peer_addr, tuple) else None
        asked = (peer, self.version, data)
        if known := _known.get(asked):
            self.scheme = known.scheme
            return [*known.fields]
        fields = super().parse_headers(data)
        # What asks to be told to go on has to be told so each time.
        if len(data) <= _LONGEST_BYTES and not self._expected_100_continue:
            if len(_known) >= _MOST:
                _known.clear()
            _known[asked] = _Head([*fields], self.scheme)
        return fields
