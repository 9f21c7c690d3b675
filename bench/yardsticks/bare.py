"""The limit of the stack: bare WSGI, and JSON that SQLite itself builds.

It answers the site's addresses of a category's list, of all parts and of one part
with what the site answers there, and does nothing else: no keys, no limits, no
filters. ``DATA_DIR`` says where the database lies.
"""

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

_DATABASE = Path(os.environ["DATA_DIR"]) / "db.sqlite3"
_thread = threading.local()


def _moment(column: str) -> str:
    return f"replace({column}, ' ', 'T') || '+00:00'"


_PAIRS = {
    "id": "p.id",
    "uuid": "substr(p.uuid, 1, 8) || '-' || substr(p.uuid, 9, 4) || '-' || "
    "substr(p.uuid, 13, 4) || '-' || substr(p.uuid, 17, 4) || '-' || "
    "substr(p.uuid, 21)",
    "partId": "nullif(p.code, '')",
    "type": "nullif(p.type, '')",
    "name": "nullif(p.name, '')",
    "subsystem": "nullif(p.subsystem, '')",
    "material": "nullif(p.material, '')",
    "materialThickness": "nullif(p.material_thickness, '')",
    "amount": "p.amount",
    "assigned": "nullif(p.assigned, '')",
    "status": "p.status",
    "category": "p.category",
    "notes": "nullif(p.notes, '')",
    "file": "nullif(p.file, '')",
    "onshapeUrl": "nullif(p.onshape_url, '')",
    "miscInfo": "json_patch(p.extra, json_object("
    "'storage', nullif(p.storage_location, ''), "
    "'reviewer', nullif(p.reviewer, ''), "
    "'serviceMethod', nullif(p.service_method, ''), "
    "'completedIncorrectly', iif(p.completed_incorrectly, json('true'), NULL), "
    f"'completed_at', {_moment('p.completed_at')}))",
    "claimedDate": _moment("p.claimed_date"),
    "createdAt": _moment("p.created_at"),
    "updatedAt": _moment("p.updated_at"),
    "thumbnail": "'/api/parts/' || p.id || '/thumbnail/' || "
    "substr(f.thumbnail, 15, 16) || '.png'",
    "priority": "CASE p.priority WHEN 0 THEN 'low' WHEN 1 THEN 'normal' "
    "WHEN 2 THEN 'high' ELSE 'urgent' END",
    "dueDate": "p.due_date",
    "made": "p.made",
    "scrapped": "p.scrapped",
    "storage": "nullif(p.storage_location, '')",
    "blockedReason": "nullif(p.blocked_reason, '')",
    "season": "s.name",
}
_MODEL = """iif(f.id IS NULL, NULL, json_object(
  'state', f.state, 'error', nullif(f.error, ''), 'revision', f.revision,
  'name', f.name, 'sha256', f.sha256,
  'glb', '/api/parts/' || p.id || '/model?v=' || substr(f.model, 11, 16),
  'thumbnail', '/api/parts/' || p.id || '/thumbnail/' || substr(f.thumbnail, 15, 16)
    || '.png', 'facts', json(f.facts)))"""
_FROM = """FROM {parts} AS p
  LEFT JOIN parts_partfile AS f ON f.id = p.current_step_id
  LEFT JOIN parts_season AS s ON s.id = p.season_id"""


def _object(pairs: dict[str, str]) -> str:
    return "json_object(" + ", ".join(f"'{k}', {v}" for k, v in pairs.items()) + ")"


# Fixed words of this module; what a request says is bound as parameters. The page is
# cut out before anything is joined to it.
_PAGE = """(SELECT * FROM parts WHERE deleted_at IS NULL {where}
  ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?)"""
_LIST = (
    f"SELECT json_group_array({_object(_PAIRS)}) "  # noqa: S608
    f"{_FROM.format(parts=_PAGE)}"
)
_ONE = (
    f"SELECT {_object(_PAIRS | {'model': _MODEL})} "  # noqa: S608
    f"{_FROM.format(parts='parts')} WHERE p.id = ? AND p.deleted_at IS NULL"
)
_COUNT = "SELECT count(*) FROM parts WHERE deleted_at IS NULL {where}"
_IN_CATEGORY = "AND category = ?"


def application(environ: dict, start_response: Callable) -> list[bytes]:
    path = environ["PATH_INFO"].removeprefix("/api/parts/")
    if path.isdigit():
        row = _database().execute(_ONE, [int(path)]).fetchone()
        status, text = ("200 OK", row[0]) if row else ("404 Not Found", "{}")
    else:
        status, text = "200 OK", _list(path, parse_qs(environ["QUERY_STRING"]))
    body = text.encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    ]
    start_response(status, headers)
    return [body]


def _list(path: str, asked: dict[str, list[str]]) -> str:
    category = path.removeprefix("categories/") if path else ""
    limit = int(asked["limit"][0]) if "limit" in asked else None
    offset = int(asked["offset"][0]) if "offset" in asked else 0
    where = _IN_CATEGORY if category else ""
    what = [category] if category else []
    page = [-1 if limit is None else limit, offset]
    database = _database()
    rows = database.execute(_LIST.format(where=where), what + page).fetchone()[0]
    total = database.execute(_COUNT.format(where=where), what).fetchone()[0]
    shown = "null" if limit is None else limit
    return f'{{"parts":{rows},"total":{total},"limit":{shown},"offset":{offset}}}'


def _database() -> sqlite3.Connection:
    if not hasattr(_thread, "connection"):
        _thread.connection = sqlite3.connect(f"{_DATABASE.as_uri()}?mode=ro", uri=True)
    return _thread.connection
