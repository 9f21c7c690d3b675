"""Files that somebody means harm by, through the API as it is used."""

import gzip
import io
import struct
import zipfile
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.models import Scope
from parts import uploads, workflow
from parts.models import Part, PartFile
from tests.factories import TINY_PDF, TINY_STEP, make_file, make_key, make_part

pytestmark = pytest.mark.django_db
HTML = b"<html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def _zip(size: int = 10) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * size)
    return packed.getvalue()


def _png(width: int, height: int) -> bytes:
    """Return a PNG that says it is this large, with little in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10_000)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, body)
        for kind, body in ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    )


@pytest.fixture
def part() -> Part:
    return make_part()


@pytest.fixture
def send(client, part):
    _key, text = make_key(scope=Scope.WRITE)

    def send(name: str, content: bytes, rest: str = "upload", field: str = "file"):
        upload = SimpleUploadedFile("x", content, "text/html")
        upload._name = name  # as it comes, not as Django would write it
        address = f"/api/parts/{part.pk}/{rest}"
        return client.post(address, {field: upload}, headers={"X-API-Key": text})

    send.key = {"X-API-Key": text}
    return send


def _by_size(value: object) -> str | None:
    """Name a content: an archive has the time in it, and processes must agree."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", HTML),
        ("page.svg", SVG),
        ("page.pdf", HTML),
        ("page.pdf", SVG),
        ("page.pdf", b"\n" + HTML + TINY_PDF),  # a PDF, to some, and a page
        ("page.pdf", b"GIF89a" + TINY_PDF),
        ("page.step", HTML),
        ("page.step", _zip()),
        ("page.stp", _zip() + TINY_STEP),
        ("page.pdf", _zip(10_000_000)),
        ("page.step.gz", gzip.compress(TINY_STEP)),
        ("page.step", gzip.compress(TINY_STEP)),
        ("page.step.exe", TINY_STEP),
        ("page.step\0.pdf", TINY_STEP),
        (".step", b""),
    ],
    ids=_by_size,
)
def test_what_it_is_not_is_refused_and_not_kept(send, media, name, content):
    answer = send(name, content)
    assert answer.status_code == 400
    assert not PartFile.objects.exists()
    assert [path for path in media.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("both.step", TINY_STEP.replace(b"DATA;", b"DATA;/*" + HTML + b"*/"), "step"),
        ("both.step", TINY_STEP + HTML, "step"),
        ("both.pdf", TINY_PDF + HTML + b"%%EOF", "drawing"),
        ("both.pdf", TINY_PDF + _zip() + b"%%EOF", "drawing"),
        ("script.pdf", b"%PDF-1.4\n/JS (app.alert(1))\n%%EOF\n", "drawing"),
    ],
    ids=_by_size,
)
def test_what_is_two_things_goes_out_as_the_harmless_one(
    send, client, part, name, content, kind
):
    assert send(name, content).status_code == 201
    types = {"step": "application/step", "drawing": "application/pdf"}
    for rest, disposition in (("download", "attachment"), ("file", "inline")):
        answer = client.get(f"/api/parts/{part.pk}/{rest}", headers=send.key)
        assert answer.getvalue() == content
        assert answer["Content-Type"] == types[kind]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["Content-Disposition"].startswith(disposition)


