"""Headless Chromium, and a site of each module's own to use with it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.running import Site, running_site

CHROMIUM_FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def chromium() -> Browser:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "needs Debian's chromium: apt-get install chromium"
        if os.environ.get("BROWSER_REQUIRED"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(chromium, shop) -> Iterator[Site]:
    with running_site(shop) as site:
        yield site


def watch(page: Page, troubles: list[str]) -> None:
    """Note every error on the page's console and every failed request."""
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    page.on(
        "console",
        lambda message: (
            message.type == "error" and troubles.append(f"console: {message.text}")
        ),
    )
    page.on(
        "response",
        lambda answer: (
            answer.status >= 400 and troubles.append(f"{answer.status} {answer.url}")
        ),
    )


def sign_in(page: Page, site: Site, username: str) -> None:
    """Fill the door's form, on which ``page`` stands."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(site.passwords[username])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


@pytest.fixture
def browse(chromium, site):
    """Return a function that opens the site as somebody; it watches for errors.

    Every page that is opened must end without an error on its console and
    without a failed request.
    """
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def open_as(username: str, **options) -> Page:
        context = chromium.new_context(
            base_url=site.address,
            **{"viewport": {"width": 1440, "height": 900}} | options,
        )
        contexts.append(context)
        page = context.new_page()
        watch(page, troubles)
        page.goto("/")
        sign_in(page, site, username)
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert troubles == []
