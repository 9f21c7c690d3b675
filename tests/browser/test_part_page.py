"""The page of a part: fields changed in place, revisions compared, a sheet printed."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("part_page")]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SIZES = {"desk": {}, "phone": PHONE}
TOUCH_PX = 44
HELD, FREE = "Bearing plate", "Pillow block"  # the first has two files, taken at one


def _open(page: Page, name: str) -> str:
    """Go to the page of a part of the demo shop; return its address."""
    page.goto(f"/search/?search={name.replace(' ', '+')}")
    link = page.locator(".part-card").first.get_by_role("link", name=name)
    page.goto(address := link.first.get_attribute("href"))
    return address


def _field(page: Page, name: str) -> Locator:
    return page.locator(f"#field-{name}")


def _control(page: Page, name: str) -> Locator:
    return page.locator(f".field-form [name={name}]")


def _pen(page: Page, name: str) -> Locator:
    return page.locator(f"[data-edit={name}]")


def _unwatched(chromium, site, username: str, **options) -> Page:
    """Open the site where answers that refuse are meant to come."""
    context = chromium.new_context(base_url=site.address, **options)
    page = context.new_page()
    page.goto("/")
    sign_in(page, site, username)
    return page


@pytest.mark.parametrize("size", SIZES)
def test_a_field_is_changed_where_it_stands(browse, site, size):
    page = browse(site.lead, **SIZES[size])
    _open(page, FREE)
    viewer = page.locator("[data-viewer][data-state=ready]")
    viewer.wait_for()
    viewer.evaluate("element => { element.dataset.mark = 'as it was'; }")

    # Escape leaves everything as it was, and the focus where it came from.
    _pen(page, "material").click()
    control = _control(page, "material")
    expect(control).to_be_focused()
    control.fill("Cheese")
    page.keyboard.press("Escape")
    expect(_pen(page, "material")).to_be_focused()
    expect(_field(page, "material")).not_to_contain_text("Cheese")

    # Enter saves; what follows from it is on the page, and the viewer stays.
    amount = {"desk": "31", "phone": "32"}[size]
    _pen(page, "amount").click()
    _control(page, "amount").fill(amount)
    page.keyboard.press("Enter")
    expect(_field(page, "amount")).to_contain_text(amount)
    expect(page.locator(".messages")).to_contain_text("Amount is saved.")
    expect(_pen(page, "amount")).to_be_focused()
    newest = page.locator(".timeline__line").first
    expect(newest).to_contain_text(re.compile(rf"Amount.*→.*{amount}"))
    expect(viewer).to_have_attribute("data-mark", "as it was")

    # A name and notes alike; one form is open at a time.
    _pen(page, "name").click()
    _pen(page, "notes").click()
    expect(page.locator(".field-form")).to_have_count(1)
    _control(page, "notes").fill(f"See https://a.example/{amount}\n\nDeburr.")
    page.keyboard.press("Control+Enter")
    expect(_field(page, "notes").get_by_role("link").first).to_have_attribute(
        "href", f"https://a.example/{amount}"
    )


def test_what_is_wrong_or_was_faster_stands_beside_the_field(chromium, browse, site):
    page = _unwatched(chromium, site, site.members[0])
    where = _open(page, FREE)
    _pen(page, "amount").click()
    _control(page, "amount").fill("0")
    page.keyboard.press("Enter")
    expect(page.locator(".field-form")).to_contain_text("At least one piece.")
    expect(_control(page, "amount")).to_be_focused()
    page.keyboard.press("Escape")

    _pen(page, "subsystem").click()
    _control(page, "subsystem").wait_for()
    other = browse(site.lead)
    other.goto(where)
    _pen(other, "subsystem").click()
    _control(other, "subsystem").fill("Theirs")
    other.keyboard.press("Enter")
    expect(_field(other, "subsystem")).to_contain_text("Theirs")
    _control(page, "subsystem").fill("Mine")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("changed this while you were")
    expect(page.locator(".field-form")).to_contain_text("Meanwhile it became: Theirs")
    page.get_by_role("button", name="Save").click()
    expect(_field(page, "subsystem")).to_contain_text("Mine")

    # Without the server what was typed stays, and one is told.
    _pen(page, "material").click()
    _control(page, "material").fill("Delrin")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("It is not saved")
    expect(_control(page, "material")).to_have_value("Delrin")
    page.context.close()


def test_without_a_script_a_field_has_a_page_of_its_own(browse, site):
    page = browse(site.members[0], java_script_enabled=False)
    _open(page, FREE)
    page.get_by_role("link", name="Change: Thickness").click()
    _control(page, "material_thickness").fill("25 mm")
    page.get_by_role("button", name="Save").click()
    expect(_field(page, "material_thickness")).to_contain_text("25 mm")
    expect(page.locator(".messages")).to_contain_text("Thickness is saved.")


def test_on_a_phone_the_next_step_stays_under_the_thumb(browse, site):
    page = browse(site.members[0], **PHONE)
    _open(page, FREE)
    step = page.get_by_role("button", name="Take it")
    boards = page.get_by_role("navigation", name="Boards").bounding_box()
    for end in ("0", "document.documentElement.scrollHeight"):
        page.evaluate(f"scrollTo({{ top: {end}, behavior: 'instant' }})")
        box = step.bounding_box()
        assert box["height"] >= TOUCH_PX
        assert 844 / 2 < box["y"] < boards["y"] - box["height"]
    last = page.locator(".history").bounding_box()
    assert last["y"] + last["height"] <= step.bounding_box()["y"]
    for pen in page.locator(".pen").all():
        size = pen.bounding_box()
        assert min(size["width"], size["height"]) >= TOUCH_PX


def test_whoever_has_a_part_sees_what_the_newer_file_changed(browse, site):
    page = browse(site.lead, **PHONE)
    _open(page, HELD)
    expect(page.locator(".differences")).to_contain_text(
        re.compile(r"26\.035 mm.*→.*28\.575 mm", re.S)
    )
    page.get_by_role("link", name="See both side by side").tap()
    comparison = page.get_by_role("region", name="From revision 1 to 2")
    for picture in comparison.locator("img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 480)
    changed = comparison.locator("[data-changed]")
    expect(changed.first).to_contain_text("+2.54 mm")
    assert changed.evaluate_all("rows => rows.map(row => row.dataset.measure)") == [
        "holes",
        "volume",
        "area",
    ]


def test_a_part_is_printed_on_one_sheet(browse, site):
    page = browse(site.members[0])
    _open(page, HELD)
    page.wait_for_load_state("networkidle")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".sheet__name")).to_be_visible()
    expect(page.locator("[data-viewer]")).to_be_hidden()
    expect(page.get_by_role("navigation", name="Boards")).to_be_hidden()
    picture = page.locator(".sheet__picture img")
    expect(picture).to_have_js_property("naturalWidth", 480)
    ink = page.locator(".sheet__name").evaluate("e => getComputedStyle(e).color")
    assert ink == "rgb(0, 0, 0)"
    for paper in ("A4", "Letter"):
        pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper))
        assert len(pages) == 1, paper


def test_a_phone_has_everything_in_the_order_in_which_it_comes(browse, site):
    """Else what is shown already jumps down when what stands above it comes."""
    page = browse(site.lead, **PHONE)
    _open(page, HELD)
    tops = page.evaluate(
        """() => [...document.querySelectorAll(".part-page :is(header, section)[id]")]
          .filter((element) => element.getClientRects().length)
          .map((element) => [element.id, element.getBoundingClientRect().top])"""
    )
    assert len(tops) > 5
    assert tops == sorted(tops, key=lambda one: one[1])
