"""Files go in and out; each revision stays; nothing runs in the browser."""

import errno
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from parts import tasks
from parts.models import Conversion, Part, PartFile
from tests.factories import (
    TINY_PDF,
    TINY_STEP,
    make_converted,
    make_file,
    make_part,
    make_upload,
)

PARTS = "/api/parts/"
OTHER_STEP = TINY_STEP.replace(b"HEADER;", b"HEADER; ")


def _upload(api, part, name="plate.step", content=TINY_STEP, field="file"):
    data = {field: make_upload(name, content)}
    return api.post(f"{PARTS}{part.pk}/upload", data, format="multipart")


def _stored_files() -> list[Path]:
    found = Path(default_storage.location).rglob("*")
    return [path for path in found if path.is_file()]


def _bytes(file) -> bytes:
    with file.content.open() as stream:
        return stream.read()


def _refused(answer, status=400):
    assert answer.status_code == status
    body = answer.json()
    assert body["field"] == "file"
    assert PartFile.objects.count() == 0
    assert list(default_storage.listdir(""))[0] in ([], ["files"])
    return body


@pytest.fixture(autouse=True)
def _folder(media):
    media.mkdir()


# --- Upload -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plate.step", "plate.STP", "Plate.Step"])
def test_a_step_file_becomes_the_current_revision(api, name, queued):
    part = make_part()
    answer = _upload(api, part, name)
    assert answer.status_code == 201
    assert answer.json() == {
        "message": "File uploaded successfully",
        "filename": name,
        "file_path": f"{part.pk}/{name[:5]}{name[5:].lower()}",
        "conversion": {"success": None, "error": None, "gltf_path": None},
    }
    file = PartFile.objects.get()
    assert (file.kind, file.revision, file.name) == ("step", 1, name)
    assert _bytes(file) == TINY_STEP
    assert file.uploaded_by_name == "write key"
    part.refresh_from_db()
    assert (part.file, part.current_step) == (name, file)
    assert part.events.get().verb == "uploaded"


@pytest.mark.parametrize("name", ["drawing.pdf", "DRAWING.PDF"])
def test_a_drawing_has_no_conversion(api, name):
    part = make_part()
    answer = _upload(api, part, name, TINY_PDF)
    assert answer.status_code == 201
    assert answer.json() == {
        "message": "File uploaded successfully",
        "filename": name,
        "file_path": f"{part.pk}/{name[:7]}.pdf",
    }
    part.refresh_from_db()
    assert (part.file, part.current_drawing.kind) == (name, "drawing")


@pytest.mark.parametrize(
    ("name", "filename", "path"),
    [
        ("Gearbox plate (2).step", "Gearbox plate (2).step", "Gearbox_plate_2.step"),
        ("деталь.step", "деталь.step", "file.step"),
        ("../../etc/evil.step", "evil.step", "evil.step"),
        ("C:\\parts\\hub.stp", "hub.stp", "hub.stp"),
        ("größe.STEP", "größe.STEP", "groe.step"),
        ("a.pdf.step", "a.pdf.step", "a.pdf.step"),
    ],
)
def test_a_name_is_made_bare_and_safe(api, name, filename, path):
    part = make_part()
    body = _upload(api, part, name).json()
    assert body["filename"] == filename
    assert body["file_path"] == f"{part.pk}/{path}"
    assert body["file_path"].isascii()
    part.refresh_from_db()
    assert part.file == filename


def test_the_bytes_of_an_older_conversion_are_known_at_once(api, queued):
    make_converted(make_part())
    part = make_part()
    body = _upload(api, part).json()
    assert body["conversion"] == {
        "success": True,
        "error": None,
        "gltf_path": f"{part.pk}/plate.glb",
    }
    file = part.files.get()
    assert (file.state, file.facts["solids"]) == ("done", 1)
    tasks.convert(file.pk)  # the worker comes later and has nothing to do
    assert api.get(f"{PARTS}{part.pk}/model").status_code == 200


