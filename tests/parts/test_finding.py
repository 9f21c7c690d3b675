"""Searching by the index finds what reading every part in Python finds."""

import re
import sqlite3
import sys
import unicodedata
from contextlib import closing
from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import strategies as st

from parts import finding, kept, lettercase
from parts.filters import sort
from parts.kept.sqlite import LATE_MOST
from parts.kept.sums import SEARCHED
from parts.lettercase import fold
from parts.models import Part
from parts.querysets import FOUND_BY
from tests.factories import make_part

AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)

# Few letters, so that much is found; each in both cases where it has two.
LETTERS = "aAbkKsSſK éÉëËßẞiİıσςΣжЖвВაᲐ\u0308Ꭰꭰ%_\\\"'*-\n\x1f\ufffd🙂"
texts = st.text(st.sampled_from(LETTERS), max_size=6)
anything = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4
)
queries = st.one_of(texts, anything, st.sampled_from(["a\x00b", "ab kS", "é ß"]))


def _scan(parts, text: str, fields) -> list[int]:
    """Return the parts that hold ``text``, as the words of its definition say it."""
    needle = fold(text.strip().replace("\x00", ""))
    return [
        part.pk
        for part in parts
        if any(needle in fold(getattr(part, field)) for field in fields)
    ]


fields = st.dictionaries(st.sampled_from(FOUND_BY), st.one_of(texts, anything))
ages = st.integers(0, 4)
places = st.sampled_from(["review", "cnc"])


@pytest.fixture(params=["as they are", "listed first", "met along the way"])
def plan(request, monkeypatch):
    """Have SQLite look parts up in each of its ways, few as they are."""
    if request.param != "as they are":
        if connection.vendor != "sqlite":
            pytest.skip("PostgreSQL plans by itself.")
        monkeypatch.setattr(finding, "_SPARE", 0)
        monkeypatch.setattr(finding, "_READ_AGAINST_SORTED", 0)
    if request.param == "met along the way":
        monkeypatch.setattr(finding, "_PAGE", 0)


@pytest.mark.django_db
@pytest.mark.usefixtures("plan")
@hypothesis.given(
    st.lists(st.tuples(fields, ages, places, st.booleans()), max_size=12),
    st.lists(queries, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 11), fields), max_size=3),
    st.sets(st.integers(0, 15)),
)
def test_every_search_finds_what_a_plain_scan_finds(rows, asked, changes, caught_up):
    with transaction.atomic():
        for number, (values, age, category, is_trashed) in enumerate(rows):
            if number in caught_up:
                kept.catch_up()
            make_part(
                category=category,
                **{"subsystem": "", "name": "", "material": "", "code": "-", **values},
                created_at=AT + timedelta(days=age),
                deleted_at=AT if is_trashed else None,
            )
        for number, (place, values) in enumerate(changes, len(rows)):
            if number in caught_up:
                kept.catch_up()
            if part := Part.objects.order_by("pk")[place:].first():
                Part.objects.filter(pk=part.pk).update(**(values or {"name": ""}))
        live = list(Part.objects.live().order_by("-created_at", "-id"))
        for text in asked:
            _check(live, text)
        transaction.set_rollback(True)


def _check(live: list[Part], text: str) -> None:
    for asked, among in (
        (Part.objects.live(), live),
        (Part.objects.on_board("cnc"), [p for p in live if p.category == "cnc"]),
    ):
        found, expected = asked.matching(text), _scan(among, text, SEARCHED)
        assert found.count() == len(expected)
        assert set(found.values_list("pk", flat=True)) == set(expected)
        for order in ("asc", "desc"):
            parts = sort(asked.matching(text), "created_at", order)
            ids = expected if order == "desc" else expected[::-1]
            for n in (0, 2, 4):
                assert (
                    list(parts.values_list("pk", flat=True)[n : n + 2]) == ids[n:][:2]
                )
    words = unicodedata.normalize("NFC", text.replace("\x00", " ")).split()
    everywhere = [part.pk for part in live]
    for word in words:
        everywhere = [pk for pk in _scan(live, word, FOUND_BY) if pk in everywhere]
    by_words = Part.objects.live().found_by(text)
    assert by_words.count() == len(everywhere)
    assert set(by_words.values_list("pk", flat=True)) == set(everywhere)
    lying = Part.objects.live().lying_in(text)
    assert set(lying.values_list("pk", flat=True)) == set(
        _scan(live, text, ["storage_location"])
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("plan")
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_go_by_age_also_when_ids_do_not(order):
    ages = [3, 9, 1, 8, 1, 2, 7, 7]
    parts = [make_part(name="Hub", created_at=AT + timedelta(age)) for age in ages]
    parts.sort(key=lambda part: (part.created_at, part.pk), reverse=order == "desc")
    for start in range(0, 8, 2):
        found = sort(Part.objects.live().matching("hub"), "created_at", order)
        assert list(found[start : start + 2]) == parts[start : start + 2]


@pytest.mark.django_db
@pytest.mark.usefixtures("plan")
def test_what_has_changed_is_found_as_it_is_now():
    parts = [make_part(name="Hub", created_at=AT + timedelta(n)) for n in range(9)]
    lying = make_part(name="Shaft", storage_location="Hub shelf", created_at=AT)
    kept.catch_up()
    numbers = [part.pk for part in parts]
    Part.objects.filter(pk__in=numbers[::4]).update(name="Plate")
    Part.objects.filter(pk__in=numbers[1::4]).update(deleted_at=AT)
    Part.objects.filter(pk=lying.pk).update(storage_location="Rack")
    parts[2].delete()
    make_part(name="Hubcap", created_at=AT, storage_location="Hub shelf")
    for days in (8, 9):
        make_part(name="Hub", created_at=AT + timedelta(days), deleted_at=AT)
    live = list(Part.objects.live().order_by("-created_at", "-id"))
    for text in ("hub", "plate", "hu", "rack", "shelf"):
        _check(live, text)


@pytest.mark.django_db
@pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="PostgreSQL's index is never late."
)
@pytest.mark.django_db
def test_the_index_is_late_with_few_parts_only():
    def late() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM parts_found_late")
            return cursor.fetchone()[0]

    def found(text: str) -> int:
        return len(Part.objects.live().matching(text))

    Part.objects.bulk_create(
        Part(name=f"Hub {number}", code=f"R-{number}")
        for number in range(LATE_MOST + 6)
    )
    assert late() == 6
    assert found("hub") == found("R-") == LATE_MOST + 6
    Part.objects.filter(name__endswith="0").update(name="Plate")
    assert late() > 6
    Part.objects.filter(name="Plate").first().delete()
    Part.objects.update(material="6061")
    assert late() < LATE_MOST
    assert (found("hub"), found("plate")) == (LATE_MOST - 1, 6)
    kept.catch_up()
    assert late() == 0
    assert (found("hub"), found("plate"), found("6061")) == (63, 6, 69)


@pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="PostgreSQL plans by itself."
)
@pytest.mark.django_db
@pytest.mark.parametrize("text", ["hub", "hu", "found nowhere"])
def test_no_search_reads_all_parts(text):
    make_part(name="Hub")
    kept.catch_up()
    make_part(name="Hub")
    with CaptureQueriesContext(connection) as queries:
        list(sort(Part.objects.live().matching(text), "created_at", "desc")[:50])
        list(Part.objects.on_board("cnc").matching(text)[:50])
        Part.objects.live().found_by(text).count()
    searches = [query["sql"] for query in queries if "late" in query["sql"]]
    with connection.cursor() as cursor:
        for sql in searches:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"))
            plan = "\n".join(row[3] for row in cursor.fetchall())
            assert not re.search(r"SCAN parts\b", plan)
    assert searches


@pytest.mark.django_db
def test_nothing_is_found_across_two_fields():
    make_part(name="hub", notes="arm")
    whole = make_part(name="hub\x1farm")
    for text in ("hub\x1farm", "b\x1fa"):
        assert list(Part.objects.live().matching(text)) == [whole]
        assert Part.objects.live().matching(text).count() == 1
    for text in ("hubarm", "hub\narm", "hub arm"):
        assert not Part.objects.live().matching(text).exists()


def test_letters_fold_in_python_as_in_the_index_of_sqlite():
    numbers = [n for n in range(1, sys.maxunicode + 1) if not 0xD800 <= n <= 0xDFFF]
    cased = [n for n in numbers if fold(chr(n)) != chr(n)]
    folded = [ord(fold(chr(n))) for n in cased]
    with closing(sqlite3.connect(":memory:")) as index:
        index.execute("CREATE VIRTUAL TABLE letters USING fts5(a, tokenize = trigram)")
        index.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(letters, instance)")
        index.executemany(
            "INSERT INTO letters (rowid, a) VALUES (?, ?)",
            ((n, chr(n) * 3) for n in {*cased, *folded}),
        )
        terms = index.execute("SELECT term, doc FROM terms")
        told = {n: term[0] for term, n in terms}
    blurred = finding._BLURRED
    differing = {
        chr(n)
        for n, small in zip(cased, folded, strict=True)
        if told[n] != told[small] and not blurred.search(chr(small))
    }
    assert differing == set()


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ZOË", "zoë"),
        ("Straße ẞ", "straße ß"),
        ("ΟΔΟΣ ς", "οδοσ σ"),
        ("İıI", "İıi"),
        ("ſK", "sk"),
        ("Ⓐﬁ", "ⓐﬁ"),
        ("В\u1c80", "в\u1c80"),
        ("e\u0308Ë", "e\u0308ë"),
    ],
)
@pytest.mark.django_db
def test_a_letter_folds_to_one_letter_everywhere(text, folded):
    part = make_part(name=text)
    assert fold(text) == folded
    named = Part.objects.annotate(folded=lettercase.Fold("name"))
    assert named.get(pk=part.pk).folded == folded


@pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="PostgreSQL plans by itself."
)
@pytest.mark.django_db
def test_a_page_is_not_looked_for_in_all_hits():
    for _ in range(4):
        make_part(name="Hub")
    parts = sort(Part.objects.live().matching("hub"), "created_at", "desc")
    with CaptureQueriesContext(connection) as queries:
        assert len(parts[:2]) == 2
        assert parts.count() == 4
    asked = [query["sql"] for query in queries]
    assert ["count(" in sql.lower() for sql in asked] == [False, False, True]
    assert ["MATCH" in sql for sql in asked] == [True, False, True]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries[0]['sql']}")
        plan = [row[3] for row in cursor.fetchall()]
    # By age: the other way every part is read.
    assert any("INDEX part_by_created_at" in step for step in plan)
    assert not any("(rowid<?)" in step for step in plan)
