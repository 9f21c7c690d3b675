"""Handing in parts: the page, with files that come with it or before it."""

import html
import json
import re
from datetime import date
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from parts import workflow
from parts.intake import PartForm
from parts.models import DraftFile, Part, Verb
from tests.factories import (
    FACTS,
    TINY_PDF,
    TINY_STEP,
    make_draft,
    make_file,
    make_part,
    make_upload,
)

UNKNOWN = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
CREATE = "/parts/new/"
FILES = "/parts/new/files/"
GOOD = {
    "name": "Hub",
    "subsystem": "Intake",
    "type": "cnc",
    "material": "6061-T6",
    "material_thickness": "0.25 in",
    "amount": "4",
    "notes": "Ream the bore.\r\nDeburr.",
    "onshape_url": "cad.onshape.com/documents/1",
    "service_method": "",
}
PLAIN = {"notes": "", "onshape_url": ""}
DONE = {
    "state": "done",
    "facts": FACTS,
    "model": "models/00/00.glb",
    "thumbnail": "thumbnails/00/00.png",
}


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response) -> dict[str, list[str]]:
    fields = response.context["hand_in"]
    wrong = {field.html_name: field.errors for field in fields if field.errors}
    return {name: [str(text) for text in texts] for name, texts in wrong.items()}


def guessed(response) -> list[dict]:
    return json.loads(
        html.unescape(re.search(r'data-guesses="([^"]*)"', response.text).group(1))
    )


