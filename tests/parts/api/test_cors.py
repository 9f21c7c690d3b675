"""Front ends that live at another address."""

import pytest

from tests.factories import make_converted, make_part

PARTS = "/api/parts/"
HERE = "https://front.example.org"


@pytest.fixture(autouse=True)
def _allowed(settings):
    settings.CORS_ALLOWED_ORIGINS = [HERE]


def _ask_first(client, address: str, method: str, headers: str, origin: str = HERE):
    """Send what a browser sends before the request itself."""
    return client.options(
        address,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        },
    )


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("rest", ["", "1", "1/upload", "auth/check", "nothing"])
def test_a_browser_may_send_key_and_content_type(client, rest, method):
    answer = _ask_first(client, PARTS + rest, method, "content-type,x-api-key")
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == HERE
    assert method in answer["Access-Control-Allow-Methods"]
    allowed = answer["Access-Control-Allow-Headers"].split(", ")
    assert {"content-type", "x-api-key", "if-none-match"} <= set(allowed)


def test_answers_and_errors_may_be_read(api):
    part = make_part()
    make_converted(part)
    for rest, status in [("", 200), ("999", 404), (f"{part.pk}/model", 200)]:
        answer = api.get(PARTS + rest, headers={"Origin": HERE})
        assert answer.status_code == status
        assert answer["Access-Control-Allow-Origin"] == HERE
        exposed = answer["Access-Control-Expose-Headers"].lower().split(", ")
        wanted = {"etag", "location", "retry-after", "content-disposition"}
        assert wanted <= set(exposed)
        assert "origin" in answer["Vary"].lower()


def test_a_refusal_for_want_of_a_key_may_be_read(anonymous):
    answer = anonymous.get(PARTS, headers={"Origin": HERE})
    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == HERE


def test_no_cookie_travels(client):
    answer = _ask_first(client, PARTS, "GET", "x-api-key")
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    "origin", ["https://other.example.org", "null", "http://front.example.org"]
)
def test_another_origin_is_told_nothing(api, origin):
    answer = api.get(PARTS, headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer
    answer = _ask_first(api, PARTS, "GET", "x-api-key", origin)
    assert "Access-Control-Allow-Origin" not in answer


def test_every_origin_may_be_allowed(api, settings):
    settings.CORS_ALLOWED_ORIGINS = []
    settings.CORS_ALLOW_ALL_ORIGINS = True
    answer = api.get(PARTS, headers={"Origin": "https://other.example.org"})
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_pages_are_for_no_other_origin(lead_page):
    answer = lead_page.get("/production/", headers={"Origin": HERE})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer
