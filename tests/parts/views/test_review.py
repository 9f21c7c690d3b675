"""The Review board: what one decides by, and deciding without leaving it."""

import re

import pytest
from django.urls import reverse

from parts import workflow
from parts.models import PartFile
from tests.factories import make_converted, make_file, make_part

REVIEW = reverse("parts:review")


def card_of(response, part) -> str:
    """The markup of a part's card."""
    (card,) = re.findall(
        rf'<article [^>]*id="part-{part.pk}".*?</article>', response.text, re.S
    )
    return card


def words(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def test_a_card_tells_all_one_decides_by(lead_page, member):
    part = workflow.create(
        actor=member,
        name="Hub",
        code="26-1",
        subsystem="Arm",
        type="cnc",
        material="6061-T6",
        material_thickness="0.25 in",
        amount=4,
    )
    file = make_converted(part)
    told = words(card_of(lead_page.get(REVIEW), part))
    assert "Hub 26-1 · Arm · CNC or laser" in told
    assert "×4 6061-T6 0.25 in" in told
    assert "Mara Member · just now" in told
    assert "Box 203.2 × 76.2 × 2.286 mm 8.000 × 3.000 × 0.090 in" in told
    assert "Thickness 2.286 mm 0.090 in" in told
    assert "Holes 8 × ⌀ 5.105 mm 0.201 in 1 × ⌀ 28.575 mm 1.125 in" in told
    assert "Thickness says 0.25 in, the model measures 0.090 in." in told
    assert "Nothing looks wrong." not in told
    picture = reverse("api:part-thumbnail", args=[part.pk, file.thumbnail_tag])
    assert f'src="{picture}"' in card_of(lead_page.get(REVIEW), part)


def test_measures_stand_in_the_readers_unit_first(lead_page, lead):
    make_converted(part := make_part())
    lead.units = "in"
    lead.save()
    told = words(card_of(lead_page.get(REVIEW), part))
    assert "Thickness 0.090 in 2.286 mm" in told


def test_many_sizes_of_holes_are_cut_short(lead_page):
    holes = [{"diameter_mm": float(n), "count": n} for n in range(1, 6)]
    part = make_part()
    make_converted(part, facts={"box_mm": [9.0, 9.0, 9.0], "holes": holes})
    assert "3 × ⌀ 3 mm 0.118 in and 2 sizes more" in words(
        card_of(lead_page.get(REVIEW), part)
    )


def test_a_part_that_is_all_right_says_so(lead_page):
    part = make_part(type="cnc", material_thickness="0.090 in")
    make_converted(part)
    assert "Nothing looks wrong." in words(card_of(lead_page.get(REVIEW), part))


def test_of_a_file_that_waits_nothing_is_said_yet(lead_page):
    part = make_part(type="cnc")
    make_file(part)
    assert 'class="findings__item"' not in card_of(lead_page.get(REVIEW), part)


def test_a_twin_is_a_link_away(lead_page):
    part, twin = make_part(code="26-1"), make_part(code="26-2", category="cnc")
    for each in (part, twin):
        make_file(each)
    card = card_of(lead_page.get(REVIEW), part)
    link = f'<a href="{twin.get_absolute_url()}">Same file as part 26-2.</a>'
    assert link in card


def test_what_was_sent_back_stands_last_in_any_order(lead_page):
    make_part(name="A", blocked_reason="Slot is too thin.", priority=3)
    make_part(name="B")
    make_part(name="C", priority=2)
    for query, names in (("", ["C", "B", "A"]), ("?sort_by=name", ["B", "C", "A"])):
        text = lead_page.get(REVIEW + query).text
        assert re.findall(r'part-card__link" href="[^"]+">([^<]+)<', text) == names
        titles = re.findall(r'reviews__title" id="([^"]+)"', text)
        assert titles == ["waiting", "sent-back"]
    assert "Slot is too thin." in text


def test_what_looks_wrong_is_offered_as_a_reason(lead_page):
    part = make_part(type="cnc", material="")
    card = card_of(lead_page.get(REVIEW), part)
    assert re.findall(r'name="wish" value="([^"]+)"', card) == [
        "Upload the STEP file.",
        "Say which material.",
    ]
    # One of them is enough.
    assert re.search(r'name="reason"[^>]*required', card) is None


def test_without_a_finding_the_reason_is_written(lead_page):
    part = make_part(type="misc", service_method="Anodise")
    make_converted(part)
    card = card_of(lead_page.get(REVIEW), part)
    assert 'name="wish"' not in card
    assert re.search(r'name="reason"[^>]*required', card)


@pytest.mark.parametrize(
    ("page", "buttons"),
    [
        ("lead_page", ["Approve", "Approve with a note", "Send back"]),
        ("member_page", []),
        ("viewer_page", []),
    ],
)
def test_only_leads_decide(page, buttons, request):
    client = request.getfixturevalue(page)
    part = make_part(type="cnc")
    make_converted(part)
    card = card_of(client.get(REVIEW), part)
    assert "Holes" in card
    found = re.findall(r'button button--main part-card__main">([^<]+)<', card)
    found += re.findall(r'<span class="ask__word">([^<]+)<', card)
    assert found == buttons


def test_a_step_leads_back_to_the_next_card_of_the_same_view(lead_page):
    part = make_part(name="Hub", type="cnc")
    view = f"{REVIEW}?search=hub"
    assert 'name="next" value="/review/?search=hub"' in lead_page.get(view).text
    address = reverse("parts:approve", args=[part.pk])
    response = lead_page.post(address, {"note": "Deburr.", "next": view})
    assert response["Location"] == f"{view}#part-{part.pk}"


def test_the_note_is_told_to_whoever_makes_it(lead_page, lead, member, client):
    part, other = (make_part(name=name, type="cnc") for name in ("Hub", "Other"))
    workflow.approve(part, actor=lead, note="Check the bend radius.")
    workflow.approve(other, actor=lead)
    client.force_login(member)
    for address in (reverse("parts:production"), part.get_absolute_url()):
        text = client.get(address).text
        assert text.count('class="review-note"') == 1
        assert "Lena Lead: Check the bend radius." in words(text)


def test_the_note_is_that_of_the_last_approval(lead_page, lead):
    part = make_part(type="cnc")
    workflow.approve(part, actor=lead, note="Old.")
    workflow.complete(part, actor=lead)
    assert "review-note" not in lead_page.get(part.get_absolute_url()).text
    workflow.move(part, actor=lead, category="review", status="Pending")
    workflow.approve(part, actor=lead, note="New.")
    assert "New." in lead_page.get(reverse("parts:production")).text


def test_the_parts_page_tells_what_looks_wrong_too(lead_page):
    part = make_part(type="cnc", material="")
    text = lead_page.get(part.get_absolute_url()).text
    assert "The material is missing." in text
    assert "There is no file." in text
    part = make_part(category="cnc", material="")
    assert "The material is missing." not in lead_page.get(part.get_absolute_url()).text


def test_a_failed_conversion_stands_on_the_card(lead_page):
    part = make_part(type="cnc")
    file = make_file(part)
    PartFile.objects.filter(pk=file.pk).update(state="failed", error="No solid.")
    told = words(card_of(lead_page.get(REVIEW), part))
    assert "The STEP file could not be converted. No solid." in told
