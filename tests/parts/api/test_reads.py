"""What is read with a key is answered before the views, and says the same."""

import pytest
from django.db import OperationalError, connection

from accounts import keys
from parts.api import reads
from parts.api.views import PartViewSet
from parts.models import SORTABLE, Part
from tests.factories import make_converted, make_part

PARTS = "/api/parts/"


@pytest.fixture
def in_views(monkeypatch):
    """Note the requests that come as far as the views."""
    seen = []
    initial = PartViewSet.initial

    def noting(self, request, *args, **kwargs):
        seen.append(request.get_full_path())
        initial(self, request, *args, **kwargs)

    monkeypatch.setattr(PartViewSet, "initial", noting)
    return seen


@pytest.fixture
def part():
    part = make_part(
        type="cnc", category="cnc", name='Zoë’s "plate"', extra={"views": {}, "a": [1]}
    )
    make_converted(part)
    return part


PLAIN = [
    "",
    "?limit=1",
    "?offset=1",
    "?limit=0",
    "?limit=2&offset=1&sort_by=name&sort_order=asc",
    "?sort_by=nonsense",
    "?category=cnc",
    "?search=plate&limit=5",
    "?unassigned=true",
    "categories/cnc",
    "categories/cnc/",
    "categories/hand?limit=1",
    "categories/cnc?category=hand",
    "{pk}",
    "{pk}/",
]


@pytest.mark.parametrize("rest", PLAIN)
def test_a_plain_read_is_answered_as_the_views_would(
    reader, part, in_views, settings, rest
):
    make_part(category="hand")
    address = PARTS + rest.format(pk=part.pk)
    first = reader.get(address)
    assert (first.status_code, in_views) == (200, [])
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if name != "parts.api.reads.KeyReads"
    ]
    second = type(reader)(reader.key).get(address)
    assert len(in_views) == 1
    assert first.json() == second.json()
    differs = {"ETag", "Content-Length"}
    assert {k: v for k, v in first.items() if k not in differs} == {
        k: v for k, v in second.items() if k not in differs
    }


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        (f"{PARTS}999", {}, 404),
        (f"{PARTS}0", {}, 404),
        (f"{PARTS}?limit=x", {}, 400),
        (f"{PARTS}?category=x", {}, 400),
        (f"{PARTS}categories/x", {}, 400),
        (f"{PARTS}?status=x", {}, 400),
        (f"{PARTS}?limit={2**62 + 1}", {}, 200),
        (f"{PARTS}?format=json", {}, 200),
        (PARTS, {"Accept": "text/html,*/*;q=0.8"}, 200),
        (PARTS, {"Accept": "application/json; indent=4"}, 200),
    ],
)
def test_what_is_less_plain_is_left_to_the_views(
    reader, part, in_views, address, headers, status
):
    assert reader.get(address, headers=headers).status_code == status
    assert len(in_views) == 1


def test_a_key_in_the_address_is_a_key(client, reader, part, in_views):
    answer = client.get(f"{PARTS}{part.pk}?api_key={reader.key}")
    assert (answer.json()["id"], in_views) == (part.pk, [])


def test_a_session_without_a_key_is_left_to_the_views(member_page, part, in_views):
    assert member_page.get(PARTS).status_code == 200
    assert len(in_views) == 1


def test_the_first_key_counts_even_when_it_is_wrong(client, reader, part):
    headers = {"X-API-Key": "pk_0123456789ab_wrong"}
    answer = client.get(f"{PARTS}?api_key={reader.key}", headers=headers)
    assert answer.status_code == 401


def test_a_key_that_is_revoked_stops_at_once(reader, part):
    assert reader.get(PARTS).status_code == 200
    keys.revoke(keys.find(reader.key))
    assert reader.get(PARTS).status_code == 401
    assert reader.get(f"{PARTS}{part.pk}").status_code == 401


def test_what_is_in_the_trash_is_gone_at_once(reader, part):
    address = f"{PARTS}{part.pk}"
    assert reader.get(address).status_code == 200
    Part.objects.update(deleted_at=part.created_at)
    assert reader.get(address).status_code == 404
    assert reader.get(PARTS).json()["total"] == 0
    assert reader.get(f"{PARTS}?limit=5").json()["total"] == 0


def test_a_database_that_fails_is_told_of_by_the_views(
    reader, part, in_views, monkeypatch
):
    def fail(*args):
        raise OperationalError

    monkeypatch.setattr(reads.Rows, "read", fail)
    for address in (PARTS, f"{PARTS}{part.pk}"):
        assert reader.get(address).status_code == 200
    assert len(in_views) == 2


# --- What is read of it -------------------------------------------------------


def _plan(statement) -> str:
    sql, values = statement
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        return "\n".join(row[3] for row in cursor.fetchall())


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="it tells how SQLite words a statement"
)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("by", SORTABLE)
def test_no_list_is_sorted_to_show_its_beginning(by, order):
    plan = _plan(reads._statement_of_list(None, by, order, 50, 0))
    assert f"SCAN parts USING INDEX part_by_{by}" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="it tells how SQLite words a statement"
)
def test_of_a_category_nothing_is_sorted_and_nothing_joined_that_is_skipped():
    plan = _plan(reads._statement_of_list("cnc", "created_at", "desc", 50, 0))
    assert "USING INDEX part_newest_of_category (category=?)" in plan
    assert "TEMP B-TREE" not in plan
    plan = _plan(reads._statement_of_list("cnc", "created_at", "desc", 50, 9000))
    assert "SEARCH parts USING INTEGER PRIMARY KEY" in plan
    assert "SEARCH U0 USING INDEX part_newest_of_category (category=?)" in plan
