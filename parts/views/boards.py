"""The boards: what stands in one stage, found, sorted and counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from django.db.models import BigIntegerField
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from parts import tallies
from parts.addresses import board_query, chips
from parts.filters import BoardFilter, sort
from parts.models import SHOP, SORTABLE, Category, Part, SavedFilter, Type
from parts.querysets import PartQuerySet
from parts.templatetags.drawn import page
from partsite.compiled import Compiled, Slot
from partsite.seen import only_reading

from .cards import inspect
from .lanes import Desk, card_page
from .live import page_version

PLACES_OFFERED = 200
# Columns whose largest value is the interesting one.
NEWEST_FIRST = {"created_at", "updated_at", "claimed_date", "amount"}
SORT_WORDS = {
    "name": _("name"),
    "subsystem": _("subsystem"),
    "material": _("material"),
    "amount": _("amount"),
    "assigned": _("person"),
    "created_at": _("age"),
    "updated_at": _("last change"),
    "claimed_date": _("time taken"),
}


@dataclass(frozen=True, eq=False)
class Board:
    """A page of parts: its route, its title, its stages, and its words when empty."""

    route: str
    title: str | Promise
    categories: tuple[str, ...]
    usual_order: str | Promise
    empty: str | Promise
    order: str = "in_queue_order"
    has_holders: bool = True
    template: str = "parts/board.html"
    places: frozenset[str] = frozenset()

    @property
    def slug(self) -> str:
        """What it is called where its filters are kept."""
        return self.route.partition(":")[2]

    def parts(self) -> PartQuerySet:
        # Asked for by name, all categories would be looked up one by one.
        if set(self.categories) == set(Category.values):
            return Part.objects.live()
        return Part.objects.on_board(*self.categories)

    def usual(self, parts: PartQuerySet) -> PartQuerySet:
        return getattr(parts, self.order)()


REVIEW = Board(
    "parts:review",
    _("Review"),
    (Category.REVIEW,),
    _("Most urgent"),
    _("Nothing waits for review."),
    has_holders=False,
    template="parts/review.html",
)
PRODUCTION = Board(
    "parts:production",
    _("Production"),
    SHOP,
    _("Most urgent"),
    _("Nothing is in production. Parts come here when a lead approves them."),
    places=frozenset({"category"}),
)
COMPLETED = Board(
    "parts:completed",
    _("Completed"),
    (Category.COMPLETED,),
    _("Last finished"),
    _("Nothing is finished yet."),
    order="in_finish_order",
)
SEARCH = Board(
    "parts:search",
    _("All parts"),
    tuple(Category.values),
    _("Most urgent"),
    _("There are no parts yet."),
)


@require_safe
@only_reading
def review(request: HttpRequest) -> HttpResponse:
    return _board(request, REVIEW)


@require_safe
@only_reading
def production(request: HttpRequest) -> HttpResponse:
    found, context = _found(request, PRODUCTION)
    desk = Desk(found, request)
    if alone := context["chosen"].get("category") or context["chosen"].get("type"):
        lane, context["page"] = desk.lane(Category(alone))
        context["lanes"] = [lane]
    else:
        context["lanes"] = desk.lanes()
    context |= {
        "is_alone": bool(alone),
        "desk": desk,
        "by_stock": desk.by_stock,
        "count": sum(lane.parts for lane in context["lanes"]),
        "pieces": sum(lane.pieces for lane in context["lanes"]),
    }
    return page(request, "parts/production.html", context)


@require_safe
@only_reading
def completed(request: HttpRequest) -> HttpResponse:
    found, context = _found(request, COMPLETED)
    totals = found.totals()
    context |= {
        "count": totals["parts"],
        "pieces": totals["pieces"],
        "totals": totals,
        "places": _places(),
        "page": card_page(found, totals["parts"], request),
    }
    return page(request, "parts/board.html", context)


@require_safe
@only_reading
def search(request: HttpRequest) -> HttpResponse:
    return _board(request, SEARCH)


def _board(request: HttpRequest, board: Board) -> HttpResponse:
    found, context = _found(request, board)
    tally = found.tally("category").values()
    context["count"] = sum(parts for parts, pieces in tally)
    context["pieces"] = sum(pieces for parts, pieces in tally)
    context["page"] = card_page(found, context["count"], request)
    inspect(context["page"].object_list)
    return page(request, board.template, context)


def _found(request: HttpRequest, board: Board) -> tuple[PartQuerySet, dict]:
    """Return what was asked for, sorted, and what every board shows around it."""
    version = page_version()
    parts, form = _filtered(request, board)
    found = _sorted(parts, board, request)
    chosen = form.cleaned_data
    context = {
        "board": board,
        "version": version,
        # A lane is a place on the board, and no filter.
        "is_filtered": any(
            value not in ("", None)
            for name, value in chosen.items()
            if name != "category"
        ),
        "chosen": chosen,
        "chips": chips(request.GET, form, places=board.places),
        "query": board_query(request.GET, form),
        "views": _views().read(owner=request.user.pk),
        "choices": _choices(board),
        "sorting": _sorting(request),
    }
    return found, context


def _filtered(request: HttpRequest, board: Board) -> tuple[PartQuerySet, Form]:
    """Return what was asked for, and the form that says so."""
    params = request.GET
    asked = {key: params[key] for key in BoardFilter.base_filters if params.get(key)}
    if asked.keys() <= _LASTING:
        parts, form = _lasting(board, tuple(asked.items()))
        return parts.all(), form
    filters = BoardFilter(params, board.parts(), request=request)
    return filters.qs, filters.form


# What means the same for everybody and at any time, so that it is read once: that
# takes a millisecond, and people ask for the same few.
_LASTING = BoardFilter.base_filters.keys() - {
    *("search", "mine", "stuck", "thickness", "storage")
}


@lru_cache(maxsize=200)
def _lasting(
    board: Board, asked: tuple[tuple[str, str], ...]
) -> tuple[PartQuerySet, Form]:
    filters = BoardFilter(dict(asked), board.parts())
    return filters.qs, filters.form


@cache
def _views() -> Compiled:
    """Return what reads the views that their ``owner`` keeps."""
    return Compiled(SavedFilter.objects.filter(owner=Slot("owner", BigIntegerField())))


def _sorted(parts: PartQuerySet, board: Board, request: HttpRequest) -> PartQuerySet:
    by, order = _sorting(request)
    parts = sort(parts, by, order) if by else board.usual(parts)
    return parts.by_queue() if board is REVIEW else parts


def _sorting(request: HttpRequest) -> tuple[str, str]:
    """Return the column asked for, if there is such a one, and the direction."""
    by = request.GET.get("sort_by", "")
    if by not in SORTABLE:
        return "", ""
    usual = "desc" if by in NEWEST_FIRST else "asc"
    order = request.GET.get("sort_order", "")
    return by, order if order in {"asc", "desc"} else usual


def _places() -> list[str]:
    """List where finished parts lie, the places with most of them first."""
    uses = tallies.words("storage_location", categories=COMPLETED.categories)
    places = uses["storage_location"]
    return sorted(places, key=lambda place: (-places[place].parts, place))[
        :PLACES_OFFERED
    ]


def _choices(board: Board) -> dict[str, list]:
    """Return what there is to choose from, of what exists on the board."""
    words = tallies.words(
        "subsystem", "material", "season", categories=board.categories
    )
    choices = {field: _in_use(found) for field, found in words.items()}
    seasons = choices.pop("season")
    return {
        **choices,
        "season": [*seasons, ("all", _("All seasons"))] if seasons else [],
        "type": Type.choices,
        "sort_by": list(SORT_WORDS.items()),
    }


def _in_use(words: Iterable[str]) -> list[tuple[str, str]]:
    """Sort the words that are there, each once, in whatever case, to choose from."""
    by_fold = {word.casefold(): word for word in sorted(words)[::-1]}
    return [(by_fold[fold], by_fold[fold]) for fold in sorted(by_fold)]
