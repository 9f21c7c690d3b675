"""Take pictures of every page at three widths in both themes: ``make screenshots``.

They are to be judged by eye and lie in build/screenshots, or in the folder that is
named. ``make screenshots README=1`` takes the README's two pictures instead.
"""

import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.conftest import demo_in_chromium, sign_in
from tests.running import Site

ROOT = Path(__file__).resolve().parents[1]
SIZES = {1440: 900, 820: 1180, 390: 844}
PAGES = {
    "home": "/",
    "review": "/review/",
    "production": "/production/",
    "stocks": "/production/?group=stock",
    "lane": "/production/?category=cnc",
    "completed": "/completed/",
    "part": "/parts/{part}/",
    "compare": "/parts/{part}/?compare=1-2",
    "hand-in": "/parts/new/",
    "edit": "/parts/{part}/edit/",
    "delete": "/parts/{part}/delete/",
    "search": "/search/?search=plate",
    "empty": "/review/?search=nothing+like+it",
    "views": "/search/views/",
    "keys": "/account/keys/",
    "password": "/account/password/",
    "account": "/account/",
    "people": "/account/people/",
    "invitations": "/account/invitations/",
    "missing": "/parts/0/",
}


def main() -> None:
    with demo_in_chromium() as (browser, site):
        if sys.argv[1:] == ["--readme"]:
            _take_for_readme(browser, site)
        else:
            _take_all(browser, site, Path(sys.argv[1]))


def _take_for_readme(browser: Browser, site: Site) -> None:
    page = _sign_in(browser, site, 1440, 900, "light")
    for name, path in (
        ("board", "/production/"),
        ("part", f"/parts/{_part(page)}/"),
    ):
        _open(page, path)
        target = ROOT / "docs" / f"{name}.png"
        page.screenshot(path=target)
        # 256 colours are enough for these pages, at a third of the size.
        Image.open(target).convert("RGB").quantize(256).save(target, optimize=True)


def _take_all(browser: Browser, site: Site, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for width, height in SIZES.items():
        for theme in ("light", "dark"):
            page = _sign_in(browser, site, width, height, theme)
            part = _part(page)
            for name, path in PAGES.items():
                _open(page, path.format(part=part))
                page.screenshot(path=target / f"{name}-{width}-{theme}.png")
            page.context.close()


def _part(page: Page) -> str:
    """Return the id of the part with the most to show, the one with two files."""
    _open(page, "/production/?search=Bearing+plate")
    return page.locator(".part-card").first.get_attribute("data-part")


def _open(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    if page.locator("[data-viewer]").count():
        page.locator("[data-viewer][data-state=ready]").wait_for()
        page.wait_for_timeout(500)  # the picture gives way to the model


def _sign_in(browser: Browser, site: Site, width: int, height: int, theme: str) -> Page:
    context = browser.new_context(
        base_url=site.address,
        viewport={"width": width, "height": height},
        color_scheme=theme,
    )
    page = context.new_page()
    page.goto("/")
    sign_in(page, site, site.lead)
    return page


if __name__ == "__main__":
    main()
