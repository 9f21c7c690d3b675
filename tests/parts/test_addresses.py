"""The one address of a view of a board."""

import pytest
from django.http import QueryDict

from parts.addresses import board_query, chips
from parts.filters import BoardFilter
from parts.models import Part


@pytest.mark.parametrize(
    ("query", "one_form"),
    [
        ("", ""),
        ("search=&subsystem=+&page=3&csrf=x", ""),
        ("search=++hub+++plate", "search=hub+plate"),
        ("search=hub&material=PA12", "search=hub&material=PA12"),
        ("material=PA12&search=hub", "search=hub&material=PA12"),
        ("mine=1", "mine=true"),
        ("mine=0", ""),
        ("unassigned=0", "unassigned=false"),
        ("unassigned=perhaps", ""),
        ("type=cnc", "type=cnc"),
        ("type=laser", ""),
        ("sort_by=name&sort_order=desc", "sort_by=name&sort_order=desc"),
        ("sort_by=password&sort_order=desc", ""),
        ("lane=hand&group=stock", "lane=hand&group=stock"),
        ("search=a%00b", ""),
    ],
)
def test_what_shows_the_same_has_one_address(query, one_form):
    assert board_query(QueryDict(query)) == one_form


def set_chips(query: str, places: frozenset[str] = frozenset()) -> list[tuple]:
    params = QueryDict(query)
    form = BoardFilter(params, Part.objects.none()).form
    form.is_valid()
    return [(c.words, c.query) for c in chips(params, form, places=places)]


def test_each_filter_that_is_set_is_a_chip_that_leads_to_the_rest():
    query = "search=hub&material=PA12&unassigned=true&type=cnc&page=4&sort_by=name"
    assert set_chips(query) == [
        ("“hub”", "type=cnc&material=PA12&unassigned=true&sort_by=name"),
        ("CNC or laser", "search=hub&material=PA12&unassigned=true&sort_by=name"),
        ("Material: PA12", "search=hub&type=cnc&unassigned=true&sort_by=name"),
        ("Free", "search=hub&type=cnc&material=PA12&sort_by=name"),
    ]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("mine=true", ["Mine"]),
        ("mine=false", []),
        ("unassigned=false", ["Taken"]),
        ("season=all", ["All seasons"]),
        ("season=2026", ["Season: 2026"]),
        ("storage=Shelf+B2", ["Lies at: Shelf B2"]),
        ("wrong=true", ["Made wrong"]),
        ("category=cnc", ["CNC"]),
        ("type=laser", []),
    ],
)
def test_a_chip_says_what_it_is(query, words):
    assert [chip for chip, _ in set_chips(query)] == words


def test_a_place_on_the_board_is_no_filter():
    assert set_chips("category=cnc", frozenset({"category"})) == []
