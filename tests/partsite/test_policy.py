"""What each answer carries that tells of trouble, whoever is asked."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def _broken(*args, **kwargs):
    raise RuntimeError("secret inside")


@pytest.mark.parametrize(
    ("method", "address", "options", "status"),
    [
        ("get", "/review/", {"headers": {"Host": "evil.example"}}, 400),
        ("get", "/api/parts/", {"headers": {"Host": "evil.example"}}, 400),
        ("post", "/parts/new/", {}, 403),
        ("get", "/nothing/", {}, 404),
        ("get", "/api/nothing", {}, 404),
        ("get", "/parts/0/", {}, 404),
        ("get", "/parts/0/approve/", {}, 405),
        ("get", "/health/", {"REQUEST_METHOD": "TRACE"}, 405),
        ("get", "/search/find/?search=x", {}, 500),
        ("get", "/api/parts/stats", {"headers": {"Accept": "text/html"}}, 500),
        ("get", "/api/parts/stats", {}, 500),
    ],
)
def test_every_page_of_trouble_has_its_policy(
    lead_page, monkeypatch, method, address, options, status
):
    monkeypatch.setattr("parts.stats.counts", _broken)
    monkeypatch.setattr("parts.views.search.render", _broken)
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.cookies = lead_page.cookies
    answer = getattr(client, method)(address, **options)
    assert answer.status_code == status
    policy = dict(
        words.split(" ", 1) for words in answer["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'self'",
        "img-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    kind = answer["Content-Type"]
    assert kind in {"application/json", "text/html; charset=utf-8"}
    assert "secret inside" not in answer.text
    assert "<style" not in answer.text
    assert "<script>" not in answer.text
