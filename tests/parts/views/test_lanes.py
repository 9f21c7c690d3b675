"""The Production board: lanes, the queues in them, and what one stock gives."""

from datetime import date

import pytest
from django.urls import reverse

from parts.models import Part
from parts.querysets import PartQuerySet
from parts.views import lanes
from tests.factories import make_converted, make_part

from .test_boards import shown

BOARD = "/production/"
STATES = {
    "ready": {"status": "Reviewed"},
    "taken": {"status": "In Progress", "assigned": "Sam"},
    "let go": {"status": "Already Started"},
    "blocked": {"status": "In Progress", "blocked_reason": "No bar."},
    "cancelled": {"status": "Cancelled", "blocked_reason": "Not wanted."},
}


def piles(response) -> dict[str, list[tuple]]:
    """Each lane's piles: title, parts, pieces, and the names on it."""
    return {
        lane.category.value: [
            (pile.title, pile.parts, pile.pieces, [str(c.part) for c in pile.cards])
            for pile in lane.piles
        ]
        for lane in response.context["lanes"]
    }


def test_a_lane_stands_in_queues_in_the_order_they_are_worked(member_page):
    for name, state in reversed(STATES.items()):
        make_part(name=name, category="cnc", amount=2, **state)
    make_part(name="approved", category="hand", status="Approved")
    assert piles(member_page.get(BOARD)) == {
        "cnc": [
            ("Ready", 1, 2, ["ready"]),
            ("In progress", 1, 2, ["taken"]),
            ("Already started", 1, 2, ["let go"]),
            ("Blocked", 1, 2, ["blocked"]),
            ("Cancelled", 1, 2, ["cancelled"]),
        ],
        "hand": [("Ready", 1, 1, ["approved"])],
        "misc": [],
    }


def test_what_one_holds_is_shown_however_long_the_queue_is(member_page, monkeypatch):
    monkeypatch.setitem(lanes.SHOWN, lanes.Queue.IN_PROGRESS, 1)
    for name in ("first", "second"):
        make_part(name=name, category="cnc", status="In Progress", assigned="Sam")
    held = {"status": "In Progress", "assigned": "mara member"}
    make_part(name="own", category="cnc", **held)
    make_part(name="own, blocked", category="cnc", blocked_reason="No bar.", **held)
    response = member_page.get(BOARD)
    assert piles(response)["cnc"] == [
        ("In progress", 3, 3, ["first", "own"]),
        ("Blocked", 1, 1, ["own, blocked"]),
    ]
    assert response.context["lanes"][0].left_out == 1


def test_a_queue_is_in_order_of_priority_due_date_and_age(member_page):
    make_part(name="old", category="cnc")
    make_part(name="young", category="cnc")
    make_part(name="due", category="cnc", due_date=date(2026, 5, 2))
    make_part(name="due sooner", category="cnc", due_date=date(2026, 5, 1))
    make_part(name="high", category="cnc", priority=2)
    names = ["high", "due sooner", "due", "old", "young"]
    assert shown(member_page.get(BOARD)) == names
    assert shown(member_page.get(BOARD, {"category": "cnc"})) == names


def test_every_heading_has_its_counts(member_page):
    make_part(category="cnc", amount=4)
    make_part(category="cnc", amount=3, status="Already Started")
    make_part(category="hand")
    text = member_page.get(BOARD).text
    for words in ("3 parts · 8 pieces", "2 parts · 7 pieces", "1 part · 4 pieces"):
        assert words in text
    assert text.count("Nothing to make here.") == 1
    assert "0 parts · 0 pieces" in text


