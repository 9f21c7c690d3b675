"""The server of the files is away: 503 in words, and no row of what is not there."""

import pytest
from django.urls import reverse

from parts.models import DraftFile, Part, PartFile
from tests.factories import make_file, make_key, make_part, make_upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bucket_files")]


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


def test_an_upload_on_a_page(member_page, lose_bucket, caplog):
    part = make_part()
    lose_bucket()
    address = reverse("parts:file-upload", args=[part.pk])
    assert_page_says_so(member_page.post(address, {"file": make_upload()}))
    assert not PartFile.objects.exists()
    assert f"storage_down path={address} why=Could not connect" in caplog.text


def test_handing_in_with_a_file(member_page, lose_bucket):
    lose_bucket()
    form = {"name": "Hub", "type": "cnc", "material": "x", "file": make_upload()}
    assert_page_says_so(member_page.post(reverse("parts:create"), form))
    assert not Part.objects.exists()
    assert not DraftFile.objects.exists()


def test_an_upload_by_a_script(api, lose_bucket):
    part = make_part()
    lose_bucket()
    address = f"/api/parts/{part.pk}/upload"
    assert_api_says_so(api.post(address, {"file": make_upload()}))
    assert not PartFile.objects.exists()


def test_a_download(viewer_page, lose_bucket):
    file = make_file(make_part())
    lose_bucket()
    address = [file.part_id, file.kind, file.revision]
    page = reverse("parts:file-download", args=address)
    assert_page_says_so(viewer_page.get(page))
    assert_api_says_so(viewer_page.get(f"/api/parts/{file.part_id}/download"))


def test_pages_without_files_go_on(viewer_page, lose_bucket):
    make_file(make_part(name="Hub"))
    lose_bucket()
    assert "Hub" in viewer_page.get(reverse("parts:review")).text
