"""Faults are told to Sentry without a secret."""

from partsite.faults import _scrubbed

KEY = "pk_0123456789ab_" + "x-_9" * 10


def test_a_key_anywhere_in_a_report_is_blanked_out():
    event = {
        "message": f"GET /?api_key={KEY}",
        "breadcrumbs": {"values": [{"data": {"url": (f"/x {KEY}", 1)}}]},
        "request": {"url": f"http://host/?api_key={KEY}", "data": KEY, "method": "GET"},
        "user": {"username": "lena"},
        "extra": {"count": 3},
    }
    assert _scrubbed(event, {}) == {
        "message": "GET /?api_key=…",
        "breadcrumbs": {"values": [{"data": {"url": ["/x pk_0123456789ab_…", 1]}}]},
        "request": {"url": "http://host/", "method": "GET"},
        "extra": {"count": 3},
    }
