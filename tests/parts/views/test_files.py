"""A part's files over the pages: in, out, and converted again."""

import pytest
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage
from django.urls import reverse

from parts import drawings, workflow
from parts.models import DrawingFetch, Part, PartFile
from tests.factories import (
    TINY_PDF,
    TINY_STEP,
    make_converted,
    make_file,
    make_part,
    make_upload,
)


def said(response) -> list[tuple[str, str]]:
    return [(m.level_tag, m.message) for m in get_messages(response.wsgi_request)]


class TestUpload:
    def send(self, client, part, upload=None):
        data = {"file": upload} if upload else {}
        return client.post(reverse("parts:file-upload", args=[part.pk]), data)

    def test_a_newer_file(self, member_page, member, queued):
        part = make_part()
        make_file(part)
        response = self.send(member_page, part, make_upload("v2.step"))
        assert response["Location"] == part.get_absolute_url()
        assert said(response) == [("success", "v2.step is here as revision 2.")]
        part.refresh_from_db()
        assert (part.current_step.revision, part.file) == (2, "v2.step")
        assert part.current_step.uploaded_by == member

    def test_a_drawing(self, member_page):
        part = make_part()
        self.send(member_page, part, make_upload("d.pdf", TINY_PDF))
        part.refresh_from_db()
        assert part.current_drawing.revision == 1

    @pytest.mark.parametrize(
        ("upload", "words"),
        [
            (None, "Choose a .step, .stp or .pdf file."),
            (("a.txt", b"x"), "“.txt” files are not taken"),
            (("a.step", b""), "This file is empty."),
            (("a.step", TINY_STEP[:30]), "cut off"),
        ],
    )
    def test_a_bad_file_is_told_on_the_parts_page(self, upload, words, member_page):
        part = make_part(name="Hub")
        response = self.send(member_page, part, upload and make_upload(*upload))
        assert response.status_code == 422
        (text,) = response.context["revision_form"].errors["file"]
        assert words in text
        assert '<h1 class="part-page__title">Hub</h1>' in response.text
        assert not PartFile.objects.exists()

    def test_a_file_that_is_too_big_is_413(self, member_page, settings):
        settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
        big = make_upload("a.step", TINY_STEP + b" " * 1024 * 1024)
        response = self.send(member_page, make_part(), big)
        assert response.status_code == 413
        assert "The file is larger than 1 MB." in response.text
        assert not PartFile.objects.exists()

    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        assert self.send(client, make_part(), make_upload()).status_code == 302
        assert not PartFile.objects.exists()

    def test_a_viewer_may_not(self, viewer_page):
        assert self.send(viewer_page, make_part(), make_upload()).status_code == 403
        assert not PartFile.objects.exists()

    def test_a_missing_part_is_404(self, member_page):
        assert self.send(member_page, Part(pk=999), make_upload()).status_code == 404

    def test_it_is_posted(self, member_page):
        address = reverse("parts:file-upload", args=[make_part().pk])
        assert member_page.get(address).status_code == 405


class TestPicture:
    def address(self, file: PartFile, tag: str = "") -> str:
        revision = [file.part_id, file.revision, tag or file.thumbnail_tag]
        return reverse("parts:file-picture", args=revision)

    def test_each_revision_has_its_own(self, viewer_page):
        part = make_part()
        old = make_converted(part)
        make_converted(part)
        response = viewer_page.get(self.address(old))
        assert b"".join(response.streaming_content) == b"PNG-fake"
        assert response["Content-Type"] == "image/png"
        assert response["Cache-Control"] == "private, max-age=31536000, immutable"
        assert response["X-Content-Type-Options"] == "nosniff"

    def test_another_picture_than_the_one_meant_is_404(self, viewer_page):
        file = make_converted(make_part())
        assert viewer_page.get(self.address(file, "0" * 16)).status_code == 404

    def test_none_yet_is_404(self, viewer_page):
        file = make_file(make_part())
        assert viewer_page.get(self.address(file, "0" * 16)).status_code == 404

    def test_bytes_that_are_gone_are_404(self, viewer_page):
        file = make_converted(make_part())
        default_storage.delete(file.thumbnail.name)
        assert viewer_page.get(self.address(file)).status_code == 404

    def test_a_part_in_the_trash_is_404(self, viewer_page):
        file = make_converted(make_part())
        workflow.trash(file.part, actor=None)
        assert viewer_page.get(self.address(file)).status_code == 404

    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        assert client.get(self.address(make_converted(make_part()))).status_code == 302

    def test_it_is_only_read(self, viewer_page):
        address = self.address(make_converted(make_part()))
        assert viewer_page.post(address).status_code == 405


