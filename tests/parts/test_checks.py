"""What the system checks say of settings that cannot work."""

import sqlite3

import pytest
from django.db import connection

from parts.checks import (
    check_front_end,
    check_media_writable,
    check_sqlite_searches,
)


@pytest.fixture
def folder(settings, tmp_path):
    settings.FRONTEND_DIR = tmp_path / "dist"
    settings.FRONTEND_DIR.mkdir()
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_ROOT = settings.DATA_DIR / "media"
    return settings.FRONTEND_DIR


def _said() -> list[str]:
    return [f"({error.id}) {error.msg}" for error in check_front_end(None)]


def test_no_front_end_is_right(settings):
    assert settings.FRONTEND_DIR is None
    assert _said() == []


def test_a_folder_with_its_page_is_right(folder):
    (folder / "index.html").touch()
    assert _said() == []


def test_a_folder_without_its_page_is_told(folder):
    words = "and index.html in it cannot be read: No such file or directory."
    assert _said() == [f"(parts.E004) FRONTEND_DIR is {folder}, {words}"]


def test_a_folder_that_is_none_is_told(folder):
    folder.rmdir()
    assert _said() == [f"(parts.E004) FRONTEND_DIR is {folder}, which is no folder."]


@pytest.mark.parametrize("own", ["DATA_DIR", "MEDIA_ROOT", "BASE_DIR"])
@pytest.mark.parametrize("inner", ["", "below"])
def test_a_folder_that_holds_the_sites_own_is_refused(folder, settings, own, inner):
    (folder / "index.html").touch()
    setattr(settings, own, folder / inner)
    whole = f"all of it would be public, the site's own {folder / inner} too."
    assert _said() == [f"(parts.E004) FRONTEND_DIR is {folder}: {whole}"]


def test_an_sqlite_that_cannot_search_is_told(monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("it is about what an SQLite lacks")
    assert check_sqlite_searches(None) == []

    def refuse(path: str):
        raise sqlite3.OperationalError("no such tokenizer: trigram")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    [error] = check_sqlite_searches(None)
    assert error.id == "parts.E005"
    assert error.msg == (
        f"The SQLite {sqlite3.sqlite_version} of this Python is too old, or has no "
        "search: no such tokenizer: trigram."
    )


def test_a_bucket_that_is_away_is_told(bucket_files, lose_bucket):
    assert check_media_writable(None) == []
    lose_bucket()
    (error,) = check_media_writable(None)
    assert error.id == "parts.E001"
    assert "Files cannot be stored in the bucket test-" in error.msg
    assert "Could not connect to the endpoint URL" in error.msg
