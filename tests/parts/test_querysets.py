import pytest
from django.db import connection

from parts.models import Part
from tests.factories import make_part

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


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's words")
def test_the_most_urgent_of_all_are_found_without_sorting():
    plan = Part.objects.live().of_kept_seasons().in_queue_order()[:50].explain()
    assert "SCAN parts USING INDEX part_most_urgent" in plan
    assert "TEMP B-TREE" not in plan
