"""The lanes of the Production board, and the piles in which their parts stand.

A pile has a heading of its own: the parts of one queue, or on request the parts
of one material and thickness, since that is how a machine is loaded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from parts.models import SHOP, Category, Priority, Queue
from parts.querysets import PartQuerySet
from parts.thickness import thickness_key

from .cards import SIGN_OF_QUEUE, BoardCard

PAGE_SIZE = 50
# How many of each queue a board shows of a lane; the lane's own page has all.
SHOWN = {
    Queue.READY: 12,
    Queue.IN_PROGRESS: 8,
    Queue.ALREADY_STARTED: 4,
    Queue.BLOCKED: 4,
    Queue.CANCELLED: 3,
}
OWN_SHOWN = 12
OF_A_HOLDER = (Queue.IN_PROGRESS, Queue.BLOCKED)
STOCKS_SHOWN = 6
STOCKS_OF_A_PAGE = 10
SHOWN_OF_A_STOCK = 6
# What can be loaded: the rest stands in its queue, last.
LOADABLE = (Queue.READY, Queue.IN_PROGRESS, Queue.ALREADY_STARTED)


@dataclass
class Pile:
    """Some of a lane's parts under a heading.

    ``where`` holds of its parts; ``address`` has all of them.
    """

    id: str
    title: str
    where: Q
    address: str
    parts: int
    pieces: int
    queue: Queue | None = None
    cards: list[BoardCard] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The name of its sign, if it is a queue."""
        return "" if self.queue is None else SIGN_OF_QUEUE[self.queue]

    @property
    def left_out(self) -> int:
        return self.parts - len(self.cards)


@dataclass
class Lane:
    category: Category
    address: str
    tab_address: str
    is_shown: bool = True
    piles: list[Pile] = field(default_factory=list)
    parts: int = 0
    pieces: int = 0
    left_out: int = 0

    @property
    def title(self) -> str:
        return self.category.label


@dataclass
class Stock:
    """Parts of a lane out of one material of one thickness."""

    material: str
    thickness: str
    where: Q = field(default_factory=Q)
    parts: int = 0
    pieces: int = 0
    priority: int = Priority.LOW
    due: date = date.max
    most: int = 0

    @property
    def title(self) -> str:
        words = [self.material or _("No material noted"), self.thickness]
        return " · ".join(filter(None, words))

    def add(self, row: dict) -> None:
        """Add what is written in these words."""
        self.where |= Q(
            material=row["material"], material_thickness=row["material_thickness"]
        )
        self.parts += row["parts"]
        self.pieces += row["pieces"]
        self.priority = max(self.priority, row["priority"])
        self.due = min(self.due, row["due"] or date.max)
        if row["parts"] > self.most:  # the words that most people use
            self.most = row["parts"]
            self.material, self.thickness = row["material"], row["material_thickness"]


