"""The other server's folder: what may come over, and why the rest may not."""

import os
from datetime import UTC, datetime

import pytest

from parts.importing import Outcome, Subject
from parts.importing.folder import contents_of, left_over
from parts.models import Kind
from tests.factories import TINY_PDF, TINY_STEP

from .servers import png

OTHER_STEP = TINY_STEP.replace(b"HEADER;", b"HEADER; ")


def _told(contents) -> list[tuple]:
    return [(line.name, line.outcome, *line.reasons) for line in contents.lines]


def test_a_part_without_a_folder_has_nothing(old):
    contents = contents_of(old.uploads, 1, "")
    assert (contents.files, contents.pictures, contents.lines) == ([], {}, [])
    assert contents.lacks_current is False


def test_files_come_by_age_and_the_current_one_last(old):
    old.put("1/new.step", TINY_STEP, "2026-01-16T00:00:00Z")
    old.put("1/Plate.STEP", OTHER_STEP, "2026-01-14T00:00:00Z")
    old.put("1/deep/drawing.pdf", TINY_PDF, "2026-01-15T00:00:00Z")
    contents = contents_of(old.uploads, 1, "plate.step")
    assert [(file.name, file.kind) for file in contents.files] == [
        ("drawing.pdf", Kind.DRAWING),
        ("new.step", Kind.STEP),
        ("Plate.STEP", Kind.STEP),
    ]
    assert contents.files[0].at == datetime(2026, 1, 15, tzinfo=UTC)
    assert contents.files[0].size_bytes == len(TINY_PDF)
    assert (contents.lines, contents.lacks_current) == ([], False)


def test_without_the_current_file_the_youngest_is_last_and_the_lack_is_seen(old):
    old.put("1/a.step", TINY_STEP, "2026-01-16T00:00:00Z")
    old.put("1/b.step", OTHER_STEP, "2026-01-14T00:00:00Z")
    contents = contents_of(old.uploads, 1, "plate.step")
    assert [file.name for file in contents.files] == ["b.step", "a.step"]
    assert contents.lacks_current is True


def test_a_current_file_that_is_refused_is_not_lacking(old):
    old.put("1/plate.step", b"")
    contents = contents_of(old.uploads, 1, "plate.step")
    assert contents.lacks_current is False
    assert _told(contents) == [
        ("1/plate.step", Outcome.REFUSED, "This file is empty."),
    ]


def test_the_same_bytes_come_once(old):
    old.put("1/plate.step", TINY_STEP, "2026-01-14T00:00:00Z")
    old.put("1/copy.step", TINY_STEP, "2026-01-16T00:00:00Z")
    contents = contents_of(old.uploads, 1, "plate.step")
    assert [file.name for file in contents.files] == ["plate.step"]
    assert _told(contents) == [
        ("1/copy.step", Outcome.LEFT, "It has the same bytes as plate.step.")
    ]


def test_pictures_are_found_beside_the_files_and_below(old):
    old.put("1/view_0.png", png(1), "2026-01-14T00:00:00Z")
    old.put("1/views/view_0.png", png(2), "2026-01-15T00:00:00Z")
    old.put("1/views/View_7.PNG", png(3))
    contents = contents_of(old.uploads, 1, "")
    assert {side: p.path.name for side, p in contents.pictures.items()} == {
        0: "view_0.png",
        7: "View_7.PNG",
    }
    assert contents.pictures[0].path.parent.name == "views"
    (line,) = contents.lines
    assert (line.subject, line.name) == (Subject.PICTURE, "1/view_0.png")
    assert line.reasons == ("There is a newer one.",)


@pytest.mark.parametrize(
    ("name", "content", "outcome", "why"),
    [
        ("plate.glb", b"glTF", Outcome.LEFT, "Models are made anew here."),
        ("plate.GLTF", b"{}", Outcome.LEFT, "Models are made anew here."),
        (".DS_Store", b"x", Outcome.LEFT, "It is the operating system's."),
        ("Thumbs.db", b"x", Outcome.LEFT, "It is the operating system's."),
        (
            "bad.pdf",
            b"<html>",
            Outcome.REFUSED,
            "This is not a PDF file, whatever its name says.",
        ),
        (
            "part.stl",
            b"solid",
            Outcome.REFUSED,
            "“.stl” files are not taken; upload a .step, .stp or .pdf file.",
        ),
        ("view_1.png", b"GIF", Outcome.REFUSED, "This is not a whole PNG picture."),
        (
            "view_1.png",
            png()[:-20],
            Outcome.REFUSED,
            "This is not a whole PNG picture.",
        ),
        (
            "view_8.png",
            png(),
            Outcome.REFUSED,
            "“.png” files are not taken; upload a .step, .stp or .pdf file.",
        ),
    ],
)
def test_what_does_not_come_over_says_why(old, name, content, outcome, why):
    old.put(f"1/{name}", content)
    contents = contents_of(old.uploads, 1, "")
    assert (contents.files, contents.pictures) == ([], {})
    assert _told(contents) == [(f"1/{name}", outcome, why)]


