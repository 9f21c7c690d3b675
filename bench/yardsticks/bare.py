"""The limit of the stack: bare WSGI, and JSON that SQLite itself builds.

It answers the site's addresses of a category's list, of all parts and of one part
with what the site answers there, and does nothing else: no keys, no limits, no
filters. What is handed in ready to be made, claimed or finished, it writes as the site
does, in one transaction, into the same tables with all that is kept of them; but it
checks nothing except whether the step can be taken, and nobody is told of as who did
it. ``DATA_DIR`` says where the database lies.
"""

import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

_DATABASE = Path(os.environ["DATA_DIR"]) / "db.sqlite3"
# What the site says to its connections, Django's word among it.
_AS_THE_SITE = """PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY"""
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

_PART = {
    "uuid": ":uuid",
    "code": "substr(:uuid, 1, 8)",
    **dict.fromkeys(("onshape_url", "service_method", "assigned"), "''"),
    **dict.fromkeys(("blocked_reason", "reviewer", "storage_location"), "''"),
    **dict.fromkeys(("file", "wrong_reason"), "''"),
    **dict.fromkeys(("made", "scrapped", "completed_incorrectly"), "0"),
    **dict.fromkeys(("approved_at", "created_at", "updated_at"), ":now"),
    **{name: f":{name}" for name in ("type", "name", "subsystem", "material")},
    **{name: f":{name}" for name in ("amount", "notes", "category", "extra")},
    "material_thickness": ":materialThickness",
    "priority": "1",
    "status": "'Reviewed'",
    "season_id": "(SELECT id FROM parts_season WHERE NOT archived "
    "ORDER BY created_at DESC, id DESC LIMIT 1)",
}
_CREATE = f"INSERT INTO parts ({', '.join(_PART)}) VALUES ({', '.join(_PART.values())})"  # noqa: S608
_CREATED = """INSERT INTO parts_partevent
  (part_id, at, actor_name, verb, changes, note)
  VALUES (:id, :now, '', 'created', '{}', '')"""
_IN_SHOP = "id = :id AND category IN ('cnc', 'hand', 'misc') AND deleted_at IS NULL"
_REVISION = (
    "coalesce((SELECT revision FROM parts_partfile WHERE id = current_{}_id), 0)"
)
_WORKER = f"json_object('name', :assigned, 'timestamp', {_moment(':now')})"


def _step(
    verb: str,
    where: str,
    *,
    told: dict[str, str],
    untold: dict[str, str],
    note: str,
    revision: str,
) -> tuple[str, str]:
    """Return what writes a step's event, and what changes the part after it.

    In this order, since the event tells what stood before, too.

    Args:
        told: what each column is set to, and told to be where it changes.
        untold: what others are set to.
    """
    shown = {n: (_shown(n, n), _shown(n, value)) for n, value in told.items()}
    pairs = ", ".join(
        f"'{name}', iif({old} IS {new}, NULL, json_array({old}, {new}))"
        for name, (old, new) in shown.items()
    )
    all_set = {**told, **untold, "updated_at": ":now"}
    sets = ", ".join(f"{name} = {value}" for name, value in all_set.items())
    event = f"""INSERT INTO parts_partevent
      (part_id, at, actor_name, verb, changes, revision, note)
      SELECT id, :now, '', '{verb}', json_patch('{{}}', json_object({pairs})),
      nullif({revision}, 0), {note} FROM parts WHERE {where}"""  # noqa: S608
    return event, f"UPDATE parts SET {sets} WHERE {where}"  # noqa: S608


def _shown(name: str, value: str) -> str:
    if name in ("claimed_date", "completed_at"):
        return _moment(value)
    return f"json({value})" if name == "extra" else value


_STEPS = {
    "assign": _step(
        "assigned",
        f"{_IN_SHOP} AND assigned = ''",
        told={
            "assigned": ":assigned",
            "claimed_date": ":now",
            "claimed_revision": _REVISION.format("step"),
            "claimed_drawing": _REVISION.format("drawing"),
            "status": "'In Progress'",
        },
        untold={
            "extra": "iif(type IN ('', 'hand'), json_set(extra, '$.handWorkers', "
            "json_insert(coalesce(extra -> '$.handWorkers', '[]'), '$[#]', "
            f"{_WORKER})), extra)"
        },
        note="''",
        revision=_REVISION.format("step"),
    ),
    "complete": _step(
        "completed",
        _IN_SHOP,
        told={
            "category": "'completed'",
            "status": "'Completed'",
            "completed_at": ":now",
            "made": "max(made, amount)",
            "blocked_reason": "''",
            "storage_location": ":storage",
            "extra": "json_patch(extra, :extra)",
        },
        untold={},
        note=":storage",
        revision="claimed_revision",
    ),
}


def application(environ: dict, start_response: Callable) -> list[bytes]:
    path = environ["PATH_INFO"].removeprefix("/api/parts/")
    if environ["REQUEST_METHOD"] == "POST":
        told = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        status, text = _written(path, json.loads(told))
    elif path.isdigit():
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


def _written(path: str, told: dict[str, Any]) -> tuple[str, str]:
    number, _, step = path.partition("/")
    extra = told.get("miscInfo", {})
    values = {
        **told,
        "now": str(datetime.now(UTC).replace(tzinfo=None)),  # as Django writes it
        "storage": extra.pop("storage", ""),
        "extra": json.dumps(extra),
    }
    database = _database()
    with database:
        database.execute("BEGIN IMMEDIATE")
        if step:
            values["id"] = int(number)
            event, change = _STEPS[step]
            if not database.execute(event, values).rowcount:
                return "409 Conflict", "{}"
            database.execute(change, values)
        else:
            values["uuid"] = uuid.uuid4().hex
            values["id"] = database.execute(_CREATE, values).lastrowid
            database.execute(_CREATED, values)
        text = database.execute(_ONE, [values["id"]]).fetchone()[0]
    return "200 OK" if step else "201 Created", text


def _database() -> sqlite3.Connection:
    if not hasattr(_thread, "connection"):
        _thread.connection = sqlite3.connect(
            _DATABASE, timeout=20, isolation_level=None
        )
        _thread.connection.executescript(_AS_THE_SITE)
    return _thread.connection
