"""Files with a virus, on each way in: refused in words, and nothing of them is kept."""

import io
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from accounts.models import Scope
from parts import drawings
from parts.models import DraftFile, Part, PartFile
from partsite import clamd
from tests.factories import TINY_PDF, TINY_STEP, make_key, make_part, make_upload

pytestmark = pytest.mark.django_db
FOUND = "The virus scanner found “Eicar” in this file, so it was not kept."
AWAY = (
    "The virus scanner does not answer, so the file was not kept. Try again in a "
    "moment."
)
NOT_ALL = (
    "The virus scanner does not look at all of this file, so it was not kept. Whoever "
    "runs the server can have it look at more: StreamMaxLength in clamd.conf."
)
STEP_WITH_VIRUS = TINY_STEP.replace(b"DATA;", b"DATA;/*" + clamd.eicar() + b"*/")
PDF_WITH_VIRUS = TINY_PDF.replace(b"trailer", clamd.eicar() + b"\ntrailer")


def _png(comment: str) -> bytes:
    target, info = io.BytesIO(), PngInfo()
    info.add_text("Comment", comment)
    Image.new("RGB", (4, 3)).save(target, "PNG", pnginfo=info)
    return target.getvalue()


# --- Ways in ------------------------------------------------------------------


class Ways:
    """Ways to send a file, of each the field that it is sent in."""

    def __init__(self, page: Client, part: Part) -> None:
        self.page, self.part = page, part
        self.key = {"X-API-Key": make_key(scope=Scope.WRITE)[1]}

    def api(self, *, clean: bool) -> HttpResponse:
        return self._by_key("upload", file=_step(clean=clean))

    def api_drawing(self, *, clean: bool) -> HttpResponse:
        content = TINY_PDF if clean else PDF_WITH_VIRUS
        return self._by_key("upload", file=make_upload("d.pdf", content))

    def picture(self, *, clean: bool) -> HttpResponse:
        content = _png("clean" if clean else clamd.eicar().decode())
        return self._by_key("views", view_3=make_upload("x.png", content))

    def revision(self, *, clean: bool) -> HttpResponse:
        data = {"file": _step(clean=clean)}
        return self.page.post(f"/parts/{self.part.pk}/files/", data)

    def draft(self, *, clean: bool) -> HttpResponse:
        data = {"file": _step(clean=clean), "part": uuid4()}
        return self.page.post("/parts/new/files/", data)

    def hand_in(self, *, clean: bool | None) -> HttpResponse:
        data = {"subsystem": "Intake", "type": "cnc", "material": "x", "amount": "1"}
        data |= {"name": "New", "notes": "", "onshape_url": "", "priority": "0"}
        file = {} if clean is None else {"file": _step(clean=clean)}
        return self.page.post("/parts/new/", data | file)

    def admin(self, *, clean: bool) -> HttpResponse:
        address = f"/admin/parts/part/{self.part.pk}/change/"
        data = {"upload": _step(clean=clean)}
        for field in self.page.get(address).context["adminform"].form:
            if field.name != "upload":
                data[field.html_name] = data[field.html_initial_name] = (
                    field.value() or ""
                )
        for name in ("files", "events"):
            data |= {f"{name}-TOTAL_FORMS": "0", f"{name}-INITIAL_FORMS": "0"}
        return self.page.post(address, data)

    def _by_key(self, rest: str, **data) -> HttpResponse:
        address = f"/api/parts/{self.part.pk}/{rest}"
        return self.page.post(address, data, headers=self.key)


def _step(*, clean: bool):
    return make_upload(content=TINY_STEP if clean else STEP_WITH_VIRUS)


def _words(answer: HttpResponse) -> str:
    is_json = answer["Content-Type"] == "application/json"
    return answer.json()["error"] if is_json else answer.text


@pytest.fixture
def ways(lead_page) -> Ways:
    return Ways(lead_page, make_part(name="Hub"))


@pytest.fixture(
    params=["api", "api_drawing", "picture", "revision", "draft", "hand_in", "admin"]
)
def send(request, ways) -> Callable[..., HttpResponse]:
    return getattr(ways, request.param)


def _is_kept(media) -> bool:
    has_rows = PartFile.objects.exists() or DraftFile.objects.exists()
    return has_rows or any(path.is_file() for path in media.rglob("*"))