def test_a_failure_of_the_same_bytes_is_tried_again(api):
    failed = make_file(make_part())
    PartFile.objects.update(state=Conversion.FAILED, error="Broken")
    body = _upload(api, make_part()).json()
    assert body["conversion"]["success"] is None
    assert failed.sha256 == PartFile.objects.first().sha256


def test_an_upload_never_replaces_an_older_file(api):
    part = make_part()
    for content in (TINY_STEP, OTHER_STEP):
        assert _upload(api, part, content=content).status_code == 201
    assert _upload(api, part, "d.pdf", TINY_PDF).status_code == 201
    files = part.files.order_by("pk")
    assert [(f.kind, f.revision, _bytes(f)) for f in files] == [
        ("step", 1, TINY_STEP),
        ("step", 2, OTHER_STEP),
        ("drawing", 1, TINY_PDF),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plate.step", b""),
        ("plate.step", b"<html>"),
        ("plate.step", b"solid stl"),
        ("plate.step", TINY_PDF),
        ("plate.step", TINY_STEP[:30]),
        ("plate.pdf", TINY_STEP),
        ("plate.pdf", b"%PDF"),
        ("plate.stl", TINY_STEP),
        ("plate.html", b"<script>"),
        ("plate", TINY_STEP),
        ("plate.step.exe", TINY_STEP),
        (".step", TINY_STEP),
    ],
)
def test_content_must_be_what_the_name_says(api, name, content):
    part = make_part()
    body = _refused(_upload(api, part, name, content))
    assert body["code"] == "file_refused"
    assert body["error"] == body["details"]
    part.refresh_from_db()
    assert (part.file, part.events.count()) == ("", 0)


def test_an_upload_needs_its_field(api):
    part = make_part()
    assert _refused(_upload(api, part, field="other"))["error"] == "No file was sent."
    data = {"file": "not a file"}
    answer = api.post(f"{PARTS}{part.pk}/upload", data, format="multipart")
    _refused(answer)


@pytest.mark.parametrize(
    ("broken", "size"),
    [
        ("partsite.storage.os.fsync", 0),
        ("partsite.storage.os.fsync", 3_000_000),
        ("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", 3_000_000),
    ],
)
def test_an_upload_to_a_full_disk_is_507(api, monkeypatch, broken, size):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(broken, full)
    content = TINY_STEP[:13] + b" " * size + TINY_STEP[13:]
    body = _refused(_upload(api, make_part(), content=content), 507)
    assert body["code"] == "no_room"
    assert body["error"].startswith("The server's disk is full")
    assert list(_stored_files()) == []


def test_what_the_web_server_could_not_keep_is_507(api):
    data = {"file": make_upload("plate.step", TINY_STEP)}
    address = f"{PARTS}{make_part().pk}/upload"
    told = {"X-Body-Found-No-Room": "1"}
    answer = api.post(address, data, format="multipart", headers=told)
    assert _refused(answer, 507)["code"] == "no_room"


@pytest.mark.parametrize("size", [2000, 200_000])
def test_an_upload_over_the_limit_is_413(api, settings, size):
    settings.UPLOAD_LIMIT_BYTES = 1000
    part = make_part()
    content = TINY_STEP[:13] + b" " * size + TINY_STEP[13:]
    body = _refused(_upload(api, part, content=content), 413)
    assert body["code"] == "file_too_big"
    settings.UPLOAD_LIMIT_BYTES = len(content)
    assert _upload(api, part, content=content).status_code == 201


def test_an_upload_far_over_the_limit_is_not_even_read(api):
    answer = api.generic(
        "POST",
        f"{PARTS}{make_part().pk}/upload",
        b"no multipart body",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(700 * 1024 * 1024),
    )
    _refused(answer, 413)
    assert answer.json()["error"] == "The file is larger than 100 MB."


