"""What every address has in common: history, methods, errors, schema, pages."""

import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from django.urls import Resolver404, resolve, reverse
from drf_spectacular.generators import SchemaGenerator

from parts import workflow
from parts.models import Part, Season
from tests.factories import TINY_PDF, make_converted, make_file, make_part

from . import openapi

PARTS = "/api/parts/"
ROOT = Path(__file__).parents[3]


# --- History ------------------------------------------------------------------


def test_the_history_is_told_newest_first_in_wire_names(api, lead):
    part = make_part(type="cnc")
    file = make_file(part)
    season = Season.objects.create(name="2026")
    workflow.edit(
        part,
        actor=lead,
        material_thickness="3 mm",
        storage_location="Shelf",
        code="A-7",
        priority=3,
        due_date=date(2026, 3, 1),
        season=season,
        extra={"a": 1},
    )
    workflow.send_back(part, actor=lead, reason="Holes")
    body = api.get(f"{PARTS}{part.pk}/events").json()
    assert (body["total"], body["limit"], body["offset"]) == (3, None, 0)
    sent_back, edited, uploaded = body["events"]
    assert list(sent_back) == ["at", "actor", "verb", "changes", "revision", "note"]
    assert sent_back["at"] == part.events.first().at.isoformat()
    assert (sent_back["actor"], sent_back["verb"], sent_back["note"]) == (
        "Lena Lead",
        "sent_back",
        "Holes",
    )
    assert sent_back["changes"] == {"blockedReason": ["", "Holes"]}
    assert edited["changes"] == {
        "materialThickness": ["", "3 mm"],
        "storage": ["", "Shelf"],
        "partId": [str(part.uuid)[:8], "A-7"],
        "priority": ["normal", "urgent"],
        "dueDate": [None, "2026-03-01"],
        "season": [None, "2026"],
        "miscInfo": [{}, {"a": 1}],
    }
    assert (uploaded["actor"], uploaded["revision"]) == (None, file.revision)
    page = api.get(f"{PARTS}{part.pk}/events?limit=1&offset=1").json()
    assert (page["events"], page["total"]) == ([edited], 3)


@pytest.mark.parametrize("rows", [1, 12])
def test_the_history_costs_three_queries(api, rows, django_assert_num_queries):
    part = make_part()
    for number in range(rows):
        workflow.edit(part, actor=None, name=f"name {number}")
    with django_assert_num_queries(3):  # key, part, events
        answer = api.get(f"{PARTS}{part.pk}/events")
    assert len(answer.json()["events"]) == rows


# --- Methods and addresses ----------------------------------------------------

ALLOWED = {
    "": "GET, POST, HEAD, OPTIONS",
    "{pk}": "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
    "{pk}/approve": "POST, OPTIONS",
    "{pk}/send-back": "POST, OPTIONS",
    "{pk}/assign": "POST, OPTIONS",
    "{pk}/unclaim": "POST, OPTIONS",
    "{pk}/complete": "POST, OPTIONS",
    "{pk}/revert": "POST, OPTIONS",
    "{pk}/convert": "POST, OPTIONS",
    "{pk}/upload": "POST, OPTIONS",
    "{pk}/download": "GET, HEAD, OPTIONS",
    "{pk}/file": "GET, HEAD, OPTIONS",
    "{pk}/model": "GET, HEAD, OPTIONS",
    "{pk}/drawing": "GET, HEAD, OPTIONS",
    "{pk}/files": "GET, HEAD, OPTIONS",
    "{pk}/files/1": "GET, HEAD, OPTIONS",
    "{pk}/files/1/model": "GET, HEAD, OPTIONS",
    "{pk}/events": "GET, HEAD, OPTIONS",
    "{pk}/views": "GET, POST, HEAD, OPTIONS",
    "{pk}/views/1": "GET, HEAD, OPTIONS",
    "categories/cnc": "GET, HEAD, OPTIONS",
    "stats": "GET, HEAD, OPTIONS",
    "stats/detailed": "GET, HEAD, OPTIONS",
    "leaderboard": "GET, HEAD, OPTIONS",
    "wipe": "POST, OPTIONS",
    "auth/check": "GET, HEAD, OPTIONS",
}


@pytest.mark.parametrize(("rest", "allowed"), ALLOWED.items())
def test_another_method_is_405_in_both_forms_of_the_address(api, rest, allowed):
    bare = (PARTS + rest.format(pk=make_part().pk)).rstrip("/")
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO"}:
        for address in (bare, bare + "/"):
            if method in allowed.split(", "):
                continue
            answer = api.generic(method, address)
            assert (answer.status_code, answer.json()) == (
                405,
                {"error": "Method not allowed", "details": "See the header Allow."},
            )
            assert answer["Allow"] == allowed


