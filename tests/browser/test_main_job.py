"""The main job in a real browser: from a STEP file to a finished part."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("main_job")]
CONVERTS = True

SAMPLE = Path(__file__).parents[2] / "fixtures" / "step" / "bearing_plate.step"
NAME = "Arm bearing plate"
CONVERSION_MS = 60_000


def _picture(element: Locator) -> Image.Image:
    return Image.open(io.BytesIO(element.screenshot())).convert("RGB")


def _share_of_commonest_colour(picture: Image.Image) -> float:
    colours = picture.getcolors(maxcolors=picture.width * picture.height)
    return max(count for count, _ in colours) / (picture.width * picture.height)


def _difference(one: Image.Image, other: Image.Image) -> float:
    """Return the share of pixels that differ."""
    pairs = zip(one.get_flattened_data(), other.get_flattened_data(), strict=True)
    return sum(a != b for a, b in pairs) / (one.width * one.height)


def _card(page: Page) -> Locator:
    return page.locator(".part-card").filter(has_text=NAME)


def test_from_a_step_file_to_a_finished_part(browse, site):
    member, maker = site.members

    # Somebody hands in a part with its STEP file.
    page = browse(member)
    page.goto("/")
    page.get_by_role("link", name="Hand in").click()
    page.get_by_label("File").set_input_files(SAMPLE)
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Subsystem").fill("Arm")
    page.get_by_label("CNC").check()
    page.get_by_label("Material", exact=False).first.fill("6061-T6")
    page.get_by_label("Amount").fill("2")
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(NAME)
    address = page.url

    # Its model comes by itself, without a reload, and can be turned.
    viewer = page.locator("[data-viewer]")
    expect(viewer).to_have_attribute("data-state", "ready", timeout=CONVERSION_MS)
    canvas = viewer.locator("canvas").first
    still = _picture(canvas)
    assert _share_of_commonest_colour(still) < 0.9
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 160, middle[1] + 60, steps=8)
    page.mouse.up()
    page.mouse.move(0, 0)
    assert _difference(still, _picture(canvas)) > 0.05

    # The facts are those that the file was designed with.
    facts = page.locator("section[id^=facts-]")
    expect(facts).to_contain_text(re.compile(r"152\.4\s*×\s*76\.2\s*×\s*6\.35"))
    expect(facts).to_contain_text(re.compile(r"6\.000\s*×\s*3\.000\s*×\s*0\.250"))
    for line in ("6 × ⌀ 4.978", "8 × ⌀ 5.105", "1 × ⌀ 19.05", "1 × ⌀ 28.575"):
        expect(facts).to_contain_text(line)

    # A member cannot approve it; a lead does, from the board.
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    boss = browse(site.lead)
    boss.goto("/")
    boards = boss.get_by_role("navigation", name="Boards")
    boards.get_by_role("link", name="Review").click()
    picture = _card(boss).locator("img")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 480)
    _card(boss).get_by_role("button", name="Approve").click()
    expect(_card(boss)).to_have_count(0)

    # Another member claims it with one tap and finishes it.
    page = browse(maker, viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto("/production/?search=Arm+bearing")
    _card(page).get_by_role("button", name="Take it").tap()
    expect(_card(page)).to_contain_text("In progress")
    _card(page).get_by_text("Done", exact=True).first.tap()
    _card(page).get_by_label("Where does it lie?").fill("Shelf A3")
    _card(page).get_by_role("button", name="Done").tap()
    expect(_card(page)).to_have_count(0)

    # It stands on the Completed board and says where it lies.
    page.goto("/completed/?search=Arm+bearing")
    expect(_card(page)).to_contain_text("Shelf A3")
    _card(page).get_by_role("link", name=NAME).tap()
    expect(page).to_have_url(address)

    # The timeline tells the story, newest first.
    lines = page.locator(".timeline__line")
    verbs = lines.evaluate_all("lines => lines.map(line => line.dataset.verb)")
    assert verbs == ["completed", "assigned", "approved", "uploaded", "created"]
    people = lines.locator("strong").all_inner_texts()
    story = page.locator(".timeline").inner_text()
    assert people[1] != people[2] != people[3]
    assert "Shelf A3" in story
    assert "bearing_plate.step" in story
