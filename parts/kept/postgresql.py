"""How PostgreSQL keeps the sums.

A trigger works once a statement, on what the rows were and are, so that a change
of 100 000 rows is a few additions.

Writers must not wait for each other at the row of a sum that all of them change,
and never in a circle. So a sum is spread over rows with a number, its shard, and a
transaction adds to a shard that is its own until it ends. Reads add the shards up;
there are as many as there have been writers at one time.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from parts import lettercase

from .sums import (
    BESIDE,
    CASELESS,
    LIVE,
    NEXT,
    NEXT_PARTS,
    PLACED,
    SCORE,
    SEARCHED,
    STATE,
    TOLD_BY,
    WORDS,
    Sum,
    beside,
    tally,
    words,
)

SUMS = [
    # numeric, since pieces times microseconds can be more than 64 bits hold
    tally("(extract(epoch FROM completed_at - claimed_date) * 1000000)::numeric"),
    *map(words, WORDS),
    SCORE,
]

SHARDS = 64
_HELD = "pg_try_advisory_xact_lock('parts'::regclass::oid::integer, {})"
TOGETHER = {kept.table: kept for kept in SUMS}.values()


def _together(kept: Sum) -> str:
    keys, measures = ", ".join(kept.keys), ", ".join(kept.measures)
    sums = ", ".join(f"sum({m})" for m in kept.measures)
    return f"""
      WITH gone AS (
        DELETE FROM {kept.table} WHERE shard < 0 OR shard % {SHARDS} = ANY(free)
        RETURNING *)
      INSERT INTO {kept.table} ({keys}, shard, {measures})
      SELECT {keys}, free[1], {sums} FROM gone
      GROUP BY {keys} HAVING sum(parts) <> 0;"""


TABLES = [
    """CREATE TABLE parts_tally (
      category text NOT NULL, season bigint NOT NULL, status text NOT NULL,
      type text NOT NULL, queue smallint NOT NULL, has_holder smallint NOT NULL,
      took smallint NOT NULL, shard integer NOT NULL,
      parts bigint NOT NULL, pieces bigint NOT NULL, microseconds numeric NOT NULL,
      wrong bigint NOT NULL, scrapped bigint NOT NULL,
      PRIMARY KEY (category, season, status, type, queue, has_holder, took, shard)
    ) WITH (fillfactor = 50)""",
    """CREATE TABLE parts_word (
      field text NOT NULL, category text NOT NULL, season bigint NOT NULL,
      word text COLLATE "C" NOT NULL, shard integer NOT NULL,
      parts bigint NOT NULL, pieces bigint NOT NULL,
      PRIMARY KEY (field, category, season, word, shard)
    ) WITH (fillfactor = 50)""",
    """CREATE TABLE parts_credit (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, part_id bigint NOT NULL,
      name text COLLATE "C" NOT NULL, halves smallint NOT NULL,
      has_like boolean NOT NULL DEFAULT false
    )""",
    "CREATE INDEX parts_credit_part ON parts_credit (part_id)",
    """CREATE INDEX parts_credit_like ON parts_credit (name, part_id)
    WHERE has_like""",
    """CREATE TABLE parts_score (
      name text COLLATE "C" NOT NULL, shard integer NOT NULL,
      parts bigint NOT NULL, halves bigint NOT NULL, PRIMARY KEY (name, shard)
    ) WITH (fillfactor = 50)""",
    STATE,
]
_SHARDING = {
    # The lock goes when the transaction does, after what it wrote can be seen. And
    # as long as that lasts, no version of a row is ever done with, so a row that is
    # changed 10 000 times takes 10 000 looks each: from time to time it is another.
    "parts_own_shard": f"""CREATE FUNCTION parts_own_shard() RETURNS integer
    LANGUAGE plpgsql AS $$
    DECLARE
      own integer := nullif(current_setting('parts.shard', true), '');
      turn integer := coalesce(nullif(current_setting('parts.turn', true), ''), '0');
    BEGIN
      FOR free IN 0..{SHARDS - 1} LOOP
        EXIT WHEN own IS NOT NULL;
        IF {_HELD.format("free")} THEN
          own := free;
        END IF;
      END LOOP;
      IF own IS NULL THEN RETURN -pg_backend_pid(); END IF;  -- as many as that
      PERFORM set_config('parts.shard', own::text, true);
      PERFORM set_config('parts.turn', (turn + 1)::text, true);
      RETURN own + {SHARDS} * (turn / 400);
    END $$""",
    # Puts the shards together whose writers are gone.
    "parts_put_together": f"""CREATE FUNCTION parts_put_together() RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE free integer[] := ARRAY(
      SELECT s FROM generate_series(0, {SHARDS - 1}) AS s WHERE {_HELD.format("s")});
    BEGIN
      IF free = '{{}}' THEN RETURN; END IF;
      {" ".join(map(_together, TOGETHER))}
    END $$""",
}

_EVENT_TELLS = f"verb IN {TOLD_BY}"

# Of the spellings of a name the one at the end stands, else the last in order.
_CREDITS = f"""
INSERT INTO parts_credit (part_id, name, halves)
SELECT
  part_id, coalesce(max(CASE WHEN is_end THEN name END), max(name)),
  CASE WHEN NOT bool_or(is_end) THEN 1 WHEN bool_or(is_wrong) THEN -2 ELSE 2 END
