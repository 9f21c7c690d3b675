"""What is done with a key is done before the views, once, and says the same."""

import re
from types import SimpleNamespace

import pytest
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from parts import workflow
from parts.api import front, writes
from parts.api.front import Front
from parts.api.serializers import PartDetailSerializer
from parts.models import Part, PartEvent, Season
from tests.connections import in_another_connection
from tests.factories import make_converted, make_part

PARTS = "/api/parts/"
NEW = {"name": "Plate", "subsystem": "Arm", "material": "6061", "type": "cnc"}


def _in_shop() -> Part:
    part = make_part(type="hand", category="hand", name="Zoë’s \u2028 “plate”")
    make_converted(part)
    return part


def _held() -> Part:
    return make_part(category="cnc", type="cnc", assigned="Ann", status="In Progress")


# Address behind that of parts, what is sent, and the part that it is done to.
PLAIN = {
    "create": ("", NEW, None),
    "create with odd words": (
        "",
        {**NEW, "name": "Zoë \u2028 \U0001f527", "miscInfo": {"a": [1.5, 10**30]}},
        None,
    ),
    "create without a material": ("", {"name": "Plate"}, None),
    "create with a list": ("", [], None),
    "approve": ("{}/approve", {"reviewer": "Ann"}, make_part),
    "send back": ("{}/send-back", {"reason": "Too thin"}, make_part),
    "send back without a reason": ("{}/send-back", {}, make_part),
    "assign": ("{}/assign", {"assigned": "Ann"}, _in_shop),
    "assign/": ("{}/assign/", {"assigned": "Ann"}, _in_shop),
    "assign in review": ("{}/assign", {"assigned": "Ann"}, make_part),
    "assign what is taken": ("{}/assign", {"assigned": "Ben"}, _held),
    "assign to a number": ("{}/assign", {"assigned": 7}, _in_shop),
    "unclaim": ("{}/unclaim", {}, _held),
    "complete": ("{}/complete", {"miscInfo": {"storage": "A3"}}, _held),
    "complete twice": (
        "{}/complete",
        {},
        lambda: make_part(category="completed", status="Completed"),
    ),
    "revert": (
        "{}/revert",
        {"reason": "Bent"},
        lambda: make_part(category="completed", status="Completed", type="cnc"),
    ),
    "a part that is not there": ("999/assign", {"assigned": 7}, None),
    "a number beyond all": (f"{10**18 - 1}/assign", {"assigned": "Ann"}, None),
}
# What is another in the next answer, by its nature.
_ITS_OWN = {
    *("id", "uuid", "partId", "thumbnail", "model"),
    *("createdAt", "updatedAt", "claimedDate"),
}


@pytest.mark.parametrize("case", PLAIN)
def test_a_plain_write_is_answered_as_the_views_would(api, in_views, monkeypatch, case):
    rest, sent, made = PLAIN[case]

    def ask():
        part = made and made()
        address = PARTS + rest.format(part and part.pk)
        answer = api.post(address, sent)
        said = answer.json()
        number = str(part.pk if part else said.get("id"))
        told = {key: said[key] for key in said.keys() - _ITS_OWN}
        told = re.sub(r"Part \d+|\d{4}-\d\d-[\d:.T+-]+", "…", str(sorted(told.items())))
        names = answer.headers.keys() - {"Content-Length", "X-Request-ID"}
        around = {name: answer[name].replace(number, "N") for name in names}
        events = PartEvent.objects.filter(part_id=said.get("id"))
        history = [*events.order_by("id").values_list("verb", "actor_name", "note")]
        return answer.status_code, told, {*said}, around, history

    first = ask()
    assert in_views == []
    monkeypatch.setattr(Front, "answer", lambda *args: None)
    second = ask()
    assert len(in_views) == 1
    assert first == second


def test_the_address_of_a_new_part_is_told(api, in_views):
    answer = api.post(PARTS, NEW)
    assert answer["Location"] == f"{PARTS}{answer.json()['id']}"
    assert in_views == []


@pytest.mark.django_db(transaction=True)
def test_a_part_is_of_the_season_that_is_current_when_it_is_handed_in(api, in_views):
    def season() -> str | None:
        answer = api.post(PARTS, NEW)
        assert answer.status_code == 201
        return answer.json()["season"]

    assert [season(), season()] == [None, None]
    in_another_connection(lambda: Season.objects.create(name="2026"))
    assert [season(), season()] == ["2026", "2026"]
    Season.objects.update(name="2027")
    assert season() == "2027"
    in_another_connection(lambda: Season.objects.update(archived=True))
    assert [season(), season()] == [None, None]
    assert in_views == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL is asked for all of it each time."
)
def test_only_what_may_be_another_each_time_is_asked_for(api):
    for _ in range(2):  # the first notes that the key was used
        api.post(PARTS, NEW)
    with CaptureQueriesContext(connection) as queries:
        assert api.post(PARTS, NEW).status_code == 201
    assert [query["sql"].split()[0] for query in queries] == [
        *("SELECT", "BEGIN", "INSERT", "INSERT", "COMMIT")
    ]


@pytest.mark.parametrize(
    ("rest", "sent", "status"),
    [
        ("", {"data": "{", "content_type": "application/json"}, 400),
        ("", {"data": {**NEW, "notes": "x" * 70_000}}, 400),
        ("", {"data": NEW, "headers": {"Accept": "text/html"}}, 201),
        ("", {"data": "name=Plate", "content_type": "text/plain"}, 415),
        ("{}/drawing/fetch", {"data": {}}, 404),
        ("{}/nonsense", {"data": {}}, 404),
    ],
)
def test_what_is_less_plain_is_left_to_the_views(api, in_views, rest, sent, status):
    answer = api.post(PARTS + rest.format(make_part().pk), **sent)
    assert answer.status_code == status
    assert len(in_views) == (0 if rest else 1)


