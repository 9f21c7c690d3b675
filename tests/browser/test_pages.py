"""What must hold of every page, on a desk and on a phone, in both themes."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .conftest import number_of, sign_in, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages")]

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Everything that WCAG 2.2 AA asks for and a machine can find, and axe's own advice.
RULES = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
CONTRAST = ["color-contrast"]  # all that another theme can change
# Still, since half-way through a change of colour every contrast is wrong.
SIZES = {
    "desk": {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "reduced_motion": "reduce",
    },
}
PART = "Bearing plate"  # the one with two files
PAGES = {
    "home": "/",
    "review": "/review/",
    "production": "/production/",
    "stocks": "/production/?group=stock",
    "lane": "/production/?category=cnc",
    "completed": "/completed/",
    "search": "/search/?search=plate",
    "nothing found": "/review/?search=nothing+like+it",
    "hand in": "/parts/new/",
    "part": "/parts/{part}/",
    "compare": "/parts/{part}/?compare=1-2",
    "edit": "/parts/{part}/edit/",
    "change a field": "/parts/{part}/edit/type/",
    "delete": "/parts/{part}/delete/",
    "account": "/account/",
    "people": "/account/people/",
    "invitations": "/account/invitations/",
    "saved views": "/search/views/",
    "keys": "/account/keys/",
    "password": "/account/password/",
    "second factor": "/account/factor/",
    "sign others out": "/account/sessions/end/",
}
# Every picture in the window; the rest come as one scrolls.
LOADED = """() => [...document.images].every((image) => image.complete
  || !image.checkVisibility() || image.getBoundingClientRect().top > innerHeight)"""
# Shift of what is on the screen already, as Chromium scores it; 0.1 is called good.
SHIFT_MOST = 0.01


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_and_nothing_jumps(browse, site, size):
    page = browse(site.lead, **SIZES[size])
    part = number_of(page, PART)
    found = {}
    for name, path in PAGES.items():
        address = path.format(part=part)
        page.emulate_media(color_scheme="light")
        _open(page, address)
        # A comparison that an address asks for opens its panel when it is there.
        assert name == "compare" or _shift(page) < SHIFT_MOST, name
        assert _width_too_much(page) == 0, name
        found |= _faults(page, name)
    assert found == {}


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_at_the_door_and_on_pages_of_trouble(chromium, site, size):
    context = chromium.new_context(base_url=site.address, **SIZES[size])
    page = context.new_page()
    found = {}
    for address in ("/account/login/", "/account/look/"):
        page.goto(address)
        found |= _faults(page, address)
    sign_in(page, site, site.members[0])
    for address in ("/parts/0/", "/admin/", "/parts/new/"):
        page.goto(address)
        found |= _faults(page, address)
    context.close()
    assert found == {}


def _faults(page: Page, name: str) -> dict[str, list[str]]:
    """Return what axe finds in the light, and of the contrasts in the dark."""
    page.emulate_media(color_scheme="light")
    faults = {f"{name}, light": axe(page)}
    page.emulate_media(color_scheme="dark")
    faults[f"{name}, dark"] = axe(page, rules={"type": "rule", "values": CONTRAST})
    return {where: found for where, found in faults.items() if found}


def _open(page: Page, address: str) -> None:
    page.goto(address)
    wait_until(page, LOADED)
    if page.locator("[data-viewer]").count():
        page.locator("[data-viewer][data-state=ready]").wait_for()


def axe(page: Page, within: str = "html", rules: dict = RULES) -> list[str]:
    """Return what axe finds, each as its rule and the elements at fault."""
    if not page.evaluate("'axe' in window"):
        # As a browser's tools do: the page's own policy forbids a script in it.
        page.evaluate(f"() => {{ {AXE.read_text()} }}")
    result = page.evaluate(
        """([within, runOnly]) =>
          axe.run(within, { runOnly, resultTypes: ["violations"] })""",
        [within, rules],
    )
    return [
        f"{fault['id']}: {json.dumps([node['html'][:160] for node in fault['nodes']])}"
        for fault in result["violations"]
    ]


def _shift(page: Page) -> float:
    return page.evaluate(
        """() => new Promise((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) sum += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          requestAnimationFrame(() => setTimeout(() => resolve(sum)));
        })"""
    )


def _width_too_much(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    return page.evaluate(
        "() => { const { scrollWidth, clientWidth } = document.documentElement;"
        " return scrollWidth - clientWidth; }"
    )
