"""Which sums the database keeps: what they are of, and by what they are told apart."""

import re
from dataclasses import dataclass

LIVE = "deleted_at IS NULL"
# Whoever had a part is told of by these events, in changes.assigned.
TOLD_BY = ("assigned", "unclaimed")
# The words that people use, each counted by itself.
WORDS = ("subsystem", "material", "material_thickness", "assigned", "storage_location")
# What the search of the API looks into; that of the boards finds places too.
SEARCHED = ("name", "notes", "subsystem", "assigned", "material", "code")
PLACED = ("storage_location",)
INDEXES = {"parts_found": SEARCHED, "parts_placed": PLACED}  # of SQLite


def late(index: str) -> str:
    """Return the table of the parts that ``index`` is late with."""
    return f"{index}_late"


# All that is ours begins with one of these.
_OURS = re.compile(
    r"\bparts_(?=tally|word|credit|score|found|placed|kept|emptied"
    r"|own_shard|put_together|fold)"
)
BESIDE = "parts_new_"
# Where the making stands: parts up to the id ``upto`` are counted, and next those up
# to ``goal``.
STATE = """CREATE TABLE parts_kept (
  made_of varchar(64) NOT NULL, upto bigint NOT NULL, goal bigint NOT NULL
)"""
UPTO = "(SELECT upto FROM parts_kept)"
NEXT = f"> {UPTO} AND {{id}} <= (SELECT goal FROM parts_kept)"
NEXT_PARTS = f"(SELECT * FROM parts WHERE id {NEXT.format(id='id')})"
# No letter becomes or comes of these when its case changes. So two names that have
# not equally many of each are not one name.
CASELESS = " eodrum"


@dataclass(frozen=True)
class Sum:
    """A table of sums over the rows of another.

    Args:
        rows: a SELECT of keys and measures with an ``id``, of the table called
            ``{source}`` (elsewhere the rows before or after a statement).
        watched: the columns of ``of`` that it is made from.
    """

    name: str
    table: str
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    rows: str
    watched: tuple[str, ...]
    of: str = "parts"

    def counted(self, source: str) -> str:
        """Return the SELECT of what the rows of ``source`` count for."""
        return self.rows.format(source=source)


def beside(sql: str) -> str:
    """Return ``sql`` with other names for all that is ours."""
    return _OURS.sub(BESIDE, sql)


def tally(microseconds: str) -> Sum:
    """Count parts and pieces by where they stand.

    Args:
        microseconds: from claim to completion, as the database's own SQL says it.
    """
    took = """
        CASE
          WHEN us IS NULL OR us < 0 THEN 0
          WHEN us < 3600000000 THEN 1
          WHEN us < 14400000000 THEN 2
          WHEN us < 28800000000 THEN 3
          WHEN us <= 86400000000 THEN 4
          ELSE 5
        END"""
    return Sum(
        "parts_tally",
        "parts_tally",
        # season 0 is none; took is the class of the time it took, 0 if unknown.
        ("category", "season", "status", "type", "queue", "has_holder", "took"),
        ("parts", "pieces", "microseconds", "wrong", "scrapped"),
        f"""SELECT id, category, coalesce(season_id, 0) AS season, status, type,
          queue, CASE WHEN assigned = '' THEN 0 ELSE 1 END AS has_holder,
          {took} AS took, 1 AS parts, amount AS pieces,
          CASE WHEN us > 0 THEN us * amount ELSE 0 END AS microseconds,
          CASE WHEN completed_incorrectly THEN 1 ELSE 0 END AS wrong, scrapped
        FROM (
          SELECT *, CASE WHEN category = 'completed' THEN {microseconds} END AS us
          FROM {{source}} AS stored WHERE {LIVE}
        ) AS part""",
        (
            "category",
            "season_id",
            "status",
            "type",
            "blocked_reason",
            "assigned",
            "claimed_date",
            "completed_at",
            "amount",
            "completed_incorrectly",
            "scrapped",
            "deleted_at",
        ),
    )


def words(column: str) -> Sum:
    """Count parts and pieces for each word that stands in ``column``."""
    return Sum(
        f"parts_word_{column}",
        "parts_word",
        ("field", "category", "season", "word"),
        ("parts", "pieces"),
        f"""SELECT id, '{column}' AS field, category,
          coalesce(season_id, 0) AS season, {column} AS word,
          1 AS parts, amount AS pieces
        FROM {{source}} AS part WHERE {LIVE} AND {column} <> ''""",
        (column, "category", "season_id", "amount", "deleted_at"),
    )


SCORE = Sum(
    "parts_score",
    "parts_score",
    ("name",),
    ("parts", "halves"),
    "SELECT id, name, 1 AS parts, halves FROM {source} AS credit",
    ("name", "halves"),
    of="parts_credit",
)
