"""How files go out: alike from a folder and from a bucket, on each way there is."""

from urllib.parse import unquote, urlsplit

import pytest
import requests
from django.core.files.storage import default_storage
from django.urls import reverse

from services import Nginx
from tests.factories import (
    TINY_PDF,
    TINY_STEP,
    make_converted,
    make_file,
    make_key,
    make_part,
)

pytestmark = pytest.mark.django_db
SANDBOX = "sandbox; default-src 'none'"


def address_of(file) -> str:
    return reverse("parts:file-download", args=[file.part_id, file.kind, file.revision])


def api_address_of(file) -> str:
    return f"/api/parts/{file.part_id}/download"


# --- Streamed -----------------------------------------------------------------


def test_a_file_comes_out_as_it_went_in(viewer_page, both_storages):
    file = make_file(make_part(), "Größe 1.step")
    answer = viewer_page.get(address_of(file))
    assert answer.getvalue() == TINY_STEP
    assert {name: answer[name] for name in HEADERS} == {
        "Accept-Ranges": "bytes",
        "Content-Disposition": "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe%201.step",
        "Content-Length": str(len(TINY_STEP)),
        "Content-Security-Policy": SANDBOX,
        "Content-Type": "application/step",
        "ETag": f'"{file.sha256[:16]}"',
        "X-Content-Type-Options": "nosniff",
    }


HEADERS = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Security-Policy",
    "Content-Type",
    "ETag",
    "X-Content-Type-Options",
]


@pytest.mark.parametrize("address", [address_of, api_address_of])
def test_who_has_a_file_is_not_sent_it_again(viewer_page, address, both_storages):
    file = make_file(make_part())
    tag = f'"{file.sha256[:16]}"'
    answer = viewer_page.get(address(file), headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)


@pytest.mark.parametrize("address", [address_of, api_address_of])
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("bytes=-9999", 0, None),
        ("bytes=5-9999", 5, None),
    ],
)
def test_a_range_of_a_file(viewer_page, address, asked, first, last, both_storages):
    file = make_file(make_part())
    answer = viewer_page.get(address(file), headers={"Range": asked})
    size = len(TINY_STEP)
    start, end = first % size, size - 1 if last is None else last
    assert answer.status_code == 206
    assert answer.getvalue() == TINY_STEP[start : end + 1]
    assert answer["Content-Range"] == f"bytes {start}-{end}/{size}"
    assert answer["Content-Length"] == str(end - start + 1)
    assert answer["Content-Type"] == "application/step"


@pytest.mark.parametrize("asked", ["bytes=9999-", "bytes=9-5", "bytes=-0"])
def test_a_range_that_is_not_there_is_416(viewer_page, asked, both_storages):
    file = make_file(make_part())
    answer = viewer_page.get(address_of(file), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer["Content-Range"] == f"bytes */{len(TINY_STEP)}"


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=0-1,4-5", "lines=1-2", "bytes=x-"])
def test_a_range_that_is_no_single_one_is_ignored(viewer_page, asked):
    answer = viewer_page.get(
        address_of(make_file(make_part())), headers={"Range": asked}
    )
    assert (answer.status_code, answer.getvalue()) == (200, TINY_STEP)


@pytest.mark.parametrize(("tag", "status"), [("", 206), ("0" * 16, 200)])
def test_a_range_of_older_bytes_is_all_of_the_newer(viewer_page, tag, status):
    file = make_file(make_part())
    headers = {"Range": "bytes=0-3", "If-Range": f'"{tag or file.sha256[:16]}"'}
    answer = viewer_page.get(address_of(file), headers=headers)
    assert answer.status_code == status
    answer.close()


def test_bytes_that_are_lost_are_404_in_words(viewer_page, both_storages, caplog):
    file = make_file(make_part())
    default_storage.delete(file.content.name)
    page = viewer_page.get(address_of(file))
    assert page.status_code == 404
    assert "The bytes of this file are gone." in page.text
    answer = viewer_page.get(api_address_of(file))
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "File not found",
        "details": "Its bytes are gone.",
    }
    assert f"stored_file_lost name={file.sha256}.step" in caplog.text


# --- A signed address ---------------------------------------------------------


