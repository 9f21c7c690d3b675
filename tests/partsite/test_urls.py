"""Requests that no view ever sees."""

import pytest


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/parts/", "/api/nothing", "/api/docs/"])
def test_a_wrong_host_is_told_in_json_below_the_api(client, address, caplog):
    answer = client.get(address, headers={"Host": "evil.example.org"})
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": "Malformed request",
            "details": "This server does not answer to that name; ALLOWED_HOSTS has "
            "those it does.",
        },
    )


@pytest.mark.django_db
def test_a_wrong_host_is_told_on_a_page_elsewhere_and_in_one_line(client, caplog):
    answer = client.get("/review/", headers={"Host": "evil.example.org"})
    assert answer.status_code == 400
    assert b"This request cannot be read" in answer.content
    (record,) = [r for r in caplog.records if "evil.example.org" in r.getMessage()]
    assert record.exc_info is None


def test_a_browser_that_asks_by_itself_finds_the_icon(client):
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/img/logo.svg")
