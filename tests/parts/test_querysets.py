import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from parts.models import Part, PartEvent, Season, Verb
from tests.factories import make_part, make_user

only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's words")

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Gearbox plate", "BOX PL"),
        ("Zoë", "ZOË"),
        ("GRÜN", "grün"),
        ("деталь", "ДЕТ"),
        ("50 % infill", "0 % i"),
        ("a_b", "A_B"),
        ('6" wheel', '6"'),
        ("back\\slash", "\\S"),
        ("  spaced", "spaced  "),
    ],
)
def test_search_finds_a_substring_whatever_its_case(text, query):
    found = make_part(notes=text)
    make_part(notes="axb 50 mm")
    assert list(Part.objects.matching(query)) == [found]


@pytest.mark.parametrize(
    "field", ["name", "notes", "subsystem", "assigned", "material", "code"]
)
@pytest.mark.parametrize("query", ["needle", "ÑEEDLE"])
def test_search_looks_into_every_field_that_it_should(field, query):
    found = make_part(**{field: f"a {query.lower()} b"})
    make_part()
    assert list(Part.objects.matching(query)) == [found]


@pytest.mark.parametrize("query", ["", "   ", "\x00"])
def test_a_search_for_nothing_keeps_everything(query):
    make_part()
    assert Part.objects.matching(query).count() == 1


@only_sqlite
def test_the_most_urgent_of_all_are_found_without_sorting():
    plan = Part.objects.live().of_kept_seasons().in_queue_order()[:50].explain()
    assert "SCAN parts USING INDEX part_most_urgent" in plan
    assert "TEMP B-TREE" not in plan


_LISTS = {
    "all": lambda: Part.objects.live().in_queue_order(),
    "lane": lambda: Part.objects.on_board("cnc").in_queue_order().by_queue(),
    "of three": lambda: Part.objects.in_shop().filter(category="cnc").order_by("-id"),
    "of others": lambda: Part.objects.in_shop().filter(category="review"),
    "kept": lambda: Part.objects.live().of_kept_seasons().in_finish_order(),
    "filtered": lambda: Part.objects.live().unassigned().order_by("name", "id"),
    "searched": lambda: Part.objects.live().found_by("Gear").in_queue_order(),
    "none": lambda: Part.objects.live().none(),
}


@pytest.fixture
def _some_parts():
    old = Season.objects.create(name="2025", archived=True)
    for number, category in enumerate(("cnc", "cnc", "hand", "review", "completed")):
        for fields in (
            {"name": f"Gear {number}"},
            {"priority": 3, "assigned": "Kim"},
            {"season": old},
            {"deleted_at": timezone.now()},
            {"blocked_reason": "No stock"},
        ):
            make_part(category=category, **fields)


@pytest.mark.usefixtures("_some_parts")
@pytest.mark.parametrize("parts", _LISTS.values(), ids=_LISTS)
def test_ids_are_those_of_the_list_also_when_it_changes(parts):
    for start, stop in ((0, 50), (1, 3), (2, 2), (40, 90)):
        for _ in range(2):
            assert parts().ids(start, stop) == [p.pk for p in parts()[start:stop]]
            make_part(category="cnc", name="Gear", priority=2)


@pytest.mark.usefixtures("_some_parts")
@pytest.mark.parametrize("parts", _LISTS.values(), ids=_LISTS)
def test_heads_are_the_first_of_each_pile_in_their_order(parts):
    piles = [(Q(category="cnc"), 2), (Q(queue=3), 1), (Q(category="cnc"), 4)]
    for _ in range(2):
        wanted: dict[int, int] = {}
        for number, (where, most) in enumerate(piles):
            for part in parts().filter(where)[:most]:
                wanted.setdefault(part.pk, number)
        assert list(parts().heads(piles).items()) == list(wanted.items())
        make_part(category="cnc", name="Gear", priority=3)


@pytest.mark.usefixtures("_some_parts")
def test_one_of_several_categories_is_counted_without_reading_a_part():
    with CaptureQueriesContext(connection) as queries:
        tally = Part.objects.in_shop().filter(category="cnc").tally("queue")
    assert tally == {0: (6, 6), 3: (2, 2)}
    assert all("parts_tally" in query["sql"] for query in queries)
    assert Part.objects.in_shop().filter(category="review").tally("queue") == {}


@pytest.mark.parametrize("status", ["Reviewed", "In Progress", "Cancelled"])
def test_what_is_blocked_or_sent_back_is_so_in_whatever_state(status):
    blocked = make_part(category="cnc", status=status, blocked_reason="No bar.")
    back = make_part(category="review", status=status, blocked_reason="No drawing.")
    make_part(category="cnc", status=status)
    make_part(category="review", status=status)
    assert list(Part.objects.blocked()) == [blocked]
    assert list(Part.objects.sent_back()) == [back]


@only_sqlite
@pytest.mark.parametrize("category", ["review", "cnc"])
def test_the_first_of_a_lane_are_found_without_sorting_it(category):
    lane = Part.objects.live().filter(category=category)
    plan = lane.in_queue_order().by_queue()[:50].explain()
    assert "part_lane (category=?)" in plan
    assert "TEMP B-TREE" not in plan


@only_sqlite
def test_what_is_not_blocked_is_not_read_to_find_what_is():
    plan = Part.objects.blocked().explain()
    assert "USING INDEX part_lane (category=? AND queue=?)" in plan


@only_sqlite
def test_what_somebody_did_is_found_without_what_others_did():
    done = PartEvent.objects.filter(actor=make_user(), verb=Verb.COMPLETED)
    assert "partevent_of_actor (actor_id=? AND verb=?)" in done.explain()
