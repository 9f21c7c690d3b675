"""What plain HTTP is answered where the site is to be reached over TLS."""

import pytest

SECURE = {"X-Forwarded-Proto": "https"}


@pytest.fixture(autouse=True)
def _over_tls(settings, db):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True


@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
def test_a_script_is_refused_rather_than_sent_on(client, method):
    answer = getattr(client, method)("/api/parts/1", headers={"X-API-Key": "x"})
    assert answer.status_code == 403
    assert answer.json()["error"] == "HTTPS required"


@pytest.mark.parametrize("address", ["/review/", "/api/docs/", "/account/login/"])
def test_a_page_is_sent_on(client, address):
    answer = client.get(address)
    assert (answer.status_code, answer["Location"]) == (
        301,
        f"https://testserver{address}",
    )


def test_over_tls_everything_is_answered_and_stays_there(client):
    answer = client.get("/api/parts/", headers=SECURE)
    assert answer.status_code == 401
    assert answer["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert client.get("/account/login/", headers=SECURE).status_code == 302  # first/
