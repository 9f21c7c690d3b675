"""The list: filtered, searched, sorted, cut into pages or whole."""

from datetime import UTC, datetime, timedelta

import pytest

from parts.models import Part
from tests.factories import make_converted, make_part

from .test_parts import NAMES

PARTS = "/api/parts/"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def _names(answer) -> list[str]:
    assert answer.status_code == 200
    return [part["name"] for part in answer.json()["parts"]]


def test_the_list_holds_every_part_newest_first(api):
    for day, name in enumerate("abc"):
        make_part(name=name, created_at=EPOCH + timedelta(days=day))
    make_part(name="trash", deleted_at=EPOCH)
    answer = api.get(PARTS)
    assert _names(answer) == ["c", "b", "a"]
    body = answer.json()
    assert list(body) == ["parts", "total", "limit", "offset"]
    assert (body["total"], body["limit"], body["offset"]) == (3, None, 0)
    assert list(body["parts"][0]) == NAMES


def test_an_empty_list(reader):
    assert reader.get(PARTS).json() == {
        "parts": [],
        "total": 0,
        "limit": None,
        "offset": 0,
    }


@pytest.mark.parametrize("address", ["/api/parts/", "/api/parts"])
def test_the_list_answers_with_a_slash_and_without(api, address):
    make_part()
    assert api.get(address).json()["total"] == 1
    new = {"subsystem": "Intake", "material": "6061-T6"}
    assert api.post(address, new).status_code == 201


@pytest.mark.parametrize(
    ("query", "names", "limit", "offset"),
    [
        ("limit=2", "ed", 2, 0),
        ("limit=2&offset=2", "cb", 2, 2),
        ("limit=2&offset=4", "a", 2, 4),
        ("limit=2&offset=5", "", 2, 5),
        ("offset=3", "ba", None, 3),
        ("offset=0", "edcba", None, 0),
        ("limit=0", "", 0, 0),
        ("limit=5", "edcba", 5, 0),
        ("limit=99999999999999999999", "edcba", 99999999999999999999, 0),
        ("offset=99999999999999999999", "", None, 99999999999999999999),
        (f"limit={2**63 - 1}&offset={2**63 - 1}", "", 2**63 - 1, 2**63 - 1),
    ],
)
def test_a_page_is_asked_for_by_limit_and_offset(api, query, names, limit, offset):
    for day, name in enumerate("abcde"):
        make_part(name=name, created_at=EPOCH + timedelta(days=day))
    answer = api.get(f"{PARTS}?{query}")
    assert _names(answer) == list(names)
    body = answer.json()
    assert (body["total"], body["limit"], body["offset"]) == (5, limit, offset)


@pytest.mark.parametrize(
    "value",
    ["-1", "x", "", "%20", "1.5", "%2B5", "1_000", "NaN", "0x1", "%D9%A3", "1" * 5000],
)
@pytest.mark.parametrize("name", ["limit", "offset"])
def test_a_limit_that_is_no_number_is_400(api, name, value):
    answer = api.get(f"{PARTS}?{name}={value}")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "Validation Error",
        "details": "A whole number, 0 or more.",
        "field": name,
        "errors": {name: ["A whole number, 0 or more."]},
    }


def test_pages_never_overlap_where_everything_is_equal(api):
    ids = [make_part(name="same", created_at=EPOCH).pk for _ in range(7)]
    for order in ("asc", "desc"):
        seen = []
        for offset in range(0, 7, 2):
            query = f"sort_by=name&sort_order={order}&limit=2&offset={offset}"
            seen += [part["id"] for part in api.get(f"{PARTS}?{query}").json()["parts"]]
        assert seen == (ids if order == "asc" else ids[::-1])


SORTED = {
    "name": ["a", "b"],
    "status": ["Pending", "Reviewed"],
    "assigned": ["", "Sam"],
    "created_at": [EPOCH, EPOCH + timedelta(days=1)],
    "updated_at": [EPOCH, EPOCH + timedelta(days=1)],
    "subsystem": ["a", "b"],
    "material": ["a", "b"],
    "type": ["cnc", "misc"],
    "amount": [2, 10],
    "claimed_date": [EPOCH, EPOCH + timedelta(days=1)],
}


@pytest.mark.parametrize("column", SORTED)
def test_every_column_is_sorted_by_both_ways(api, column):
    # The second is made first, so that the order of making does not help.
    low, high = SORTED[column]
    second = make_part(**{column: high}).pk
    first = make_part(**{column: low}).pk
    for order, ids in {
        "&sort_order=asc": [first, second],
        "&sort_order=desc": [second, first],
        "": [second, first],
        "&sort_order=up": [second, first],
    }.items():
        body = api.get(f"{PARTS}?sort_by={column}{order}").json()
        assert [part["id"] for part in body["parts"]] == ids