def test_a_long_queue_shows_its_head_and_leads_to_the_rest(member_page, monkeypatch):
    monkeypatch.setitem(lanes.SHOWN, 0, 2)
    for n in range(4):
        make_part(name=f"P{n}", category="cnc")
    make_part(name="P9", category="cnc", status="In Progress")
    response = member_page.get(BOARD, {"search": "P"})
    assert shown(response) == ["P0", "P1", "P9"]
    assert 'href="/production/?search=P&amp;category=cnc&amp;queue=ready"' in (
        response.text
    )
    assert "2 more<span" in response.text
    assert '?search=P&amp;category=cnc">Show all 5</a>' in response.text
    ready = member_page.get(BOARD, {"category": "cnc", "queue": "ready"})
    assert shown(ready) == ["P0", "P1", "P2", "P3"]
    whole = member_page.get(BOARD, {"category": "cnc"})
    assert shown(whole) == ["P0", "P1", "P2", "P3", "P9"]
    assert 'href="/production/">' in whole.text  # back to all lanes


def test_a_lane_has_pages_whose_headings_count_all(member_page, monkeypatch):
    monkeypatch.setattr(lanes, "PAGE_SIZE", 2)
    for n in range(3):
        make_part(name=f"P{n}", category="cnc")
    make_part(name="P9", category="cnc", status="In Progress")
    second = member_page.get(BOARD, {"category": "cnc", "page": 2})
    assert piles(second) == {
        "cnc": [("Ready", 3, 3, ["P2"]), ("In progress", 1, 1, ["P9"])]
    }
    assert "Page 2 of 2" in second.text


def test_a_type_alone_is_its_lane(member_page):
    make_part(name="A", category="cnc")
    make_part(name="B", category="hand")
    response = member_page.get(BOARD, {"type": "hand"})
    assert shown(response) == ["B"]
    assert response.context["is_alone"] is True


def test_a_part_without_a_type_stands_in_the_hand_lane(member_page):
    make_part(name="A", category="hand", type="")
    assert shown(member_page.get(BOARD, {"category": "hand"})) == ["A"]


@pytest.mark.parametrize(
    ("lane", "own", "full", "expected"),
    [
        ("misc", "hand", "cnc", "misc"),
        ("", "hand", "cnc", "hand"),
        ("x", "", "misc", "misc"),
        ("", "", "", "cnc"),
    ],
)
def test_a_phone_shows_the_lane_asked_for_then_ones_own_then_a_full_one(
    lane, own, full, expected, member_page, member
):
    member.default_lane = own
    member.save()
    if full:
        make_part(category=full)
    else:
        make_part(category="cnc")
    response = member_page.get(BOARD, {"lane": lane} if lane else {})
    assert [lane.category for lane in response.context["lanes"] if lane.is_shown] == [
        expected
    ]
    assert response.text.count('aria-current="true"') == 2  # the tab, the grouping
    assert response.text.count(" data-shown") == 1


def test_tabs_are_links_that_keep_the_filters(member_page):
    make_part(category="cnc", name="Hub")
    text = member_page.get(BOARD, {"search": "hub", "lane": "cnc"}).text
    assert 'href="/production/?search=hub&amp;lane=misc" data-lane="misc"' in text