def test_a_key_that_may_only_read_does_nothing(reader, in_views):
    part = make_part(category="cnc")
    for address in (PARTS, f"{PARTS}{part.pk}/assign"):
        answer = reader.post(address, {**NEW, "assigned": "Ann"})
        assert answer.status_code == 403
        assert answer.json()["error"] == "This key or account may only read."
    assert [part.pk] == [*Part.objects.values_list("pk", flat=True)]


def test_a_session_without_a_key_is_left_to_the_views(member_page, in_views):
    answer = member_page.post(PARTS, NEW, content_type="application/json")
    assert (answer.status_code, len(in_views)) == (201, 1)


def test_a_key_in_the_address_is_a_key(client, api, in_views):
    answer = client.post(
        f"{PARTS}?api_key={api.key}", NEW, content_type="application/json"
    )
    assert (answer.status_code, in_views) == (201, [])


def test_a_key_in_an_address_that_may_have_none_is_left_to_the_views(
    client, api, in_views, settings
):
    settings.API_KEY_IN_ADDRESS = False
    for headers in ({}, {"X-API-Key": api.key}):
        answer = client.post(
            f"{PARTS}?api_key={api.key}",
            NEW,
            content_type="application/json",
            headers=headers,
        )
        assert answer.json()["error"] == "API key in the address"
    assert len(in_views) == 2
    assert not Part.objects.exists()


def test_a_key_in_the_body_is_left_to_the_views(client, api, in_views):
    sent = {**NEW, "api_key": api.key}
    answer = client.post(PARTS, sent, content_type="application/json")
    assert (answer.status_code, len(in_views)) == (201, 1)


def test_each_write_counts_once(api, settings, in_views):
    settings.API_WRITES_PER_MINUTE = 3
    part = make_part(category="cnc")
    for status in (200, 409, 400):
        worker = "Ann" if status == 200 else "Ben" if status == 409 else 7
        answer = api.post(f"{PARTS}{part.pk}/assign", {"assigned": worker})
        assert answer.status_code == status
    answer = api.post(f"{PARTS}{part.pk}/unclaim", {})
    assert (answer.status_code, len(in_views)) == (429, 1)
    assert Part.objects.get(pk=part.pk).assigned == "Ann"


def test_what_is_refused_leaves_nothing_behind(api, in_views):
    part = make_part(category="review")
    answer = api.post(f"{PARTS}{part.pk}/complete", {})
    assert (answer.status_code, in_views) == (409, [])
    assert not PartEvent.objects.exclude(verb="created").exists()


@pytest.mark.parametrize(
    "where", [(PartDetailSerializer, "to_representation"), (writes, "dumped")]
)
def test_what_was_done_is_not_done_again_when_its_answer_fails(
    api, in_views, monkeypatch, caplog, where
):

    def fail(*args):
        raise RuntimeError("inside")

    seen = []
    monkeypatch.setattr(*where, fail)
    # The client raises what it hears of.
    monkeypatch.setattr(
        got_request_exception, "send", lambda **told: seen.append(told["request"].path)
    )
    answer = api.post(PARTS, NEW)
    assert (answer.status_code, in_views) == (500, [])
    assert answer.json()["requestId"] == answer["X-Request-ID"]
    assert seen == [PARTS]
    assert "api_broke path=/api/parts/" in caplog.text
    assert Part.objects.count() == 1


def test_a_database_that_is_away_is_asked_once(api, in_views, monkeypatch):
    asked = []

    def fail(*args, **kwargs):
        asked.append(kwargs)
        raise OperationalError("no connection")

    monkeypatch.setattr(workflow, "create", fail)
    answer = api.post(PARTS, NEW)
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert (len(asked), in_views) == (1, [])


def test_a_fault_before_anything_is_done_is_noted_and_the_views_answer(
    api, in_views, monkeypatch, caplog
):
    def fail(*args):
        monkeypatch.undo()
        raise RuntimeError("inside")

    monkeypatch.setattr(writes.throttling, "wait_seconds", fail)
    assert api.post(PARTS, NEW).status_code == 201
    assert "front_broke path=/api/parts/" in caplog.text
    assert Part.objects.count() == 1


def test_a_write_has_a_number_and_a_line_in_the_log(api, caplog):
    answer = api.post(PARTS, NEW, headers={"x-request-id": "n-1"})
    assert answer["X-Request-ID"] == "n-1"
    [record] = [r for r in caplog.records if r.name == "partsite.requestlog"]
    told = {"method": "POST", "path": PARTS, "status": 201, "ms": 0}
    assert record.fields | {"ms": 0} == {**told, "key": api.key.split("_")[1]}


def test_a_write_is_in_english_whoever_wrote_before(api, settings):
    part = make_part(category="cnc")
    answer = api.post(
        f"{PARTS}{part.pk}/approve", {}, headers={"Accept-Language": "de"}
    )
    assert "is in production" in answer.json()["error"]


def test_a_connection_that_failed_is_not_kept(api, monkeypatch):
    closed = []
    database = SimpleNamespace(
        in_atomic_block=False,
        close_at=None,
        errors_occurred=True,
        close_if_unusable_or_obsolete=lambda: closed.append(1),
    )
    monkeypatch.setattr(front, "connections", {"default": database})
    assert api.post(PARTS, NEW).status_code == 201
    assert closed == [1]