def hidden(response, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', response.text).group(1)


class TestOnePart:
    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        assert client.get(CREATE).status_code == 302
        assert client.post(CREATE, GOOD).status_code == 302
        assert not Part.objects.exists()

    def test_a_viewer_may_not(self, viewer_page):
        for response in (viewer_page.get(CREATE), viewer_page.post(CREATE, GOOD)):
            assert response.status_code == 403
            assert "You may look at parts, but not change them." in response.text
        assert not Part.objects.exists()

    def test_another_method_is_refused(self, member_page):
        assert member_page.put(CREATE).status_code == 405

    def test_the_form_offers_what_the_team_uses(self, member_page):
        make_part(subsystem="Climber", material="Delrin")
        text = member_page.get(CREATE).text
        assert '<option value="Climber">' in text
        assert '<option value="Delrin">' in text

    def test_a_part_with_its_file(self, member_page, member, queued):
        response = member_page.post(CREATE, {**GOOD, "file": make_upload("hub.step")})
        part = Part.objects.get()
        assert response.status_code == 302
        assert response["Location"] == part.get_absolute_url()
        assert said(response) == ["Hub is handed in and waits for review."]
        assert (part.name, part.subsystem, part.type) == ("Hub", "Intake", "cnc")
        assert (part.material, part.material_thickness) == ("6061-T6", "0.25 in")
        assert (part.amount, part.category) == (4, "review")
        assert part.notes == "Ream the bore.\nDeburr."
        assert part.onshape_url == "https://cad.onshape.com/documents/1"
        assert part.current_step.name == "hub.step"
        assert part.current_step.uploaded_by == member
        assert part.events.get(verb=Verb.CREATED).actor == member

    def test_a_part_without_a_file(self, member_page):
        member_page.post(CREATE, GOOD)
        assert Part.objects.get().current_file is None

    def test_a_drawing(self, member_page):
        upload = make_upload("hub.pdf", b"%PDF-1.4\n%%EOF\n")
        member_page.post(CREATE, {**GOOD, "file": upload})
        assert Part.objects.get().current_drawing.name == "hub.pdf"

    def test_without_a_name_it_is_called_like_its_file(self, member_page):
        upload = make_upload("bearing_plate__rev 2.STEP")
        member_page.post(CREATE, {**GOOD, "name": " ", "file": upload})
        assert Part.objects.get().name == "Bearing plate rev 2"

    def test_everything_wrong_is_told_at_once(self, member_page):
        typed = {
            "name": "x" * 201,
            "subsystem": " ",
            "type": "laser",
            "amount": "0",
            "notes": "Keep <me>",
            "onshape_url": "javascript:alert(1)",
        }
        response = member_page.post(CREATE, typed)
        assert response.status_code == 422
        assert errors(response) == {
            "name": ["Ensure this value has at most 200 characters (it has 201)."],
            "subsystem": ["Say which subsystem it belongs to."],
            "type": [
                "Select a valid choice. laser is not one of the available choices."
            ],
            "material": ["Say what it is made of."],
            "amount": ["At least one piece."],
            "onshape_url": ["This is no web address."],
        }
        assert "Keep &lt;me&gt;" in response.text
        assert "6 things have to be put right" in response.text
        assert not Part.objects.exists()

    def test_neither_name_nor_file(self, member_page):
        response = member_page.post(CREATE, {**GOOD, "name": ""})
        assert response.status_code == 422
        assert errors(response) == {"name": ["Give it a name, or a file that has one."]}

    @pytest.mark.parametrize(
        ("amount", "words"),
        [
            ("", "Say how many pieces are needed."),
            ("two", "Enter a whole number."),
            ("1.5", "Enter a whole number."),
            ("-3", "At least one piece."),
            ("9" * 12, "That is more than any shop can make."),
            ("9" * 5000, "Enter a whole number."),
        ],
    )
    def test_an_amount_that_cannot_be(self, amount, words, member_page):
        response = member_page.post(CREATE, {**GOOD, "amount": amount})
        assert response.status_code == 422
        assert errors(response) == {"amount": [words]}

    def test_a_null_character_is_refused(self, member_page):
        response = member_page.post(CREATE, {**GOOD, "notes": "a\x00b"})
        assert response.status_code == 422
        assert errors(response) == {"notes": ["Null characters are not allowed."]}

    def test_what_is_bought_needs_no_material(self, member_page):
        bought = {**GOOD, "type": "misc", "material": "", "service_method": "Coater"}
        member_page.post(CREATE, bought)
        part = Part.objects.get()
        assert (part.material, part.service_method) == ("", "Coater")

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.stl", b"solid", "“.stl” files are not taken; upload a"),
            ("a.step", b"", "This file is empty."),
            ("a.pdf", b"hello", "This is not a PDF file, whatever its name says."),
            ("a.step", TINY_STEP[:40], "cut off"),
            ("a.step", b"hello", "STEP"),
        ],
    )
    def test_a_bad_file_is_told_beside_it(self, name, content, words, member_page):
        response = member_page.post(
            CREATE, {**GOOD, "file": make_upload(name, content)}
        )
        assert response.status_code == 422
        (text,) = errors(response)["file"]
        assert words in text
        assert not Part.objects.exists()

    def test_a_file_that_is_too_big_is_413(self, member_page, settings):
        settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
        upload = make_upload("a.step", TINY_STEP + b" " * 1024 * 1024)
        response = member_page.post(CREATE, {**GOOD, "file": upload})
        assert response.status_code == 413
        assert errors(response) == {"file": ["The file is larger than 1 MB."]}
        assert 'value="Hub"' in response.text

    def test_a_good_file_outlives_a_bad_form(self, member_page):
        wrong = {**GOOD, "amount": "0", "file": make_upload("plate.step")}
        first = member_page.post(CREATE, wrong)
        assert first.status_code == 422
        assert "<span>plate.step</span>" in first.text
        again = {**GOOD, "uuid": hidden(first, "uuid")}
        assert member_page.post(CREATE, again).status_code == 302
        part = Part.objects.get()
        assert part.current_step.name == "plate.step"
        with default_storage.open(part.current_step.content.name) as stored:
            assert stored.read() == TINY_STEP

    def test_a_kept_file_outlives_any_number_of_tries(self, member_page):
        wrong = {**GOOD, "amount": "0"}
        response = member_page.post(CREATE, {**wrong, "file": make_upload()})
        for _ in range(2):
            again = {**wrong, "uuid": hidden(response, "uuid")}
            response = member_page.post(CREATE, again)
            assert "<span>plate.step</span>" in response.text

    def test_a_new_file_takes_the_place_of_a_kept_one(self, member_page):
        wrong = {**GOOD, "amount": "0", "file": make_upload("old.step")}
        uuid = hidden(member_page.post(CREATE, wrong), "uuid")
        right = {**GOOD, "uuid": uuid, "file": make_upload("new.step")}
        member_page.post(CREATE, right)
        assert Part.objects.get().files.get().name == "new.step"

    def test_a_bad_new_file_leaves_the_kept_one(self, member_page):
        wrong = {**GOOD, "amount": "0", "file": make_upload("old.step")}
        uuid = hidden(member_page.post(CREATE, wrong), "uuid")
        bad = {**GOOD, "uuid": uuid, "file": make_upload("new.stl")}
        response = member_page.post(CREATE, bad)
        assert response.status_code == 422
        assert "<span>old.step</span>" in response.text

    @pytest.mark.parametrize(
        "uuid", ["nonsense", "", "\x00", "6f9619ff-8b86-d011-b42d-00c04fc964ff"]
    )
    def test_a_made_up_uuid_names_no_file(self, uuid, member_page):
        member_page.post(CREATE, {**GOOD, "uuid": uuid})
        assert Part.objects.get().current_file is None

    def test_a_kept_file_is_only_for_who_sent_it(self, client, member, lead):
        client.force_login(member)
        wrong = {**GOOD, "amount": "0", "file": make_upload()}
        uuid = hidden(client.post(CREATE, wrong), "uuid")
        client.force_login(lead)
        lead_only = {"priority": "1", "due_date": ""}
        client.post(CREATE, {**GOOD, **lead_only, "uuid": uuid})
        assert Part.objects.get().current_file is None

    def test_a_lead_sets_priority_and_due_date(self, lead_page):
        lead_only = {"priority": "3", "due_date": "2027-01-31"}
        lead_page.post(CREATE, {**GOOD, **lead_only})
        part = Part.objects.get()
        assert (part.priority, part.due_date) == (3, date(2027, 1, 31))

    def test_a_member_does_not(self, member_page):
        assert 'name="priority"' not in member_page.get(CREATE).text
        lead_only = {"priority": "3", "due_date": "2027-01-31"}
        member_page.post(CREATE, {**GOOD, **lead_only})
        part = Part.objects.get()
        assert (part.priority, part.due_date) == (1, None)

    def test_a_date_that_is_none(self, lead_page):
        lead_only = {"priority": "9", "due_date": "2027-02-30"}
        response = lead_page.post(CREATE, {**GOOD, **lead_only})
        assert response.status_code == 422
        assert errors(response) == {
            "priority": [
                "Select a valid choice. 9 is not one of the available choices."
            ],
            "due_date": ["Enter a date as year-month-day."],
        }

    def test_the_file_is_handed_over_with_its_model(self, member_page, member, queued):
        draft = make_draft(member, **DONE)
        default_storage.save(DONE["model"], ContentFile(b"glTF"))
        member_page.post(
            CREATE, {**GOOD, "uuid": draft.part_uuid, "sent": draft.part_uuid}
        )
        part = Part.objects.get()
        assert part.uuid == draft.part_uuid
        assert part.current_step.state == "done"
        assert part.current_step.facts == FACTS
        assert not DraftFile.objects.exists()

    def test_a_file_that_is_being_converted_is_waited_for(self, member_page, member):
        draft = make_draft(member, state="running")
        member_page.post(CREATE, {**GOOD, "uuid": draft.part_uuid})
        assert Part.objects.get().current_step.state == "queued"
        assert DraftFile.objects.get() == draft

    def test_a_drawing_comes_beside_its_step_file(self, member_page, member):
        uuid = uuid4()
        make_draft(member, "hub.step", part_uuid=uuid)
        make_draft(member, "hub.pdf", TINY_PDF, part_uuid=uuid)
        member_page.post(CREATE, {**GOOD, "uuid": uuid})
        part = Part.objects.get()
        assert (part.current_step.name, part.current_drawing.name) == (
            "hub.step",
            "hub.pdf",
        )
        assert part.file == "hub.step"

    def test_a_second_tap_leads_to_the_same_part(self, member_page):
        typed = {**GOOD, "uuid": uuid4()}
        first, second = (member_page.post(CREATE, typed) for _ in range(2))
        assert first["Location"] == second["Location"]
        assert Part.objects.count() == 1

    def test_of_two_taps_at_once_one_makes_the_part(self, member_page, monkeypatch):
        typed = {**GOOD, "uuid": uuid4()}
        slow = PartForm.save

        def meanwhile(form):
            monkeypatch.setattr(PartForm, "save", slow)
            member_page.post(CREATE, typed)
            return slow(form)

        monkeypatch.setattr(PartForm, "save", meanwhile)
        response = member_page.post(CREATE, typed)
        assert response["Location"] == Part.objects.get().get_absolute_url()

    def test_what_was_deleted_meanwhile_can_be_handed_in_again(self, member_page):
        typed = {**GOOD, "uuid": uuid4()}
        member_page.post(CREATE, typed)
        workflow.trash(Part.objects.get(), actor=None)
        member_page.post(CREATE, typed)
        assert Part.objects.live().count() == 1

    def test_a_file_that_is_gone_is_told(self, member_page, member):
        draft = make_draft(member)
        DraftFile.objects.all().delete()
        typed = {**GOOD, "uuid": draft.part_uuid, "sent": draft.part_uuid}
        response = member_page.post(CREATE, typed)
        assert response.status_code == 422
        assert (
            "Its file was kept for a day only and is gone. Choose it again."
            in response.context["hand_in"].non_field_errors
        )
        assert "One thing has to be put right" in response.text
        assert not Part.objects.exists()

    def test_what_is_wrong_is_listed_with_the_way_to_it(self, member_page):
        response = member_page.post(CREATE, {**GOOD, "type": "", "subsystem": ""})
        assert re.findall(r'<li><a href="#([^"]+)">([^<]+)</a>', response.text) == [
            ("id_type_0", "How it is made: Say how it is made."),
            ("id_subsystem", "Subsystem: Say which subsystem it belongs to."),
        ]

    def test_the_words_used_most_are_offered_first(self, member_page):
        for material in ("Delrin", "6061-T6", "6061-T6"):
            make_part(material=material)
        text = member_page.get(CREATE).text
        assert text.index('<option value="6061-T6">') < text.index('value="Delrin"')
        offered = re.findall(r'class="field__offer" type="button">([^<]+)<', text)
        assert offered[:2] == ["6061-T6", "Delrin"]

    def test_the_rarer_fields_are_folded_at_first(self, lead_page):
        assert '<details class="more">' in lead_page.get(CREATE).text

    def test_the_rarer_fields_are_open_when_one_is_filled_in(self, member_page):
        closed = member_page.post(CREATE, {**GOOD, "amount": "0", **PLAIN})
        assert '<details class="more">' in closed.text
        opened = member_page.post(CREATE, {**GOOD, "amount": "0"})
        assert '<details class="more" open>' in opened.text

    @pytest.mark.parametrize("rows", [1, 20])
    def test_query_cost_is_flat(self, rows, lead_page, django_assert_num_queries):
        for number in range(rows):
            make_part(material=f"M{number}")
        with django_assert_num_queries(3):  # session, user, words
            lead_page.get(CREATE)


