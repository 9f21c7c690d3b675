"""How SQLite keeps the sums.

A trigger takes what a row counts for away before the row changes, and adds it
after. None calls a function of ours: any program may write the file. What is taken
away is an UPDATE, so that tables emptied in whatever order leave nothing below 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from partsite.seen import ALONE, AROUND, LISTS, PICTURES, SHOWN

from .sums import (
    CASELESS,
    INDEXES,
    LIVE,
    NEXT,
    NEXT_PARTS,
    SCORE,
    STATE,
    TOLD_BY,
    UPTO,
    WORDS,
    Sum,
    beside,
    late,
    tally,
    words,
)


@dataclass(frozen=True)
class Trigger:
    """Keeps something.

    Args:
        of: the id of the part that it counts.
    """

    name: str
    on: str
    body: str
    when: str = ""
    of: str = ""

    def creation(self, counted_only: bool = False) -> str:
        """Return the statement that makes it.

        Args:
            counted_only: have it leave alone what is not counted yet.
        """
        conditions = [f"({self.when})"] if self.when else []
        if counted_only and self.of:
            conditions.append(f"{self.of} <= {UPTO}")
        when = f"WHEN {' AND '.join(conditions)}" if conditions else ""
        return f"CREATE TRIGGER {self.name} {self.on} {when} BEGIN {self.body}; END"


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
    """CREATE TABLE parts_score (
      name TEXT NOT NULL PRIMARY KEY, parts INTEGER NOT NULL, halves INTEGER NOT NULL
    ) WITHOUT ROWID""",
    STATE,
]
# An index cannot be renamed.
_INDEXES = {
    "parts_credit_part": "parts_credit (part_id)",
    "parts_credit_like": "parts_credit (name, part_id) WHERE has_like",
}

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
  FROM parts CROSS JOIN parts_partevent AS event,
    json_each(event.changes, '$.assigned') AS holder
  WHERE {{of_part}} AND event.part_id = parts.id AND event.{_EVENT_TELLS}
    AND json_type(event.changes, '$.assigned') = 'array' AND holder.type = 'text'
)
WHERE name <> '' GROUP BY part_id, lower(name)"""
# By the ids of the parts and then their events, which the joins and the plus say.
_COUNTS = "+parts.category = 'completed' AND parts.deleted_at IS NULL"


def _credits(of_part: str) -> str:
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


def _adding(kept: Sum, rows: str, by: str) -> str:
    """Return the statement that adds up what ``rows`` count for, ``by`` what."""
    keys, measures = ", ".join(kept.keys), ", ".join(kept.measures)
    more = ", ".join(f"{m} = {m} + excluded.{m}" for m in kept.measures)
    return f"""INSERT INTO {kept.table} ({keys}, {measures})
      SELECT {keys}, {rows} {by}
      ON CONFLICT ({keys}) DO UPDATE SET {more}"""


def _filling(kept: Sum) -> str:
    sums = ", ".join(f"sum({measure})" for measure in kept.measures)
    rows = f"{sums} FROM ({kept.counted(NEXT_PARTS)})"
    return _adding(kept, rows, f"WHERE true GROUP BY {', '.join(kept.keys)}")


def _sum_triggers(kept: Sum) -> Iterator[Trigger]:
    measures = ", ".join(kept.measures)
    rows = kept.counted(kept.of)
    add = _adding(kept, f"{measures} FROM ({rows})", "WHERE id = NEW.id")
    less = ", ".join(f"{m} = {kept.table}.{m} - gone.{m}" for m in kept.measures)
    same = " AND ".join(f"{kept.table}.{key} = gone.{key}" for key in kept.keys)
    take = f"""UPDATE {kept.table} SET {less}
      FROM ({rows}) AS gone WHERE gone.id = OLD.id AND {same}"""
    differs = " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in kept.watched)
    update = f"UPDATE OF {', '.join(kept.watched)} ON {kept.of}"
    was, now = ("OLD.id", "NEW.id") if kept.of == "parts" else ("", "")
    for name, on, body, when, of in (
        ("come", f"AFTER INSERT ON {kept.of}", add, "", now),
        ("from", f"BEFORE {update}", take, differs, was),
        ("to", f"AFTER {update}", add, differs, now),
        ("go", f"BEFORE DELETE ON {kept.of}", take, "", was),
    ):
        yield Trigger(f"{kept.name}_{name}", on, body, when, of)


