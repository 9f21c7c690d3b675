"""Reading the sums that the database keeps: what needs no row of a part."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import connection

from partsite.seen import rows_of

# Besides, a part is told apart by whether somebody has it, and by the class of the
# time from claim to completion: 1 to 5, 0 if unknown.
KEYS = ("category", "season", "status", "type", "queue", "has_holder", "took")


class Tally(NamedTuple):
    """What some parts add up to; ``microseconds`` are each part's times its pieces."""

    parts: int
    pieces: int
    microseconds: float
    wrong: int
    scrapped: int


class Uses(NamedTuple):
    """How often a word stands: in how many parts, of how many pieces together."""

    parts: int
    pieces: int


class Credit(NamedTuple):
    """What the parts that somebody worked on are worth to them."""

    name: str
    parts: int
    points: float


def live_parts(*categories: str, of_kept_seasons: bool = False) -> int:
    """Count the parts of these categories, or all of them, outside the trash.

    Args:
        of_kept_seasons: leave out archived seasons.
    """
    where, values = _of(categories, of_kept_seasons)
    rows = _rows(f"SELECT coalesce(sum(parts), 0) FROM parts_tally {where}", values)
    return int(rows[0][0])


def standing(
    *keys: str, categories: Sequence[str] = (), of_kept_seasons: bool = False
) -> dict[tuple, Tally]:
    """Add up the live parts by some of ``KEYS``: by their values, in that order.

    Args:
        categories: only of these, if any are given.
        of_kept_seasons: leave out archived seasons.
    """
    if unknown := set(keys) - set(KEYS):
        raise ValueError(f"Nothing is kept by {', '.join(sorted(unknown))}.")
    columns = ", ".join(keys)
    where, values = _of(categories, of_kept_seasons)
    # A float, since the sum of what 64 bits hold may not fit there.
    rows = _rows(
        f"SELECT {columns}, sum(parts), sum(pieces), sum(microseconds + 0.0), "
        f"sum(wrong), sum(scrapped) FROM parts_tally {where} "
        f"GROUP BY {columns} HAVING sum(parts) > 0",
        values,
    )
    return {
        row[: len(keys)]: Tally(
            int(row[-5]), int(row[-4]), float(row[-3]), int(row[-2]), int(row[-1])
        )
        for row in rows
    }


def words(
    *fields: str, categories: Sequence[str] = (), of_kept_seasons: bool = False
) -> dict[str, dict[str, Uses]]:
    """Return for each of ``fields`` which words stand there, and how often.

    Args:
        fields: of subsystem, material, material_thickness, assigned,
            storage_location and season, whose words are the names.
    """
    where, of = _of(categories, of_kept_seasons)
    found: dict[str, dict[str, Uses]] = {field: {} for field in fields}
    columns = [field for field in fields if field != "season"]
    sql = (
        f"SELECT field, word, sum(parts), sum(pieces) FROM parts_word {where} "
        f"{'AND' if where else 'WHERE'} field IN ({', '.join(['%s'] * len(columns))}) "
        "GROUP BY field, word HAVING sum(parts) > 0"
    )
    values = [*of, *columns]
    if "season" in found:
        sql += (
            " UNION ALL SELECT 'season', name, sum(parts), sum(pieces) "
            "FROM parts_tally JOIN parts_season ON parts_season.id = season "
            f"{where} GROUP BY name HAVING sum(parts) > 0"
        )
        values += of
    for field, word, parts, pieces in _rows(sql, values):
        found[field][word] = Uses(int(parts), int(pieces))
    return found


def credits() -> list[Credit]:
    """Return what completed parts are worth to whoever worked on them, in no order.

    A name counts in whatever case, and is written as most of its parts write it.
    """
    rows = _rows(
        "SELECT name, sum(parts), sum(halves) FROM parts_score "
        "GROUP BY name HAVING sum(parts) > 0"
    )
    people: defaultdict[str, list[Credit]] = defaultdict(list)
    for name, parts, halves in rows:
        people[name.casefold()].append(Credit(name, int(parts), int(halves) / 2))
    again = _counted_again(people.values())
    return [
        Credit(
            max(spelt, key=lambda credit: (credit.parts, credit.name)).name,
            sum(credit.parts for credit in spelt) - again.get(person, 0),
            sum(credit.points for credit in spelt) - again.get(person, 0) / 2,
        )
        for person, spelt in people.items()
    ]


def _counted_again(people: Iterable[list[Credit]]) -> dict[str, int]:
    """Return how often somebody counts for a part more than once, in two spellings.

    The database knows the letters of ASCII in both cases, and made one of those.
    """
    spelt = [
        (credit.name, credit.name.casefold())
        for credits in people
        if len({credit.name.encode().lower() for credit in credits}) > 1
        for credit in credits
    ]
    if not spelt:
        return {}
    pairs = ", ".join(["(%s, %s)"] * len(spelt))
    rows = _rows(
        f"WITH spelt (name, person) AS (VALUES {pairs}) "
        "SELECT person, count(*) - count(DISTINCT part_id) "
        "FROM spelt JOIN parts_credit USING (name) WHERE has_like GROUP BY person",
        [value for pair in spelt for value in pair],
    )
    return dict(rows)


def _of(categories: Sequence[str], of_kept_seasons: bool) -> tuple[str, list[str]]:
    """Return the WHERE clause and its values."""
    conditions = []
    if categories:
        conditions.append(f"category IN ({', '.join(['%s'] * len(categories))})")
    if of_kept_seasons:
        conditions.append("season NOT IN (SELECT id FROM parts_season WHERE archived)")
    values = [str(category) for category in categories]
    return f"WHERE {' AND '.join(conditions)}" if conditions else "", values


def _rows(sql: str, values: Sequence = ()) -> list[tuple]:
    return rows_of(connection, sql, values)
