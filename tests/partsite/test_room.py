"""A full disk is told of, whichever it is."""

import errno

import psycopg
import pytest
from django.db import OperationalError
from django.urls import reverse

from parts.models import Part, PartFile
from partsite import room
from tests.factories import make_key, make_part, make_upload

TOLD = "The server's disk is full"


def _full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def _of_sqlite(name: str) -> OperationalError:
    cause = Exception()
    cause.sqlite_errorname = name
    error = OperationalError("database or disk is full")
    error.__cause__ = cause
    return error


def _of_postgresql() -> OperationalError:
    error = OperationalError()
    error.__cause__ = psycopg.errors.DiskFull()
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (room.DiskFull("No space left on device"), True),
        (_of_sqlite("SQLITE_FULL"), True),
        (_of_sqlite("SQLITE_BUSY"), False),
        (_of_postgresql(), True),
        (OperationalError("connection refused"), False),
        (ValueError("something else"), False),
    ],
)
def test_which_errors_say_so(error, expected):
    assert room.is_full(error) is expected


def test_other_errors_of_the_system_stay_what_they_are():
    with pytest.raises(PermissionError), room.telling_when_full():
        raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.django_db
def test_an_upload_on_a_page(member_page, monkeypatch):
    part = make_part()
    monkeypatch.setattr("partsite.storage.os.fsync", _full)
    address = reverse("parts:file-upload", args=[part.pk])
    answer = member_page.post(address, {"file": make_upload()})
    assert answer.status_code == 507
    assert TOLD in answer.text.replace("&#x27;", "'")
    assert not PartFile.objects.exists()


@pytest.mark.django_db
def test_handing_in_with_a_file(member_page, monkeypatch):
    monkeypatch.setattr("partsite.storage.os.fsync", _full)
    form = {
        "name": "Hub",
        "type": "cnc",
        "material": "x",
        "subsystem": "y",
        "file": make_upload(),
    }
    answer = member_page.post(reverse("parts:create"), form)
    assert answer.status_code == 507
    assert TOLD in answer.text.replace("&#x27;", "'")
    assert not Part.objects.exists()


@pytest.fixture
def _database_full(monkeypatch):
    def full(*args, **kwargs):
        raise _of_sqlite("SQLITE_FULL")

    monkeypatch.setattr("parts.workflow.taking.record", full)


@pytest.mark.django_db
@pytest.mark.usefixtures("_database_full")
def test_a_step_on_a_page(lead_page, caplog):
    part = make_part()
    address = reverse("parts:approve", args=[part.pk])
    answer = lead_page.post(address)
    assert answer.status_code == 507
    assert TOLD in answer.text.replace("&#x27;", "'")
    part.refresh_from_db()
    assert part.category == "review"
    assert f"disk_full path={address} why=database or disk is full" in caplog.text


@pytest.mark.django_db
@pytest.mark.usefixtures("_database_full")
def test_a_step_by_a_script(client):
    part = make_part()
    _, key = make_key(scope="lead")
    told = {"content_type": "application/json", "headers": {"X-API-Key": key}}
    answer = client.post(f"/api/parts/{part.pk}/approve", {}, **told)
    assert answer.status_code == 507
    assert answer.json() == {
        "error": TOLD,
        "details": "Nothing was changed. Tell whoever runs the server.",
    }
    part.refresh_from_db()
    assert part.category == "review"
