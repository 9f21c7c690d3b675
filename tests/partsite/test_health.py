"""Whether the site says that it can work, and that it cannot."""

from unittest import mock

import pytest
from django.db import OperationalError, connection

from tests.buckets import bucket_options, keep_files_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["/health", "/health/"])
def test_health_needs_no_key_and_no_session(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.json() == {"status": "healthy", "database": "ok", "storage": "ok"}
    assert answer["Cache-Control"] == "no-store"
    assert client.head(address).status_code == 200


def test_health_leaves_nothing_behind(client, media):
    client.get("/health")
    assert list(media.iterdir()) == []


def test_a_database_that_is_down_is_unhealthy(client, caplog):
    inside = OperationalError("secret host is down")
    with mock.patch.object(connection, "cursor", side_effect=inside):
        answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unhealthy",
        "database": "failed",
        "storage": "ok",
    }
    assert "secret host is down" in caplog.text


def test_a_storage_that_takes_nothing_is_unhealthy(client, media):
    media.write_text("in the way")
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unhealthy",
        "database": "ok",
        "storage": "failed",
    }


def test_a_bucket_that_is_not_there_is_unhealthy(client, settings, s3):
    keep_files_in(settings, {**bucket_options(s3), "bucket_name": "no-such-bucket"})
    assert client.get("/health").json()["storage"] == "failed"


def test_health_takes_only_get(client):
    answer = client.post("/health", REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 405
    assert answer.json()["error"] == "Method not allowed"


def test_health_costs_one_query(client, django_assert_num_queries):
    with django_assert_num_queries(1):
        client.get("/health")
