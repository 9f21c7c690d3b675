"""How SQLite keeps the sums.

A trigger takes what a row counts for away before the row changes, and adds it
after. None calls a function of ours: any program may write the file. What is taken
away is an UPDATE, so that tables emptied in whatever order leave nothing below 0.
"""

from collections.abc import Iterator

from .sums import (
    CASELESS,
    INDEXES,
    LIVE,
    SCORE,
    TOLD_BY,
    WORDS,
    Sum,
    tally,
    words,
)


def _since_epoch(column: str) -> str:
    # By parts: SQLite's own clock is one of milliseconds, which it rounds.
    return (
        f"(strftime('%s', substr({column}, 1, 19)) * 1000000"
        f" + CAST(round(('0' || substr({column}, 20)) * 1000000) AS INTEGER))"
    )


SUMS = [
    tally(f"{_since_epoch('completed_at')} - {_since_epoch('claimed_date')}"),
    *map(words, WORDS),
    SCORE,
]

TABLES = [
    """CREATE TABLE parts_tally (
      category TEXT NOT NULL, season INTEGER NOT NULL, status TEXT NOT NULL,
      type TEXT NOT NULL, queue INTEGER NOT NULL, has_holder INTEGER NOT NULL,
      took INTEGER NOT NULL, parts INTEGER NOT NULL, pieces INTEGER NOT NULL,
      microseconds NUMERIC NOT NULL, wrong INTEGER NOT NULL,
      scrapped INTEGER NOT NULL,
      PRIMARY KEY (category, season, status, type, queue, has_holder, took)
    ) WITHOUT ROWID""",
    """CREATE TABLE parts_word (
      field TEXT NOT NULL, category TEXT NOT NULL, season INTEGER NOT NULL,
      word TEXT NOT NULL, parts INTEGER NOT NULL, pieces INTEGER NOT NULL,
      PRIMARY KEY (field, category, season, word)
    ) WITHOUT ROWID""",
    """CREATE TABLE parts_credit (
      id INTEGER PRIMARY KEY, part_id INTEGER NOT NULL, name TEXT NOT NULL,
      halves INTEGER NOT NULL, has_like INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX parts_credit_part ON parts_credit (part_id)",
    """CREATE INDEX parts_credit_like ON parts_credit (name, part_id)
    WHERE has_like""",
    """CREATE TABLE parts_score (
      name TEXT NOT NULL PRIMARY KEY, parts INTEGER NOT NULL, halves INTEGER NOT NULL
    ) WITHOUT ROWID""",
]

_EVENT_TELLS = f"verb IN {TOLD_BY}"

# Of the spellings of a name the one at the end stands, else the last in order.
_CREDITS = f"""
INSERT INTO parts_credit (part_id, name, halves)
SELECT
  part_id, coalesce(max(CASE WHEN is_end THEN name END), max(name)),
  CASE WHEN NOT max(is_end) THEN 1 WHEN max(is_wrong) THEN -2 ELSE 2 END
FROM (
  SELECT id AS part_id, assigned AS name, 1 AS is_end,
    completed_incorrectly AS is_wrong
  FROM parts WHERE {{of_part}}
  UNION ALL
  SELECT parts.id, json_extract(worker.value, '$.name'), 0, 0
  FROM parts, json_each(parts.extra, '$.handWorkers') AS worker
  WHERE {{of_part}} AND worker.type = 'object'
    AND json_type(worker.value, '$.name') = 'text'
  UNION ALL
  SELECT parts.id, holder.value, 0, 0
  FROM parts, parts_partevent AS event,
    json_each(event.changes, '$.assigned') AS holder
  WHERE {{of_part}} AND event.part_id = parts.id AND event.{_EVENT_TELLS}
    AND json_type(event.changes, '$.assigned') = 'array' AND holder.type = 'text'
)
WHERE name <> '' GROUP BY part_id, lower(name)"""
_COUNTS = "parts.category = 'completed' AND parts.deleted_at IS NULL"


def _credits(of_part: str = "1") -> str:
    return _CREDITS.format(of_part=f"{_COUNTS} AND {of_part}")


# Beyond ASCII two credits may be one name in two cases, which Python alone knows.
_ALIKE = f"""
UPDATE parts_credit SET has_like = 1
WHERE {{of_credit}} AND EXISTS (
  SELECT 1 FROM parts_credit AS other
  WHERE other.part_id = parts_credit.part_id AND other.id <> parts_credit.id
    AND length(CAST(other.name || parts_credit.name AS BLOB))
      > length(other.name || parts_credit.name)
    AND {
    " AND ".join(
        f"length(replace(lower(other.name), '{letter}', '')) - length(other.name) "
        f"= length(replace(lower(parts_credit.name), '{letter}', '')) "
        "- length(parts_credit.name)"
        for letter in CASELESS
    )
}
)"""


def _sum_triggers(kept: Sum) -> Iterator[tuple[str, str]]:
    """Yield name and rest of each trigger of a sum."""
    keys, measures = ", ".join(kept.keys), ", ".join(kept.measures)
    rows = kept.counted(kept.of)
    more = ", ".join(f"{m} = {m} + excluded.{m}" for m in kept.measures)
    less = ", ".join(f"{m} = {kept.table}.{m} - gone.{m}" for m in kept.measures)
    same = " AND ".join(f"{kept.table}.{key} = gone.{key}" for key in kept.keys)
    add = f"""INSERT INTO {kept.table} ({keys}, {measures})
      SELECT {keys}, {measures} FROM ({rows}) WHERE id = NEW.id
      ON CONFLICT ({keys}) DO UPDATE SET {more}"""
    take = f"""UPDATE {kept.table} SET {less}
      FROM ({rows}) AS gone WHERE gone.id = OLD.id AND {same}"""
    differs = " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in kept.watched)
    update = f"UPDATE OF {', '.join(kept.watched)} ON {kept.of} WHEN {differs}"
    yield f"{kept.name}_come", f"AFTER INSERT ON {kept.of} BEGIN {add}; END"
    yield f"{kept.name}_from", f"BEFORE {update} BEGIN {take}; END"
    yield f"{kept.name}_to", f"AFTER {update} BEGIN {add}; END"
    yield f"{kept.name}_go", f"BEFORE DELETE ON {kept.of} BEGIN {take}; END"


def _credit_triggers() -> Iterator[tuple[str, str]]:
    forget = "DELETE FROM parts_credit WHERE part_id = {0};"
    alike = _ALIKE.format(of_credit="parts_credit.part_id = {0}")
    anew = f"{forget} {_credits('parts.id = {0}')}; {alike};"
    events = "parts_partevent"
    columns = "category, deleted_at, assigned, completed_incorrectly, extra"
    differs = " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in columns.split(", "))
    counts = " OR ".join(
        f"({row}.category = 'completed' AND {row}.deleted_at IS NULL)"
        for row in ("OLD", "NEW")
    )
    bodies = {
        "come": (
            "AFTER INSERT ON parts WHEN NEW.category = 'completed'",
            anew.format("NEW.id"),
        ),
        "change": (
            f"AFTER UPDATE OF {columns} ON parts WHEN ({counts}) AND ({differs})",
            anew.format("NEW.id"),
        ),
        "go": ("AFTER DELETE ON parts", forget.format("OLD.id")),
        "told": (
            f"AFTER INSERT ON {events} WHEN NEW.{_EVENT_TELLS}",
            anew.format("NEW.part_id"),
        ),
        "retold": (
            f"AFTER UPDATE OF part_id, verb, changes ON {events} "
            f"WHEN OLD.{_EVENT_TELLS} OR NEW.{_EVENT_TELLS}",
            anew.format("OLD.part_id") + anew.format("NEW.part_id"),
        ),
        "untold": (
            f"AFTER DELETE ON {events} WHEN OLD.{_EVENT_TELLS}",
            anew.format("OLD.part_id"),
        ),
    }
    for name, (when, body) in bodies.items():
        yield f"parts_credit_{name}", f"{when} BEGIN {body} END"


# --- Search -------------------------------------------------------------------

# Behind each text, so that its last letters too begin some three.
END = "char(31, 31)"
_TRIGRAMS = [
    statement
    for index, columns in INDEXES.items()
    for statement in (
        # It holds nothing that it was not given, so what goes has to be told it too.
        f"CREATE VIRTUAL TABLE {index} USING fts5({', '.join(columns)}, "
        "content = '', columnsize = 0, tokenize = 'trigram')",
        # Which three letters there are, for a search for one or two.
        f"CREATE VIRTUAL TABLE {index}_terms USING fts5vocab({index}, row)",
    )
]


def _indexing(index: str, columns: tuple[str, ...]) -> str:
    return (
        f"INSERT INTO {index} (rowid, {', '.join(columns)}) "
        f"SELECT id, {_texts(columns)} FROM parts WHERE {LIVE} AND ({_is_any(columns)})"
    )


def _texts(columns: tuple[str, ...], row: str = "") -> str:
    return ", ".join(f"{row}{column} || {END}" for column in columns)


def _is_any(columns: tuple[str, ...], row: str = "") -> str:
    return " OR ".join(f"{row}{column} <> ''" for column in columns)


def _index_triggers(index: str, columns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    names = ", ".join(columns)
    come = (
        f"INSERT INTO {index} (rowid, {names}) SELECT NEW.id, {_texts(columns, 'NEW.')}"
    )
    go = (
        f"INSERT INTO {index} ({index}, rowid, {names}) "
        f"SELECT 'delete', OLD.id, {_texts(columns, 'OLD.')}"
    )
    was, now = (
        f"{row}.{LIVE} AND ({_is_any(columns, f'{row}.')})" for row in ("OLD", "NEW")
    )
    watched = (*columns, "deleted_at")
    differs = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in watched)
    update = f"AFTER UPDATE OF {', '.join(watched)} ON parts"
    yield f"{index}_come", f"AFTER INSERT ON parts WHEN {now} BEGIN {come}; END"
    yield (
        f"{index}_change",
        f"{update} WHEN ({differs}) AND (({was}) OR ({now})) BEGIN "
        f"{go} WHERE {was}; {come} WHERE {now}; END",
    )
    yield f"{index}_go", f"AFTER DELETE ON parts WHEN {was} BEGIN {go}; END"


TRIGGERS = {
    name: f"CREATE TRIGGER {name} {rest}"
    for triggers in (
        *map(_sum_triggers, SUMS),
        _credit_triggers(),
        *(_index_triggers(index, columns) for index, columns in INDEXES.items()),
    )
    for name, rest in triggers
}

FILL = [
    *(kept.filling() for kept in SUMS[:-1]),
    _credits(),
    _ALIKE.format(of_credit="1"),
    SCORE.filling(),
    *(_indexing(index, columns) for index, columns in INDEXES.items()),
]
TABLES += _TRIGRAMS
TIDY = [f"INSERT INTO {index} ({index}) VALUES ('optimize')" for index in INDEXES]
# In one piece it answers in two thirds of the time.
FILL += TIDY
TIDY = TIDY + [
    f"DELETE FROM {table} WHERE parts = 0"
    for table in ("parts_tally", "parts_word", "parts_score")
]
NAMES = (
    "parts_tally",
    "parts_word",
    "parts_credit",
    "parts_score",
    *(name for index in INDEXES for name in (f"{index}_terms", index)),
)
# A writing transaction holds the whole database already.
LOCK: list[str] = []
STANDING = """SELECT name FROM sqlite_master
WHERE type = 'trigger' AND name GLOB 'parts_*'"""


def removal(triggers: set[str]) -> list[str]:
    return [f"DROP TRIGGER {name}" for name in sorted(triggers)]
