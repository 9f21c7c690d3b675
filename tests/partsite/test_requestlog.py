"""Each request has a number, and one line in the log that tells no secret."""

import json
import logging
import re

import pytest
from django.urls import reverse

from partsite.logs import JsonFormatter
from partsite.requestlog import OfRequest
from tests.factories import make_key, make_part

pytestmark = pytest.mark.django_db
PARTS = "/api/parts/"


@pytest.fixture
def lines(caplog):
    """Return what the log of requests has told, read from JSON as it is written."""
    caplog.set_level(logging.DEBUG, "partsite.requestlog")
    caplog.handler.addFilter(OfRequest())

    def read() -> list[dict]:
        told = [
            json.loads(JsonFormatter().format(record))
            for record in caplog.records
            if record.name == "partsite.requestlog"
        ]
        caplog.clear()
        return told

    yield read
    caplog.handler.filters.clear()


def _fields(line: dict) -> dict:
    assert re.fullmatch(r"[0-9a-f]{16}", line["request_id"])
    assert line["ms"] >= 0
    said = ("level", "method", "path", "status", "key", "user")
    return {name: line[name] for name in said if name in line}


def test_a_read_with_a_key_is_told_with_the_keys_prefix(client, lines):
    key, text = make_key()
    part = make_part()
    for address in (f"{PARTS}?limit=1&api_key={text}", f"{PARTS}{part.pk}/events"):
        client.get(address, headers={"X-API-Key": text})
        [line] = lines()
        assert text[20:] not in json.dumps(line)
        assert _fields(line) == {
            "level": "INFO",
            "method": "GET",
            "path": address.partition("?")[0],
            "status": 200,
            "key": key.prefix,
        }


def test_a_page_is_told_with_the_name_of_who_reads_it(member_page, lines):
    member_page.get(reverse("parts:review"), {"search": "secret plans"})
    [line] = lines()
    assert _fields(line) == {
        "level": "INFO",
        "method": "GET",
        "path": "/review/",
        "status": 200,
        "user": "member",
    }


def test_a_stranger_has_no_name_and_nobody_is_asked_for_it(
    client, lines, django_assert_num_queries
):
    with django_assert_num_queries(0):
        assert client.get("/nothing-here/").status_code == 404
    line = lines()[-1]
    assert (line["status"], line["path"]) == (404, "/nothing-here/")
    assert "user" not in line
    assert "key" not in line


@pytest.mark.parametrize("address", ["/health", "/static/none.css"])
def test_what_machines_ask_all_day_is_told_only_to_who_wants_it(client, lines, address):
    client.get(address)
    assert [line["level"] for line in lines()] == ["DEBUG"]


@pytest.mark.parametrize(
    ("sent", "is_taken"),
    [
        ("7f3c-A.b_9", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("-a", False),
        ("", False),
        ("a b", False),
        ("a\r\nSet-Cookie: x", False),
        ("<script>", False),
        ("ä", False),
    ],
)
def test_a_proxys_number_is_taken_over_if_it_is_sane(client, lines, sent, is_taken):
    answer = client.get("/health", headers={"X-Request-ID": sent})
    given = answer["X-Request-ID"]
    assert (given == sent) is is_taken
    assert is_taken or re.fullmatch(r"[0-9a-f]{16}", given)
    assert [line["request_id"] for line in lines()] == [given]


def test_every_answer_has_a_number_of_its_own(client):
    addresses = ["/health", PARTS, "/nothing/", "/static/x.css", "/account/login/"]
    numbers = {client.get(address)["X-Request-ID"] for address in addresses}
    assert len(numbers) == len(addresses)


def test_other_lines_of_a_request_have_its_number(client, media, caplog):
    media.write_text("in the way")
    caplog.handler.addFilter(OfRequest())
    answer = client.get("/health", headers={"X-Request-ID": "mine"})
    caplog.handler.filters.clear()
    assert answer.status_code == 503
    of = {r.name: r.request_id for r in caplog.records}
    names = ("partsite.health", "django.request")
    assert {name: of[name] for name in names} == dict.fromkeys(names, "mine")
    logging.getLogger("parts").warning("outside")
    assert not hasattr(caplog.records[-1], "request_id")


def test_a_fault_tells_the_number_it_is_found_by(client, monkeypatch):
    _key, text = make_key()
    client.raise_request_exception = False

    def fail(*args, **kwargs):
        raise RuntimeError("inside")

    said = {
        "error": "Internal server error",
        "details": "It has been noted. Try again.",
    }
    headers = {"X-API-Key": text, "X-Request-ID": "n-1"}
    monkeypatch.setattr("parts.api.views.stats.counts", fail)
    answer = client.get(f"{PARTS}stats?format=json", headers=headers)
    assert (answer.status_code, answer.json()) == (500, said | {"requestId": "n-1"})
    # Before any view has its turn.
    monkeypatch.setattr("parts.api.by_key.StraightToView.__call__", fail)
    answer = client.post(PARTS, headers=headers)
    assert (answer.status_code, answer.json()) == (500, said | {"requestId": "n-1"})


def test_the_page_of_a_fault_tells_it_too(member_page, monkeypatch):
    member_page.raise_request_exception = False

    def fail(*args, **kwargs):
        raise RuntimeError("inside")

    monkeypatch.setattr("accounts.clock.zone_of", fail)
    answer = member_page.get(reverse("parts:home"), headers={"X-Request-ID": "n-2"})
    assert answer.status_code == 500
    assert b"finds it by this number: n-2</p>" in answer.content
    assert b"inside" not in answer.content