def test_an_upload_over_the_limit_is_413_for_a_session_too(member, settings):
    # Its body is read before the view is asked, for the CSRF token.
    settings.UPLOAD_LIMIT_BYTES = 1000
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member)
    browser.cookies["csrftoken"] = "a" * 32
    data = {"file": make_upload(content=TINY_STEP + b" " * 2000)}
    address = f"{PARTS}{make_part().pk}/upload"
    headers = {"X-CSRFToken": "a" * 32}
    _refused(browser.post(address, data, headers=headers), 413)
    data = {"file": make_upload(), "csrfmiddlewaretoken": "a" * 32}
    assert browser.post(address, data).status_code == 201
    data = {"file": make_upload()}
    assert browser.post(address, data).status_code == 403


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/octet-stream", "model/step", "text/plain"],
)
def test_an_upload_is_multipart(api, content_type):
    address = f"{PARTS}{make_part().pk}/upload"
    answer = api.generic("POST", address, TINY_STEP, content_type=content_type)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; x"],
)
def test_a_broken_multipart_body_is_400(api, content_type):
    address = f"{PARTS}{make_part().pk}/upload"
    answer = api.generic("POST", address, b"--x\r\nbroken", content_type=content_type)
    assert (answer.status_code, answer.json()["error"]) == (400, "Malformed request")


def test_too_many_fields_are_400(api, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 5
    address = f"{PARTS}{make_part().pk}/upload"
    data = {f"field {n}": "x" for n in range(9)}
    answer = api.post(address, data, format="multipart")
    assert (answer.status_code, answer.json()["error"]) == (400, "Malformed request")


def test_a_key_in_the_query_uploads(api, anonymous):
    part = make_part()
    data = {"file": make_upload()}
    address = f"{PARTS}{part.pk}/upload?api_key={api.key}"
    assert anonymous.post(address, data, format="multipart").status_code == 201


# --- Download -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("plate (1).step", TINY_STEP, "application/step"),
        ("Größe.pdf", TINY_PDF, "application/pdf"),
    ],
)
@pytest.mark.parametrize("address", ["download", "file", "file/"])
def test_the_current_file_comes_out_as_it_went_in(
    reader, name, content, content_type, address
):
    part = make_part()
    make_file(part, name, content)
    answer = reader.get(f"{PARTS}{part.pk}/{address}")
    assert answer.status_code == 200
    assert answer.getvalue() == content
    assert answer["Content-Type"] == content_type
    assert answer["Content-Length"] == str(len(content))
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    way, _, named = answer["Content-Disposition"].partition("; ")
    assert way == ("attachment" if address == "download" else "inline")
    assert ("plate (1).step" in named) or ("Gr%C3%B6%C3%9Fe.pdf" in named)


def test_the_current_file_is_the_one_that_came_last(api):
    part = make_part()
    make_file(part)
    make_file(part, "d.pdf", TINY_PDF)
    assert api.get(f"{PARTS}{part.pk}/file").getvalue() == TINY_PDF
    make_file(part, "new.step", OTHER_STEP)
    assert api.get(f"{PARTS}{part.pk}/file").getvalue() == OTHER_STEP


@pytest.mark.parametrize("address", ["download", "file"])
def test_a_part_without_a_file_has_none_to_give(api, address):
    answer = api.get(f"{PARTS}{make_part().pk}/{address}")
    assert (answer.status_code, answer.json()) == (
        404,
        {
            "error": "File not found",
            "details": "There is no such file of this part.",
        },
    )


def test_bytes_that_are_lost_are_404_and_noted(api, caplog):
    part = make_part()
    file = make_file(part)
    default_storage.delete(file.content.name)
    answer = api.get(f"{PARTS}{part.pk}/file")
    assert (answer.status_code, answer.json()["error"]) == (404, "File not found")
    assert str(default_storage.location) not in answer.content.decode()
    assert f"stored_file_lost name={file.sha256}.step" in caplog.text