def test_a_file_over_the_limit_says_how_to_take_it(old, settings):
    settings.UPLOAD_LIMIT_BYTES = len(TINY_STEP) - 1
    old.put("1/plate.step", TINY_STEP)
    contents = contents_of(old.uploads, 1, "")
    assert contents.files == []
    assert _told(contents)[0][2] == (
        "It is larger than 0 MB. Raise UPLOAD_LIMIT_MB and run this again."
    )


def test_links_are_followed_within_the_folder_and_never_out_of_it(old, tmp_path):
    inside = old.put("2/plate.step", TINY_STEP)
    outside = tmp_path / "secret.step"
    outside.write_bytes(OTHER_STEP)
    folder = old.uploads / "1"
    folder.mkdir()
    (folder / "in.step").symlink_to(inside)
    (folder / "out.step").symlink_to(outside)
    (folder / "broken.step").symlink_to("nowhere.step")
    (folder / "loop.step").symlink_to("loop.step")
    (folder / "up").symlink_to(tmp_path)
    (folder / "side").symlink_to(inside.parent)
    contents = contents_of(old.uploads, 1, "")
    assert [file.name for file in contents.files] == ["in.step"]
    out = "It is a link that leads out of the folder."
    assert _told(contents) == [
        (
            "1/broken.step",
            Outcome.REFUSED,
            "It cannot be read: No such file or directory.",
        ),
        (
            "1/loop.step",
            Outcome.REFUSED,
            "It cannot be read: Too many levels of symbolic links.",
        ),
        ("1/out.step", Outcome.REFUSED, out),
        ("1/side", Outcome.REFUSED, "It is a folder that cannot be entered."),
        ("1/up", Outcome.REFUSED, out),
    ]


def test_a_part_folder_that_is_a_link_out_is_not_entered(old, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "plate.step").write_bytes(TINY_STEP)
    (old.uploads / "1").symlink_to(elsewhere)
    contents = contents_of(old.uploads, 1, "plate.step")
    assert contents.files == []
    assert _told(contents) == [
        ("1", Outcome.REFUSED, "It is a link that leads out of the folder.")
    ]


def test_a_pipe_is_not_opened(old):
    path = old.uploads / "1" / "plate.step"
    path.parent.mkdir()
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)  # with nobody writing, opening it would wait
    try:
        contents = contents_of(old.uploads, 1, "")
    finally:
        os.close(writer)
    assert _told(contents) == [
        ("1/plate.step", Outcome.REFUSED, "It is no ordinary file.")
    ]


def test_what_cannot_be_read_says_so(old, monkeypatch):
    path = old.put("1/plate.step", TINY_STEP)

    def shut(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.open", shut)
    contents = contents_of(old.uploads, 1, "")
    assert _told(contents) == [
        ("1/plate.step", Outcome.REFUSED, "It cannot be read: Permission denied.")
    ]


def test_what_belongs_to_no_part_is_listed(old, tmp_path):
    old.put("1/plate.step", TINY_STEP)
    old.put("2/plate.step", TINY_STEP)
    old.put("2/views/view_0.png", png())
    old.put("01/plate.step", TINY_STEP)
    old.put("readme.txt", b"x")
    (old.uploads / "link").symlink_to(tmp_path)
    lines = list(left_over(old.uploads, {1}))
    assert [line.name for line in lines] == [
        "01/plate.step",
        "2/plate.step",
        "2/views/view_0.png",
        "link",
        "readme.txt",
    ]
    assert {line.outcome for line in lines} == {Outcome.LEFT}
    assert {line.reasons for line in lines} == {
        ("It belongs to no part that was read.",)
    }