# --- What comes of it ---------------------------------------------------------


def test_what_is_clean_is_kept_once_it_was_looked_at(send, scanner, media):
    answer = send(clean=True)
    assert answer.status_code in {200, 201, 302}
    assert len(scanner.seen) == 1
    [kept] = [path for path in media.rglob("*") if path.is_file()]
    assert kept.read_bytes() == scanner.seen[0]


def test_what_has_a_virus_is_refused_and_not_kept(send, scanner, media, caplog):
    answer = send(clean=False)
    by_field = {"api": 400, "api_drawing": 400, "picture": 400, "draft": 400}
    # The admin's own forms answer what is wrong with 200.
    wanted = by_field | {"revision": 422, "hand_in": 422, "admin": 200}
    assert answer.status_code == wanted[send.__name__]
    assert FOUND in _words(answer)
    assert not _is_kept(media)
    assert len(scanner.seen) == 1
    assert "upload_infected signature=Eicar sha256=" in caplog.text


def test_without_the_scanner_nothing_is_let_through(send, scanner, media, caplog):
    scanner.close()
    answer = send(clean=True)
    if send.__name__ != "admin":
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert AWAY in _words(answer)
    assert not _is_kept(media)
    assert "scanner_down why=[Errno 111] Connection refused" in caplog.text


def test_what_it_does_not_look_at_is_refused(send, scanner, media, caplog):
    scanner.takes_bytes = 10
    answer = send(clean=True)
    assert answer.status_code == (200 if send.__name__ == "admin" else 413)
    assert NOT_ALL in _words(answer)
    assert not _is_kept(media)
    assert "upload_not_scanned bytes=" in caplog.text
    assert "setting=StreamMaxLength" in caplog.text


@pytest.mark.parametrize(("way", "field"), [("api", "file"), ("picture", "view_3")])
def test_scripts_are_told_the_code_and_the_field(ways, scanner, way, field):
    send = getattr(ways, way)
    told = send(clean=False).json()
    assert told == {
        "error": FOUND,
        "details": FOUND,
        "code": "file_infected",
        "field": field,
    }
    scanner.says = b"stream: Can't allocate memory ERROR\0"
    told = send(clean=True).json()
    assert (told["code"], told["field"]) == ("scanner_away", field)


def test_without_the_scanner_a_part_can_be_handed_in_without_its_file(ways, scanner):
    scanner.close()
    assert ways.hand_in(clean=True).status_code == 503
    assert not Part.objects.filter(name="New").exists()
    assert ways.hand_in(clean=None).status_code == 302
    assert Part.objects.get(name="New").file == ""


def test_it_is_well_again_as_soon_as_the_scanner_is(ways, scanner):
    scanner.says = b""
    assert ways.api(clean=True).status_code == 503
    scanner.says = None
    assert ways.api(clean=True).status_code == 201


def test_what_lies_here_already_is_looked_at_again(ways, scanner):
    # By signatures of today: those of last time may not have known it.
    assert ways.api(clean=True).status_code == 201
    scanner.says = b"stream: Eicar FOUND\0"
    assert ways.api(clean=True).status_code == 400


def test_without_the_setting_nothing_is_asked(ways, scanner, settings):
    settings.CLAMD = None
    assert ways.api(clean=False).status_code == 201
    assert scanner.seen == []


# --- Without anybody who sends ------------------------------------------------


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (None, FOUND),
        (b"", AWAY),
        (b"INSTREAM size limit exceeded. ERROR\0", NOT_ALL),
    ],
)
def test_a_drawing_from_onshape_is_looked_at(onshape, scanner, media, says, error):
    part = make_part(type="hand", onshape_url=onshape.link())
    onshape.pdf = PDF_WITH_VIRUS
    scanner.says = says
    wish = drawings.ask(part, actor=None)
    drawings.fetch(wish.pk)
    wish.refresh_from_db()
    assert (wish.state, wish.error) == ("failed", error)
    assert not _is_kept(media)


def test_a_fixture_is_looked_at(scanner, media):
    scanner.says = b"stream: Eicar FOUND\0"
    with pytest.raises(CommandError, match="found “Eicar” in this file"):
        call_command("loaddata", "demo", verbosity=0)
    assert not _is_kept(media)