class TestStocks:
    def test_parts_of_one_material_and_thickness_stand_together(self, member_page):
        for name, material, thickness in (
            ("A", "6061-T6", "0.25 in"),
            ("B", "Delrin", "6 mm"),
            ("C", "6061-t6 ", "1/4 in"),
            ("D", "6061-T6", "6.35 mm"),
            ("E", "6061-T6", "0.25 in"),
            ("F", "", ""),
        ):
            make_part(
                name=name,
                category="cnc",
                material=material,
                material_thickness=thickness,
                amount=2,
            )
        response = member_page.get(BOARD, {"group": "stock"})
        assert piles(response)["cnc"] == [
            ("6061-T6 · 0.25 in", 4, 8, ["A", "C", "D", "E"]),
            ("Delrin · 6 mm", 1, 2, ["B"]),
            ("No material noted", 1, 2, ["F"]),
        ]
        assert "4 parts · 8 pieces" in response.text

    def test_what_is_urgent_comes_first_and_what_is_blocked_last(self, member_page):
        make_part(name="A", category="cnc", material="Zinc", priority=3)
        make_part(name="B", category="cnc", material="Brass", due_date=date.today())
        make_part(name="C", category="cnc", material="Acetal")
        make_part(name="D", category="cnc", material="Zinc", **STATES["blocked"])
        response = member_page.get(BOARD, {"group": "stock"})
        assert [pile[0] for pile in piles(response)["cnc"]] == [
            "Zinc",
            "Brass",
            "Acetal",
            "Blocked",
        ]

    def test_all_of_a_stock_is_one_link_away(self, member_page, monkeypatch):
        monkeypatch.setattr(lanes, "SHOWN_OF_A_STOCK", 1)
        for name, thickness in (("A", "0.25 in"), ("B", '1/4"'), ("C", "0.5 in")):
            make_part(name=name, category="cnc", material_thickness=thickness)
        response = member_page.get(BOARD, {"group": "stock"})
        assert shown(response) == ["A", "C"]
        pile = response.context["lanes"][0].piles[0]
        assert pile.address == (
            "/production/?category=cnc&material=6061-T6&thickness=0.25+in"
        )
        assert shown(member_page.get(pile.address)) == ["A", "B"]

    def test_a_stock_is_called_the_same_however_a_database_groups(
        self, member_page, monkeypatch
    ):
        for thickness in ("0.25 in", '1/4"', "0.5 in"):
            make_part(category="cnc", material_thickness=thickness)
        grouped, told = PartQuerySet.stocks, []
        for order in (list, lambda rows: [*rows][::-1]):
            monkeypatch.setattr(
                PartQuerySet, "stocks", lambda parts, put=order: put(grouped(parts))
            )
            board = member_page.get(BOARD, {"group": "stock"})
            told.append([name for name, *_ in piles(board)["cnc"]])
        assert told[0] == told[1]
        assert [name for name in told[0] if "1/4" in name] == []

    def test_a_lane_by_stock_has_pages_of_stocks(self, member_page, monkeypatch):
        monkeypatch.setattr(lanes, "STOCKS_SHOWN", 2)
        monkeypatch.setattr(lanes, "STOCKS_OF_A_PAGE", 2)
        for name in "ABC":
            make_part(name=name, category="cnc", material=name)
        query = {"group": "stock"}
        board = member_page.get(BOARD, query)
        assert shown(board) == ["A", "B"]
        assert 'href="/production/?group=stock&amp;category=cnc">Show all 3</a>' in (
            board.text
        )
        second = member_page.get(BOARD, query | {"category": "cnc", "page": 2})
        assert shown(second) == ["C"]

    @pytest.mark.parametrize("group", ["x", "", "\x00"])
    def test_any_other_grouping_is_by_queue(self, group, member_page):
        make_part(category="cnc")
        pile, *_ = piles(member_page.get(BOARD, {"group": group}))["cnc"]
        assert pile[0] == "Ready"


@pytest.mark.parametrize("query", [{"queue": "x"}, {"thickness": "\x00"}])
@pytest.mark.parametrize("alone", [{}, {"category": "cnc"}, {"category": "x"}])
@pytest.mark.parametrize("group", [{}, {"group": "stock"}])
def test_nonsense_in_the_address_breaks_nothing(query, alone, group, member_page):
    make_part(category="cnc")
    assert member_page.get(BOARD, query | alone | group).status_code == 200


@pytest.mark.parametrize("each", [1, 4])
@pytest.mark.parametrize(
    ("query", "queries"),
    [
        # session, user, version, views, choices, counts, heads of the piles, parts
        ("", 8),
        ("?search=Part&sort_by=name", 8),
        ("?category=cnc", 8),
        ("?category=cnc&material=6061-T6&thickness=0.25+in", 9),  # and thicknesses
        ("?group=stock", 9),  # and stocks
        ("?group=stock&category=cnc", 9),
    ],
)
def test_query_cost_is_flat(each, query, queries, lead_page, django_assert_num_queries):
    for _ in range(each):
        for category in ("cnc", "hand", "misc"):
            for state in STATES.values():
                part = make_part(
                    category=category, material_thickness="0.25 in", **state
                )
                make_converted(part)
    with django_assert_num_queries(queries):
        response = lead_page.get(reverse("parts:production") + query)
    assert len(shown(response)) >= each
    assert Part.objects.count() == each * 15
