"""Every named read of parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    Subquery,
    Sum,
    When,
)
from django.db.models.lookups import Exact, IsNull
from django.utils import timezone

from parts import tallies
from parts.finding import Asked, Holds, OfKeptSeason
from parts.kept.sums import PLACED, SEARCHED
from parts.lettercase import Fold, fold
from parts.thickness import thickness_key
from partsite.compiled import Among, AnyCase, Compiled, Slot, Unindexed, Unmade
from partsite.seen import rows_of

if TYPE_CHECKING:
    from datetime import date, datetime

    from accounts.models import User
    from parts.models import Part

IN_SHOP = ("cnc", "hand", "misc")
OPEN = ("review", *IN_SHOP)
# Of ``models.Queue``, where alone there may be a reason.
_QUEUE_BLOCKED, _QUEUE_CANCELLED = 3, 4
HELD_TOO_LONG = timedelta(days=5)
# What people look for on the boards; SEARCHED is a promise of the API.
FOUND_BY = (*SEARCHED, *PLACED)
MOST_WORDS = 8
MAX_BIGINT = models.BigIntegerField.MAX_BIGINT  # no database takes more


def words_of(text: str) -> list[str]:
    """Return the words that are looked for, as a keyboard would write them."""
    # Some devices send ü as u and two dots, which is another text.
    return normalize("NFC", text.replace("\x00", " ")).split()[:MOST_WORDS]


class PartQuerySet(models.QuerySet):
    def get_by_natural_key(self, uuid: str) -> "Part":
        return self.get(uuid=uuid)

    def live(self) -> "PartQuerySet":
        """Leave out the trash."""
        return self.filter(deleted_at=None)

    def in_trash(self) -> "PartQuerySet":
        return self.exclude(deleted_at=None)

    def on_board(self, *categories: str) -> "PartQuerySet":
        return self.live().filter(category__in=categories)

    def in_shop(self) -> "PartQuerySet":
        return self.on_board(*IN_SHOP)

    def unassigned(self) -> "PartQuerySet":
        return self.filter(assigned="")

    def held_by(self, name: "str | Slot") -> "PartQuerySet":
        if isinstance(name, Slot):
            return self.exclude(assigned="").filter(AnyCase(F("assigned"), name))
        return self.filter(assigned__iexact=name) if name else self.none()

    def tally_of_holders(self, names: list[str]) -> dict[str, int]:
        """Count the parts of each of ``names``, by the folded name."""
        rows = self.order_by().annotate(holder=Fold("assigned"))
        rows = rows.filter(holder__in=[fold(name) for name in names])
        return dict(rows.values_list("holder").annotate(Count("pk")))

    def in_review(self) -> "PartQuerySet":
        """List what waits for a lead's word."""
        return self.on_board("review").filter(blocked_reason="")

    def sent_back(self) -> "PartQuerySet":
        return self.on_board("review")._with_reason()

    def _with_reason(self) -> "PartQuerySet":
        """Keep what is blocked or sent back; the queues let an index find it."""
        queues = [_QUEUE_BLOCKED, _QUEUE_CANCELLED]
        return self.filter(queue__in=queues).exclude(blocked_reason="")

    def handed_in_by(self, user: "User | Slot") -> "PartQuerySet":
        return self.filter(self._is_handed_in_by(user))

    def _is_handed_in_by(self, user: "User | Slot") -> Exists:
        # A part has one such event, but somebody may have thousands: SQLite, asked
        # without the +, reads all of them for each part.
        actor = user if isinstance(user, Slot) else user.pk
        created = self._events("created")
        return Exists(created.filter(Exact(Unindexed("actor_id"), actor)))

    def ready(self) -> "PartQuerySet":
        """List what anybody may begin now."""
        return self.in_shop().unassigned().filter(blocked_reason="")

    def held(self) -> "PartQuerySet":
        return self.in_shop().exclude(assigned="")

    def held_too_long(self, since: "datetime | Slot | None" = None) -> "PartQuerySet":
        """List what is held since before ``since``, or for more than five days."""
        return self.held().filter(
            claimed_date__lt=since or timezone.now() - HELD_TOO_LONG
        )

    def blocked(self) -> "PartQuerySet":
        return self.in_shop()._with_reason()

    def overdue(self, today: "date | Slot | None" = None) -> "PartQuerySet":
        return self.on_board(*OPEN).filter(due_date__lt=today or timezone.localdate())

    def not_converted(self) -> "PartQuerySet":
        """List what is to be made, but has no model since its conversion failed."""
        return self.on_board(*OPEN).filter(current_step__state="failed")

    def finished_since(self, moment: "datetime | Slot") -> "PartQuerySet":
        return self.on_board("completed").filter(completed_at__gte=moment)

    def matching(self, text: str) -> "PartQuerySet":
        """Keep parts that hold ``text`` in one of the searched fields.

        Case does not matter; ``%`` and ``_`` are ordinary characters.
        """
        return self._holding(text, SEARCHED)

    def found_by(self, text: str) -> "PartQuerySet":
        """Keep parts that hold every word of ``text``, each in whatever field."""
        parts = self
        for word in words_of(text):
            parts = parts._holding(word, FOUND_BY)
        return parts

    def _holding(self, text: str, fields: Sequence[str]) -> "PartQuerySet":
        text = text.strip().replace("\x00", "")
        return self.filter(Holds(text, fields)) if text else self

    def count(self) -> int:
        """Count without reading parts, where something has the number already."""
        asked = None
        if self._result_cache is None and not self.query.is_sliced:
            asked = Asked.of(self.query)
        if asked and not asked.texts:
            kept = {"of_kept_seasons": asked.of_kept_seasons}
            return tallies.live_parts(*asked.categories, **kept)
        if asked and len(asked.texts) == 1 and not asked.categories:
            hits = asked.texts[0].hits
            if hits.are_indexed and not asked.of_kept_seasons:
                return hits.count
        return super().count()

    def best_first(self, text: str) -> "PartQuerySet":
        """Put first what is called ``text``, then what begins so, then the rest.

        Of equals what is still to be made comes first, and what changed last.
        """
        words = words_of(text) or [""]
        return self.order_by(
            Case(
                When(Q(code__iexact=text.strip()), then=0),
                When(Q(name__istartswith=words[0]), then=1),
                When(Q(code__istartswith=words[0]), then=1),
                When(Q(name__icontains=words[0]), then=2),
                default=3,
            ),
            Case(When(completed_at=None, then=0), default=1),
            "-updated_at",
            "-id",
        )

    def in_queue_order(self) -> "PartQuerySet":
        """Order as a shop works: urgent first, then due date, then age.

        Not by NULLS LAST, which no index of SQLite has.
        """
        return self.order_by(
            F("priority").desc(),
            IsNull(F("due_date"), True).asc(),
            "due_date",
            "created_at",
            "id",
        )

    def in_holders_order(self) -> "PartQuerySet":
        """Order what somebody has: newer files first, then what was taken first."""
        is_outdated = Q(current_step__revision__gt=F("claimed_revision")) | Q(
            current_drawing__revision__gt=F("claimed_drawing")
        )
        return self.order_by(
            Case(When(is_outdated, then=0), default=1),
            F("claimed_date").asc(nulls_first=True),
            "id",
        )

    def by_queue(self) -> "PartQuerySet":
        """Put the queues after each other, each in the order that stands.

        In review it puts what was sent back last.
        """
        return self.order_by("queue", *self.query.order_by)

    def in_finish_order(self) -> "PartQuerySet":
        """Order by what was finished last."""
        return self.order_by(F("completed_at").desc(nulls_last=True), "-id")

    def of_kept_seasons(self) -> "PartQuerySet":
        """Leave out the parts of archived seasons."""
        return self.filter(OfKeptSeason())

    def with_files(self) -> "PartQuerySet":
        """Join what a card shows of the current files and the season."""
        return self.select_related("current_step", "current_drawing", "season")

    def for_cards(self) -> "PartQuerySet":
        """Add all that a card shows."""
        return self.with_files().with_author().with_remake().with_review_note()

    def cards(self, ids: Sequence[int]) -> list[Unmade]:
        """Return these parts, in this order, with all that ``for_cards`` adds.

        What a card shows is looked up for each row that is sorted, so sort first.
        """
        rows = _cards(self.model).unmade(ids=list(ids))
        found = {row["id"]: row for row in rows}
        return [found[pk] for pk in ids if pk in found]

    def picture_of(self, pk: int) -> str:
        """Return the stored name of a live part's current picture, "" if it has none.

        A board shows a hundred, and to read a part for each takes ten times as long.

        Raises:
            DoesNotExist: there is no such part.
        """
        rows = _picture(self.model).rows(pk=pk) if pk <= MAX_BIGINT else []
        if not rows:
            raise self.model.DoesNotExist
        return rows[0][0] or ""

    def with_pictures(self) -> "PartQuerySet":
        """Join the season and the current picture, and nothing heavy.

        Measures alone are several KB a file, and a list may hold every part.
        """
        file = self.model._meta.get_field("current_step").related_model
        heavy = {f.name for f in file._meta.concrete_fields} - {
            "id",
            "part",
            "thumbnail",
        }
        return self.select_related("current_step", "season").defer(
            *(f"current_step__{name}" for name in heavy)
        )

    def with_remake(self) -> "PartQuerySet":
        """Add what replaces it and what it replaces.

        ``remake_pk``, ``remake_code``; ``replaced_code``, None in the trash.
        """
        remake = self.model.objects.filter(remake_of=OuterRef("pk"), deleted_at=None)
        return self.annotate(
            remake_pk=Subquery(remake.values("pk")),
            remake_code=Subquery(remake.values("code")),
            replaced_code=Subquery(
                self.model.objects.filter(
                    pk=OuterRef("remake_of"), deleted_at=None
                ).values("code")
            ),
        )

    def with_author(self) -> "PartQuerySet":
        """Add who handed it in: ``author``, their name, and ``author_pk``."""
        created = self._events("created").order_by("at", "id")
        return self.annotate(
            author=Subquery(created.values("actor_name")[:1]),
            author_pk=Subquery(created.values("actor")[:1]),
        )

    def with_review_note(self) -> "PartQuerySet":
        """Add ``review_note``: what the reviewer wrote to whoever makes it."""
        last = self._events("approved").order_by("-at", "-id").values("note")[:1]
        return self.annotate(review_note=Subquery(last))

    def _events(self, verb: str) -> models.QuerySet:
        events = self.model._meta.get_field("events").related_model.objects
        return events.filter(part=OuterRef("pk"), verb=verb)

    def lying_in(self, place: str) -> "PartQuerySet":
        """Keep parts whose storage place holds ``place``, in any case."""
        return self._holding(place, PLACED)

    def of_thickness(self, text: str) -> "PartQuerySet":
        """Keep live parts as thick as ``text`` says, in whatever words and units."""
        wanted = thickness_key(text)
        texts = tallies.words("material_thickness")["material_thickness"]
        same = [written for written in texts if thickness_key(written) == wanted]
        return self.filter(material_thickness__in=same)

    def cut(self, start: int, stop: int | None) -> "PartQuerySet":
        """Keep a piece of an ordered list; what stands before it is not read.

        An index alone says which parts those are, and only they are looked up.
        """
        numbers = self.values("pk")[start:stop]
        return self.model.objects.filter(pk__in=numbers).order_by(*self.query.order_by)

    def ids(self, start: int, stop: int) -> list[int]:
        """Return the ids of a piece of an ordered list.

        The statement of a plain one is remembered: to write it takes five times as
        long as to run it.
        """
        if start >= stop:
            return []
        if (plain := Plain.of(self)) is None:
            return list(self.values_list("pk", flat=True)[start:stop])
        return [pk for (pk,) in _ids(plain, start, stop).rows()]

    def tally(self, *columns: str) -> dict[Any, tuple[int, int]]:
        """Count parts and pieces for each value of ``columns``, as a tuple if many."""
        if (standing := self._standing(*columns)) is not None:
            counted = [
                (*key, sums.parts, sums.pieces) for key, sums in standing.items()
            ]
        else:
            rows = self.order_by().values_list(*columns)
            counted = rows.annotate(Count("pk"), Sum("amount"))
        return {
            values[0] if len(columns) == 1 else tuple(values): (parts, pieces)
            for *values, parts, pieces in counted
        }

    def _standing(self, *columns: str) -> dict[tuple, tallies.Tally] | None:
        """Return the sums that are kept of these parts, if they are."""
        asked = Asked.of(self.query) if not self.query.is_sliced else None
        if asked is None or asked.texts or not set(columns) <= set(tallies.KEYS):
            return None
        return tallies.standing(
            *columns,
            categories=asked.categories,
            of_kept_seasons=asked.of_kept_seasons,
        )

    def stocks(self) -> models.QuerySet:
        """Count parts and pieces by what they are made of, with the most urgent."""
        rows = self.order_by().values("category", "material", "material_thickness")
        return rows.annotate(
            parts=Count("pk"),
            pieces=Sum("amount"),
            priority=Max("priority"),
            due=Min("due_date"),
        )

    def totals(self) -> dict[str, int]:
        """Count what was finished: parts, pieces, made wrong, pieces scrapped."""
        names = ("parts", "pieces", "wrong", "scrapped")
        if (standing := self._standing("category")) is not None:
            return {
                name: sum(getattr(sums, name) for sums in standing.values())
                for name in names
            }
        return self.aggregate(
            parts=Count("pk"),
            pieces=Sum("amount", default=0),
            wrong=Count("pk", filter=Q(completed_incorrectly=True)),
            scrapped=Sum("scrapped", default=0),
        )

    def heads(self, piles: Sequence[tuple[Q, int]]) -> dict[int, int]:
        """Return the first few parts of each pile, in one query.

        Args:
            piles: what holds of a pile's parts, and how many are wanted.
        Returns:
            Id of the part to the number of its pile, pile after pile in this order.
        """
        plain = Plain.of(self)
        sql, values = (
            _heads_of_plain(plain, tuple(piles)) if plain else _heads(self, piles)
        )
        if not sql:
            return {}
        rows = rows_of(connections[self.db], sql, values)
        heads: dict[int, int] = {}
        for number, _place, pk in sorted(rows):
            heads.setdefault(pk, number)
        return heads


