"""Boards that are alive: others' work, finding, keys and kept views in a browser."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("live")]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SIZES = pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
LIVE = re.compile(r"/parts/live/")
TAKE = "form[action$='/assign/']:not(.ask__panel)"
PATIENCE_MS = 20_000  # a poll and a read of the board, on a busy machine


def make(page: Page, site: Site, name: str) -> str:
    """Make a part that is ready to be taken; return the id of its card."""
    answer = page.request.post(
        "/api/parts/",
        headers={"X-API-Key": site.key},
        data={
            "name": name,
            "subsystem": "Arm",
            "material": "PA12",
            "type": "cnc",
            "category": "cnc",
        },
    )
    return f"part-{answer.json()['id']}"


def card(page: Page, of: str) -> Locator:
    return page.locator(f"#{of}")


def mark(page: Page) -> None:
    """Note on the page that it was not loaded again."""
    page.evaluate("globalThis.isSame = true")


def is_same(page: Page) -> bool:
    return page.evaluate("globalThis.isSame === true")


@SIZES
def test_a_board_shows_what_others_do_and_disturbs_nobody(browse, site, size):
    page, other = browse(site.lead, **size), browse(site.members[0])
    theirs, mine = make(other, site, "Lever"), make(other, site, "Latch")
    page.goto("/production/")
    other.goto("/production/")
    mark(page)
    # Somebody writes where a part lies, and has scrolled there.
    card(page, mine).locator(".menu__open").click()
    card(page, mine).locator(".menu__panel summary", has_text="Done").click()
    page.evaluate("scrollBy({ top: 300, behavior: 'instant' })")
    field = card(page, mine).locator("input[name=storage]")
    field.fill("Shelf")
    top = card(page, mine).bounding_box()["y"]
    # The other takes that part and another.
    for part in (theirs, mine):
        card(other, part).get_by_role("button", name="Take it").click()
        expect(card(other, part)).to_contain_text("In progress")
    expect(card(page, theirs)).to_contain_text("In progress", timeout=PATIENCE_MS)
    expect(card(page, mine)).to_have_attribute(
        "data-meanwhile", "Changed meanwhile", timeout=PATIENCE_MS
    )
    expect(field).to_have_value("Shelf")
    expect(field).to_be_focused()
    assert abs(card(page, mine).bounding_box()["y"] - top) < 2
    # When it is closed, the card shows how it is.
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(card(page, mine)).to_contain_text("In progress", timeout=PATIENCE_MS)
    assert is_same(page)


@SIZES
def test_the_second_is_told_who_was_first(browse, site, size):
    first, second = browse(site.members[0]), browse(site.members[1], **size)
    part = make(first, site, "Bracket")
    second.goto("/production/")
    # Between two looks at the board: its next look never ends.
    second.route(LIVE, lambda route: None)
    first.goto(f"/production/#{part}")
    card(first, part).get_by_role("button", name="Take it").click()
    expect(card(first, part)).to_contain_text("You")
    name = first.locator(".menu__title").inner_text().split("\n")[0]
    mark(second)
    card(second, part).get_by_role("button", name="Take it").click()
    expect(card(second, part).locator(".too-late")).to_contain_text(
        re.compile(f"{name} took .+ just now")
    )
    expect(card(second, part).locator(TAKE)).to_have_count(0)
    expect(card(second, part).locator(".holder")).to_contain_text(name)
    expect(second.locator(".message")).to_contain_text(f"{name} took")
    assert is_same(second)
    second.unroute_all(behavior="ignoreErrors")


def test_who_is_signed_out_is_told_once(browse, site):
    page = browse(site.members[0])
    page.goto("/completed/")
    page.context.clear_cookies(name="sessionid")
    line = page.locator(".message")
    expect(line).to_contain_text("You are signed out", timeout=PATIENCE_MS)
    expect(line.get_by_role("link", name="Sign in again")).to_be_visible()


def test_a_busy_server_is_asked_less_often(browse, site):
    page = browse(site.members[0])
    page.clock.install()
    page.goto("/completed/")

    def wish(route):
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"retry-after": "20"})

    page.route(LIVE, wish)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response(LIVE):
        page.clock.run_for(4000)
    asked.clear()
    for _second in range(17):  # at once, the script would not have read the answer
        page.clock.run_for(1000)
    assert not any(LIVE.search(url) for url in asked)
    with page.expect_response(LIVE):
        page.clock.run_for(25_000)
    page.unroute_all(behavior="ignoreErrors")


def test_the_keyboard_walks_the_board(browse, site):
    page = browse(site.members[0])
    part = make(page, site, "Lever")
    page.goto("/production/")
    links = page.locator(".part-card__link:visible")
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    expect(links.nth(2)).to_be_focused()
    expect(links.nth(2)).to_be_in_viewport()
    page.keyboard.press("k")
    expect(links.nth(1)).to_be_focused()
    # t takes the part one stands on.
    card(page, part).locator(".part-card__link").focus()
    page.keyboard.press("t")
    expect(card(page, part)).to_contain_text("You")
    expect(card(page, part).locator(":focus")).to_have_count(1)
    # A letter that is typed is a letter.
    page.keyboard.press("/")
    expect(page.locator("#finder")).to_be_focused()
    page.keyboard.type("jt?")
    expect(page.locator("#finder")).to_have_value("jt?")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Take it")
    dialog.get_by_label("Single keys are on").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.locator("h1").click()
    page.keyboard.press("j")
    assert not page.evaluate("document.activeElement.matches('.part-card__link')")
    page.evaluate("localStorage.clear()")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/completed/")
    page.keyboard.press("j")
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(name)


def test_the_finder_lists_what_matches_while_one_types(browse, site):
    page = browse(site.members[0])
    page.goto("/review/")
    finder = page.get_by_role("combobox", name="Find a part on any board")
    finder.press_sequentially("gusset")
    options = page.locator("#found").get_by_role("option")
    expect(options.filter(has_text="Gusset plate")).to_be_visible()
    expect(finder).to_have_attribute("aria-expanded", "true")
    finder.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    chosen = options.first.get_attribute("id")
    expect(finder).to_have_attribute("aria-activedescendant", chosen)
    finder.press("Escape")
    expect(options).to_have_count(0)
    expect(finder).to_have_value("gusset")
    finder.fill("nothing at all like it")
    expect(page.locator(".found")).to_contain_text("Nothing on any board matches")
    finder.fill("26-103")
    expect(options.first).to_contain_text("Gusset plate 4x4")
    finder.press("ArrowDown")
    finder.press("Enter")
    expect(page.locator("h1")).to_contain_text("Gusset plate 4x4")
    # Enter alone sends it, as without a script.
    page.get_by_role("combobox").fill("gusset")
    page.get_by_role("combobox").press("Enter")
    page.wait_for_url("**/search/?search=gusset")


def test_a_board_filters_itself_while_one_types(browse, site):
    page = browse(site.members[0], **PHONE)
    page.goto("/search/?material=6061-T6")
    mark(page)
    field = page.get_by_label("Search this board")
    field.press_sequentially("gusset")
    expect(page.locator(".part-card")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"/search/\?.*search=gusset"))
    expect(page).to_have_url(re.compile(r"material=6061-T6"))
    expect(field).to_be_focused()
    assert page.evaluate("CSS.highlights.get('hit').size") > 0
    # Each filter is a chip that goes by itself.
    expect(page.locator(".chip")).to_have_count(2)
    assert is_same(page)
    page.get_by_role("link", name="Remove the filter “gusset”").click()
    page.wait_for_url("**/search/?material=6061-T6")
    expect(page.locator(".chip")).to_have_text(["Material: 6061-T6"])


def test_a_view_is_kept_under_a_name(browse, site):
    page = browse(site.members[1])
    name = "Aluminium"
    page.goto("/production/?search=plate&unassigned=true&page=1")
    page.get_by_text("Views", exact=True).click()
    page.get_by_label("Save this view as").fill(name)
    page.locator(".views__save button").click()
    expect(page.locator(".message")).to_contain_text(f"“{name}” is saved.")
    page.goto("/review/")
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("link", name=name).click()
    page.wait_for_url("**/production/?search=plate&unassigned=true")
    page.goto("/search/views/")
    page.get_by_role("button", name=f"Delete {name}").click()
    expect(page.get_by_role("link", name=name)).to_have_count(0)


def test_all_of_it_works_without_a_script(browse, site):
    page = browse(site.members[0], java_script_enabled=False)
    part = make(page, site, "Lever")
    page.goto("/production/")
    card(page, part).get_by_role("button", name="Take it").click()
    expect(page.locator(".message")).to_contain_text("is yours.")
    assert page.url.endswith(f"/production/#{part}")
    page.get_by_label("Search this board").fill("plate")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Remove the filter “plate”").click()
    expect(page).to_have_url(re.compile("/production/$"))
    page.get_by_role("searchbox", name="Find a part").fill("gusset 6061")
    page.keyboard.press("Enter")
    expect(page.locator(".part-card")).to_have_count(2)
