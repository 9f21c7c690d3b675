"""Something that the site stands on is away: 503 in words, and nothing half done."""

import sqlite3
from contextlib import ExitStack

import pytest
import redis
from django.db import InterfaceError, OperationalError, connection
from django.urls import reverse

from parts import kept
from parts.models import DraftFile, Part, PartFile
from partsite import outage
from tests.factories import make_file, make_key, make_part, make_upload

pytestmark = pytest.mark.django_db
in_bucket = pytest.mark.usefixtures("bucket_files")


@pytest.fixture
def api(client):
    _, key = make_key()
    client.defaults["HTTP_X_API_KEY"] = key
    return client


def assert_page_says_so(answer) -> None:
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "The server that keeps them does not answer. Nothing" in answer.text


def assert_api_says_so(answer) -> None:
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert answer.json() == {
        "error": "Files out of reach",
        "details": "The server that keeps them does not answer. Nothing was changed.",
    }


# --- Files --------------------------------------------------------------------


@in_bucket
def test_an_upload_on_a_page(member_page, lose_bucket, caplog):
    part = make_part()
    lose_bucket()
    address = reverse("parts:file-upload", args=[part.pk])
    assert_page_says_so(member_page.post(address, {"file": make_upload()}))
    assert not PartFile.objects.exists()
    assert f"storage_down path={address} why=Could not connect" in caplog.text


@in_bucket
def test_handing_in_with_a_file(member_page, lose_bucket):
    lose_bucket()
    form = {"name": "Hub", "type": "cnc", "material": "x", "file": make_upload()}
    assert_page_says_so(member_page.post(reverse("parts:create"), form))
    assert not Part.objects.exists()
    assert not DraftFile.objects.exists()


@in_bucket
def test_an_upload_by_a_script(api, lose_bucket):
    part = make_part()
    lose_bucket()
    address = f"/api/parts/{part.pk}/upload"
    assert_api_says_so(api.post(address, {"file": make_upload()}))
    assert not PartFile.objects.exists()


@in_bucket
def test_a_download(viewer_page, lose_bucket):
    file = make_file(make_part())
    lose_bucket()
    address = [file.part_id, file.kind, file.revision]
    page = reverse("parts:file-download", args=address)
    assert_page_says_so(viewer_page.get(page))
    assert_api_says_so(viewer_page.get(f"/api/parts/{file.part_id}/download"))


@in_bucket
def test_pages_without_files_go_on(viewer_page, lose_bucket):
    make_file(make_part(name="Hub"))
    lose_bucket()
    assert "Hub" in viewer_page.get(reverse("parts:review")).text


# --- The database -------------------------------------------------------------


@pytest.fixture
def lose_database(client):
    """Return what has every statement about parts, or sessions, find no database."""
    client.raise_request_exception = False
    with ExitStack() as losses:

        def lose(error: Exception, *, table: str = "parts") -> None:
            def away(execute, sql, params, many, context):
                if f'"{table}"' in sql:
                    raise error
                return execute(sql, params, many, context)

            losses.enter_context(connection.execute_wrapper(away))

        yield lose


AWAY = "The site is out of order for a moment"
AWAY_WORDS = "Try again in a moment; what you did just now may not be saved."


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_page_whose_view_finds_no_database(viewer_page, lose_database, caplog, kind):
    lose_database(kind("connection refused"))
    answer = viewer_page.get(reverse("parts:completed"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert AWAY in answer.text
    assert "database_down path=/completed/ why=connection refused" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_page_that_cannot_even_ask_who_comes(viewer_page, lose_database, caplog):
    lose_database(OperationalError("it\nis away"), table="accounts_session")
    answer = viewer_page.get(reverse("parts:completed"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert AWAY_WORDS in answer.text
    (record,) = [r for r in caplog.records if r.name == "django.request"]
    assert outage.InOneLine().filter(record)
    assert record.getMessage() == (
        "Service Unavailable: /completed/: database_down why=it\nis away"
    )
    assert record.exc_info is None


@pytest.mark.parametrize("has_key", [True, False])
def test_the_api_without_a_database(client, viewer, lose_database, has_key):
    if has_key:
        client.defaults["HTTP_X_API_KEY"] = make_key()[1]
        lose_database(OperationalError("connection refused"))
    else:
        client.force_login(viewer)
        lose_database(OperationalError("gone"), table="accounts_session")
    answer = client.get("/api/parts/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert answer.json() == {"error": "Database out of reach", "details": AWAY_WORDS}


@pytest.mark.parametrize(
    ("code", "found"),
    [("SQLITE_BUSY", outage.DATABASE), ("SQLITE_ERROR", None)],  # "syntax error"
)
def test_of_sqlite_only_some_faults_are_outages(code, found):
    cause = sqlite3.OperationalError()
    cause.sqlite_errorname = code
    error = OperationalError("said")
    error.__cause__ = cause
    assert outage.of(error) is found


@pytest.fixture
def nothing_kept():
    kept.remove(connection)
    yield
    kept.recount()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("nothing_kept")
def test_while_sums_and_search_are_not_there_yet(client, viewer_page):
    board = viewer_page.get(reverse("parts:completed"))
    assert (board.status_code, board["Retry-After"]) == (503, "10")
    assert "The site is being upgraded" in board.text
    client.defaults["HTTP_X_API_KEY"] = make_key()[1]
    answer = client.get("/api/parts/?search=hub")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert answer.json() == {
        "error": "The site is being upgraded",
        "details": "Its database is being brought up to date. Try again in a moment.",
    }


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="Nobody else names indexes")
def test_while_an_index_is_not_there_yet(member_page):
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX part_held")
    answer = member_page.get("/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "The site is being upgraded" in answer.text


# --- Redis --------------------------------------------------------------------


def test_limits_that_cannot_be_counted_let_nobody_guess(
    client, monkeypatch, viewer, cache_class
):
    def away(*args, **kwargs):
        raise redis.ConnectionError("connection refused")

    client.raise_request_exception = False
    for name in ("take", "get", "incr", "add"):
        monkeypatch.setattr(cache_class, name, away)
    form = {"username": viewer.username, "password": "guessed"}
    answer = client.post(reverse("accounts:login"), form)
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "counts attempts does not answer. Nothing was changed" in answer.text
    answer = client.get("/api/parts/", HTTP_X_API_KEY="pk_0123456789ab_wrong")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert answer.json()["error"] == "Limits out of reach"
