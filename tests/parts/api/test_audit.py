"""Each change through the API is a line of the history with the key's name."""

import io

import pytest
from PIL import Image

from accounts.models import ApiKey
from parts.models import PartEvent, PartFile
from tests.factories import (
    TINY_PDF,
    TINY_STEP,
    make_converted,
    make_file,
    make_part,
    make_upload,
)

PARTS = "/api/parts/"


def _png() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (2, 2)).save(target, "PNG")
    return target.getvalue()


# What is asked, of a part in which category, and what is written of it.
CHANGES = {
    "edit": ("review", "patch", "", {"notes": "new"}, ["edited"]),
    "start": ("cnc", "put", "", {"status": "In Progress"}, ["started"]),
    "finish": ("cnc", "put", "", {"status": "Completed"}, ["completed"]),
    "give": ("cnc", "put", "", {"assigned": "Sam"}, ["assigned"]),
    "edit and give": (
        "cnc",
        "put",
        "",
        {"notes": "new", "assigned": "Sam"},
        ["edited", "assigned"],
    ),
    "approve": ("review", "post", "/approve", {}, ["approved"]),
    "send back": ("review", "post", "/send-back", {"reason": "x"}, ["sent_back"]),
    "assign": ("cnc", "post", "/assign", {"assigned": "Sam"}, ["assigned"]),
    "unclaim": ("cnc", "post", "/unclaim", {}, ["unclaimed"]),
    "complete": ("cnc", "post", "/complete", {}, ["completed"]),
    "revert": ("completed", "post", "/revert", {}, ["reverted"]),
    "delete": ("review", "delete", "", None, ["trashed"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_a_line_with_the_keys_name(api, name):
    category, method, rest, body, verbs = CHANGES[name]
    part = make_part(category=category)
    answer = getattr(api, method)(f"{PARTS}{part.pk}{rest}", body)
    assert answer.status_code == 200
    _assert_told(part, verbs)


def test_a_new_part_is_a_line(api):
    body = {"subsystem": "Intake", "material": "6061-T6"}
    _assert_told(api.post(PARTS, body).json()["id"], ["created"])


@pytest.mark.parametrize(
    ("name", "content"), [("plate.step", TINY_STEP), ("plate.pdf", TINY_PDF)]
)
def test_a_file_is_a_line(api, name, content):
    part = make_part()
    address = f"{PARTS}{part.pk}/upload"
    files = {"file": make_upload(name, content)}
    assert api.post(address, files, format="multipart").status_code == 201
    _assert_told(part, ["uploaded"])
    assert PartFile.objects.get(part=part).uploaded_by_name == "write key"


def test_pictures_are_a_line(api):
    part = make_part()
    files = {"view_0": make_upload("a.png", _png())}
    address = f"{PARTS}{part.pk}/views"
    assert api.post(address, files, format="multipart").status_code == 200
    _assert_told(part, ["edited"])


def test_another_conversion_is_a_line(api):
    part = make_part()
    make_converted(part)
    PartEvent.objects.all().delete()
    assert api.post(f"{PARTS}{part.pk}/convert").status_code == 202
    _assert_told(part, ["retried"])


def test_a_key_of_somebody_tells_key_and_owner(member_api, member):
    part = make_part(category="cnc")
    member_api.post(f"{PARTS}{part.pk}/assign", {"assigned": member.name})
    event = PartEvent.objects.get(part=part)
    assert (event.actor_name, event.actor) == ("write key", member)
    assert event.api_key.owner == member


def test_a_session_is_told_as_the_person(lead_page, lead):
    part = make_part()
    address = f"{PARTS}{part.pk}/approve"
    lead_page.post(address, {}, content_type="application/json")
    event = PartEvent.objects.get(part=part)
    assert (event.actor_name, event.actor, event.api_key) == (lead.name, lead, None)


@pytest.mark.parametrize("rest", ["", "/files", "/events", "/model", "/file", "/views"])
def test_looking_leaves_no_line(api, rest, settings):
    settings.API_MODEL_WAIT_SECONDS = 0
    part = make_part()
    make_file(part)
    PartEvent.objects.all().delete()
    api.get(f"{PARTS}{part.pk}{rest}")
    assert not PartEvent.objects.exists()


def _assert_told(part, verbs: list[str]) -> None:
    key = ApiKey.objects.get()
    events = list(PartEvent.objects.filter(part=part).order_by("at", "id"))
    assert [event.verb for event in events] == verbs
    assert {event.actor_name for event in events} == {"write key"}
    assert {event.api_key for event in events} == {key}
