"""Counts, detailed counts and scores, as the contract writes them."""

from datetime import UTC, datetime, timedelta

import pytest

from parts import workflow
from parts.models import Part, PartEvent, Verb
from tests.factories import make_part

PARTS = "/api/parts/"
AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def _completed(*, hours: float | None = None, **fields) -> Part:
    times = {"completed_at": AT}
    if hours is not None:
        times["claimed_date"] = AT - timedelta(hours=hours)
    return make_part(category="completed", **times, **fields)


@pytest.fixture
def trashed(lead):
    """A completed part that everything must leave out."""
    part = _completed(assigned="Eve", hours=2, amount=9)
    return workflow.trash(part, actor=lead)


# --- Counts -------------------------------------------------------------------


def test_an_empty_shop_counts_nothing(reader):
    assert reader.get(f"{PARTS}stats").json() == {
        "by_category": {"review": 0, "cnc": 0, "hand": 0, "misc": 0, "completed": 0},
        "by_status": {"pending": 0, "in_progress": 0, "completed": 0},
        "assignment": {"assigned": 0, "unassigned": 0},
        "total": 0,
    }
    assert reader.get(f"{PARTS}stats/detailed").json() == {
        "total_parts": 0,
        "completed_parts": 0,
        "in_progress_parts": 0,
        "average_completion_time": None,
        "completion_time_distribution": {
            "< 1 hour": 0,
            "1-4 hours": 0,
            "4-8 hours": 0,
            "8-24 hours": 0,
            "> 24 hours": 0,
        },
        "by_type": {"cnc": 0, "hand": 0, "misc": 0},
        "by_category": {"review": 0, "cnc": 0, "hand": 0, "misc": 0, "completed": 0},
        "top_contributors": [],
    }
    assert reader.get(f"{PARTS}leaderboard").json() == {"leaderboard": []}


def test_stats_count_parts_whatever_their_amount(reader, trashed):
    make_part(amount=7)
    make_part(amount=7, status="Cancelled")
    make_part(category="cnc", assigned="Sam", status="In Progress")
    make_part(category="hand", assigned="Kim")
    make_part(category="misc")
    make_part(category="completed", assigned="Sam")
    assert reader.get(f"{PARTS}stats").json() == {
        "by_category": {"review": 2, "cnc": 1, "hand": 1, "misc": 1, "completed": 1},
        "by_status": {"pending": 1, "in_progress": 1, "completed": 1},
        "assignment": {"assigned": 3, "unassigned": 3},
        "total": 6,
    }


def test_detailed_stats_count_pieces(reader, trashed):
    make_part(amount=2)
    make_part(amount=3, type="misc")
    make_part(category="cnc", status="In Progress", amount=4)
    make_part(category="hand", amount=5)
    _completed(amount=6, assigned="Sam", hours=0.5)
    told = reader.get(f"{PARTS}stats/detailed").json()
    counted = {k: v for k, v in told.items() if k.endswith("_parts")}
    assert counted == {"total_parts": 20, "completed_parts": 6, "in_progress_parts": 4}
    assert told["by_type"] == {"cnc": 10, "hand": 5, "misc": 3}
    assert told["by_category"] == {
        "review": 5,
        "cnc": 4,
        "hand": 5,
        "misc": 0,
        "completed": 6,
    }


def test_the_time_from_claim_to_completion_is_weighted_by_pieces(reader, trashed):
    _completed(hours=1, amount=3)
    _completed(hours=9, amount=1)
    _completed(amount=50)  # never claimed, so it took no known time
    _completed(hours=-1, amount=50)  # clocks that disagree
    told = reader.get(f"{PARTS}stats/detailed").json()
    assert told["average_completion_time"] == 3.0


@pytest.mark.parametrize(
    ("hours", "name"),
    [
        (0, "< 1 hour"),
        (0.999, "< 1 hour"),
        (1, "1-4 hours"),
        (3.999, "1-4 hours"),
        (4, "4-8 hours"),
        (7.999, "4-8 hours"),
        (8, "8-24 hours"),
        (24, "8-24 hours"),
        (24.001, "> 24 hours"),
        (2400, "> 24 hours"),
    ],
)
def test_pieces_are_sorted_by_the_time_they_took(reader, hours, name):
    _completed(hours=hours, amount=4)
    told = reader.get(f"{PARTS}stats/detailed").json()
    by_time = told["completion_time_distribution"]
    assert {key: count for key, count in by_time.items() if count} == {name: 4}


