"""The Production and the Completed board with a browser, at a desk and at a machine."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("boards")]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SMALL = """() => [...document.querySelectorAll('main a, main button, main summary')]
  .filter((one) => one.checkVisibility() && !one.matches('.part-card__link'))
  .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
  .filter(([, box]) => box.height && (box.height < 43.5 || box.width < 43.5))
  .map(([words, box]) => `${words} ${box.width} × ${box.height}`)"""
SHIFTS = """() => new Promise((done) => {
  new PerformanceObserver((list) => done(
    list.getEntries().reduce((sum, shift) => sum + shift.value, 0)
  )).observe({ type: 'layout-shift', buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => done(0)));
})"""


def _card(page: Page, name: str) -> Locator:
    return page.locator(".part-card").filter(has_text=name)


def _lane(page: Page, name: str) -> Locator:
    return page.locator(f".lane[data-lane={name}]")


def _is_wide(page: Page) -> bool:
    scroll = page.evaluate("document.documentElement.scrollWidth")
    return scroll > page.viewport_size["width"]


def test_a_claim_is_one_tap_and_moves_the_card_to_what_is_in_progress(browse, site):
    page = browse(site.members[0])
    page.goto("/production/")
    for name in ("cnc", "hand", "misc"):
        expect(_lane(page, name)).to_be_visible()
    expect(page.locator(".lane-tabs")).to_be_hidden()
    ready, taken = (
        page.locator("#pile-cnc-ready"),
        page.locator("#pile-cnc-in-progress"),
    )
    expect(ready.locator(".pile__count")).to_have_text(re.compile(r"^\s*2 parts"))
    _card(page, "Elevator gusset").get_by_role("button", name="Take it").click()
    card = taken.locator(".part-card").filter(has_text="Elevator gusset")
    expect(card).to_contain_text("You")
    expect(ready.locator(".pile__count")).to_have_text(re.compile(r"^\s*1 part "))


def test_parts_of_one_stock_stand_together_on_request(browse, site):
    page = browse(site.members[0])
    page.goto("/production/")
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SHIFTS) < 0.01
    page.get_by_role("link", name="By stock").click()
    heading = _lane(page, "cnc").get_by_role("heading", name="6061-T6 · 0.125 in")
    expect(heading).to_be_visible()
    expect(page).to_have_url(re.compile(r"group=stock"))


def test_on_a_phone_lanes_are_tabs_that_the_address_remembers(browse, site):
    page = browse(site.members[0], **PHONE)
    page.goto("/production/")
    tabs = page.locator(".lane-tabs")
    expect(_lane(page, "cnc")).to_be_visible()
    page.evaluate("window.stays = true")
    tabs.get_by_role("link", name="Hand").click()
    expect(_lane(page, "hand")).to_be_visible()
    expect(_lane(page, "cnc")).to_be_hidden()
    expect(tabs.locator("[aria-current]")).to_contain_text("Hand")
    assert page.evaluate("window.stays") is True  # the page was not loaded anew
    assert page.evaluate(SMALL) == []
    assert not _is_wide(page)
    page.reload()
    expect(_lane(page, "hand")).to_be_visible()
    expect(_lane(page, "cnc")).to_be_hidden()
    _card(page, "Spacer 7/8").get_by_role("button", name="Take it").click()
    taken = page.locator("#pile-hand-in-progress")
    expect(taken.locator(".part-card").filter(has_text="Spacer 7/8")).to_be_visible()


def test_tabs_are_links_where_there_is_no_script(browse, site, chromium):
    state = browse(site.members[0]).context.storage_state()
    context = chromium.new_context(
        base_url=site.address, storage_state=state, java_script_enabled=False, **PHONE
    )
    page = context.new_page()
    page.goto("/production/")
    page.locator(".lane-tabs").get_by_role("link", name="Misc").click()
    expect(_lane(page, "misc")).to_be_visible()
    expect(_lane(page, "cnc")).to_be_hidden()
    context.close()


def test_a_lead_gives_a_part_from_the_keyboard(browse, site):
    page = browse(site.lead)
    page.goto("/production/")
    opener = _card(page, "Belly pan").get_by_role("link", name="Give Belly pan to…")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Who makes it?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Noah Okafor").press("Enter")
    taken = page.locator("#pile-cnc-in-progress .part-card")
    expect(taken.filter(has_text="Belly pan")).to_contain_text("Noah Okafor")
    expect(dialog).to_be_hidden()


def test_what_was_made_wrong_is_made_again(browse, site):
    page = browse(site.lead, **PHONE)
    page.goto("/completed/?storage=shelf+b2")
    expect(page.locator("#board-count")).to_contain_text("1 part")
    card = _card(page, "Elevator gearbox")
    card.locator(".menu__open").click()
    card.locator("summary", has_text="Made wrong").click()
    card.get_by_label("What was made wrong?").fill("Bearings are loose.")
    assert page.evaluate(SMALL) == []
    card.get_by_role("button", name="Make it again").click()
    expect(card).to_contain_text("Bearings are loose.")
    expect(card).to_contain_text("made again as 26-305-R2")
    expect(page.locator("#board-count")).to_contain_text("1 made wrong")
    page.goto("/production/?search=26-305-R2")
    again = _card(page, "Elevator gearbox")
    expect(again).to_contain_text("Made again")
    expect(again.get_by_role("button", name="Take it")).to_be_visible()


def test_no_button_covers_a_state(browse, site):
    page = browse(site.lead)  # who may give parts to others: one sign more
    page.goto("/search/")
    expect(page.locator(".part-card__main").first).to_be_visible()
    covered = page.eval_on_selector_all(
        ".part-card:has(.part-card__main)",
        """all => all.filter((card) => {
          const words = document.createRange();
          words.selectNodeContents(card.querySelector(".part-card__state"));
          const button = card.querySelector(".part-card__main");
          return words.getBoundingClientRect().right
            > button.getBoundingClientRect().left;
        }).map((card) => card.id)""",
    )
    assert covered == []


def test_compact_cards_are_remembered_and_each_is_a_line(browse, site):
    page = browse(site.members[0])
    page.goto("/production/")
    page.get_by_role("button", name="Compact cards").click()
    page.goto("/production/")
    heights = page.eval_on_selector_all(
        ".part-card", "all => all.map((one) => one.getBoundingClientRect().height)"
    )
    # Twelve of them stand below the headings of a screen 900 px high.
    assert max(heights) <= 58
    free = page.locator("#pile-hand-ready .part-card").first.bounding_box()
    assert free["y"] + 12 * (free["height"] + 2) <= 900
