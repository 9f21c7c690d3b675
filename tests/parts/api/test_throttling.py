"""How many requests a minute a key or a session may make, and what too many get."""

from itertools import count

import pytest
from django.db import OperationalError
from redis import ConnectionError as RedisConnectionError

from parts.api import throttling
from parts.models import Part
from tests.factories import make_converted, make_key, make_part, make_upload

from .conftest import Script

PARTS = "/api/parts/"
NEW = {"subsystem": "Intake", "material": "6061-T6"}


@pytest.fixture(autouse=True)
def _allowances(settings, clock, monkeypatch):
    """Few enough to be used up, and none of them in this process's hand."""
    monkeypatch.setattr("partsite.ratelimit._writes", count(1))  # none is culled
    settings.API_READS_PER_MINUTE = 6
    settings.API_WRITES_PER_MINUTE = 3
    settings.API_UPLOADS_PER_MINUTE = 2
    throttling._limit.cache_clear()
    yield
    throttling._limit.cache_clear()


def _statuses(ask, times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_too_many_are_told_when_to_ask_again(api, clock):
    assert _statuses(lambda: api.get(PARTS), 6) == [200] * 6
    clock.sleep(2.5)
    answer = api.get(PARTS)
    assert (answer.status_code, answer.json()) == (
        429,
        {
            "error": "Rate limited",
            "message": "Too many requests; wait a moment.",
            "retry_after": pytest.approx(7.5, abs=0.002),
            "details": "Ask again in 8 s.",
        },
    )
    assert answer["Retry-After"] == "8"
    clock.sleep(7.501)
    assert _statuses(lambda: api.get(PARTS), 2) == [200, 429]


def test_reads_writes_and_uploads_are_counted_apart(api):
    part = make_part()
    address = f"{PARTS}{part.pk}"

    def upload():
        body = {"file": make_upload()}
        return api.post(f"{address}/upload", body, format="multipart")

    assert _statuses(upload, 3) == [201, 201, 429]
    assert _statuses(lambda: api.patch(address, {"notes": "x"}), 4) == [200] * 3 + [429]
    assert _statuses(lambda: api.get(address), 7) == [200] * 6 + [429]


def test_pictures_count_as_uploads_and_reading_them_as_reads(api):
    address = f"{PARTS}{make_part().pk}/views"
    statuses = _statuses(lambda: api.post(address, {}, format="multipart"), 3)
    assert statuses == [400, 400, 429]
    assert api.get(address).status_code == 200


def test_every_way_of_writing_counts_as_one(api):
    part = make_part()
    address = f"{PARTS}{part.pk}"
    assert api.post(PARTS, NEW).status_code == 201
    assert api.put(address, {"notes": "x"}).status_code == 200
    assert api.post(f"{address}/assign", {"assigned": ""}).status_code == 400
    assert api.delete(address).status_code == 429
    assert Part.objects.live().filter(pk=part.pk).exists()


def test_head_and_options_are_reads(api):
    address = f"{PARTS}{make_part().pk}"
    asked = [api.head, api.options, api.get] * 2
    assert [ask(address).status_code for ask in asked] == [200] * 6
    assert [ask(address).status_code for ask in asked[:3]] == [429] * 3
    assert api.post(PARTS, NEW).status_code == 201


@pytest.mark.parametrize(
    ("rest", "status"), [("999", 404), ("?limit=x", 400), ("", 200), ("?limit=1", 200)]
)
def test_a_read_counts_once_whatever_becomes_of_it(api, clock, rest, status):
    make_part()
    statuses = _statuses(lambda: api.get(PARTS + rest), 7)
    assert statuses == [status] * 6 + [429]
    clock.sleep(10.1)
    assert _statuses(lambda: api.get(PARTS + rest), 2) == [status, 429]


def test_each_key_and_each_session_is_counted_for_itself(member, member_page, client):
    scripts = [Script(make_key(owner=member)[1]) for _ in range(2)]
    for script in scripts:
        assert _statuses(lambda s=script: s.get(PARTS), 7) == [200] * 6 + [429]
    statuses = _statuses(lambda: member_page.get(PARTS), 7)
    assert statuses == [200] * 6 + [429]


def test_the_address_does_not_matter(api):
    def ask(number: int):
        return api.get(PARTS, REMOTE_ADDR=f"198.51.100.{number}")

    assert [ask(n).status_code for n in range(7)] == [200] * 6 + [429]


def test_who_is_refused_anyway_is_not_counted(reader, anonymous):
    assert _statuses(lambda: reader.post(PARTS, NEW), 5) == [403] * 5
    assert _statuses(lambda: anonymous.get(PARTS), 9) == [401] * 9
    assert reader.get(PARTS).status_code == 200


def test_what_is_open_to_everybody_is_not_counted(client, member_page):
    for address in ("/api/openapi.json", "/api/docs/", "/health"):
        assert _statuses(lambda a=address: member_page.get(a), 8) == [200] * 8


def test_neither_the_boards_nor_their_pictures_are_counted(member_page, api):
    part = make_part()
    make_converted(part)
    assert _statuses(lambda: member_page.get("/review/"), 8) == [200] * 8
    picture = api.get(f"{PARTS}{part.pk}").json()["thumbnail"]
    assert f'src="{picture}"' in member_page.get("/review/").text
    assert _statuses(lambda: api.get(picture), 8) == [200] * 8


def test_the_check_of_a_key_has_its_own_limit_only(api, clock):
    for _ in range(8):
        assert api.get(f"{PARTS}auth/check").status_code == 200
        clock.sleep(2.001)
    assert _statuses(lambda: api.get(PARTS), 6) == [200] * 6


def test_nought_is_no_limit_and_costs_nothing(api, settings, django_assert_num_queries):
    settings.API_READS_PER_MINUTE = 0
    part = make_part()
    api.get(f"{PARTS}{part.pk}")
    with django_assert_num_queries(2):  # key, part
        assert api.get(f"{PARTS}{part.pk}").status_code == 200
    assert _statuses(lambda: api.get(PARTS), 9) == [200] * 9


def test_of_many_reads_one_in_thirty_costs_a_query_more(
    api, settings, django_assert_num_queries
):
    settings.API_READS_PER_MINUTE = 600
    address = f"{PARTS}{make_part().pk}"
    with django_assert_num_queries(30 * 2 + 1):  # key and part each, one block
        for _ in range(30):
            api.get(address)


@pytest.mark.parametrize("error", [OperationalError, RedisConnectionError])
def test_where_nothing_can_be_counted_everything_is_let_through(
    api, monkeypatch, caplog, error, cache_class
):
    def fail(*args, **kwargs):
        raise error("gone")

    monkeypatch.setattr(cache_class, "take", fail)
    assert _statuses(lambda: api.get(PARTS), 8) == [200] * 8
    assert "throttle_failed kind=reads" in caplog.text
