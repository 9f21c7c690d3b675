"""One field of a part, changed where it stands."""

from datetime import date

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils.html import strip_tags

from parts import workflow
from parts.models import Part, Verb
from tests.factories import make_part


def address(part: Part, field: str) -> str:
    return reverse("parts:edit-field", args=[part.pk, field])


def opened(client, part: Part, field: str) -> dict[str, str]:
    """Open the form; return what a browser would send of it."""
    form = client.get(address(part, field)).context["form"]
    value = form.field.value()
    text = "" if value is None else str(value)
    return {"version": form.version, field: text, f"initial-{field}": text}


def send(client, part: Part, field: str, value: str, **data):
    data = data or opened(client, part, field)
    return client.post(address(part, field), {**data, field: value})


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.fixture
def part(db):
    return make_part(type="cnc", name="Hub")


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("name", " Wide  hub ", "Wide hub"),
        ("subsystem", "Arm", "Arm"),
        ("type", "hand", "hand"),
        ("service_method", "Coater", "Coater"),
        ("material", "7075-T6", "7075-T6"),
        ("material_thickness", "0.25 in", "0.25 in"),
        ("amount", "12", 12),
        ("notes", "One\r\nTwo", "One\nTwo"),
        ("onshape_url", "https://cad.onshape.com/1", "https://cad.onshape.com/1"),
    ],
)
def test_a_member_changes_one_field(field, value, stored, part, member_page, member):
    before = {name: getattr(part, name) for name in ("name", "material", "amount")}
    response = send(member_page, part, field, value)
    assert response.status_code == 302
    assert response["Location"] == f"{part.get_absolute_url()}#field-{field}"
    part.refresh_from_db()
    assert getattr(part, field) == stored
    assert {n: getattr(part, n) for n in before if n != field} == {
        n: v for n, v in before.items() if n != field
    }
    event = part.events.get()
    assert (event.verb, event.actor, set(event.changes)) == (
        Verb.EDITED,
        member,
        {field},
    )


def test_what_is_saved_is_said(part, member_page):
    assert said(send(member_page, part, "amount", "3")) == ["Amount is saved."]


def test_nothing_changed_writes_and_says_nothing(part, member_page):
    response = send(member_page, part, "amount", "1")
    assert response.status_code == 302
    assert said(response) == []
    assert not part.events.exists()


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [("priority", "3", 3), ("due_date", "2027-01-31", date(2027, 1, 31))],
)
def test_priority_and_due_date_are_a_leads(
    field, value, stored, part, member_page, lead, client
):
    for response in (
        member_page.get(address(part, field)),
        member_page.post(address(part, field), {field: value}),
    ):
        assert response.status_code == 403
    assert "Only a lead may set priority and due date." in response.text
    client.force_login(lead)
    assert send(client, part, field, value).status_code == 302
    part.refresh_from_db()
    assert getattr(part, field) == stored


def test_a_stranger_is_asked_to_sign_in(part, client):
    for response in (
        client.get(address(part, "name")),
        client.post(address(part, "name"), {"name": "Mine"}),
    ):
        assert response["Location"].startswith(reverse("accounts:login"))
    part.refresh_from_db()
    assert part.name == "Hub"


def test_a_viewer_may_not_and_sees_no_pen(part, viewer_page):
    assert viewer_page.get(address(part, "name")).status_code == 403
    assert viewer_page.post(address(part, "name"), {"name": "x"}).status_code == 403
    assert "data-edit=" not in viewer_page.get(part.get_absolute_url()).text


def pens(client, part: Part) -> set[str]:
    text = client.get(part.get_absolute_url()).text
    return {piece.partition('"')[0] for piece in text.split('data-edit="')[1:]}


def test_each_sees_the_pens_of_what_they_may_change(part, member_page, lead, client):
    written = {"name", "notes", "subsystem", "type", "material", "material_thickness"}
    written |= {"amount", "onshape_url"}
    assert pens(member_page, part) == written
    client.force_login(lead)
    assert pens(client, part) == written | {"priority", "due_date"}
    bought = make_part(category="misc")
    assert pens(client, bought) >= {"service_method"}