@pytest.mark.parametrize("rest", ALLOWED)
def test_both_forms_of_an_address_are_one_view(rest):
    address = (PARTS + rest.format(pk=1)).rstrip("/")
    bare, slashed = resolve(address), resolve(address + "/")
    assert bare.view_name == slashed.view_name
    assert bare.kwargs == slashed.kwargs
    assert bare.view_name.startswith("api:")


@pytest.mark.parametrize(
    ("name", "args", "address"),
    [
        ("part-list", [], "/api/parts/"),
        ("part-detail", [1], "/api/parts/1"),
        ("part-approve", [1], "/api/parts/1/approve"),
        ("part-send-back", [1], "/api/parts/1/send-back"),
        ("part-upload", [1], "/api/parts/1/upload"),
        ("part-model", [1], "/api/parts/1/model"),
        ("part-thumbnail", [1, "abc"], "/api/parts/1/thumbnail/abc.png"),
        ("part-files", [1], "/api/parts/1/files"),
        ("part-revision", [1, 2], "/api/parts/1/files/2"),
        ("part-revision-model", [1, 2], "/api/parts/1/files/2/model"),
        ("part-category", ["cnc"], "/api/parts/categories/cnc"),
        ("part-views", [1], "/api/parts/1/views"),
        ("part-view", [1, 7], "/api/parts/1/views/7"),
        ("part-stats", [], "/api/parts/stats"),
        ("part-stats-detailed", [], "/api/parts/stats/detailed"),
        ("part-leaderboard", [], "/api/parts/leaderboard"),
        ("part-wipe", [], "/api/parts/wipe"),
        ("key-check", [], "/api/parts/auth/check"),
        ("openapi", [], "/api/openapi.json"),
        ("docs", [], "/api/docs/"),
    ],
)
def test_addresses_are_reversed_in_the_form_of_the_contract(name, args, address):
    assert reverse(f"api:{name}", args=args) == address


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "FOO"])
@pytest.mark.parametrize(
    "address",
    [
        "/api/",
        "/api/nothing",
        "/api/nothing/",
        "/api/parts/1/nothing",
        "/api/parts/nothing",
        "/api/parts/-1",
        "/api/parts/1.5",
        "/api/parts/1/files/x",
        "/api/parts/%00",
        "/api/parts//1",
        "/api/parts/1.json",
        "/api/..%2f..%2fetc/passwd",
    ],
)
def test_nothing_is_a_404_in_json_whoever_asks(anonymous, method, address):
    answer = anonymous.generic(method, address)
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "Not found", "details": "There is nothing at this address."},
    )


def test_pages_still_have_their_own_404(client):
    with pytest.raises(Resolver404):
        resolve("/nothing-here")


@pytest.mark.parametrize("rest", ALLOWED)
def test_options_tell_what_is_allowed(api, rest):
    answer = api.options(PARTS + rest.format(pk=make_part().pk))
    assert (answer.status_code, answer["Allow"]) == (200, ALLOWED[rest])


def test_head_is_get_without_a_body(api):
    part = make_part()
    make_converted(part)
    for rest in ("", f"{part.pk}", f"{part.pk}/model", f"{part.pk}/file"):
        answer = api.head(PARTS + rest)
        assert answer.status_code == 200
        assert not answer.getvalue()


# --- Errors -------------------------------------------------------------------


def test_a_bug_is_a_500_that_tells_nothing(api, monkeypatch, caplog):
    part = make_part()

    def broken(*args, **kwargs):
        raise RuntimeError("the inside")

    monkeypatch.setattr("parts.workflow.complete", broken)
    api.raise_request_exception = False
    answer = api.post(f"{PARTS}{part.pk}/complete")
    assert (answer.status_code, answer.json()) == (
        500,
        {
            "error": "Internal server error",
            "details": "It has been noted. Try again.",
            "requestId": answer["X-Request-ID"],
        },
    )
    assert f"api_broke path=/api/parts/{part.pk}/complete" in caplog.text
    assert "the inside" in caplog.text


