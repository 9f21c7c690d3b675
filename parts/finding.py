"""Which parts hold a text: by the index of the search, or by reading them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Expression, F, Index
from django.db.models.expressions import Col
from django.db.models.lookups import Exact, In, IsNull
from django.db.models.sql import Query
from django.db.models.sql.where import AND, WhereNode

from .kept.sums import INDEXES, LIVE, PLACED, SEARCHED, late
from .lettercase import fold

# What stands behind each text in the index.
_END = "\x1f"
# How many letters the index of SQLite takes together.
_INDEXED = 3
# What it has no eye for: letters whose other case is younger than Unicode 6.1
# (Georgian, Cherokee, phonetic and lost scripts), and what is no letter. For these
# every part is read.
_BLURRED = re.compile(
    f"[{_END}\u025c-\u029e\u037f\u03f3\u0528-\u052f\u10d0-\u10ff\u13a0-\u13fd"
    "\u1c90-\u1cbf\u1d8e\u2c2f\u2c5f\ua698-\ua69b\ua794-\ua7ff\uab53\uab70-\uabbf"
    "\ufffd-\uffff\U000104b0-\U000104fb\U00010570-\U0001e943\U0010ffff]"
)
# The largest page whose parts are listed before they are looked up, and how many
# more are: a few that came out of order do no harm then.
_PAGE, _SPARE = 500, 50
# A part that is read along the way costs as much as this many looked up and sorted.
_READ_AGAINST_SORTED = 1.5


class Holds(Expression):
    """Whether one of ``columns`` holds ``text`` in any case.

    ``%`` and ``_`` are ordinary letters. The text must not be empty.
    """

    conditional = True
    output_field = BooleanField()

    def __init__(self, text: str, columns: Sequence[str]) -> None:
        super().__init__()
        self.needle = fold(text)
        self.columns = columns
        self.hits = Hits(self.needle, columns)  # shared by the copies of this
        self._sources = [F("pk"), *map(F, columns)]

    def get_source_expressions(self) -> list[Expression]:
        return self._sources

    def set_source_expressions(self, expressions: list[Expression]) -> None:
        self._sources = expressions

    def as_sqlite(self, compiler, connection) -> tuple[str, list[Any]]:
        pk, *columns = (compiler.compile(source)[0] for source in self._sources)
        if self.hits.are_indexed:
            if (ids := self._page(compiler.query)) is not None:
                return f"{pk} IN (SELECT value FROM json_each(%s))", [json.dumps(ids)]
            if not self._is_met_soon(compiler.query):
                sql, values = self.hits.ids
                return f"{pk} IN ({sql})", values
        return f"HOLDS(%s, {', '.join(columns)})", [self.needle]

    def as_postgresql(self, compiler, connection) -> tuple[str, list[Any]]:
        pk, *columns = (compiler.compile(source)[0] for source in self._sources)
        if _END in self.needle:
            there = [f"strpos(parts_fold({column}), %s) > 0" for column in columns]
            return f"({' OR '.join(there)})", [self.needle] * len(columns)
        sql, values = self.hits.ids
        return f"{pk} IN ({sql})", values

    def _page(self, query: Query) -> list[int] | None:
        """Return ids among which are all of the page that ``query`` asks for.

        None if it asks for more than a page of live parts by their age.
        """
        column, is_falling = _order(query)
        if column != "created_at" or (query.high_mark or _PAGE + 1) > _PAGE:
            return None
        asked = Asked.of(query)
        if asked is None or asked.of_kept_seasons or len(asked.texts) > 1:
            return None
        return self.hits.by_age(query.high_mark, is_falling, asked.categories)

    def _is_met_soon(self, query: Query) -> bool:
        """Return whether a page is full before as much is read as there are hits.

        Then SQLite had better walk along the order, which an index has, than look
        up every hit and sort them.
        """
        column, is_falling = _order(query)
        wanted = query.high_mark
        if wanted is None or column not in _walkable(query.model):
            return False
        count = self.hits.count
        if wanted >= count:
            return False
        if column == "created_at":
            steps = self.hits.steps(wanted, is_falling)
        else:  # as if they lay evenly
            steps = wanted * self.hits.steps(1, is_falling=False) / count
        return steps * _READ_AGAINST_SORTED < count


class OfKeptSeason(Expression):
    """Whether a part's season, if it has one, is not archived."""

    conditional = True
    output_field = BooleanField()

    def __init__(self) -> None:
        super().__init__()
        self._sources = [F("season_id")]

    def get_source_expressions(self) -> list[Expression]:
        return self._sources

    def set_source_expressions(self, expressions: list[Expression]) -> None:
        self._sources = expressions

    def as_sql(self, compiler, connection) -> tuple[str, list[Any]]:
        season, _values = compiler.compile(self._sources[0])
        archived = "SELECT id FROM parts_season WHERE archived"
        return f"({season} IS NULL OR {season} NOT IN ({archived}))", []


class Hits:
    """The live parts that hold a text, as the index alone tells of them."""

    def __init__(self, needle: str, columns: Sequence[str]) -> None:
        self._needle = needle
        self._columns = columns

    @property
    def are_indexed(self) -> bool:
        return not _BLURRED.search(self._needle)

    @property
    def ids(self) -> tuple[str, list[str]]:
        """The statement that lists their ids, and its values."""
        if connection.vendor == "postgresql":
            pattern = re.sub(r"([\\%_])", r"\\\1", self._needle)
            there = [
                f"{column} LIKE %s"
                for column, columns in (("said", SEARCHED), ("place", PLACED))
                if not set(columns).isdisjoint(self._columns)
            ]
            sql = f"SELECT id FROM parts_found WHERE {' OR '.join(there)}"
            return sql, [f"%{pattern}%"] * len(there)
        selects, values = [], []
        for index, phrases in self._asked.items():
            known = f"SELECT rowid FROM {self._up_to_date(index)} UNION ALL "
            selects.append(f"{known if phrases else ''}{self._late(index)}")
            values += [phrases, self._needle] if phrases else [self._needle]
        if len(selects) == 1:
            return selects[0], values
        return " UNION ".join(f"SELECT * FROM ({sql})" for sql in selects), values

    @cached_property
    def count(self) -> int:
        sql, values = self.ids
        return _row(f"SELECT count(*) FROM ({sql}) AS hits", values)[0]

    def steps(self, wanted: int, is_falling: bool) -> int:
        """Guess how many parts are read by age until ``wanted`` hits are met.

        Ids rise with age, so the index knows where a word is used.
        """
        asked = {index: phrases for index, phrases in self._asked.items() if phrases}
        sql = " UNION ".join(
            f"SELECT rowid FROM {index} WHERE {index} MATCH %s" for index in asked
        )
        order, end = ("DESC", "max") if is_falling else ("ASC", "min")
        last, first = _row(
            f"SELECT ({sql or 'SELECT 0'} ORDER BY 1 {order} LIMIT 1 OFFSET %s), "
            f"(SELECT {end}(id) FROM parts)",
            [*asked.values(), wanted - 1],
        )
        return abs(first - (last or 0)) + 1

    def by_age(
        self, wanted: int, is_falling: bool, categories: Sequence[str]
    ) -> list[int] | None:
        """Return some ids with the first ``wanted`` hits by age among them.

        Ids rise with age, but for parts that were brought from elsewhere: None if
        such a part may be a hit too.

        Args:
            categories: only of these, if any are given.
        """
        if len(self._asked) > 1:
            return None
        [(index, phrases)] = self._asked.items()
        if not phrases:
            return _column(*self.ids)
        joined = among = ""
        if categories:
            # In this order: hit by hit along the index, as far as is needed.
            joined = f"CROSS JOIN parts ON parts.id = {index}.rowid"
            among = f"AND category IN ({', '.join(['%s'] * len(categories))})"
        order, newer, before = ("DESC", ">", "<") if is_falling else ("ASC", "<", ">")
        last = "min" if is_falling else "max"
        found = self._up_to_date(index, joined)
        ids, is_mixed = _row(
            "WITH some (id) AS MATERIALIZED ("
            f"  SELECT {index}.rowid FROM {found} {among} ORDER BY 1 {order} LIMIT %s),"
            f"late (id) AS MATERIALIZED ({self._late(index)}), "
            "hits (id) AS (SELECT id FROM some UNION ALL SELECT id FROM late), "
            "mark (age, id) AS (SELECT "
            "  (SELECT created_at FROM parts WHERE id IN (SELECT id FROM hits) "
            f"  ORDER BY created_at {order} LIMIT 1 OFFSET %s), "
            f"  (SELECT {last}(id) FROM some)) "
            "SELECT (SELECT group_concat(id) FROM hits), EXISTS ("
            "  SELECT 1 FROM mark CROSS JOIN parts WHERE parts.deleted_at IS NULL "
            f"  AND parts.created_at {newer} mark.age "
            # By age, not by id: those are few, and an index of live parts has them.
            f"  AND +parts.id {before} mark.id {among})",
            [
                phrases,
                *categories,
                wanted + _SPARE,
                self._needle,
                wanted - 1,
                *categories,
            ],
        )
        return None if is_mixed else [int(number) for number in (ids or "0").split(",")]

    @cached_property
    def _asked(self) -> dict[str, str]:
        """What each index of SQLite is asked, in its language."""
        return {
            index: self._phrases(index)
            for index, columns in INDEXES.items()
            if not set(columns).isdisjoint(self._columns)
        }

    def _up_to_date(self, index: str, joined: str = "") -> str:
        """What holds of the hits that the index knows of, and is right about."""
        return (
            f"{index} {joined} WHERE {index} MATCH %s "
            f"AND {index}.rowid NOT IN (SELECT id FROM {late(index)})"
        )

    def _late(self, index: str) -> str:
        """The statement that lists the hits among what the index is late with."""
        columns = ", ".join(f"parts.{column}" for column in INDEXES[index])
        return (
            # In this order: SQLite would as soon begin with all parts.
            f"SELECT parts.id FROM {late(index)} AS late "
            "CROSS JOIN parts ON parts.id = late.id "
            f"WHERE parts.{LIVE} AND HOLDS(%s, {columns})"
        )

    def _phrases(self, index: str) -> str:
        if len(self._needle) >= _INDEXED:
            return _quoted(self._needle)
        last = ord(self._needle[-1]) + 1
        after = self._needle[:-1] + chr(0xE000 if last == 0xD800 else last)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT term FROM {index}_terms WHERE term >= %s AND term < %s",
                [self._needle, after],
            )
            return " OR ".join(_quoted(term) for (term,) in cursor.fetchall())


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@dataclass
class Asked:
    """Which live parts a plain query asks for: those that all of this holds of."""

    categories: list[str] = field(default_factory=list)
    texts: list[Holds] = field(default_factory=list)
    of_kept_seasons: bool = False

    @classmethod
    def of(cls, query: Query) -> "Asked | None":
        """Read the conditions of ``query``; None if there are others, or the trash."""
        if query.distinct or query.combinator or query.group_by:
            return None
        asked, is_live = cls(), False
        for condition in _conditions(query.where):
            match condition:
                case IsNull(lhs=Col(target=column), rhs=True) if (
                    column.name == "deleted_at"
                ):
                    is_live = True
                case In(lhs=Col(target=column), rhs=[_, *_] as wanted) if (
                    column.name == "category" and asked._narrow(wanted)
                ):
                    pass
                case Exact(lhs=Col(target=column), rhs=str() as wanted) if (
                    column.name == "category" and asked._narrow([wanted])
                ):
                    pass
                case Exact(lhs=Holds() as holds, rhs=True):
                    asked.texts.append(holds)
                case Exact(lhs=OfKeptSeason(), rhs=True):
                    asked.of_kept_seasons = True
                case _:
                    return None
        return asked if is_live else None

    def _narrow(self, wanted: Sequence[str]) -> bool:
        """Leave out other categories; return whether any are left."""
        known = self.categories
        self.categories = [name for name in wanted if not known or name in known]
        return bool(self.categories)


def _conditions(where: WhereNode) -> Iterator[Any]:
    """Yield what must hold, all of it."""
    if where.negated or (where.connector != AND and len(where.children) > 1):
        yield where
        return
    for child in where.children:
        if isinstance(child, WhereNode):
            yield from _conditions(child)
        else:
            yield child


def _walkable(model) -> set[str]:
    """Return the columns whose order an index has, ties by id."""
    fields = [i.fields for i in model._meta.indexes if isinstance(i, Index)]
    return {_split(f[0])[0] for f in fields if len(f) == 2 and _split(f[1])[0] == "id"}


def _order(query: Query) -> tuple[str, bool]:
    """Return the column that is sorted by, ties by id alike, and whether it falls."""
    match [_split(order) for order in query.order_by if isinstance(order, str)]:
        case [(column, is_falling), ("id", ties_fall)] if (
            len(query.order_by) == 2 and is_falling == ties_fall
        ):
            return column, is_falling
    return "", False


def _split(order: str) -> tuple[str, bool]:
    return order.removeprefix("-"), order.startswith("-")


def _column(sql: str, values: Sequence) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        return [value for (value,) in cursor.fetchall()]


def _row(sql: str, values: Sequence = ()) -> tuple:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        return cursor.fetchone()