class TestLook:
    def test_a_drawing_is_shown_in_the_browser(self, viewer_page):
        file = make_file(make_part(), "d.pdf", TINY_PDF)
        address = reverse("parts:file-download", args=[file.part_id, "drawing", 1])
        response = viewer_page.get(address, {"show": ""})
        assert b"".join(response.streaming_content) == TINY_PDF
        assert response["Content-Type"] == "application/pdf"
        assert response["Content-Disposition"] == 'inline; filename="d.pdf"'
        assert response["X-Content-Type-Options"] == "nosniff"
        # Chromium shows no PDF in a sandbox.
        assert response["Content-Security-Policy"] == (
            "frame-ancestors 'none'; form-action 'none'"
        )

    def test_a_step_file_is_given_away_all_the_same(self, viewer_page):
        file = make_file(make_part())
        address = reverse("parts:file-download", args=[file.part_id, "step", 1])
        response = viewer_page.get(address, {"show": ""})
        assert b"".join(response.streaming_content) == TINY_STEP
        assert response["Content-Disposition"].startswith("attachment")


class TestDownload:
    def fetch(self, client, file, **other):
        kind = other.get("kind", file.kind)
        revision = other.get("revision", file.revision)
        part = other.get("part", file.part_id)
        return client.get(reverse("parts:file-download", args=[part, kind, revision]))

    def test_every_revision_keeps_its_bytes_and_its_name(self, viewer_page):
        part = make_part()
        old = make_file(part, "деталь 1.step")
        make_file(part, "new.step", TINY_STEP + b"\n")
        response = self.fetch(viewer_page, old)
        assert response.getvalue() == TINY_STEP
        assert response["Content-Disposition"].startswith("attachment; filename*=")
        assert response["X-Content-Type-Options"] == "nosniff"

    def test_what_is_not_there_is_404(self, member_page):
        file = make_file(make_part())
        assert self.fetch(member_page, file, revision=2).status_code == 404
        assert self.fetch(member_page, file, kind="drawing").status_code == 404
        assert self.fetch(member_page, file, kind="..").status_code == 404
        assert self.fetch(member_page, file, part=999).status_code == 404

    def test_lost_bytes_are_404(self, member_page):
        file = make_file(make_part())
        default_storage.delete(file.content.name)
        assert self.fetch(member_page, file).status_code == 404

    def test_what_is_in_the_trash_is_404(self, member_page):
        file = make_file(make_part())
        workflow.trash(file.part, actor=None)
        assert self.fetch(member_page, file).status_code == 404

    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        assert self.fetch(client, make_file(make_part())).status_code == 302

    def test_it_is_only_read(self, member_page):
        file = make_file(make_part())
        address = reverse("parts:file-download", args=[file.part_id, "step", 1])
        assert member_page.post(address).status_code == 405