@pytest.mark.parametrize(
    "field", ["status", "assigned", "storage_location", "nothing", "code"]
)
def test_what_is_no_field_of_the_form_is_404(field, part, lead_page):
    assert lead_page.get(address(part, field)).status_code == 404
    assert lead_page.post(address(part, field), {field: "x"}).status_code == 404


def test_a_missing_part_is_404(member_page, db):
    gone = reverse("parts:edit-field", args=[999, "name"])
    assert member_page.get(gone).status_code == 404


def test_a_part_in_the_trash_is_404(part, member_page):
    data = opened(member_page, part, "name")
    workflow.trash(part, actor=None)
    assert send(member_page, part, "name", "New", **data).status_code == 404


def test_another_method_is_refused(part, member_page):
    assert member_page.delete(address(part, "name")).status_code == 405


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("amount", "0", "At least one piece."),
        ("amount", "two", "Enter a whole number."),
        ("subsystem", " ", "Say which subsystem it belongs to."),
        ("onshape_url", "javascript:alert(1)", "This is no web address."),
        ("notes", "a\x00b", "Null characters are not allowed."),
        ("material", "x" * 201, "at most 200 characters"),
        ("type", "laser", "laser is not one of the available choices"),
    ],
)
def test_what_is_wrong_stands_beside_it(field, value, words, part, member_page):
    before = getattr(part, field)
    response = send(member_page, part, field, value)
    assert response.status_code == 422
    assert words in strip_tags(response.text)
    part.refresh_from_db()
    assert getattr(part, field) == before


def test_somebody_who_was_faster_is_told_and_nothing_lost(part, member_page, lead):
    data = opened(member_page, part, "material")
    workflow.edit(part, actor=lead, material="<7075>")
    workflow.edit(part, actor=None, amount=2)
    response = send(member_page, part, "material", "Delrin", **data)
    assert response.status_code == 409
    assert "Lena Lead changed this while you were typing." in response.text
    assert "Meanwhile it became: &lt;7075&gt;" in response.text
    form = response.context["form"]
    assert form.field.value() == "Delrin"
    part.refresh_from_db()
    assert part.material == "<7075>"

    data = {"version": form.version, "initial-material": "<7075>"}
    assert send(member_page, part, "material", "Delrin", **data).status_code == 302
    part.refresh_from_db()
    assert part.material == "Delrin"
    assert part.events.first().changes == {"material": ["<7075>", "Delrin"]}


def test_another_field_changed_meanwhile_hinders_nothing(part, member_page, lead):
    data = opened(member_page, part, "material")
    workflow.edit(part, actor=lead, amount=9, notes="Theirs")
    assert send(member_page, part, "material", "Delrin", **data).status_code == 302
    part.refresh_from_db()
    assert (part.material, part.amount, part.notes) == ("Delrin", 9, "Theirs")


def test_the_newlines_of_a_browser_are_no_change_of_others(member_page, lead):
    part = make_part(type="cnc", notes="One\nTwo")
    data = opened(member_page, part, "notes")
    data["initial-notes"] = "One\r\nTwo"
    workflow.edit(part, actor=lead, amount=9)
    response = send(member_page, part, "notes", "One\r\nTwo\r\nThree", **data)
    assert response.status_code == 302
    part.refresh_from_db()
    assert part.notes == "One\nTwo\nThree"


@pytest.mark.parametrize("version", ["", "nonsense", "\x00"])
def test_a_form_without_a_version_is_taken(version, part, member_page):
    data = {"version": version}
    assert send(member_page, part, "amount", "4", **data).status_code == 302


def test_an_empty_post_is_bad_input(part, member_page):
    assert member_page.post(address(part, "amount")).status_code == 422


def test_suggestions_come_with_material_alone(part, member_page):
    assert (
        '<datalist id="materials">' in member_page.get(address(part, "material")).text
    )
    assert "<datalist" not in member_page.get(address(part, "amount")).text


@pytest.mark.parametrize("parts", [1, 20])
def test_query_cost_is_flat(parts, part, member_page, django_assert_num_queries):
    for n in range(parts):
        make_part(material=f"M{n}")
    with django_assert_num_queries(4):  # session, user, part, words
        member_page.get(address(part, "material"))