def _credit_triggers() -> Iterator[Trigger]:
    forget = "DELETE FROM parts_credit WHERE part_id = {0}"
    alike = _ALIKE.format(of_credit="parts_credit.part_id = {0}")
    anew = f"{forget}; {_credits('parts.id = {0}')}; {alike}"
    events = "parts_partevent"
    columns = "category, deleted_at, assigned, completed_incorrectly, extra"
    differs = " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in columns.split(", "))
    counts = " OR ".join(
        f"({row}.category = 'completed' AND {row}.deleted_at IS NULL)"
        for row in ("OLD", "NEW")
    )
    retelling = f"AFTER UPDATE OF part_id, verb, changes ON {events}"
    retold = f"OLD.{_EVENT_TELLS} OR NEW.{_EVENT_TELLS}"
    for name, on, body, when, of in (
        ("come", "AFTER INSERT ON parts", anew, "NEW.category = 'completed'", "NEW.id"),
        (
            "change",
            f"AFTER UPDATE OF {columns} ON parts",
            anew,
            f"({counts}) AND ({differs})",
            "NEW.id",
        ),
        ("go", "AFTER DELETE ON parts", forget, "", "OLD.id"),
        (
            "told",
            f"AFTER INSERT ON {events}",
            anew,
            f"NEW.{_EVENT_TELLS}",
            "NEW.part_id",
        ),
        ("retold", retelling, anew, retold, "NEW.part_id"),
        (
            "moved",
            retelling,
            anew,
            f"OLD.part_id <> NEW.part_id AND ({retold})",
            "OLD.part_id",
        ),
        (
            "untold",
            f"AFTER DELETE ON {events}",
            anew,
            f"OLD.{_EVENT_TELLS}",
            "OLD.part_id",
        ),
    ):
        yield Trigger(f"parts_credit_{name}", on, body.format(of), when, of)


# --- Search -------------------------------------------------------------------

# One text costs the index a third of what a new part does, and many at once hardly
# more than one (measured). So what has changed waits beside it, where a search reads.
LATE_MOST = 64
# Behind each text, so that its last letters too begin some three.
END = "char(31, 31)"
_TRIGRAMS = [
    # It holds nothing that it was not given, so what goes has to be told it too.
    f"CREATE VIRTUAL TABLE {index} USING fts5({', '.join(columns)}, "
    "content = '', columnsize = 0, tokenize = 'trigram')"
    for index, columns in INDEXES.items()
]
# What the index still holds of each part that it is late with; NULL if nothing.
_LATE = [
    f"CREATE TABLE {late(index)} (id INTEGER PRIMARY KEY, {', '.join(columns)})"
    for index, columns in INDEXES.items()
]


def _indexing(index: str, columns: tuple[str, ...]) -> str:
    return (
        f"INSERT INTO {index} (rowid, {', '.join(columns)}) "
        f"SELECT id, {_texts(columns)} FROM parts "
        f"WHERE {LIVE} AND ({_is_any(columns)}) AND id {NEXT.format(id='id')}"
    )


def _texts(columns: tuple[str, ...], row: str = "") -> str:
    return ", ".join(f"{row}{column} || {END}" for column in columns)


def _is_any(columns: tuple[str, ...], row: str = "") -> str:
    return " OR ".join(f"{row}{column} <> ''" for column in columns)