@dataclass(frozen=True)
class Plain:
    """A list of live parts that is asked for again and again, and nothing else."""

    model: type["Part"]
    categories: tuple[str, ...]
    of_kept_seasons: bool
    order: tuple

    @classmethod
    def of(cls, parts: PartQuerySet) -> "Plain | None":
        asked = Asked.of(parts.query)
        if asked is None or asked.texts:
            return None
        order, categories = parts.query.order_by, tuple(asked.categories)
        return cls(parts.model, categories, asked.of_kept_seasons, order)

    def parts(self) -> PartQuerySet:
        parts = self.model.objects.live()
        if len(self.categories) == 1:
            parts = parts.filter(category=self.categories[0])
        elif self.categories:
            parts = parts.filter(category__in=self.categories)
        parts = parts.of_kept_seasons() if self.of_kept_seasons else parts
        return parts.order_by(*self.order)


@lru_cache(maxsize=500)
def _ids(plain: Plain, start: int, stop: int) -> Compiled:
    return Compiled(plain.parts().values_list("pk")[start:stop])


@lru_cache(maxsize=100)
def _heads_of_plain(plain: Plain, piles: tuple[tuple[Q, int], ...]) -> tuple[str, list]:
    return _heads(plain.parts(), piles)


def _heads(parts: PartQuerySet, piles: Sequence[tuple[Q, int]]) -> tuple[str, list]:
    """Return the statement of ``PartQuerySet.heads`` and its values; "" finds none."""
    selects, values = [], []
    for number, (where, most) in enumerate(piles):
        try:
            pile = parts.filter(where).values("pk")[:most]
            sql, of_pile = pile.query.sql_with_params()
        except EmptyResultSet:
            continue
        # A sorted, cut one in FROM: SQLite takes none of its own in UNION.
        select = f"SELECT {number}, row_number() OVER (), p.*"
        selects.append(f"{select} FROM ({sql}) p")
        values += of_pile
    return " UNION ALL ".join(selects), values


@cache
def _picture(model: type["Part"]) -> Compiled:
    pk = Slot("pk", models.BigIntegerField())
    part = model.objects.live().filter(pk=pk).order_by()
    return Compiled(part.values_list("current_step__thumbnail"))


@cache
def _cards(model: type["Part"]) -> Compiled:
    """Return what reads the parts ``ids``."""
    ids = Slot("ids", models.BigIntegerField())
    parts = model.objects.for_cards().filter(Among("pk", ids))
    return Compiled(parts.order_by(), is_lazy=True)