def test_whatever_a_client_accepts_it_gets_the_file(api):
    part = make_part()
    make_file(part)
    for accepts in ("application/step", "image/png", "nonsense", ""):
        answer = api.get(f"{PARTS}{part.pk}/file", headers={"Accept": accepts})
        assert answer.getvalue() == TINY_STEP


# --- Revisions ----------------------------------------------------------------


def test_every_revision_is_listed_newest_first(api):
    part = make_part()
    first = make_converted(part)
    drawing = make_file(part, "d.pdf", TINY_PDF)
    second = make_file(part, "b.step", OTHER_STEP)
    assert api.get(f"{PARTS}{part.pk}/files").json() == {
        "files": [
            {
                "kind": kind,
                "number": number,
                "name": file.name,
                "size": file.size_bytes,
                "sha256": file.sha256,
                "by": None,
                "at": file.uploaded_at.isoformat(),
                "address": f"{PARTS}{part.pk}/files/{number}{query}",
                "state": state,
            }
            for file, kind, number, query, state in (
                (second, "step", 2, "", "queued"),
                (drawing, "drawing", 1, "?kind=drawing", None),
                (first, "step", 1, "", "done"),
            )
        ]
    }


def test_each_address_of_the_list_leads_to_its_bytes(api):
    part = make_part()
    contents = [(b"plate.step", TINY_STEP), (b"d.pdf", TINY_PDF)]
    for name, content in contents:
        make_file(part, name.decode(), content)
    make_file(part, "b.step", OTHER_STEP)
    files = api.get(f"{PARTS}{part.pk}/files").json()["files"]
    got = [api.get(file["address"]) for file in files]
    assert [a.getvalue() for a in got] == [OTHER_STEP, TINY_PDF, TINY_STEP]
    assert all(a["Content-Disposition"].startswith("attachment") for a in got)


@pytest.mark.parametrize(
    ("address", "status", "content"),
    [
        ("1", 200, TINY_STEP),
        ("1?kind=step", 200, TINY_STEP),
        ("1?kind=drawing", 200, TINY_PDF),
        ("2", 200, TINY_PDF),
        ("2?kind=drawing", 200, TINY_PDF),
        ("2?kind=step", 404, None),
        ("3", 404, None),
        ("0", 404, None),
        ("9" * 40, 404, None),
        ("x", 404, None),
        ("-1", 404, None),
        ("1?kind=stl", 400, None),
        ("1?kind=", 400, None),
    ],
)
def test_a_revision_is_of_the_step_file_unless_a_kind_is_named(
    api, address, status, content
):
    part = make_part()
    make_file(part)
    for name in ("a.pdf", "b.pdf"):
        make_file(part, name, TINY_PDF)
    answer = api.get(f"{PARTS}{part.pk}/files/{address}")
    assert answer.status_code == status
    if content:
        assert answer.getvalue() == content


def test_a_revision_of_another_part_is_not_there(api):
    make_file(make_part())
    assert api.get(f"{PARTS}{make_part().pk}/files/1").status_code == 404


@pytest.mark.parametrize("rows", [1, 8])
def test_the_list_of_files_costs_three_queries(api, rows, django_assert_num_queries):
    part = make_part()
    for _ in range(rows):
        make_file(part)
    with django_assert_num_queries(3):  # key, part, files
        answer = api.get(f"{PARTS}{part.pk}/files")
    assert len(answer.json()["files"]) == rows


def test_nothing_but_reading_is_done_to_files(api):
    part = make_part()
    make_file(part)
    for address in ("files", "files/1", "download", "file", "model"):
        for method in ("post", "put", "patch", "delete"):
            answer = getattr(api, method)(f"{PARTS}{part.pk}/{address}")
            assert answer.status_code == 405
            assert answer["Allow"] == "GET, HEAD, OPTIONS"
    assert Part.objects.get().files.count() == 1
