"""The drawing of a part made by hand: as it stands, or fresh from Onshape."""

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from accounts.models import Scope
from parts import drawings, workflow
from parts.api import files
from parts.models import DrawingFetch, PartFile
from tests.factories import TINY_PDF, make_converted, make_file, make_part
from tests.onshape import PDF, refusal

PARTS = "/api/parts/"


@pytest.fixture
def part():
    return make_part(name="Gusset", type="hand", category="hand")


@pytest.fixture
def linked(onshape):
    link = onshape.link()
    return make_part(name="Gusset", type="hand", category="hand", onshape_url=link)


@pytest.fixture
def worker(wished, settings, monkeypatch):
    """Fetch what is wished for, while a request waits; ``looks`` counts."""

    class Worker:
        looks = 0
        is_there = True

        def sleep(self, seconds: float) -> None:
            # Under a test's own transaction there is one; a step's would be a second.
            assert len(connection.savepoint_ids) == 0
            self.looks += 1
            if self.is_there:
                for pk in DrawingFetch.objects.values_list("pk", flat=True):
                    drawings.fetch(pk)

    worker = Worker()
    settings.API_MODEL_WAIT_SECONDS = 20
    monkeypatch.setattr("parts.api.files.time.sleep", worker.sleep)
    monkeypatch.setattr(
        "parts.api.files.time.monotonic", lambda: 1000 + worker.looks * 0.2
    )
    return worker


def _drawing(api, part, query="", **kwargs):
    return api.get(f"{PARTS}{part.pk}/drawing{query}", **kwargs)


# --- As it stands -------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?refresh=false", "?refresh=0", "?refresh="])
def test_the_drawing_comes_inline(reader, part, query):
    file = make_file(part, "sheet.pdf", TINY_PDF)
    answer = _drawing(reader, part, query)
    assert (answer.status_code, answer.getvalue()) == (200, TINY_PDF)
    assert answer["Content-Type"] == "application/pdf"
    assert "attachment" not in answer.get("Content-Disposition", "")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["ETag"] == f'"{file.sha256[:16]}"'
    assert answer["Cache-Control"] == "private, no-cache"


def test_who_has_it_already_gets_304(reader, part):
    make_file(part, "sheet.pdf", TINY_PDF)
    etag = _drawing(reader, part)["ETag"]
    answer = _drawing(reader, part, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_it_is_the_newest_drawing_whatever_came_after_it(reader, part):
    make_file(part, "old.pdf", TINY_PDF)
    make_file(part, "new.pdf", PDF + b"%new\n%%EOF\n")
    make_file(part, "plate.step")
    assert _drawing(reader, part).getvalue() == PDF + b"%new\n%%EOF\n"


@pytest.mark.parametrize("query", ["", "?refresh=true"])
@pytest.mark.parametrize("type_", ["cnc", "misc", ""])
def test_a_part_that_is_not_made_by_hand_is_400(api, type_, query):
    part = make_part(type=type_)
    make_file(part, "sheet.pdf", TINY_PDF)
    answer = _drawing(api, part, query)
    said = "Only a part of type “hand” has a drawing here."
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": said, "details": said, "code": "not_by_hand"},
    )


def test_a_part_without_a_type_is_made_by_hand_once_it_is_approved(reader):
    part = make_part(type="")
    make_file(part, "sheet.pdf", TINY_PDF)
    workflow.approve(part, actor=None)
    assert _drawing(reader, part).getvalue() == TINY_PDF


def test_no_drawing_is_404(reader, part):
    make_converted(part)
    answer = _drawing(reader, part)
    assert (answer.status_code, answer.json()) == (
        404,
        {
            "error": "No drawing",
            "details": "Upload a PDF, or fetch one: ?refresh=true.",
        },
    )


def test_lost_bytes_are_404(reader, part, caplog):
    file = make_file(part, "sheet.pdf", TINY_PDF)
    default_storage.delete(file.content.name)
    assert _drawing(reader, part).json()["error"] == "File not found"


@pytest.mark.parametrize("query", ["", "?refresh=true"])
def test_no_part_is_404_and_no_key_401(api, anonymous, part, query):
    workflow.trash(part, actor=None)
    answer = _drawing(api, part, query)
    assert (answer.status_code, answer.json()["error"]) == (404, "Part not found")
    assert _drawing(anonymous, part, query).status_code == 401


def test_a_drawing_costs_two_queries(reader, part, django_assert_num_queries):
    make_file(part, "sheet.pdf", TINY_PDF)
    with django_assert_num_queries(2):  # key, part
        _drawing(reader, part)


# --- Fresh from Onshape -------------------------------------------------------


@pytest.mark.parametrize("query", ["?refresh=true", "?refresh=TRUE", "?refresh=1"])
def test_refresh_fetches_it_and_answers_with_it(api, linked, worker, query):
    step = make_file(linked)
    answer = _drawing(api, linked, query)
    assert (answer.status_code, answer.getvalue()) == (200, PDF)
    assert answer["Content-Type"] == "application/pdf"
    linked.refresh_from_db()
    assert (linked.current_drawing.revision, linked.current_step) == (1, step)
    event = linked.events.first()
    assert (event.verb, event.actor_name) == ("uploaded", "write key")
    assert worker.looks == 1
    # What is not asked to be fresh stays what it was for other scripts.
    part = api.get(f"{PARTS}{linked.pk}").json()
    assert part["file"] == "plate.step"
    assert api.get(f"{PARTS}{linked.pk}/file")["Content-Type"] == "application/step"


