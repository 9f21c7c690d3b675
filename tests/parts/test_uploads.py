import pytest
from django.core.files.storage import default_storage
from django.test import RequestFactory

from parts import uploads
from parts.errors import FileRefused, FileTooBig
from parts.models import Kind
from tests.factories import TINY_PDF, TINY_STEP, make_upload


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("plate.step", TINY_STEP, Kind.STEP),
        ("PLATE.STP", TINY_STEP, Kind.STEP),
        ("plate.Pdf", TINY_PDF, Kind.DRAWING),
        ("a.tar.step", TINY_STEP.replace(b"\n", b"\r\n"), Kind.STEP),
    ],
)
def test_check_tells_what_a_file_is(name, content, kind):
    assert uploads.check(make_upload(name, content)) == kind


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("plate.stl", TINY_STEP, "“.stl” files are not taken; upload a .step"),
        ("plate", TINY_STEP, "“plate” files are not taken"),
        ("plate.step.exe", TINY_STEP, "“.exe” files are not taken"),
        ("plate.step", b"", "This file is empty."),
        ("plate.step", b"PK\x03\x04" + b"x" * 100, "STEP"),
        ("plate.step", b"<html></html>", "STEP"),
        ("plate.step", TINY_STEP[:30], "cut off"),
        ("plate.pdf", b"<svg onload=alert(1)>", "This is not a PDF file"),
        ("plate.pdf", TINY_STEP, "This is not a PDF file"),
        ("plate.pdf", b"%PDF-1.4\n1 0 obj", "This PDF is cut off"),
    ],
)
def test_check_refuses_in_words_and_keeps_nothing(name, content, message, media):
    with pytest.raises(FileRefused, match=message) as refusal:
        uploads.store(make_upload(name, content))
    assert refusal.value.field == "file"
    assert not media.exists()


def test_store_keeps_bytes_under_their_hash():
    stored = uploads.store(make_upload("Gearbox plate.STEP"))
    assert stored.stored_name == (f"files/{stored.sha256[:2]}/{stored.sha256}.step")
    assert (stored.name, stored.size_bytes) == ("Gearbox plate.STEP", len(TINY_STEP))
    with default_storage.open(stored.stored_name) as file:
        assert file.read() == TINY_STEP


@pytest.mark.parametrize(
    ("given", "bare", "safe"),
    [
        ("plate.step", "plate.step", "plate.step"),
        ("../../etc/passwd.step", "passwd.step", "passwd.step"),
        ("C:\\CAD\\plate 2.STEP", "plate 2.STEP", "plate_2.step"),
        ("деталь.step", "деталь.step", "file.step"),
        ("Füße & Co.stp", "Füße & Co.stp", "Fue_Co.stp"),
        ("a\x00b\n\u202ec.step", "abc.step", "abc.step"),
        ("...step", "step", "step"),
    ],
)
def test_names_are_reduced_to_bare_and_to_safe_ones(given, bare, safe):
    assert uploads.bare_name(given) == bare
    assert uploads.safe_name(given) == safe


def test_a_very_long_name_keeps_its_suffix():
    name = uploads.bare_name("x" * 400 + ".step")
    assert len(name) == 255
    assert name.endswith("x.step")


def test_received_refuses_a_file_that_grew_over_the_limit(settings):
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    big = make_upload("big.step", b"x" * (1024 * 1024 + 1))
    request = RequestFactory().post("/", {"file": big, "after": "kept"})
    assert request.POST["after"] == "kept"
    with pytest.raises(FileTooBig, match="^The file is larger than 1 MB.$"):
        uploads.received(request)
    assert "file" not in request.FILES


def test_received_takes_a_file_at_the_limit(settings):
    settings.UPLOAD_LIMIT_BYTES = len(TINY_STEP)
    request = RequestFactory().post("/", {"file": make_upload()})
    assert uploads.received(request).read() == TINY_STEP


def test_received_says_that_no_file_was_sent():
    request = RequestFactory().post("/", {"name": "x"})
    with pytest.raises(FileRefused, match="^No file was sent.$"):
        uploads.received(request)
