"""Measure when the largest thing of each page is painted: ``make bench-paint``.

Runs the site with the demo shop and opens each page in headless Chromium, every
time with an empty cache, as somebody does who comes for the first time. Prints the
largest contentful paint as Chromium reports it: median and worst, in milliseconds.
The aim is under 1 000 on the demo data.
"""

import statistics

from playwright.sync_api import Browser

from tests.browser.conftest import demo_in_chromium, sign_in
from tests.running import Site

ROUNDS = 5
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
PAGES = {
    "home": "/",
    "review": "/review/",
    "production": "/production/",
    "completed": "/completed/",
    "search": "/search/?search=plate",
    "hand in": "/parts/new/",
    "part": "/production/?search=Bearing+plate",  # leads to the part's own page
}
PAINT = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime))
    .observe({ type: "largest-contentful-paint", buffered: true });
})"""


def main() -> None:
    with demo_in_chromium() as (browser, site):
        _measure(browser, site)


def _measure(browser: Browser, site: Site) -> None:
    print(f"{'page':<12} {'size':<6} {'median':>7} {'worst':>7}  ms")  # noqa: T201
    for size, (width, height) in SIZES.items():
        options = {"viewport": {"width": width, "height": height}}
        context = browser.new_context(base_url=site.address, **options)
        page = context.new_page()
        page.goto("/")
        sign_in(page, site, site.lead)
        page.goto(PAGES["part"])
        part = page.locator(".part-card__link").first.get_attribute("href")
        state = context.storage_state()
        context.close()
        for name, path in PAGES.items():
            path = part if name == "part" else path
            times = [
                _paint(browser, site, path, storage_state=state, **options)
                for _ in range(ROUNDS)
            ]
            print(  # noqa: T201
                f"{name:<12} {size:<6} {statistics.median(times):>7.0f} "
                f"{max(times):>7.0f}"
            )


def _paint(browser: Browser, site: Site, path: str, **options) -> float:
    context = browser.new_context(base_url=site.address, **options)
    page = context.new_page()
    page.goto(path)
    page.wait_for_load_state("networkidle")
    milliseconds = page.evaluate(PAINT)
    context.close()
    return milliseconds


if __name__ == "__main__":
    main()