def test_a_bug_is_seen_by_tests_and_error_reporters(api, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the inside")

    monkeypatch.setattr("parts.workflow.complete", broken)
    with pytest.raises(RuntimeError, match="the inside"):
        api.post(f"{PARTS}{make_part().pk}/complete")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/csv", "x", ""])
def test_errors_are_json_for_every_client_that_is_no_browser(anonymous, accept):
    answer = anonymous.get(PARTS, headers={"Accept": accept})
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/json"
    assert json.loads(answer.content)["error"] == "API key required"


# --- For people ---------------------------------------------------------------

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("rest", ALLOWED)
def test_the_browsable_api_opens_for_a_session(lead_page, rest):
    part = make_part(type="hand")
    make_file(part, "d.pdf", TINY_PDF)
    file = make_converted(part)
    workflow.add_views(part, actor=None, views={1: file.thumbnail.name})
    address = PARTS + rest.format(pk=part.pk)
    answer = lead_page.get(address, headers=HTML)
    is_readable = "GET" in ALLOWED[rest]
    assert answer.status_code == (200 if is_readable else 405)
    is_file = rest.endswith(("download", "file", "model", "drawing", "/1"))
    assert answer["Content-Type"].startswith("text/html") != is_file
    answer.close()


@pytest.mark.parametrize(
    ("address", "status"),
    [("", 401), ("999", 401), ("auth/check", 401)],
)
def test_the_browsable_api_shows_errors_to_browsers(client, address, status):
    answer = client.get(PARTS + address, headers=HTML)
    assert answer.status_code == status
    assert b"API key required" in answer.content


def test_a_wrong_key_in_a_browser_is_refused_once(client):
    answer = client.get(f"{PARTS}?api_key=x", headers=HTML)
    assert answer.status_code == 401
    assert b"Invalid API key" in answer.content


# --- The schema ---------------------------------------------------------------


def test_the_schema_needs_no_key_and_names_every_address_once(anonymous):
    answer = anonymous.get("/api/openapi.json")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    schema = answer.json()
    assert schema["openapi"].startswith("3.")
    named = {
        PARTS
        + rest.format(pk="{id}")
        .replace("files/1", "files/{revision}")
        .replace("views/1", "views/{side}")
        .replace("categories/cnc", "categories/{category}")
        for rest in ALLOWED
    }
    assert set(schema["paths"]) == {
        *named,
        "/api/parts/{id}/thumbnail/{tag}.png",
        "/health",
    }
    assert schema["components"]["securitySchemes"]["apiKey"] == {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
    }


def test_the_schema_has_no_keys_in_addresses_where_none_are_taken(settings):
    settings.API_KEY_IN_ADDRESS = False
    schema = SchemaGenerator().get_schema(public=True)  # that of the site is kept
    assert "apiKey" in schema["components"]["securitySchemes"]
    assert "apiKeyInAddress" not in str(schema)


@pytest.mark.parametrize("query", ["version=%00", "lang=zz", "lang=%0d%0aX: y"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_no_question_breaks_schema_and_reader(anonymous, method, query):
    for address in ("/api/openapi.json", "/api/docs/", "/api/docs/?script="):
        sign = "&" if "?" in address else "?"
        answer = anonymous.generic(method, f"{address}{sign}{query}")
        taken = method in {"GET", "HEAD"} or (method, address) == (
            "OPTIONS",
            "/api/openapi.json",
        )
        assert answer.status_code == (200 if taken else 405)
        assert "\x00" not in str(answer.headers)


def test_the_document_in_git_is_current(anonymous):
    kept = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    assert kept == anonymous.get("/api/openapi.json").json(), "run: make openapi"


def _operations() -> list[tuple[str, str, dict]]:
    return [
        (method, path, operation)
        for path, operations in openapi.document()["paths"].items()
        for method, operation in operations.items()
    ]


def test_every_operation_says_what_it_does_and_shows_it():
    ids = [operation["operationId"] for *_, operation in _operations()]
    assert len(ids) == len(set(ids))
    for method, path, operation in _operations():
        assert operation["summary"], f"{method} {path}"
        shown = [
            content
            for answer in operation["responses"].values()
            for media_type, content in answer.get("content", {}).items()
            if media_type == "application/json"
        ]
        assert all(content.get("examples") for content in shown), f"{method} {path}"


def test_every_example_is_what_its_schema_says():
    count = 0
    contents = [
        content
        for *_, operation in _operations()
        for body in [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in body.get("content", {}).values()
    ]
    for refusal in openapi.document()["components"]["responses"].values():
        contents += refusal["content"].values()
    for content in contents:
        for name, example in content.get("examples", {}).items():
            assert openapi.fault_of(example["value"], content["schema"]) is None, name
            count += 1
    assert count > 50


def test_every_operation_but_health_tells_401_and_429():
    for method, path, operation in _operations():
        told = {"401", "429"} <= set(operation["responses"])
        assert told == (path != "/health"), f"{method} {path}"


def test_the_schema_is_valid_without_a_warning(tmp_path):
    from django.core.management import call_command

    call_command(
        "spectacular", file=str(tmp_path / "s"), validate=True, fail_on_warn=True
    )


def test_the_reader_of_the_schema_uses_no_foreign_server(anonymous):
    for address in ("/api/docs/", "/api/docs"):
        answer = anonymous.get(address)
        assert answer.status_code == 200
        html = answer.content.decode()
        assert "/static/drf_spectacular_sidecar/swagger-ui-dist/" in html
        assert "https://" not in html
    script = anonymous.get("/api/docs/?script=").content.decode()
    assert "/api/openapi.json" in script
    assert Part.objects.count() == 0
