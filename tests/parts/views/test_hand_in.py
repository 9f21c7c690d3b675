"""Handing in parts: the page, with files that come with it or before it."""

import re
from datetime import date
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage

from parts.models import Part, Verb
from tests.factories import TINY_STEP, make_part, make_upload

CREATE = "/parts/new/"
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


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response) -> dict[str, list[str]]:
    wrong = response.context["hand_in"].errors
    return {field.html_name: [str(text) for text in field.errors] for field in wrong}


def hidden(response, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', response.text).group(1)


class TestHandIn:
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

    @pytest.mark.parametrize("uuid", ["nonsense", "", "\x00", str(uuid4())])
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
