"""What is read with a key is answered before the views, and says the same."""

from datetime import timedelta

import orjson
import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from parts.api import reads
from parts.api.front import Front
from parts.models import SORTABLE, Part, PartFile, Season
from partsite.seen import memory
from partsite.surroundings import Surroundings
from tests.connections import in_another_connection
from tests.factories import make_converted, make_part

PARTS = "/api/parts/"


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
    "stats",
    "stats/detailed/",
    "leaderboard",
]


@pytest.mark.parametrize("rest", PLAIN)
def test_a_plain_read_is_answered_as_the_views_would(
    reader, part, in_views, monkeypatch, rest
):
    make_part(category="hand")
    address = PARTS + rest.format(pk=part.pk)
    first = reader.get(address)
    assert (first.status_code, in_views) == (200, [])
    monkeypatch.setattr(Front, "answer", lambda *args: None)
    second = reader.get(address)
    assert len(in_views) == 1
    assert first.json() == second.json()
    differs = {"ETag", "Content-Length", "X-Request-ID"}
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


@pytest.mark.parametrize("address", [PARTS, f"{PARTS}?format=json", f"{PARTS}stats"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("If-Match", '"x"'),
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("If-Unmodified-Since", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ],
)
def test_a_read_has_no_conditions_but_that_it_is_unchanged(
    reader, part, address, name, value
):
    plain = reader.get(address)
    answer = reader.get(address, headers={name: value})
    assert (answer.status_code, answer.content) == (200, plain.content)


def test_a_key_in_the_address_is_a_key(client, reader, part, in_views):
    answer = client.get(f"{PARTS}{part.pk}?api_key={reader.key}")
    assert (answer.json()["id"], in_views) == (part.pk, [])


def test_a_key_in_an_address_that_may_have_none_is_left_to_the_views(
    client, reader, part, in_views, settings
):
    settings.API_KEY_IN_ADDRESS = False
    header = {"X-API-Key": reader.key}
    assert client.get(f"{PARTS}{part.pk}", headers=header).status_code == 200
    assert in_views == []
    for headers in ({}, header):
        answer = client.get(f"{PARTS}{part.pk}?api_key={reader.key}", headers=headers)
        assert answer.json()["error"] == "API key in the address"
    assert len(in_views) == 2


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
        raise DataError

    monkeypatch.setattr(reads.Rows, "read", fail)
    for address in (PARTS, f"{PARTS}{part.pk}"):
        assert reader.get(address).status_code == 200
    assert len(in_views) == 2


def test_a_database_that_is_away_is_not_waited_for_twice(
    reader, part, in_views, monkeypatch, caplog
):
    def fail(*args):
        raise OperationalError("no connection")

    monkeypatch.setattr(reads.Rows, "read", fail)
    answer = reader.get(PARTS)
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert answer["X-Request-ID"]
    assert answer.json()["error"] == "Database out of reach"
    assert in_views == []
    assert "database_down path=/api/parts/ why=no connection" in caplog.text


def test_a_fault_of_its_own_is_noted_and_the_views_answer(
    reader, part, in_views, monkeypatch, caplog
):
    def fail(*args):
        raise RuntimeError("inside")

    monkeypatch.setattr(reads, "_plan", fail)
    assert reader.get(PARTS).status_code == 200
    assert len(in_views) == 1
    assert "front_broke path=/api/parts/" in caplog.text
    assert "inside" in caplog.text


def test_a_read_has_a_number_and_a_line_in_the_log(reader, part, caplog):
    answer = reader.get(f"{PARTS}{part.pk}?limit=1", headers={"x-request-id": "n-1"})
    assert answer["X-Request-ID"] == "n-1"
    [record] = [r for r in caplog.records if r.name == "partsite.requestlog"]
    assert record.request_id == "n-1"
    prefix = reader.key.split("_")[1]
    assert record.fields | {"ms": 0} == {
        "method": "GET",
        "path": f"{PARTS}{part.pk}",
        "status": 200,
        "ms": 0,
        "key": prefix,
    }
    other = reader.get(PARTS)["X-Request-ID"]
    assert other not in {"n-1", reader.get(PARTS)["X-Request-ID"]}


# --- What stands around an answer ---------------------------------------------


def test_a_host_that_is_not_ours_is_refused_whoever_asks(reader, part, settings):
    settings.ALLOWED_HOSTS = ["parts.example.org"]
    for _ in range(2):
        assert reader.get(PARTS, headers={"host": "evil.example"}).status_code == 400
        answer = reader.get(PARTS, headers={"host": "parts.example.org"})
        assert answer.status_code == 200


def test_plain_http_is_refused_where_that_is_set(client, reader, part, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_HSTS_SECONDS = 60
    key = {"X-API-Key": reader.key}
    assert client.get(PARTS, headers=key).status_code == 403
    answer = client.get(PARTS, headers={**key, "x-forwarded-proto": "https"})
    assert answer.status_code == 200
    assert answer["Strict-Transport-Security"] == "max-age=60"


def test_only_a_front_end_that_is_named_may_read_the_answer(reader, part, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://queue.example.org"]
    for origin, allowed in [
        ("https://queue.example.org", "https://queue.example.org"),
        ("https://evil.example", None),
    ]:
        answer = reader.get(PARTS, headers={"origin": origin})
        assert answer.get("Access-Control-Allow-Origin") == allowed
        assert "origin" in answer["Vary"]


def test_each_kind_of_request_is_tried_once(settings):
    asked = []

    def respond(request):
        asked.append(request.get_host())
        return HttpResponse(headers={"X-Around": request.get_host()})

    settings.ALLOWED_HOSTS = ["*"]
    around = Surroundings(respond, PARTS, {})
    environ = {"wsgi.url_scheme": "http", "SERVER_NAME": "a", "SERVER_PORT": "80"}
    for host in ("one", "two", "one"):
        headers = dict(around.of({**environ, "HTTP_HOST": host, "HTTP_COOKIE": host}))
        assert headers["X-Around"] == host
    assert asked == ["one", "two"]


# --- What is remembered -------------------------------------------------------


def _raw(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


WRITES = {
    "a part": lambda: Part.objects.update(name="other"),
    "by another connection": lambda: in_another_connection(
        lambda: Part.objects.update(name="other")
    ),
    "raw": lambda: _raw("UPDATE parts SET notes = 'other'"),
    "raw, by another": lambda: in_another_connection(
        lambda: _raw("UPDATE parts SET notes = 'other'")
    ),
    "a season": lambda: Season.objects.update(name="other"),
    "a file": lambda: PartFile.objects.update(error="other"),
    "to the trash": lambda: Part.objects.update(deleted_at=timezone.now()),
    "one more": lambda: in_another_connection(lambda: make_part(category="cnc")),
    "for good": lambda: (
        PartFile.objects.all().delete(),
        Part.objects.all().delete(),
    ),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_remembered_beyond_the_next_write(reader, part, monkeypatch, write):
    part.season = Season.objects.create(name="2026")
    part.save()
    addresses = [f"{PARTS}{part.pk}", f"{PARTS}?limit=5", f"{PARTS}stats", PARTS]
    before = [reader.get(address).content for address in addresses]
    assert [reader.get(address).content for address in addresses] == before
    WRITES[write]()
    after = [reader.get(address).json() for address in addresses]
    assert after != [orjson.loads(content) for content in before]
    monkeypatch.setattr(Front, "answer", lambda *args: None)
    assert [reader.get(address).json() for address in addresses] == after


def _read_for_the_key(reader, address: str, **headers: str) -> HttpResponse:
    """Read again what was read, for no more than a key costs: on SQLite nothing.

    PostgreSQL counts what is written to any database of a server, and the tests of
    other processes write to theirs, so there some reads may be in vain.
    """
    tries, cost = (100, 1) if connection.vendor == "postgresql" else (1, 0)
    for _ in range(tries):
        with CaptureQueriesContext(connection) as queries:
            answer = reader.get(address, headers=headers)
        if len(queries) == cost:
            return answer
    return pytest.fail(f"{len(queries)} queries were made, the last time too.")


@pytest.mark.django_db(transaction=True)
def test_what_was_read_before_costs_the_key_alone(reader, part):
    for address in (f"{PARTS}{part.pk}", PARTS, f"{PARTS}?search=plate&limit=5"):
        first = reader.get(address)
        assert _read_for_the_key(reader, address).content == first.content
        headers = {"If-None-Match": first["ETag"]}
        answer = _read_for_the_key(reader, address, **headers)
        assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.django_db(transaction=True)
def test_what_never_became_true_is_not_remembered(reader, part):
    address = f"{PARTS}{part.pk}"
    before = reader.get(address).json()
    with transaction.atomic():
        Part.objects.update(name="other")
        assert reader.get(address).json()["name"] == "other"
        transaction.set_rollback(True)
    assert reader.get(address).json() == before


@pytest.mark.django_db(transaction=True)
def test_a_key_that_ends_stops_what_is_remembered_too(reader, part):
    assert reader.get(PARTS).status_code == reader.get(PARTS).status_code == 200
    in_another_connection(lambda: ApiKey.objects.update(revoked_at=timezone.now()))
    assert reader.get(PARTS).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_a_key_that_expires_meanwhile_stops_without_a_write(reader, part, monkeypatch):
    soon = timezone.now() + timedelta(minutes=1)
    ApiKey.objects.update(expires_at=soon)
    assert reader.get(PARTS).status_code == reader.get(PARTS).status_code == 200
    monkeypatch.setattr(timezone, "now", lambda: soon)
    assert reader.get(PARTS).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_nothing_is_remembered_where_that_is_set(
    reader, part, settings, django_assert_num_queries
):
    settings.REMEMBERED_BYTES = 0
    reader.get(PARTS)
    with django_assert_num_queries(2):
        reader.get(PARTS)


@pytest.mark.django_db(transaction=True)
def test_no_key_is_remembered(client, reader, part):
    client.get(f"{PARTS}?limit=3&api_key={reader.key}")
    asked = str([held.found.keys() for held in memory._held.values()])
    assert "limit=3" in asked
    assert reader.key not in asked


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


def test_an_old_connection_is_not_closed_within_a_transaction(
    reader, part, monkeypatch
):
    monkeypatch.setattr(connection, "close_at", 0)
    assert reader.get(PARTS).status_code == 200
    assert Part.objects.count() == 1