FROM (
  SELECT id AS part_id, assigned COLLATE "C" AS name, true AS is_end,
    completed_incorrectly AS is_wrong
  FROM parts WHERE {{of_part}}
  UNION ALL
  SELECT parts.id, worker ->> 'name', false, false
  FROM parts,
    jsonb_path_query(extra, 'strict $.handWorkers[*]', '{{{{}}}}', true) AS worker
  WHERE {{of_part}} AND jsonb_typeof(worker) = 'object'
    AND jsonb_typeof(worker -> 'name') = 'string'
  UNION ALL
  SELECT parts.id, holder #>> '{{{{}}}}', false, false
  FROM parts JOIN parts_partevent AS event ON event.part_id = parts.id,
    jsonb_path_query(changes, 'strict $.assigned[*]', '{{{{}}}}', true) AS holder
  WHERE {{of_part}} AND event.{_EVENT_TELLS} AND jsonb_typeof(holder) = 'string'
) AS worked
WHERE name <> '' GROUP BY part_id, lower(name)"""
_COUNTS = "parts.category = 'completed' AND parts.deleted_at IS NULL"


def _credits(of_part: str) -> str:
    return _CREDITS.format(of_part=f"{_COUNTS} AND {of_part}")


# Beyond ASCII two credits may be one name in two cases, which Python alone knows.
_ALIKE = f"""
UPDATE parts_credit SET has_like = true
WHERE {{of_credit}} AND EXISTS (
  SELECT FROM parts_credit AS other
  WHERE other.part_id = parts_credit.part_id AND other.id <> parts_credit.id
    AND octet_length(other.name || parts_credit.name)
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


def _changed(columns: tuple[str, ...]) -> str:
    """Return the rows that an UPDATE changed in one of ``columns``, as they are now.

    Not by a join of what was and is: where nothing differs PostgreSQL looks through
    all old rows for each new one, and a plan that was made for one row stays.
    """
    listed = ", ".join(("id", *columns))
    return (
        f"(SELECT {listed} FROM new_rows AS now "
        f"EXCEPT SELECT {listed} FROM old_rows AS was) AS now"
    )


def _differs(columns: tuple[str, ...]) -> str:
    return f"(SELECT FROM {_changed(columns)})"


def _triggers(name: str, table: str) -> Iterator[tuple[str, str]]:
    """Yield the three triggers of ``table`` that call the function ``name``."""
    for event, seen in {
        "INSERT": "NEW TABLE AS new_rows",
        "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "DELETE": "OLD TABLE AS old_rows",
    }.items():
        yield (
            f"{name}_{event.lower()}",
            f"AFTER {event} ON {table} REFERENCING {seen} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}_keep()",
        )


@dataclass(frozen=True)
class Function:
    """What the triggers of a table call.

    Args:
        part_id: the column of the table that says which part a row counts for.
    """

    name: str
    body: str
    declared: str = ""
    how: str = ""
    part_id: str = ""

    def creation(self, counted_only: bool = False) -> str:
        """Return the statement that makes it.

        Args:
            counted_only: have it leave alone what is not counted yet.
        """
        body, declared = self.body, self.declared
        if counted_only and self.part_id:
            seen = rf"(SELECT * FROM \1 WHERE {self.part_id} <= upto)"
            body = _COUNTED + re.sub(r"\b(old_rows|new_rows)\b", seen, body)
            declared = f"{declared or 'DECLARE'} upto bigint;"
        return (
            f"CREATE FUNCTION {self.name}_keep() RETURNS trigger LANGUAGE plpgsql "
            f"{self.how} AS $$\n{declared} BEGIN {body} RETURN NULL; END $$"
        )


# Whoever writes what was read long before (REPEATABLE READ) must not take an older
# number for the present one, but fail.
_COUNTED = "SELECT kept.upto INTO STRICT upto FROM parts_kept AS kept FOR SHARE; "


def _adding(kept: Sum, source: str, shard: str, sign: str = "") -> str:
    """Return the statement that adds what the rows of ``source`` count for."""
    keys, measures = ", ".join(kept.keys), ", ".join(kept.measures)
    sums = ", ".join(f"{sign}sum({m})" for m in kept.measures)
    more = ", ".join(f"{m} = kept.{m} + excluded.{m}" for m in kept.measures)
    return f"""INSERT INTO {kept.table} AS kept ({keys}, shard, {measures})
      SELECT {keys}, {shard}, {sums}
      FROM ({kept.counted(source)}) AS counted GROUP BY {keys}
      ON CONFLICT ({keys}, shard) DO UPDATE SET {more};"""


def _sum_function(kept: Sum) -> Function:
    return Function(
        kept.name,
        f"""IF TG_OP = 'UPDATE' THEN
          IF NOT EXISTS {_differs(kept.watched)} THEN RETURN NULL; END IF;
        END IF;
        own := parts_own_shard();
        IF TG_OP <> 'INSERT' THEN {_adding(kept, "old_rows", "own", "-")} END IF;
        IF TG_OP <> 'DELETE' THEN {_adding(kept, "new_rows", "own")} END IF;""",
        "DECLARE own integer;",
        part_id="id" if kept.of == "parts" else "",
    )


# To plan what makes credits takes three times as long as to do it, and PostgreSQL
# would plan it anew for each list of ids: 0.65 ms of a completion's 1.9 (measured).
_PLANNED_ONCE = "SET plan_cache_mode = force_generic_plan"
# What would change nothing would call its triggers all the same.
_ANEW = f"""
IF EXISTS (SELECT FROM parts_credit WHERE part_id = ANY(ids)) THEN
  DELETE FROM parts_credit WHERE part_id = ANY(ids);
END IF;
{_credits("parts.id = ANY(ids)")};
IF EXISTS (
  SELECT FROM parts_credit
  WHERE part_id = ANY(ids) AND octet_length(name) > length(name)
) THEN {_ALIKE.format(of_credit="part_id = ANY(ids)")}; END IF;"""
_COLUMNS = ("category", "deleted_at", "assigned", "completed_incorrectly", "extra")
_OF_PARTS = Function(
    "parts_credit",
    f"""IF TG_OP = 'DELETE' THEN
      DELETE FROM parts_credit WHERE part_id IN (SELECT id FROM old_rows AS gone);
      RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
      ids := ARRAY(SELECT id FROM new_rows AS parts WHERE {_COUNTS});
    ELSE
      ids := ARRAY(
        SELECT id FROM old_rows AS parts WHERE {_COUNTS}
        UNION SELECT id FROM new_rows AS parts WHERE {_COUNTS}
      );
      IF ids = '{{}}' OR NOT EXISTS {_differs(_COLUMNS)} THEN RETURN NULL; END IF;
    END IF;
    IF ids <> '{{}}' THEN {_ANEW} END IF;""",
    "DECLARE ids bigint[];",
    _PLANNED_ONCE,
    part_id="id",
)
# The part is held while its credits are read, so that who completes it at the
# same moment sees this event, or is seen.
_OF_EVENTS = Function(
    "parts_credit_event",
    f"""IF TG_OP = 'INSERT' THEN
      ids := ARRAY(SELECT part_id FROM new_rows AS event WHERE {_EVENT_TELLS});
    ELSIF TG_OP = 'DELETE' THEN
      ids := ARRAY(SELECT part_id FROM old_rows AS event WHERE {_EVENT_TELLS});
    ELSE
      ids := ARRAY(
        SELECT part_id FROM old_rows AS event WHERE {_EVENT_TELLS}
        UNION SELECT part_id FROM new_rows AS event WHERE {_EVENT_TELLS}
      );
    END IF;
    IF ids = '{{}}' THEN RETURN NULL; END IF;
    PERFORM FROM parts WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM parts WHERE id = ANY(ids) AND {_COUNTS}) THEN {_ANEW} END IF;
    """,
    "DECLARE ids bigint[];",
    _PLANNED_ONCE,
    part_id="part_id",
)

# --- Search -------------------------------------------------------------------

# Between two texts, so that nothing is found across them.
END = "E'\\x1f'"


def _fold() -> str:
    """Return the function that is ``lettercase.fold``."""
    folds = lettercase.folds()
    letters, others = ("".join(texts) for texts in (folds, folds.values()))
    # translate() looks through its whole list for every letter, so it is given those
    # that are there: 0.02 ms a text instead of 1. And plpgsql keeps its plans.
    return f"""CREATE FUNCTION parts_fold(said text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
    DECLARE
      lowered text := lower(said COLLATE "C");
      capitals text;
    BEGIN
      IF octet_length(said) = length(said) THEN RETURN lowered; END IF;
      capitals := (
        SELECT string_agg(DISTINCT letter[1], '')
        FROM regexp_matches(said, '[{letters[26:]}]', 'g') AS letter);
      IF capitals IS NULL THEN RETURN lowered; END IF;
      RETURN translate(
        lowered, capitals, translate(capitals, '{letters}', '{others}'));
    END $$"""


def _texts(columns: tuple[str, ...]) -> str:
    return f"parts_fold({f' || {END} || '.join(f'now.{column}' for column in columns)})"


_FOUND = f"now.id, {_texts(SEARCHED)}, {_texts(PLACED)}"
_FOUND_TABLE = """CREATE TABLE parts_found (
  id bigint PRIMARY KEY, said text COLLATE "C" NOT NULL,
  place text COLLATE "C" NOT NULL
)"""
_INDEXED = (*SEARCHED, *PLACED, "deleted_at")
_OF_SEARCH = Function(
    "parts_found",
    f"""IF TG_OP = 'DELETE' THEN
      DELETE FROM parts_found WHERE id IN (SELECT id FROM old_rows AS gone);
    ELSIF TG_OP = 'INSERT' THEN
      INSERT INTO parts_found SELECT {_FOUND} FROM new_rows AS now WHERE now.{LIVE};
    ELSIF EXISTS {_differs(_INDEXED)} THEN
      DELETE FROM parts_found WHERE id IN (
        SELECT now.id FROM new_rows AS now WHERE NOT now.{LIVE});
      INSERT INTO parts_found
      SELECT {_FOUND} FROM {_changed(_INDEXED)} WHERE now.{LIVE}
      ON CONFLICT (id) DO UPDATE SET said = excluded.said, place = excluded.place;
    END IF;""",
    part_id="id",
)
_EMPTY = "TRUNCATE parts_tally, parts_word, parts_credit, parts_score, parts_found"

# --- Making it ----------------------------------------------------------------

# Of three letters each; with fewer, or where nobody may add it, the table is read.
EXTENSION = ["CREATE EXTENSION IF NOT EXISTS pg_trgm", "SELECT show_trgm('')"]
SEARCH_INDEXES = [
    f"CREATE INDEX parts_found_{column} ON parts_found "
    f"USING gin ({column} gin_trgm_ops)"
    for column in ("said", "place")
]
INDEXED = "SELECT to_regclass('parts_found_said') IS NOT NULL"
_KEEPING = [
    Function("parts_emptied", f"{_EMPTY};"),
    _OF_PARTS,
    _OF_EVENTS,
    _OF_SEARCH,
    *map(_sum_function, SUMS),
]
_CALLED = {**_SHARDING, "parts_fold": _fold()}
_ARGUMENTS = {"parts_fold": "text"}
FUNCTIONS = [
    *(f"{function.name}_keep()" for function in _KEEPING),
    *(f"{name}({_ARGUMENTS.get(name, '')})" for name in _CALLED),
]
TRIGGERS = {
    name: f"CREATE TRIGGER {name} {rest}"
    for triggers in (
        *(_triggers(kept.name, kept.of) for kept in SUMS),
        _triggers("parts_credit", "parts"),
        _triggers("parts_credit_event", "parts_partevent"),
        _triggers("parts_found", "parts"),
        [
            (
                "parts_emptied",
                "AFTER TRUNCATE ON parts FOR EACH STATEMENT "
                "EXECUTE FUNCTION parts_emptied_keep()",
            )
        ],
    )
    for name, rest in triggers
}
_SUMMED = ("parts_tally", "parts_word", "parts_credit", "parts_score", "parts_found")
NAMES = (*_SUMMED, "parts_kept")
TABLES += [_FOUND_TABLE]
LAST = [
    *_CALLED.values(),
    *(function.creation() for function in _KEEPING),
    *TRIGGERS.values(),
]
GUARDED = [
    *_CALLED.values(),
    *(function.creation(counted_only=True) for function in _KEEPING),
    *TRIGGERS.values(),
]
# Credits are scored by triggers of their own.
FILL = [
    *(_adding(kept, NEXT_PARTS, "0") for kept in SUMS if kept is not SCORE),
    _credits(f"parts.id {NEXT.format(id='parts.id')}"),
    _ALIKE.format(of_credit=f"part_id {NEXT.format(id='part_id')}"),
    f"INSERT INTO parts_found SELECT {_FOUND} FROM {NEXT_PARTS} AS now "
    f"WHERE now.{LIVE}",
]
FILLED = [f"ANALYZE {name}" for name in _SUMMED]
MERGED: list[str] = []
SET_ASIDE: dict[str, str] = {}  # dropping takes no time here
CATCH_UP: list[str] = []  # its index is never late
TIDY = ["SELECT parts_put_together()"]
# Who waits for a lock keeps out whoever comes after, so it waits a moment only.
_NOT_LONG = "SET LOCAL lock_timeout = '300ms'"
AS_EVER = ["SET LOCAL lock_timeout TO DEFAULT"]
LOCK_AS_NEEDED = [_NOT_LONG]  # there may be no table of parts
LOCK = [_NOT_LONG, "LOCK TABLE parts, parts_partevent IN SHARE ROW EXCLUSIVE MODE"]
# To take a trigger away even readers have to be out.
LOCK_OUT = [_NOT_LONG, "LOCK TABLE parts, parts_partevent IN ACCESS EXCLUSIVE MODE"]
STANDING = """SELECT DISTINCT tgname FROM pg_trigger
WHERE NOT tgisinternal AND starts_with(tgname, 'parts_') AND tgrelid IN (
  SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace
)"""


def removal(triggers: set[str], named: Callable[[str], str]) -> list[str]:
    # With a function go the triggers that call it.
    return [f"DROP FUNCTION IF EXISTS {named(name)} CASCADE" for name in FUNCTIONS]


def renaming(cursor) -> list[str]:
    """Return what gives the tables that were made beside, and theirs, their names."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE starts_with(relname, %s) "
        "AND relkind IN ('r', 'i', 'S') "
        "AND relnamespace = current_schema()::regnamespace",
        [BESIDE],
    )
    made = [name for (name,) in cursor.fetchall()]
    return [
        *removal(set(), beside),
        *(f"ALTER TABLE {n} RENAME TO {n.replace(BESIDE, 'parts_')}" for n in made),
    ]
