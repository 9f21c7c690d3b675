"""The site below a path, behind both kinds of proxy, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.running import running_site

from .conftest import sign_in, watch
from .proxy import running_proxy

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("basepath")]

BASE = "/parts-system"
# The first of the demo's files, so that its model is there soon.
SAMPLE = Path(__file__).parents[2] / "fixtures" / "step" / "climber_hook.step"
CONVERSION_MS = 60_000


@pytest.fixture(scope="module")
def site(chromium, shop):
    with running_site(shop, BASE_PATH=f"{BASE}/") as site:
        yield site


@pytest.fixture(params=[True, False], ids=["stripping", "not stripping"])
def proxy(request, site):
    with running_proxy(site.address, BASE, strips=request.param) as proxy:
        yield proxy


def _hand_in(page: Page, name: str) -> None:
    page.get_by_role("link", name="Hand in").click()
    page.get_by_label("File").set_input_files(SAMPLE)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Subsystem").fill("Arm")
    page.get_by_label("CNC").check()
    page.get_by_label("Material", exact=False).first.fill("6061-T6")
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_everything_works_below_the_path(chromium, site, proxy):
    name = f"Second hook, {'short' if proxy.strips else 'long'} way"
    context = chromium.new_context(base_url=proxy.address)
    page = context.new_page()
    troubles: list[str] = []
    asked: list[str] = []
    watch(page, troubles)
    page.on("request", lambda request: asked.append(request.url))

    # From the door to a part.
    page.goto(proxy.address)
    sign_in(page, site, site.lead)
    _hand_in(page, name)
    part = re.fullmatch(rf".*{BASE}/parts/(\d+)/", page.url)[1]

    # While it is converted: the administration, and from there the boards.
    page.goto("admin/parts/part/")
    page.get_by_role("link", name=name).click()
    expect(page.locator("#id_name")).to_have_value(name)
    page.get_by_role("link", name="View site").click()
    expect(page).to_have_url(proxy.address)

    # The reader of the API's document, which asks the API itself.
    page.goto("api/docs/")
    block = page.locator(".opblock").filter(has_text="/api/parts/stats").first
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    status = block.locator(".live-responses-table tbody .response-col_status")
    expect(status).to_have_text("200")

    # The part with its model, drawn, and its file.
    page.goto(f"parts/{part}/")
    viewer = page.locator("[data-viewer]")
    expect(viewer).to_have_attribute("data-state", "ready", timeout=CONVERSION_MS)
    assert page.evaluate("document.querySelector('[data-viewer]').viewer.triangles") > 0
    with page.expect_download() as download:
        page.get_by_role("link", name=SAMPLE.name).first.click()
    assert download.value.path().read_bytes() == SAMPLE.read_bytes()

    # Its picture on the board, and a step that leads back to the board.
    page.get_by_role("navigation").get_by_role("link", name="Review").click()
    card = page.locator(".part-card").filter(has_text=name)
    picture = card.locator("img")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 480)
    card.get_by_role("button", name="Approve").click()
    expect(card).to_have_count(0)
    expect(page).to_have_url(f"{proxy.address}review/")
    expect(page.locator(".message")).to_contain_text("ready to be made")

    # Out again.
    page.locator(".topbar__me summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{proxy.address}account/login/")

    paths = {cookie["path"].rstrip("/") for cookie in context.cookies()}
    context.close()
    assert troubles == []
    assert proxy.strays == []
    assert paths == {BASE}
    here = (proxy.address, f"blob:{proxy.address.split(BASE)[0]}", "data:")
    assert [url for url in asked if not url.startswith(here)] == []