def test_a_page_sends_to_the_bucket(viewer_page, bucket_files, settings):
    settings.FILE_DELIVERY = "redirect"
    file = make_file(make_part(), "Größe 1.step")
    answer = viewer_page.get(address_of(file))
    assert (answer.status_code, answer["Cache-Control"]) == (302, "no-store")
    there = requests.get(answer["Location"], timeout=10)
    assert there.content == TINY_STEP
    assert there.headers["Content-Type"] == "application/step"
    named = "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe%201.step"
    assert there.headers["Content-Disposition"] == named
    without = requests.get(answer["Location"].partition("?")[0], timeout=10)
    assert without.status_code == 403


def test_a_script_and_a_picture_are_still_served_here(
    viewer_page, client, bucket_files, settings
):
    settings.FILE_DELIVERY = "redirect"
    file = make_converted(make_part())
    _, key = make_key()
    answer = client.get(api_address_of(file), headers={"X-API-Key": key})
    assert (answer.status_code, answer.getvalue()) == (200, TINY_STEP)
    picture = [file.part_id, 1, file.thumbnail_tag]
    shown = viewer_page.get(reverse("parts:file-picture", args=picture))
    assert (shown.status_code, shown.getvalue()) == (200, b"PNG-fake")


def test_a_lost_object_is_404_and_not_somewhere_else(
    viewer_page, bucket_files, settings
):
    settings.FILE_DELIVERY = "redirect"
    file = make_file(make_part())
    default_storage.delete(file.content.name)
    assert viewer_page.get(address_of(file)).status_code == 404


# --- By the proxy -------------------------------------------------------------


@pytest.mark.parametrize("address", [address_of, api_address_of])
def test_the_proxy_is_told_where_the_file_lies(viewer_page, address, settings):
    settings.FILE_DELIVERY = "accel"
    file = make_file(make_part(), "d.pdf", TINY_PDF)
    answer = viewer_page.get(address(file))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["X-Accel-Redirect"] == f"/_files/{file.content.name}"
    assert unquote(answer["Content-Disposition"]) == 'attachment; filename="d.pdf"'
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Security-Policy"] == SANDBOX
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_proxy_is_not_sent_for_what_is_lost(viewer_page, settings):
    settings.FILE_DELIVERY = "accel"
    file = make_file(make_part())
    default_storage.delete(file.content.name)
    assert viewer_page.get(address_of(file)).status_code == 404


@pytest.fixture
def behind_nginx(transactional_db, live_server, settings, media, tmp_path, nginx_here):
    """Give the address of a real nginx in front of this very process."""
    settings.FILE_DELIVERY = "accel"
    site_port = urlsplit(live_server.url).port
    with Nginx.running(site_port=site_port, media=media) as nginx:
        yield nginx.address


def test_nginx_sends_what_the_site_lets_it(behind_nginx):
    file = make_file(make_part(), "Größe 1.step")
    _, key = make_key()
    address = f"{behind_nginx}{api_address_of(file)}"

    def ask(**headers: str) -> requests.Response:
        headers = {"X-API-Key": key, "Accept-Encoding": "identity", **headers}
        return requests.get(address, headers=headers, timeout=10)

    whole = ask()
    assert (whole.status_code, whole.content) == (200, TINY_STEP)
    assert {name: whole.headers[name] for name in HEADERS} == {
        "Accept-Ranges": "bytes",
        "Content-Disposition": "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe%201.step",
        "Content-Length": str(len(TINY_STEP)),
        "Content-Security-Policy": SANDBOX,
        "Content-Type": "application/step",
        "ETag": f'"{file.sha256[:16]}"',
        "X-Content-Type-Options": "nosniff",
    }
    part = ask(Range="bytes=5-9")
    assert (part.status_code, part.content) == (206, TINY_STEP[5:10])
    assert part.headers["Content-Security-Policy"] == SANDBOX
    assert ask(**{"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert ask(**{"X-API-Key": "pk_wrong"}).status_code == 401
    # Nobody comes to the files but through the site.
    around = requests.get(f"{behind_nginx}/_files/{file.content.name}", timeout=10)
    assert around.status_code == 404