class TestRetry:
    def press(self, client, file):
        address = [file.part_id, file.kind, file.revision]
        return client.post(reverse("parts:file-retry", args=address))

    @pytest.fixture
    def failed(self, db):
        file = make_file(make_part())
        PartFile.objects.filter(pk=file.pk).update(state="failed", error="No solid.")
        return file

    def test_a_failed_file_is_queued_again(
        self, failed, member_page, queued, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            response = self.press(member_page, failed)
        assert response["Location"] == failed.part.get_absolute_url()
        assert said(response) == [("success", "plate.step is converted again.")]
        failed.refresh_from_db()
        assert (failed.state, failed.error) == ("queued", "")
        assert queued == [failed.pk]

    def test_a_queued_file_stays_so(self, member_page, queued):
        file = make_file(make_part())
        queued.clear()
        response = self.press(member_page, file)
        assert said(response) == [("error", "“plate.step” is being converted already.")]
        assert queued == []

    def test_a_drawing_has_nothing_to_convert(self, member_page):
        file = make_file(make_part(), "d.pdf", TINY_PDF)
        response = self.press(member_page, file)
        assert said(response) == [("error", "“d.pdf” is no STEP file.")]

    def test_a_stranger_is_asked_to_sign_in(self, failed, client):
        assert self.press(client, failed).status_code == 302
        failed.refresh_from_db()
        assert failed.state == "failed"

    def test_a_viewer_may_not(self, failed, viewer_page):
        assert self.press(viewer_page, failed).status_code == 403

    def test_it_is_posted(self, failed, member_page):
        address = reverse("parts:file-retry", args=[failed.part_id, "step", 1])
        assert member_page.get(address).status_code == 405

    def test_what_is_not_there_is_404(self, failed, member_page):
        failed.revision = 7
        assert self.press(member_page, failed).status_code == 404


class TestDrawingFromOnshape:
    BUTTON = "Fetch drawing from Onshape</button>"

    @pytest.fixture
    def part(self, onshape, db):
        return make_part(name="Gusset", onshape_url=onshape.link())

    def address(self, part):
        return reverse("parts:drawing-fetch", args=[part.pk])

    def press(self, client, part):
        return client.post(self.address(part))

    def page(self, client, part):
        return client.get(part.get_absolute_url()).text

    @pytest.mark.parametrize("type_", ["cnc", "hand", "misc", ""])
    def test_a_linked_part_of_any_type_has_the_button(self, part, member_page, type_):
        Part.objects.update(type=type_)
        text = self.page(member_page, part)
        assert text.count(self.BUTTON) == 1
        assert f'<form method="post" action="{self.address(part)}" data-once>' in text
        assert "data-converting" not in text

    def test_the_button_asks_for_the_drawing(
        self, part, member_page, member, wished, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            response = self.press(member_page, part)
        assert response["Location"] == part.get_absolute_url()
        assert said(response) == [
            ("success", "The drawing is being fetched from Onshape.")
        ]
        wish = DrawingFetch.objects.get()
        assert (wish.part, wish.asked_by, wish.state) == (part, member, "queued")
        assert wished == [wish.pk]

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("queued", "The drawing is fetched from Onshape as soon as a worker is"),
            ("running", "The drawing is being fetched from Onshape."),
        ],
    )
    def test_what_is_under_way_says_so_and_is_watched(
        self, part, member_page, state, words
    ):
        wish = drawings.ask(part, actor=None)
        DrawingFetch.objects.update(state=state)
        text = self.page(member_page, part)
        assert words in text
        assert f'data-converting="drawing-{wish.pk}" data-was="{state}"' in text
        assert self.address(part) not in text
        self.press(member_page, part)
        assert DrawingFetch.objects.count() == 1

    def test_a_failure_says_why_and_can_be_tried_again(
        self, part, member_page, onshape
    ):
        onshape.done = {"requestState": "FAILED", "failureReason": "<b>No</b> sheets"}
        drawings.fetch(drawings.ask(part, actor=None).pk)
        text = self.page(member_page, part)
        assert (
            "Onshape could not make a PDF of this drawing: &lt;b&gt;No&lt;/b&gt; "
            "sheets." in text
        )
        assert "Try again</button>" in text
        assert self.BUTTON not in text
        onshape.done = {"requestState": "DONE", "resultExternalDataIds": ["f1"]}
        self.press(member_page, part)
        assert drawings.latest(part).is_open

    def test_what_came_is_told_and_listed(self, part, member_page):
        drawings.fetch(drawings.ask(part, actor=None).pk)
        text = self.page(member_page, part)
        assert "Drawing revision 1 came from Onshape" in text
        assert "<span>Gusset drawing.pdf</span>" in text
        assert text.count(self.BUTTON) == 1

    def test_nothing_newer_is_told(self, part, member_page):
        for _ in range(2):
            drawings.fetch(drawings.ask(part, actor=None).pk)
        text = self.page(member_page, part)
        assert "Onshape had nothing newer than drawing revision 1" in text

    @pytest.mark.parametrize(
        "link", ["", "https://example.org/documents/1", "javascript:alert(1)"]
    )
    def test_a_part_without_a_good_link_has_no_button(self, part, member_page, link):
        Part.objects.update(onshape_url=link)
        assert "Onshape</button>" not in self.page(member_page, part)
        ((level, words),) = said(self.press(member_page, part))
        assert level == "error"
        assert words.startswith("The Onshape link" if link else "This part has no")
        assert not DrawingFetch.objects.exists()

    def test_a_site_without_keys_has_no_button(self, part, member_page, settings):
        settings.ONSHAPE_SECRET_KEY = ""
        assert "Onshape</button>" not in self.page(member_page, part)
        ((level, words),) = said(self.press(member_page, part))
        assert (level, words[:37]) == ("error", "This server has no access to Onshape;")

    def test_a_viewer_sees_how_it_stands_and_no_button(self, part, viewer_page):
        assert "onshape-" not in self.page(viewer_page, part)
        drawings.ask(part, actor=None)
        text = self.page(viewer_page, part)
        assert "The drawing is fetched from Onshape as soon as" in text
        assert self.address(part) not in text
        assert self.press(viewer_page, part).status_code == 403

    def test_a_stranger_is_asked_to_sign_in(self, part, client):
        assert self.press(client, part).status_code == 302
        assert not DrawingFetch.objects.exists()

    def test_it_is_posted(self, part, member_page):
        assert member_page.get(self.address(part)).status_code == 405

    def test_what_is_not_there_is_404(self, part, member_page):
        workflow.trash(part, actor=None)
        assert self.press(member_page, part).status_code == 404
        part.pk = 999
        assert self.press(member_page, part).status_code == 404

    @pytest.mark.parametrize("rows", [1, 8])
    def test_the_page_costs_one_query_more(
        self, part, member_page, rows, django_assert_num_queries
    ):
        for _ in range(rows):
            drawings.fetch(drawings.ask(part, actor=None).pk)
        # session, user, version, part, events, notes, files, fetch
        with django_assert_num_queries(8):
            self.page(member_page, part)
