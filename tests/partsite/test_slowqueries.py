"""Statements that took long stand in the log, without their values."""

import pytest
from django.db import DatabaseError, connection

from accounts.models import User
from partsite import slowqueries
from partsite.requestlog import OfRequest
from tests.factories import make_key


@pytest.fixture
def slow(db, settings, monkeypatch, caplog):
    """Watch the connection; return what is told."""
    settings.SLOW_QUERY_MS = 20
    monkeypatch.setattr(connection, "execute_wrappers", [])
    slowqueries._watch(connection)
    slowqueries._watch(connection)
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += clock.step_ms / 1000
        return now

    clock.step_ms = 20.0
    monkeypatch.setattr("partsite.slowqueries.time.perf_counter", clock)

    def told(step_ms: float, ask) -> list:
        clock.step_ms = step_ms
        ask()
        found = [r for r in caplog.records if r.name == "partsite.slowqueries"]
        caplog.clear()
        return found

    return told


def test_a_slow_statement_is_told_once_and_without_its_values(slow):
    [record] = slow(25, lambda: list(User.objects.filter(username="secret name")))
    assert record.levelname == "WARNING"
    assert record.fields["ms"] == 25
    assert record.fields["database"] == "default"
    assert 'WHERE "accounts_user"."username" = %s' in record.fields["sql"]
    assert "secret name" not in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_quick_one_is_not(slow):
    assert slow(19, lambda: User.objects.count()) == []


def test_one_that_fails_is_told_too(slow):
    def fail() -> None:
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing\n  FROM nowhere")

    [record] = slow(30, fail)
    assert record.fields["sql"] == "SELECT nothing FROM nowhere"


def test_reads_by_key_are_watched_too(slow, client, caplog):
    _key, text = make_key()
    caplog.clear()
    caplog.handler.addFilter(OfRequest())
    headers = {"X-API-Key": text, "X-Request-ID": "n-1"}
    records = slow(40, lambda: client.get("/api/parts/?limit=1", headers=headers))
    caplog.handler.filters.clear()
    assert {record.request_id for record in records} == {"n-1"}
    assert any("parts" in record.fields["sql"] for record in records)
    assert not any(text in record.getMessage() for record in records)


def test_nobody_is_watched_who_did_not_ask(settings, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "partsite.slowqueries.connection_created.connect",
        lambda receiver, **kwargs: asked.append(receiver),
    )
    settings.SLOW_QUERY_MS = 0
    slowqueries.register()
    assert asked == []
    settings.SLOW_QUERY_MS = 1
    slowqueries.register()
    assert asked == [slowqueries._watch]