class TestSeveralParts:
    @pytest.fixture
    def two(self, member) -> dict:
        """What is sent for a part whose file is here, and a second one."""
        first, second = make_draft(member, "a.step"), make_draft(member, "b.step")
        return {
            "rows": ["", "1"],
            "subsystem": "Arm",
            "uuid": first.part_uuid,
            "type": "cnc",
            "material": "6061-T6",
            "amount": "1",
            "1-uuid": second.part_uuid,
            "1-type": "hand",
            "1-amount": "2",
            "1-name": "Block",
        }

    def test_each_is_handed_in(self, two, member_page):
        response = member_page.post(CREATE, two)
        assert response["Location"] == "/review/"
        assert said(response) == ["2 parts are handed in and wait for review."]
        found = Part.objects.order_by("pk").values_list(
            "name", "type", "amount", "subsystem", "current_step__name"
        )
        assert list(found) == [
            ("A", "cnc", 1, "Arm", "a.step"),
            ("Block", "hand", 2, "Arm", "b.step"),
        ]

    def test_a_material_that_is_not_said_is_that_of_the_part_above(
        self, two, member_page
    ):
        member_page.post(CREATE, two)
        materials = Part.objects.values_list("material", flat=True)
        assert list(materials) == ["6061-T6", "6061-T6"]

    def test_one_that_is_wrong_does_not_hold_up_the_other(self, two, member_page):
        response = member_page.post(CREATE, {**two, "amount": "0"})
        assert response.status_code == 422
        part = Part.objects.get()
        assert part.name == "Block"
        assert "These are handed in and wait for review:" in response.text
        assert f'<a href="{part.get_absolute_url()}">Block</a>' in response.text
        assert errors(response) == {"amount": ["At least one piece."]}
        assert "<span>a.step</span>" in response.text
        assert "<span>b.step</span>" not in response.text

    def test_sent_again_as_it_was_it_makes_no_doubles(self, two, member_page):
        two["sent"] = [two["uuid"], two["1-uuid"]]
        wrong = {**two, "amount": "0"}
        for _ in range(2):
            response = member_page.post(CREATE, wrong)
            assert errors(response) == {"amount": ["At least one piece."]}
        member_page.post(CREATE, two)
        assert Part.objects.count() == 2

    def test_what_all_share_is_told_once(self, two, member_page):
        response = member_page.post(CREATE, {**two, "subsystem": ""})
        assert errors(response) == {"subsystem": ["Say which subsystem it belongs to."]}
        assert not Part.objects.exists()

    def test_the_summary_says_whose_field_it_is(self, two, member_page):
        response = member_page.post(CREATE, {**two, "subsystem": "", "1-amount": "0"})
        assert ">Block, Amount: At least one piece.</a>" in response.text

    def test_several_files_without_a_script_make_a_part_each(self, member_page):
        files = [
            make_upload("a.step"),
            make_upload("b.step"),
            make_upload("B.pdf", TINY_PDF),
        ]
        response = member_page.post(CREATE, {**GOOD, "name": "", "file": files})
        assert response["Location"] == "/review/"
        found = Part.objects.order_by("pk").values_list(
            "name", "material", "current_step__name", "current_drawing__name"
        )
        assert list(found) == [
            ("A", "6061-T6", "a.step", None),
            ("B", "6061-T6", "b.step", "B.pdf"),
        ]

    def test_a_refused_file_is_named_and_keeps_all_others(self, member_page):
        files = [make_upload("a.step"), make_upload("b.stl")]
        response = member_page.post(CREATE, {**GOOD, "file": files})
        assert response.status_code == 422
        (text,) = errors(response)["file"]
        assert text.startswith("b.stl: “.stl” files are not taken")
        assert "<span>a.step</span>" in response.text
        assert not Part.objects.exists()

    def test_rows_that_nobody_drew_are_left_out(self, member_page):
        typed = {**GOOD, "rows": ["", "", "<b>", "x" * 40]}
        member_page.post(CREATE, typed)
        assert Part.objects.count() == 1

    def test_a_page_that_is_read_again_finds_its_files(self, two, member_page, member):
        wanted = [two["uuid"], two["1-uuid"], "nonsense", uuid4()]
        forms = member_page.get(CREATE, {"part": wanted}).context["hand_in"].forms
        assert [form.drafts[0].file.name for form in forms] == ["a.step", "b.step"]
        assert [form.row for form in forms] == ["", "1"]
        assert [form.part_uuid for form in forms] == wanted[:2]
        member_page.post(CREATE, two)
        (form,) = member_page.get(CREATE, {"part": wanted}).context["hand_in"].forms
        assert form.drafts == []
        assert form.part_uuid not in wanted

    @pytest.mark.parametrize("rows", [1, 8])
    def test_query_cost_of_what_is_wrong_is_flat(
        self, rows, member_page, member, django_assert_num_queries
    ):
        typed = {"rows": [str(n) for n in range(rows)]}
        for row in typed["rows"]:
            typed[f"{row}-uuid"] = make_draft(member).part_uuid
        # Session, user, files, their twins, parts of these uuids, words.
        with django_assert_num_queries(6):
            response = member_page.post(CREATE, typed)
        assert len(response.context["hand_in"].forms) == rows