def test_refresh_without_anything_newer_answers_with_what_stands(api, linked, worker):
    first = _drawing(api, linked, "?refresh=true")
    again = _drawing(api, linked, "?refresh=true")
    assert (again.status_code, again["ETag"]) == (200, first["ETag"])
    assert PartFile.objects.count() == 1


def test_refresh_asks_for_a_right_to_work(reader, linked, onshape, worker):
    make_file(linked, "sheet.pdf", TINY_PDF)
    answer = _drawing(reader, linked, "?refresh=true")
    said = "Only members and leads may fetch drawings."
    assert (answer.status_code, answer.json()) == (
        403,
        {"error": said, "details": said, "code": "not_allowed"},
    )
    assert onshape.calls == []
    assert not DrawingFetch.objects.exists()


def test_a_viewer_may_not_refresh_with_a_session(viewer_page, linked, worker):
    assert _drawing(viewer_page, linked, "?refresh=true").status_code == 403


def test_a_member_may_refresh_with_a_session(member_page, linked, worker, member):
    answer = _drawing(member_page, linked, "?refresh=true")
    assert (answer.status_code, answer.getvalue()) == (200, PDF)
    assert linked.events.first().actor == member


def test_head_fetches_nothing(api, linked, onshape, worker):
    make_file(linked, "sheet.pdf", TINY_PDF)
    answer = api.head(f"{PARTS}{linked.pk}/drawing?refresh=true")
    assert answer.status_code == 200
    assert not DrawingFetch.objects.exists()


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("", "This part has no Onshape link."),
        ("https://example.org/documents/1", "does not lead to http://127.0.0.1:"),
        ("{url}/documents/1", "does not lead to a tab."),
    ],
)
def test_refresh_without_a_good_link_is_400(api, onshape, worker, part, link, words):
    part.onshape_url = link.format(url=onshape.url)
    part.save()
    make_file(part, "sheet.pdf", TINY_PDF)
    answer = _drawing(api, part, "?refresh=true")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "link_refused")
    assert body["field"] == "onshapeUrl"
    assert words in body["error"]
    assert onshape.calls == []


def test_refresh_that_is_neither_true_nor_false_is_400(api, linked):
    answer = _drawing(api, linked, "?refresh=perhaps")
    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        {"refresh": ["Use true or false."]},
    )


def test_refresh_without_keys_is_502_and_says_what_is_missing(
    api, linked, settings, worker
):
    settings.ONSHAPE_ACCESS_KEY = settings.ONSHAPE_SECRET_KEY = ""
    answer = _drawing(api, linked, "?refresh=true")
    said = (
        "This server has no access to Onshape; whoever runs it sets "
        "ONSHAPE_ACCESS_KEY and ONSHAPE_SECRET_KEY."
    )
    assert (answer.status_code, answer.json()) == (
        502,
        {"error": said, "details": said, "code": "onshape_failed"},
    )


def test_a_failure_of_the_other_side_is_502_with_its_reason(
    api, linked, onshape, worker
):
    make_file(linked, "sheet.pdf", TINY_PDF)
    onshape.troubles["start"] = [refusal(403)]
    answer = _drawing(api, linked, "?refresh=true")
    said = (
        "Onshape does not let this server export the drawing. Share the document "
        "with the owner of its keys, which need the right to read and to write."
    )
    assert (answer.status_code, answer.json()) == (
        502,
        {"error": said, "details": said, "code": "onshape_failed"},
    )
    # What stood before is still there.
    assert _drawing(api, linked).getvalue() == TINY_PDF


def test_the_wait_ends_with_503_and_the_fetch_goes_on(api, linked, worker):
    worker.is_there = False
    answer = _drawing(api, linked, "?refresh=true")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.json() == {
        "error": "Drawing is still being fetched",
        "details": "Ask again soon.",
    }
    assert worker.looks == 100  # twenty seconds, five looks each
    worker.is_there = True
    # Asked again, it joins what is under way.
    assert _drawing(api, linked, "?refresh=true").getvalue() == PDF
    assert DrawingFetch.objects.count() == 1


def test_who_finds_every_place_taken_does_not_wait(
    api, linked, worker, settings, monkeypatch
):
    monkeypatch.setattr(files._waiting, "acquire", lambda blocking: False)
    assert _drawing(api, linked, "?refresh=true").status_code == 503
    assert worker.looks == 0


def test_a_part_that_goes_meanwhile_is_502(api, linked, wished, monkeypatch):
    monkeypatch.setattr("parts.api.files.time.sleep", lambda seconds: linked.delete())
    answer = _drawing(api, linked, "?refresh=true")
    assert (answer.status_code, answer.json()["error"]) == (
        502,
        "This part is no longer there.",
    )


def test_a_key_of_a_member_fetches_as_its_owner(member_api, linked, worker, member):
    _drawing(member_api, linked, "?refresh=true")
    wish = DrawingFetch.objects.get()
    assert (wish.asked_by, wish.api_key.scope) == (member, Scope.WRITE)
    linked.refresh_from_db()
    assert linked.current_drawing.uploaded_by == member