NAMES = {
    "../../../../etc/cron.d/x.step": "x.step",
    "..\\..\\windows\\x.step": "x.step",
    "/etc/passwd/../x.step": "x.step",
    "C:\\x.step": "x.step",
    "con.step": "con.step",
    "a\r\nSet-Cookie: x=1\r\n.step": "aSet-Cookie: x=1.step",
    'a"; filename="b.html.step': 'a"; filename="b.html.step',
    "\u202epets.step": "pets.step",
    "a\u2028b.step": "a\u2028b.step",
    "<img src=x onerror=alert(1)>.step": "<img src=x onerror=alert(1)>.step",
    "=1+cmd|calc!A0.step": "=1+cmd|calc!A0.step",
    "${jndi:ldap:x}{{7*7}}.step": "${jndi:ldap:x}{{7*7}}.step",
    "f" * 3000 + ".step": "f" * 250 + ".step",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(part, lead_page, media, name):
    upload = SimpleUploadedFile("x", TINY_STEP)
    upload._name = name
    file = workflow.attach(part, uploads.store(upload), actor=None)
    assert file.name == NAMES[name]
    stored = [path.relative_to(media) for path in media.rglob("*") if path.is_file()]
    assert [str(path) for path in stored] == [file.content.name]
    assert file.sha256 in file.content.name
    answer = lead_page.get(f"/parts/{part.pk}/files/step/1/")
    answer.getvalue()
    assert "\r" not in answer["Content-Disposition"]
    assert answer.headers.get("Set-Cookie") is None
    page = lead_page.get(f"/parts/{part.pk}/").text
    assert "<img src=x" not in page
    assert "49.step" not in page


@pytest.mark.parametrize("size", [(65_000, 65_000), (2**31 - 1, 1), (100_000, 100_000)])
def test_a_picture_that_would_unpack_to_gigabytes_is_not_unpacked(send, size):
    answer = send("view.png", _png(*size), "views", "view_0")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "content",
    [SVG, HTML, b"GIF89a" + b"\0" * 50, _zip(), b"\x89PNG\r\n\x1a\n" + HTML],
    ids=_by_size,
)
def test_a_picture_is_a_png(send, content):
    assert send("view.png", content, "views", "view_0").status_code == 400


def test_a_png_with_something_behind_it_is_shown_as_a_picture_alone(send, client, part):
    whole = io.BytesIO()
    Image.new("RGB", (2, 2)).save(whole, "PNG")
    content = whole.getvalue() + HTML
    assert send("view.png", content, "views", "view_0").status_code == 200
    answer = client.get(f"/api/parts/{part.pk}/views/0", headers=send.key)
    answer.getvalue()
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_a_packed_body_is_never_unpacked(client, encoding):
    _key, text = make_key(scope=Scope.WRITE)
    answer = client.generic(
        "POST",
        "/api/parts/",
        gzip.compress(b" " * 10_000_000 + b"{}"),
        "application/json",
        headers={"X-API-Key": text, "Content-Encoding": encoding},
    )
    assert answer.status_code == 400
    assert not Part.objects.exists()


def test_of_a_file_over_the_limit_no_more_than_the_limit_lies_on_the_disk(
    send, settings, tmp_path, media, monkeypatch
):
    """The temporary file is counted with each chunk that comes."""
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    settings.UPLOAD_LIMIT_BYTES = 100_000
    lying = []
    receive = uploads.SizeLimitHandler.receive_data_chunk

    def watched(*args):
        lying.append(sum(path.stat().st_size for path in tmp_path.glob("*.upload*")))
        return receive(*args)

    monkeypatch.setattr(uploads.SizeLimitHandler, "receive_data_chunk", watched)
    answer = send("big.step", TINY_STEP + b" " * 2_000_000)
    assert answer.status_code == 413
    assert len(lying) > 1
    assert max(lying) <= settings.UPLOAD_LIMIT_BYTES
    assert list(tmp_path.glob("*.upload*")) == []
    assert not PartFile.objects.exists()
    assert [path for path in media.rglob("*") if path.is_file()] == []


def test_another_parts_file_is_not_reached_by_name(send, client, part):
    other = make_file(make_part(), "secret.step", TINY_STEP + b"\nsecret")
    send("own.step", TINY_STEP)
    told = {"file": f"../{other.content.name}"}
    answer = client.patch(
        f"/api/parts/{part.pk}", told, "application/json", headers=send.key
    )
    assert answer.status_code in {200, 400}
    got = client.get(f"/api/parts/{part.pk}/download", headers=send.key)
    assert got.getvalue() == TINY_STEP