class Desk:
    """What was found of the Production board, and how it is to be laid out."""

    def __init__(self, found: PartQuerySet, request: HttpRequest) -> None:
        self.found = found
        self.request = request
        self.by_stock = request.GET.get("group") == "stock"
        self._asked = tuple((key, *values) for key, values in request.GET.lists())

    @property
    def address(self) -> str:
        """Where all lanes stand."""
        return self._address(category=None, type=None, queue=None)

    @property
    def groupings(self) -> list[tuple[str, str, bool]]:
        """The ways to lay the parts out: address, words, whether it is this one."""
        return [
            (self._address(group=None), _("By state"), not self.by_stock),
            (self._address(group="stock"), _("By stock"), self.by_stock),
        ]

    def lanes(self) -> list[Lane]:
        """Return the head of each lane."""
        lanes = [self._lane(category) for category in SHOP]
        self._pile_up(lanes)
        shown = self._shown(lanes)
        for lane in lanes:
            lane.is_shown = lane is shown
        for lane in lanes:
            if self.by_stock:
                stocks = [pile for pile in lane.piles if pile.queue is None]
                rest = [pile for pile in lane.piles if pile.queue is not None]
                lane.piles = stocks[:STOCKS_SHOWN] + rest
        self._deal([pile for lane in lanes for pile in lane.piles])
        for lane in lanes:
            lane.left_out = lane.parts - sum(len(pile.cards) for pile in lane.piles)
        return lanes

    def lane(self, category: Category) -> tuple[Lane, Page]:
        """Return a page of one lane."""
        lane = self._lane(category)
        self.found = self.found.filter(category=category)
        self._pile_up([lane])
        if self.by_stock:
            number = self.request.GET.get("page")
            page = Paginator(lane.piles, STOCKS_OF_A_PAGE).get_page(number)
            lane.piles = list(page.object_list)
            self._deal(lane.piles)
            return lane, page
        page = card_page(self.found.by_queue(), lane.parts, self.request)
        piles = {pile.id: pile for pile in lane.piles}
        lane.piles = []
        for queue, some in groupby(page.object_list, lambda card: card.queue):
            pile = piles[_pile_id(category, queue)]
            pile.cards = list(some)
            lane.piles.append(pile)
        return lane, page

    def _lane(self, category: Category) -> Lane:
        whole, tab = (
            self._address(category=category, lane=None),
            self._address(lane=category),
        )
        return Lane(category, whole, tab)

    def _shown(self, lanes: list[Lane]) -> Lane:
        """Return the lane that a phone shows: asked for, one's own, or a full one."""
        wished = self.request.GET.get("lane", "")
        own = getattr(self.request.user, "default_lane", "")
        return next(
            (lane for wish in (wished, own) for lane in lanes if lane.category == wish),
            next((lane for lane in lanes if lane.parts), lanes[0]),
        )

    def _pile_up(self, lanes: list[Lane]) -> None:
        """Give each lane its piles, counted but without cards."""
        by_category = {lane.category.value: lane for lane in lanes}
        found = self.found.filter(category__in=by_category)
        if self.by_stock:
            for lane, stock, number in self._stocks(found, by_category):
                pile = Pile(
                    f"{lane.category}-stock-{number}",
                    stock.title,
                    stock.where & Q(category=lane.category, queue__in=LOADABLE),
                    self._address(
                        category=lane.category,
                        material=stock.material,
                        thickness=stock.thickness,
                        group=None,
                        lane=None,
                    ),
                    stock.parts,
                    stock.pieces,
                )
                lane.piles.append(pile)
            found = found.exclude(queue__in=LOADABLE)
        tally = found.tally("category", "queue")
        for (category, number), (parts, pieces) in sorted(tally.items()):
            lane, queue = by_category[category], Queue(number)
            pile = Pile(
                _pile_id(category, queue),
                str(queue.label),
                Q(category=category, queue=queue),
                self._address(category=category, queue=queue.slug, lane=None),
                parts,
                pieces,
                queue,
            )
            lane.piles.append(pile)
        for lane in lanes:
            lane.parts = sum(pile.parts for pile in lane.piles)
            lane.pieces = sum(pile.pieces for pile in lane.piles)

    def _stocks(
        self, found: PartQuerySet, lanes: dict[str, Lane]
    ) -> Iterator[tuple[Lane, Stock, int]]:
        """List the stocks of each lane, what is most urgent first."""
        stocks: dict[tuple, Stock] = {}
        rows = found.filter(queue__in=LOADABLE).stocks()
        # Databases group in orders of their own, and the first row's words are shown.
        for row in sorted(rows, key=itemgetter("material", "material_thickness")):
            thickness = row["material_thickness"]
            key = (
                row["category"],
                " ".join(row["material"].casefold().split()),
                thickness_key(thickness),
            )
            stocks.setdefault(key, Stock(row["material"], thickness)).add(row)
        ranked = sorted(
            stocks.items(),
            key=lambda item: (-item[1].priority, item[1].due, item[1].title.casefold()),
        )
        for number, ((category, *_words), stock) in enumerate(ranked, 1):
            yield lanes[category], stock, number

    def _deal(self, piles: list[Pile]) -> None:
        """Put the first cards on each pile: two queries, however many piles.

        And the reader's own, since what one takes must not go out of sight.
        """
        user = self.request.user
        own = Q(assigned__iexact=user.worker_name) & ~Q(assigned="")
        held = [pile for pile in piles if pile.queue in OF_A_HOLDER]
        wanted = [
            *(
                (pile, pile.where, SHOWN.get(pile.queue, SHOWN_OF_A_STOCK))
                for pile in piles
            ),
            *((pile, pile.where & own, OWN_SHOWN) for pile in held),
        ]
        heads = self.found.by_queue().heads(
            [(where, most) for _pile, where, most in wanted]
        )
        if not heads:
            return
        for row in self.found.by_queue().cards(list(heads)):
            card = BoardCard(row, user)
            pile, *_where = wanted[heads[card.pk]]
            pile.cards.append(card)

    def _address(self, **changes: str | None) -> str:
        """Return the address of this board with other filters."""
        return _changed(self.request.path, self._asked, tuple(changes.items()))


# A board has a dozen, the same ones each time.
@lru_cache(maxsize=500)
def _changed(
    path: str, asked: tuple[tuple[str, ...], ...], changes: tuple[tuple, ...]
) -> str:
    """Return an address with other filters; the number of a page goes."""
    names = {"page", *dict(changes)}
    stays = [(name, values) for name, *values in asked if name not in names]
    new = [(name, value) for name, value in changes if value]
    query = urlencode([*stays, *new], doseq=True)
    return f"{path}?{query}".removesuffix("?")


def card_page(parts: PartQuerySet, count: int, request: HttpRequest) -> Page:
    """Return the page of cards that is asked for, of ``count`` parts."""
    page = Paginator(range(count), PAGE_SIZE).get_page(request.GET.get("page"))
    start = page.start_index() - 1 if count else 0
    rows = parts.cards(parts.ids(start, start + len(page)))
    page.object_list = [BoardCard(row, request.user) for row in rows]
    return page


def _pile_id(category: str, queue: Queue) -> str:
    return f"{category}-{queue.slug}"