class TestFiles:
    """What the script sends and asks for."""

    def send(self, client, name="plate.step", content=TINY_STEP, part=None):
        upload = make_upload(name, content)
        return client.post(FILES, {"file": upload, "part": part or uuid4()})

    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        assert self.send(client).status_code == 302
        assert client.get(FILES).status_code == 302

    def test_a_viewer_may_not(self, viewer_page):
        assert self.send(viewer_page).status_code == 403
        assert viewer_page.get(FILES).status_code == 403

    def test_another_method_is_refused(self, member_page):
        assert member_page.put(FILES).status_code == 405
        assert member_page.get("/parts/new/files/1/remove/").status_code == 405

    def test_a_file_is_kept_and_told(self, member_page, member):
        part = uuid4()
        response = self.send(member_page, "hub_v2.step", part=part)
        assert response.status_code == 201
        file = DraftFile.objects.get()
        assert (file.owner, file.part_uuid, file.name) == (member, part, "hub_v2.step")
        assert f'id="draft-{file.pk}"' in response.text
        assert f'data-part="{part}"' in response.text
        assert "data-converting" in response.text
        (guess,) = guessed(response)
        assert (guess["field"], guess["value"]) == ("name", "Hub v2")

    def test_a_part_with_the_very_file_is_told(self, member_page):
        part = make_part(name="Old <hub>", category="cnc")
        make_file(part)
        text = self.send(member_page).text
        assert (
            f'<a href="{part.get_absolute_url()}" target="_blank">Old &lt;hub&gt;'
            in text
        )
        assert "</a>, in production</li>" in text

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.stl", b"solid", "“.stl” files are not taken; upload a"),
            ("a.step", b"", "This file is empty."),
            ("a.step", TINY_STEP[:40], "cut off"),
            ("a.pdf", b"hello", "This is not a PDF file"),
        ],
    )
    def test_a_bad_file_is_refused_in_words(self, name, content, words, member_page):
        response = self.send(member_page, name, content)
        assert response.status_code == 400
        assert words in response.json()["error"]
        assert not DraftFile.objects.exists()

    def test_a_file_that_is_too_big_is_413(self, member_page, settings):
        settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
        response = self.send(member_page, content=TINY_STEP + b" " * 1024 * 1024)
        assert response.status_code == 413
        assert response.json() == {"error": "The file is larger than 1 MB."}

    @pytest.mark.parametrize("data", [{}, {"part": "nonsense"}, {"part": UNKNOWN}])
    def test_a_request_without_part_or_file_is_refused(self, data, member_page):
        response = member_page.post(FILES, data)
        assert response.status_code == 400
        assert response.json()["error"]

    def test_a_converted_file_tells_measures_and_picture(self, member_page, member):
        draft = make_draft(member, **DONE)
        response = member_page.get(FILES, {"parts": f"{draft.part_uuid},nonsense,"})
        assert "data-converting" not in response.text
        assert "203 × 76.2 × 2.29 mm" in response.text
        assert "9 holes" in response.text
        assert f"/parts/new/files/{draft.pk}/{draft.thumbnail_tag}.png" in response.text
        assert [guess["value"] for guess in guessed(response)] == [
            "Plate",
            "cnc",
            "0.09 in",
        ]

    def test_a_failed_conversion_is_told(self, member_page, member):
        draft = make_draft(member, state="failed", error="No solid <in> it.")
        text = member_page.get(FILES, {"parts": draft.part_uuid}).text
        assert "No solid &lt;in&gt; it." in text
        assert "You can hand it in as it is" in text

    def test_what_others_sent_stays_theirs(self, member_page, lead):
        draft = make_draft(lead, **DONE)
        assert "draft" not in member_page.get(FILES, {"parts": draft.part_uuid}).text
        picture = f"/parts/new/files/{draft.pk}/{draft.thumbnail_tag}.png"
        assert member_page.get(picture).status_code == 404
        removed = member_page.post(f"/parts/new/files/{draft.pk}/remove/")
        assert removed.status_code == 404

    def test_its_picture_is_kept_by_the_browser(self, member_page, member):
        name = default_storage.save("thumbnails/ab/abc.png", ContentFile(b"PNG"))
        draft = make_draft(member, **(DONE | {"thumbnail": name}))
        response = member_page.get(f"/parts/new/files/{draft.pk}/abc.png")
        assert b"".join(response.streaming_content) == b"PNG"
        assert response["Cache-Control"] == "private, max-age=86400, immutable"
        assert member_page.get(f"/parts/new/files/{draft.pk}/x.png").status_code == 404

    def test_a_file_is_removed(self, member_page, member):
        draft = make_draft(member)
        response = member_page.post(f"/parts/new/files/{draft.pk}/remove/")
        assert response.status_code == 204
        assert "draft" not in member_page.get(FILES, {"parts": draft.part_uuid}).text

    @pytest.mark.parametrize("rows", [1, 8])
    def test_query_cost_is_flat(
        self, rows, member_page, member, django_assert_num_queries
    ):
        made = [make_draft(member) for _ in range(rows)]
        asked = ",".join(str(draft.part_uuid) for draft in made)
        with django_assert_num_queries(4):  # session, user, files, their twins
            response = member_page.get(FILES, {"parts": asked})
        assert response.text.count("data-draft") == rows