@pytest.mark.parametrize("column", ["nonsense", "", "-name", "uuid", "season__name"])
def test_an_unknown_column_sorts_by_the_time_of_making(api, column):
    make_part(name="z", created_at=EPOCH + timedelta(days=1))
    make_part(name="a", created_at=EPOCH)
    assert _names(api.get(f"{PARTS}?sort_by={column}")) == ["z", "a"]


@pytest.mark.parametrize(
    "field", ["name", "notes", "subsystem", "assigned", "material", "code"]
)
def test_search_looks_into_six_fields_whatever_the_case(api, field):
    found = make_part(**{field: "xxGearBOXxx"})
    make_part(onshape_url="http://a.example/gearbox", blocked_reason="gearbox")
    for text in ("gearbox", "GEARBOX", "arbo"):
        body = api.get(f"{PARTS}?search={text}").json()
        assert [part["id"] for part in body["parts"]] == [found.pk]
        assert body["total"] == 1
    assert api.get(f"{PARTS}?search=gearbox&limit=0").json()["total"] == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("%25", ["100% done"]),
        ("_", ["a_b"]),
        ("%5C", ["back\\slash"]),
        ("'", ["Kim's"]),
        ('"; DROP TABLE parts; --', []),
        ("", ["100% done", "a_b", "back\\slash", "Kim's"]),
    ],
)
def test_search_takes_every_character_as_itself(api, text, names):
    for name in ("100% done", "a_b", "back\\slash", "Kim's"):
        make_part(name=name)
    answer = api.get(f"{PARTS}?search={text}&sort_by=created_at&sort_order=asc")
    assert _names(answer) == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("category=cnc", ["held", "free"]),
        ("category=review", ["new"]),
        ("type=hand", ["new"]),
        ("status=In%20Progress", ["held"]),
        ("subsystem=drive", ["new"]),
        ("material=7075", ["held"]),
        ("assigned=sam", ["held"]),
        ("unassigned=true", ["new", "free"]),
        ("unassigned=false", ["held"]),
        ("unassigned=0", ["held"]),
        ("unassigned=", ["free", "held", "new"]),
        ("category=cnc&unassigned=true&search=FREE", ["free"]),
        ("category=", ["new", "held", "free"]),
        ("unheard=of", ["new", "held", "free"]),
    ],
)
def test_filters_narrow_the_list(api, query, names):
    make_part(name="free", category="cnc")
    make_part(
        name="held",
        category="cnc",
        assigned="Sam",
        status="In Progress",
        material="7075",
    )
    make_part(name="new", type="hand", subsystem="Drive")
    assert sorted(_names(api.get(f"{PARTS}?{query}"))) == sorted(names)


@pytest.mark.parametrize("name", ["category", "type", "status", "unassigned"])
def test_a_filter_by_an_unknown_word_is_400(api, name):
    answer = api.get(f"{PARTS}?{name}=nonsense")
    assert answer.status_code == 400
    assert answer.json()["field"] == name


def test_a_search_with_a_null_character_is_400(api):
    answer = api.get(f"{PARTS}?search=a%00b")
    assert (answer.status_code, answer.json()["field"]) == (400, "search")


@pytest.mark.parametrize("category", ["review", "cnc", "hand", "misc", "completed"])
def test_a_category_has_a_list_of_its_own(api, category):
    for each in ("review", "cnc", "hand", "misc", "completed"):
        make_part(name=each, category=each)
        make_part(name=f"{each} too", category=each)
    answer = api.get(f"/api/parts/categories/{category}?sort_by=name&sort_order=asc")
    assert _names(answer) == [category, f"{category} too"]
    body = api.get(f"/api/parts/categories/{category}/?limit=1&search=too").json()
    assert (body["total"], body["limit"]) == (1, 1)


@pytest.mark.parametrize("category", ["nonsense", "CNC", "%00", "%ED%A0%80", "0"])
def test_an_unknown_category_is_400(api, category):
    answer = api.get(f"/api/parts/categories/{category}")
    assert answer.status_code == 400
    assert answer.json()["errors"] == {
        "category": ["Use one of: review, cnc, hand, misc, completed."]
    }


def test_lists_want_a_key(anonymous):
    for address in (PARTS, "/api/parts/categories/cnc"):
        assert anonymous.get(address).status_code == 401


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize(
    ("query", "queries"),
    [
        ("", 2),  # key, parts
        ("?limit=50", 3),  # and how many there are
        ("?offset=0&search=part&sort_by=name", 2),
    ],
)
def test_the_list_costs_as_much_for_many_parts_as_for_one(
    api, rows, query, queries, django_assert_num_queries
):
    for _ in range(rows):
        make_converted(make_part())
    with django_assert_num_queries(queries):
        answer = api.get(PARTS + query)
    assert len(answer.json()["parts"]) == rows
    assert all(part["thumbnail"] for part in answer.json()["parts"])
    assert Part.objects.count() == rows
