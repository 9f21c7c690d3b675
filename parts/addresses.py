"""The one address of a view of a board, and what its filters are in words."""

from dataclasses import dataclass

from django.forms import Form
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .filters import BoardFilter
from .models import SORTABLE

# What of an address belongs to a view; the number of a page does not.
KEYS = (*BoardFilter.base_filters, "lane", "group", "sort_by", "sort_order")
NAMES = {
    "assigned": gettext_lazy("Person"),
    "material": gettext_lazy("Material"),
    "season": gettext_lazy("Season"),
    "status": gettext_lazy("Status"),
    "storage": gettext_lazy("Lies at"),
    "subsystem": gettext_lazy("Subsystem"),
    "thickness": gettext_lazy("Thickness"),
}
# Those that are said in words of their own, whatever their value is called.
FLAGS = {
    ("mine", True): gettext_lazy("Mine"),
    ("unassigned", True): gettext_lazy("Free"),
    ("unassigned", False): gettext_lazy("Taken"),
    ("wrong", True): gettext_lazy("Made wrong"),
    ("wrong", False): gettext_lazy("Not made wrong"),
    ("season", "all"): gettext_lazy("All seasons"),
}


@dataclass(frozen=True)
class Chip:
    """A filter that is set, in words, and the query of the board without it."""

    key: str
    words: str
    query: str


def board_query(
    params: QueryDict, form: Form | None = None, *, without: str = ""
) -> str:
    """Write what ``params`` ask of a board in its one form.

    Two addresses that show the same have the same query.

    Args:
        form: that of the filters, filled in with ``params``, where there is one
            already: to make it takes longer than all the rest.
        without: a key to leave out.
    """
    form = form or BoardFilter(params).form
    form.is_valid()
    query = QueryDict(mutable=True)
    for key in KEYS:
        if key in form.errors or key == without:
            continue
        value = " ".join(params.get(key, "").replace("\x00", "").split())
        meant = form.cleaned_data.get(key, value)
        if isinstance(meant, bool):
            value = "true" if meant else "false"
        # “Not mine” filters nothing.
        if value and meant not in ("", None) and (key, meant) != ("mine", False):
            query[key] = value
    if query.get("sort_by") not in SORTABLE:
        query.pop("sort_by", None)
        query.pop("sort_order", None)
    return query.urlencode()


def chips(params: QueryDict, form: Form, *, places: frozenset[str]) -> list[Chip]:
    """Say which filters are set.

    Args:
        places: the keys that are a place on the board, and no filter of it.
    """
    found = []
    for key, value in form.cleaned_data.items():
        if value in ("", None) or key in places or (key, value) == ("mine", False):
            continue
        rest = board_query(params, form, without=key)
        found.append(Chip(key, _words(form, key, value), rest))
    return found


def _words(form: Form, key: str, value: str | bool) -> str:
    if (key, value) in FLAGS:
        return str(FLAGS[key, value])
    if key == "search":
        return _("“%(words)s”") % {"words": value}
    shown = dict(getattr(form.fields[key], "choices", ())).get(value, value)
    if key in NAMES:
        return _("%(filter)s: %(value)s") % {"filter": NAMES[key], "value": shown}
    return str(shown)
