"""The boards: what stands in one stage, found, sorted and counted."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from parts.filters import SORTABLE, BoardFilter, sort
from parts.models import SHOP, Category, DrawingFetch, Part, PartFile, Type
from parts.querysets import PartQuerySet

from .cards import Card, inspect

PAGE_SIZE = 50
LANE_SIZE = 20
# Columns whose largest value is the interesting one.
NEWEST_FIRST = {"created_at", "updated_at", "claimed_date", "amount"}
SORT_WORDS = {
    "name": "name",
    "subsystem": "subsystem",
    "material": "material",
    "amount": "amount",
    "assigned": "person",
    "created_at": "age",
    "updated_at": "last change",
    "claimed_date": "time taken",
}


@dataclass(frozen=True)
class Board:
    """A page of parts: its route, its title, its stages, and its words when empty."""

    route: str
    title: str
    categories: tuple[str, ...]
    usual_order: str
    empty: str
    order: str = "in_queue_order"
    has_holders: bool = True
    template: str = "parts/board.html"

    def parts(self) -> PartQuerySet:
        return Part.objects.on_board(*self.categories)

    def usual(self, parts: PartQuerySet) -> PartQuerySet:
        return getattr(parts, self.order)()


REVIEW = Board(
    "parts:review",
    "Review",
    (Category.REVIEW,),
    "Most urgent",
    "Nothing waits for review.",
    has_holders=False,
    template="parts/review.html",
)
PRODUCTION = Board(
    "parts:production",
    "Production",
    SHOP,
    "Most urgent",
    "Nothing is in production. Parts come here when a lead approves them.",
)
COMPLETED = Board(
    "parts:completed",
    "Completed",
    (Category.COMPLETED,),
    "Last finished",
    "Nothing is finished yet.",
    order="in_finish_order",
)
SEARCH = Board(
    "parts:search",
    "All parts",
    tuple(Category.values),
    "Most urgent",
    "There are no parts yet.",
)


@dataclass
class Lane:
    """Some of a board's parts under a heading of their own."""

    category: str
    title: str
    count: int
    pieces: int
    cards: list[Card] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        return self.count - len(self.cards)


@require_safe
def review(request: HttpRequest) -> HttpResponse:
    return _board(request, REVIEW)


@require_safe
def production(request: HttpRequest) -> HttpResponse:
    return _board(request, PRODUCTION)


@require_safe
def completed(request: HttpRequest) -> HttpResponse:
    return _board(request, COMPLETED)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    return _board(request, SEARCH)


@require_safe
def states(request: HttpRequest) -> JsonResponse:
    """Tell how far some conversions, and some drawings from Onshape, are.

    Asked for ``12,drawing-3``: ``{"12": "running", "drawing-3": "queued"}``.
    """
    names = request.GET.get("ids", "").split(",")[:200]
    files = PartFile.objects.filter(pk__in=_ids(names), part__deleted_at=None)
    found = dict(files.values_list("pk", "state"))
    if asked := _ids(names, "drawing-"):
        fetches = DrawingFetch.objects.filter(pk__in=asked, part__deleted_at=None)
        found |= {f"drawing-{pk}": s for pk, s in fetches.values_list("pk", "state")}
    response = JsonResponse(found)
    response["Cache-Control"] = "no-store"
    return response


def _ids(names: list[str], prefix: str = "") -> list[str]:
    bare = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    return [id_ for id_ in bare if id_.isascii() and id_.isdigit() and len(id_) < 19]


def _board(request: HttpRequest, board: Board) -> HttpResponse:
    filters = BoardFilter(request.GET, board.parts(), request=request)
    found = _sorted(filters.qs, board, request)
    tally = found.tally()
    chosen = filters.form.cleaned_data
    context = {
        "board": board,
        "count": sum(parts for parts, _ in tally.values()),
        "pieces": sum(pieces for _, pieces in tally.values()),
        "filters": filters.form,
        "is_filtered": any(v not in ("", None) for v in chosen.values()),
        "chosen": chosen,
        "choices": _choices(board),
        "sorting": _sorting(request),
        "people": User.objects.workers() if request.user.can_lead else [],
    }
    cards = found.with_files().with_author(request.user).with_review_note()
    if board is PRODUCTION and not chosen.get("type"):
        context["lanes"] = _lanes(cards, tally, request.user)
    else:
        context["page"] = _page(cards, context["count"], request)
    return render(request, board.template, context)


def _sorted(parts: PartQuerySet, board: Board, request: HttpRequest) -> PartQuerySet:
    by, order = _sorting(request)
    parts = sort(parts, by, order) if by else board.usual(parts)
    return parts.waiting_first() if board is REVIEW else parts


def _sorting(request: HttpRequest) -> tuple[str, str]:
    """Return the column asked for, if there is such a one, and the direction."""
    by = request.GET.get("sort_by", "")
    if by not in SORTABLE:
        return "", ""
    usual = "desc" if by in NEWEST_FIRST else "asc"
    order = request.GET.get("sort_order", "")
    return by, order if order in {"asc", "desc"} else usual


def _choices(board: Board) -> dict[str, list]:
    """Return what there is to choose from, of what exists on the board."""
    words = list(board.parts().vocabulary())
    subsystems, materials, seasons = (
        [(word, word) for word in _in_use(row[n] for row in words)] for n in range(3)
    )
    return {
        "subsystem": subsystems,
        "material": materials,
        "season": [*seasons, ("all", "All seasons")] if seasons else [],
        "type": Type.choices,
        "sort_by": SORT_WORDS.items(),
    }


def _in_use(words: Iterable[str | None]) -> list[str]:
    """Sort the words that are there, each once, in whatever case."""
    by_fold = {word.casefold(): word for word in sorted(filter(None, words))[::-1]}
    return [by_fold[fold] for fold in sorted(by_fold)]


def _lanes(parts: PartQuerySet, tally: dict, user: User) -> list[Lane]:
    """Return the head of each lane; its own page has the rest."""
    lanes = []
    for category in SHOP:
        lane = Lane(category, category.label, *tally.get(category, (0, 0)))
        if lane.count:
            rows = parts.filter(category=category)[:LANE_SIZE]
            lane.cards = [Card(part, user) for part in rows]
        lanes.append(lane)
    return lanes


def _page(parts: PartQuerySet, count: int, request: HttpRequest) -> Page:
    paginator = Paginator(parts, PAGE_SIZE)
    paginator.count = count  # known already; it would be asked for again
    page = paginator.get_page(request.GET.get("page"))
    page.object_list = [Card(part, request.user) for part in page.object_list]
    inspect(page.object_list)
    return page