def test_the_five_who_finished_most_pieces(reader, trashed):
    for amount, name in enumerate(["F", "E", "D", "C", "B", "A"], start=1):
        _completed(assigned=name, amount=amount)
    _completed(assigned="a", amount=1)
    _completed(assigned="B", amount=2)
    make_part(category="cnc", assigned="F", amount=90)
    _completed(amount=90)
    told = reader.get(f"{PARTS}stats/detailed").json()
    assert told["top_contributors"] == [
        {"name": "a", "count": 7},
        {"name": "B", "count": 7},
        {"name": "C", "count": 4},
        {"name": "D", "count": 3},
        {"name": "E", "count": 2},
    ]


# --- Scores -------------------------------------------------------------------


def _scores(reader) -> list[tuple[str, float]]:
    board = reader.get(f"{PARTS}leaderboard").json()["leaderboard"]
    return [(row["name"], row["score"]) for row in board]


def test_who_had_it_at_the_end_gets_a_point_and_who_had_it_before_a_half(api):
    part = make_part(category="cnc")
    address = f"{PARTS}{part.pk}"
    for name in ("Ana", "Ben", "Ana", "Cem"):
        api.post(f"{address}/assign", {"assigned": name})
        api.post(f"{address}/unclaim")
    api.post(f"{address}/assign", {"assigned": "Sam"})
    assert _scores(api) == []  # not completed yet
    api.post(f"{address}/complete")
    expected = [("Sam", 1), ("Ana", 0.5), ("Ben", 0.5), ("Cem", 0.5)]
    assert _scores(api) == expected


def test_who_took_it_again_at_the_end_counts_once(api):
    part = make_part(category="hand")
    for name in ("Sam", "Kim", "sam"):
        api.put(f"{PARTS}{part.pk}", {"assigned": name})
    api.post(f"{PARTS}{part.pk}/complete")
    assert _scores(api) == [("sam", 1), ("Kim", 0.5)]


def test_what_was_made_wrong_takes_a_point(api):
    part = make_part(category="cnc")
    for name in ("Kim", "Sam"):
        api.put(f"{PARTS}{part.pk}", {"assigned": name})
    misc = {"completedIncorrectly": True}
    api.post(f"{PARTS}{part.pk}/complete", {"miscInfo": misc})
    assert _scores(api) == [("Kim", 0.5), ("Sam", -1)]


def test_a_revert_takes_the_points_back_until_it_is_completed_again(api):
    part = make_part(category="cnc")
    api.post(f"{PARTS}{part.pk}/assign", {"assigned": "Sam"})
    misc = {"completedIncorrectly": True}
    api.post(f"{PARTS}{part.pk}/complete", {"miscInfo": misc})
    api.post(f"{PARTS}{part.pk}/revert")
    assert _scores(api) == []
    api.put(f"{PARTS}{part.pk}", {"assigned": "Kim"})
    api.post(f"{PARTS}{part.pk}/complete")
    assert _scores(api) == [("Kim", 1), ("Sam", 0.5)]


def test_workers_of_a_hand_part_count_also_without_an_event(reader):
    workers = [{"name": "Kim", "timestamp": "x"}, {"name": "Sam", "timestamp": "x"}]
    _completed(type="hand", assigned="Sam", extra={"handWorkers": workers})
    assert _scores(reader) == [("Sam", 1), ("Kim", 0.5)]


def test_a_part_that_nobody_had_at_the_end_gives_its_helpers_their_half(api):
    part = make_part(category="misc")
    api.post(f"{PARTS}{part.pk}/assign", {"assigned": "Sam"})
    api.post(f"{PARTS}{part.pk}/unclaim")
    api.post(f"{PARTS}{part.pk}/complete")
    assert _scores(api) == [("Sam", 0.5)]


def test_points_of_all_parts_add_up_and_the_trash_counts_nothing(reader, trashed):
    for _ in range(3):
        _completed(assigned="Sam")
    _completed(assigned="Kim", completed_incorrectly=True)
    _completed(assigned="Kim")
    assert _scores(reader) == [("Sam", 3), ("Kim", 0)]


# --- What it costs ------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 12])
@pytest.mark.parametrize(
    ("address", "queries"), [("stats", 2), ("stats/detailed", 3), ("leaderboard", 2)]
)
def test_numbers_cost_the_same_for_any_number_of_parts(
    reader, rows, address, queries, django_assert_num_queries
):
    for number in range(rows):
        part = _completed(assigned=f"Worker {number}", hours=2)
        PartEvent.objects.create(
            part=part, verb=Verb.ASSIGNED, changes={"assigned": ["", "Kim"]}
        )
    with django_assert_num_queries(queries):  # the key, and its own
        assert reader.get(PARTS + address).status_code == 200