def _index_triggers(index: str, columns: tuple[str, ...]) -> Iterator[Trigger]:
    was, now = (
        f"{row}.{LIVE} AND ({_is_any(columns, f'{row}.')})" for row in ("OLD", "NEW")
    )
    watched = (*columns, "deleted_at")
    differs = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in watched)
    come = f"INSERT INTO {late(index)} (id) SELECT NEW.id {_unless_late(index, 'NEW')}"
    stale = (
        f"INSERT INTO {late(index)} SELECT OLD.id, held.* FROM (SELECT 1) LEFT JOIN "
        f"(SELECT {', '.join(f'OLD.{column}' for column in columns)} WHERE {was}) "
        f"AS held {_unless_late(index, 'OLD')}"
    )
    yield Trigger(f"{index}_come", "AFTER INSERT ON parts", come, now, "NEW.id")
    yield Trigger(
        f"{index}_change",
        f"AFTER UPDATE OF {', '.join(watched)} ON parts",
        stale,
        f"({differs}) AND (({was}) OR ({now}))",
        "NEW.id",
    )
    yield Trigger(f"{index}_go", "AFTER DELETE ON parts", stale, was, "OLD.id")
    yield Trigger(
        f"{index}_catch_up",
        f"AFTER INSERT ON {late(index)}",
        _catching_up(index, columns),
        f"NEW.id < 0 OR (SELECT count(*) FROM {late(index)}) >= {LATE_MOST}",
    )


def _unless_late(index: str, row: str) -> str:
    # Not OR IGNORE, in whose place SQLite puts that of the statement that caused it.
    return f"WHERE NOT EXISTS (SELECT 1 FROM {late(index)} WHERE id = {row}.id)"


def _catching_up(index: str, columns: tuple[str, ...]) -> str:
    """Return what has the index hold what the parts do that it is late with."""
    names = ", ".join(columns)
    return f"""
      INSERT INTO {index} ({index}, rowid, {names})
      SELECT 'delete', id, {_texts(columns)}
      FROM {late(index)} WHERE {columns[0]} IS NOT NULL;
      INSERT INTO {index} (rowid, {names})
      SELECT id, {_texts(columns)} FROM parts
      WHERE id IN (SELECT id FROM {late(index)}) AND {LIVE} AND ({_is_any(columns)});
      DELETE FROM {late(index)}"""


_TRIGGERS = [
    trigger
    for triggers in (
        *map(_sum_triggers, SUMS),
        _credit_triggers(),
        *(_index_triggers(index, columns) for index, columns in INDEXES.items()),
    )
    for trigger in triggers
]

# --- What is shown ------------------------------------------------------------

# It is there at any time, so that whoever reads it always can. What is unknown is all
# that stands there without the triggers.
_SHOWN = [
    f"DROP TABLE IF EXISTS {SHOWN}",
    f"CREATE TABLE {SHOWN} "
    f"({LISTS} INTEGER, {ALONE} INTEGER, {AROUND} INTEGER, {PICTURES} TEXT)",
    f"INSERT INTO {SHOWN} VALUES (NULL, NULL, NULL, NULL)",
]


def _anew(*columns: str) -> str:
    return f"UPDATE {SHOWN} SET {', '.join(f'{c} = random()' for c in columns)}"


SHOWN_TABLES = ("parts", "parts_season", "parts_partfile", "parts_partevent")
AROUND_TABLES = ("parts_season", "accounts_apikey", "accounts_user")
# Of a file a list shows but its picture, so that no conversion's progress counts.
LISTED_OF_FILE = ("thumbnail",)
# The part whose picture a file's is, found by its number.
_PICTURED = "FROM parts WHERE parts.id = NEW.part_id AND parts.current_step_id = NEW.id"


def _shown_triggers() -> Iterator[Trigger]:
    changes = {"come": "INSERT", "change": "UPDATE", "go": "DELETE"}
    for table in dict.fromkeys((*SHOWN_TABLES, *AROUND_TABLES)):
        of = table.removeprefix("parts_")
        columns = [
            *((LISTS, ALONE) if table in SHOWN_TABLES else ()),
            *((AROUND,) if table in AROUND_TABLES else ()),
        ]
        for name, change in changes.items():
            is_progress = (table, name) == ("parts_partfile", "change")
            yield Trigger(
                f"{SHOWN}_{of}_{name}",
                f"AFTER {change} ON {table}",
                _anew(ALONE) if is_progress else _anew(*columns),
            )
    # A model that is done ends the lists of its part's category alone.
    listed = f"AFTER UPDATE OF {', '.join(LISTED_OF_FILE)} ON parts_partfile"
    yield Trigger(
        f"{SHOWN}_partfile_pictured",
        listed,
        f"UPDATE {SHOWN} SET {PICTURES} = json_set({PICTURES}, "
        f"(SELECT '$.' || category {_PICTURED}), random())",
        when=f"EXISTS (SELECT 1 {_PICTURED})",
    )
    yield Trigger(
        f"{SHOWN}_partfile_listed",
        listed,
        _anew(LISTS),
        when=f"NOT EXISTS (SELECT 1 {_PICTURED})",
    )


