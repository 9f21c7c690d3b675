"""Pictures from eight sides, which clients make of the model."""

import io

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from parts import uploads, workflow
from parts.models import PartEvent
from tests.factories import make_file, make_part, make_upload

PARTS = "/api/parts/"


def _png(colour: str = "red", size: tuple[int, int] = (4, 3)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, "PNG")
    return target.getvalue()


@pytest.fixture
def part():
    return make_part(extra={"colour": "blue"})


def _post(api, part, **contents: bytes):
    files = {name: make_upload("x.png", body) for name, body in contents.items()}
    return api.post(f"{PARTS}{part.pk}/views", files, format="multipart")


def test_there_are_none_at_first(reader, part):
    assert reader.get(f"{PARTS}{part.pk}/views").json() == {"views": None}
    assert "views" not in reader.get(f"{PARTS}{part.pk}").json()["miscInfo"]


def test_each_side_is_kept_and_told_everywhere(api, part):
    sides = {f"view_{n}": _png(size=(n + 1, 2)) for n in range(8)}
    answer = _post(api, part, **sides)
    assert answer.status_code == 200
    manifest = answer.json()["views"]
    assert answer.json() == {"success": True, "views": manifest}
    assert list(manifest["files"]) == [str(n) for n in range(8)]
    for n in range(8):
        file = manifest["files"][str(n)]
        assert file == {
            "filename": f"view_{n}.png",
            "timestamp": manifest["updated_at"],
        }
        picture = api.get(f"{PARTS}{part.pk}/views/{n}")
        assert picture.status_code == 200
        assert picture["Content-Type"] == "image/png"
        assert picture["X-Content-Type-Options"] == "nosniff"
        assert picture["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert picture.getvalue() == sides[f"view_{n}"]
    assert api.get(f"{PARTS}{part.pk}/views").json() == {"views": manifest}
    misc = api.get(f"{PARTS}{part.pk}").json()["miscInfo"]
    assert misc == {"colour": "blue", "views": manifest}
    assert api.get(PARTS).json()["parts"][0]["miscInfo"] == misc


def test_a_side_sent_again_replaces_that_side_alone(api, part):
    _post(api, part, view_0=_png("red"), view_1=_png("green"))
    first = api.get(f"{PARTS}{part.pk}/views").json()["views"]
    second = _post(api, part, view_1=_png("blue")).json()["views"]
    assert second["files"]["0"] == first["files"]["0"]
    assert second["files"]["1"]["timestamp"] == second["updated_at"]
    assert second["updated_at"] > first["updated_at"]
    assert api.get(f"{PARTS}{part.pk}/views/0").getvalue() == _png("red")
    assert api.get(f"{PARTS}{part.pk}/views/1").getvalue() == _png("blue")


def test_a_client_may_send_the_manifest_back_and_cannot_change_it(api, part):
    manifest = _post(api, part, view_0=_png()).json()["views"]
    sent = {"miscInfo": {"views": manifest, "a": 1}}
    assert api.put(f"{PARTS}{part.pk}", sent).json()["miscInfo"] == {
        "a": 1,
        "views": manifest,
    }
    sent = {"miscInfo": {"views": {"files": {}}}}
    told = api.put(f"{PARTS}{part.pk}", sent).json()["miscInfo"]
    assert told == {"views": manifest}


def test_pictures_of_the_older_file_are_never_shown_for_a_newer_one(api, part):
    make_file(part)
    _post(api, part, view_0=_png())
    make_file(part, "drawing.pdf", b"%PDF-1.4\n%%EOF\n")
    assert api.get(f"{PARTS}{part.pk}/views/0").status_code == 200
    make_file(part, "newer.step")
    assert api.get(f"{PARTS}{part.pk}/views").json() == {"views": None}
    assert api.get(f"{PARTS}{part.pk}/views/0").status_code == 404
    assert api.get(f"{PARTS}{part.pk}").json()["miscInfo"] == {"colour": "blue"}


def test_a_picture_that_is_known_is_not_sent_again(api, part):
    _post(api, part, view_0=_png())
    address = f"{PARTS}{part.pk}/views/0"
    first = api.get(address)
    assert first["Cache-Control"] == "private, no-cache"
    again = api.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.getvalue()) == (304, b"")


@pytest.mark.parametrize("side", ["1", "8", "99", "9" * 40])
def test_a_side_without_a_picture_is_404(api, part, side):
    _post(api, part, view_0=_png())
    answer = api.get(f"{PARTS}{part.pk}/views/{side}")
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "View not found",
        "details": "There is no picture from this side.",
    }


BROKEN = {
    "a text": b"hello",
    "a JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(100),
    "a head alone": _png()[:20],
    "cut off": _png()[:-13],
    "a changed byte": _png()[:45] + bytes([_png()[45] ^ 1]) + _png()[46:],
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_whole_png_is_refused_and_nothing_kept(api, part, media, name):
    answer = _post(api, part, view_0=_png(), view_3=BROKEN[name], view_5=b"x")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "Validation Error",
        "details": "This is not a whole PNG picture.",
        "field": "view_3",
        "errors": {
            "view_3": ["This is not a whole PNG picture."],
            "view_5": ["This is not a whole PNG picture."],
        },
    }
    assert api.get(f"{PARTS}{part.pk}/views").json() == {"views": None}
    assert not (media / "views").exists()


def test_a_picture_over_ten_megabytes_is_refused(api, part, monkeypatch):
    monkeypatch.setattr(uploads, "PICTURE_LIMIT_BYTES", len(_png()) - 1)
    answer = _post(api, part, view_0=_png())
    assert answer.status_code == 400
    assert answer.json()["field"] == "view_0"
    assert answer.json()["details"].startswith("The picture is larger than")


@pytest.mark.parametrize("contents", [{}, {"view_8": _png()}, {"file": _png()}])
def test_without_any_side_it_is_told_what_to_send(api, part, contents):
    answer = _post(api, part, **contents)
    assert answer.status_code == 400
    assert answer.json()["details"] == "Send at least one PNG, as view_0 to view_7."


def test_text_where_a_picture_belongs_is_refused(api, part):
    address = f"{PARTS}{part.pk}/views"
    answer = api.post(address, {"view_0": "text"}, format="multipart")
    assert (answer.status_code, answer.json()["field"]) == (400, "view_0")


def test_pictures_come_as_multipart_only(api, part):
    answer = api.post(f"{PARTS}{part.pk}/views", {"view_0": "aaaa"})
    assert answer.status_code == 415


def test_who_may_only_read_keeps_no_pictures(reader, part, media):
    assert _post(reader, part, view_0=_png()).status_code == 403
    assert not (media / "views").exists()


def test_it_is_a_line_of_the_history_with_the_keys_name(api, part):
    _post(api, part, view_2=_png(), view_0=_png())
    event = PartEvent.objects.get(part=part)
    assert (event.actor_name, event.verb, event.note) == (
        "write key",
        "edited",
        "Pictures from side 0, 2",
    )


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_part_that_is_not_there_is_404(api, lead, part, method):
    workflow.trash(part, actor=lead)
    for pk in (part.pk, 999, "9" * 40):
        answer = getattr(api, method)(
            f"{PARTS}{pk}/views",
            **({"data": {}, "format": "multipart"} if method == "post" else {}),
        )
        assert answer.status_code == 404
        assert answer.json()["error"] == "Part not found"


def test_a_picture_whose_bytes_are_gone_is_404(api, part):
    _post(api, part, view_0=_png())
    part.refresh_from_db()
    default_storage.delete(part.pictures[0])
    assert api.get(f"{PARTS}{part.pk}/views/0").status_code == 404