_SHOWN_TRIGGERS = [*_shown_triggers()]
_ALL_ANEW = f"{_anew(LISTS, ALONE, AROUND)}, {PICTURES} = '{{}}'"

# --- Making it ----------------------------------------------------------------

# A writing transaction holds the whole database already.
LOCK: list[str] = []
LOCK_OUT = LOCK_AS_NEEDED = AS_EVER = LOCK
TRIGGERS = {
    trigger.name: trigger.creation() for trigger in (*_TRIGGERS, *_SHOWN_TRIGGERS)
}
GUARDED = [trigger.creation(counted_only=True) for trigger in _TRIGGERS]
_MAKING_INDEXES = [f"CREATE INDEX {name} ON {on}" for name, on in _INDEXES.items()]
# Which three letters there are, for a search for one or two.
_TERMS = [
    f"CREATE VIRTUAL TABLE {index}_terms USING fts5vocab({index}, row)"
    for index in INDEXES
]
TABLES += [*_TRIGRAMS, *_LATE, *_MAKING_INDEXES]
# What ends the making needs no name for itself.
LAST = [*_MAKING_INDEXES, *_TERMS, *_SHOWN, *TRIGGERS.values(), _ALL_ANEW]
# Credits are scored by triggers of their own.
FILL = [
    *(_filling(kept) for kept in SUMS if kept is not SCORE),
    _credits(f"parts.id {NEXT.format(id='parts.id')}"),
    _ALIKE.format(of_credit=f"part_id {NEXT.format(id='part_id')}"),
    *(_indexing(index, columns) for index, columns in INDEXES.items()),
]
FILLED: list[str] = []
EXTENSION: list[str] = []
SEARCH_INDEXES: list[str] = []  # its tables of the search are the index
INDEXED = "SELECT 1"
MERGED = list(INDEXES)
# Names for those that another takes the place of, until they are dropped.
SET_ASIDE = {index: index.replace("_", "_gone_", 1) for index in INDEXES}
TIDY = [
    f"DELETE FROM {table} WHERE parts = 0"
    for table in ("parts_tally", "parts_word", "parts_score")
]
CATCH_UP = [f"INSERT INTO {late(index)} (id) VALUES (-1)" for index in INDEXES]
_TABLES = (
    *("parts_tally", "parts_word", "parts_credit", "parts_score"),
    *INDEXES,
    *map(late, INDEXES),
)
NAMES = (*(f"{index}_terms" for index in INDEXES), *_TABLES, "parts_kept")
STANDING = """SELECT name FROM sqlite_master
WHERE type = 'trigger' AND name GLOB 'parts_*'"""


def removal(triggers: set[str], named: Callable[[str], str]) -> list[str]:
    is_shown = any(name.startswith(SHOWN) for name in triggers)
    return [
        *(f"DROP TRIGGER {name}" for name in sorted(triggers)),
        *(_SHOWN if is_shown else []),
    ]


def renaming(cursor) -> list[str]:
    """Return what gives the tables that were made beside their names."""
    cursor.execute(STANDING)
    triggers = [name for (name,) in cursor.fetchall()]
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    there = {name for (name,) in cursor.fetchall()}
    return [
        *(f"DROP TRIGGER {name}" for name in triggers),
        *(
            f"ALTER TABLE {name} RENAME TO {aside}"
            for name, aside in SET_ASIDE.items()
            if name in there
        ),
        *(f"DROP INDEX {beside(name)}" for name in _INDEXES),
        *(f"ALTER TABLE {beside(n)} RENAME TO {n}" for n in (*_TABLES, "parts_kept")),
    ]
