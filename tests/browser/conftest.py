"""Headless Chromium, and a site of each module's own to use with it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.running import (
    Site,
    running_site,
    serving_site,
    wait_for_conversions,
)

# Two browsers and their sites share two cores here; what is right comes, but late.
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)
# The first is the same engine without windows, tabs and menus that nobody sees.
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM_FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all of a process's tests here, and gone before those elsewhere.

    While it runs, Django takes this process for an asynchronous one.
    """
    path = chromium_program()
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
def site(request, chromium, shop) -> Iterator[Site]:
    """Serve the demo shop; a module whose files are converted says ``CONVERTS``."""
    run = running_site if getattr(request.module, "CONVERTS", False) else serving_site
    with run(shop) as site:
        yield site


@contextmanager
def demo_inchromium_program() -> Iterator[tuple[Browser, Site]]:
    """Run a fresh demo shop, all converted, with a browser: for scripts, not tests."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(Path(folder)) as site,
        sync_playwright() as playwright,
    ):
        wait_for_conversions(site.folder)
        browser = playwright.chromium.launch(
            executable_path=chromium_program(), args=CHROMIUM_FLAGS
        )
        yield browser, site
        browser.close()


def chromium_program() -> str | None:
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


def watch(page: Page, troubles: list[str]) -> None:
    """Note errors on the page's console, failed requests and those to other hosts."""
    page.on(
        "request",
        lambda request: (
            _is_foreign(request.url) and troubles.append(f"another host: {request.url}")
        ),
    )
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


def _is_foreign(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https", "ws"} and parts.hostname != "127.0.0.1"


def sign_in(page: Page, site: Site, username: str) -> None:
    """Fill the door's form, on which ``page`` stands."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password", exact=True).fill(site.passwords[username])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def wait_until(page: Page, expression: str, argument: object = None) -> None:
    """Wait until ``expression`` holds in the page.

    Playwright's own ``wait_for_function`` asks a second time by ``eval`` in the page,
    which the page's policy forbids: it works only where it need not wait.
    """
    end = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(20)


def number_of(page: Page, name: str) -> int:
    """Return the id of the first part that ``name`` finds."""
    found = page.request.get("/api/parts/", params={"search": name, "limit": 1}).json()
    return found["parts"][0]["id"]


class Devices:
    """The browsers' profiles of a module: one for each person and kind of screen.

    A new profile costs as much as two pages. After each test all but the sign-in
    is forgotten.
    """

    def __init__(self, chromium: Browser, site: Site) -> None:
        self._chromium = chromium
        self._site = site
        self._cookies: dict[str, list] = {}  # by user name
        self._contexts: dict[tuple, BrowserContext] = {}

    def page(self, username: str, troubles: list[str], **options) -> Page:
        """Open a page; the first one of a person is where the sign-in leads."""
        key = (username, repr(sorted(options.items())))
        if key not in self._contexts:
            self._contexts[key] = self._chromium.new_context(
                base_url=self._site.address, **options
            )
            self._contexts[key].add_cookies(self._cookies.get(username, []))
        context = self._contexts[key]
        page = context.new_page()
        watch(page, troubles)
        if username not in self._cookies:
            page.goto("/")
            sign_in(page, self._site, username)
            self._cookies[username] = context.cookies()
        return page

    def forget(self) -> None:
        """Close all pages, and forget what they kept."""
        for (username, _options), context in self._contexts.items():
            for page in context.pages:
                # Not by a script in the page: it may be on its way to another.
                context.new_cdp_session(page).send(
                    "Storage.clearDataForOrigin",
                    {"origin": self._site.address, "storageTypes": "local_storage"},
                )
                page.close()
            context.clear_permissions()
            context.clear_cookies()
            context.add_cookies(self._cookies.get(username, []))

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()


@pytest.fixture(scope="module")
def devices(chromium, site) -> Iterator[Devices]:
    devices = Devices(chromium, site)
    yield devices
    devices.close()


@pytest.fixture
def browse(request, chromium, site, devices):
    """Return a function that gives a page on which somebody is signed in.

    Where it stands is not said: a test goes to its own page first. Every page that
    is opened must end without an error on its console and without a failed request.
    A module about signing in says ``SIGNS_IN_AFRESH``.
    """
    is_afresh = getattr(request.module, "SIGNS_IN_AFRESH", False)
    mine = Devices(chromium, site) if is_afresh else devices
    troubles: list[str] = []

    def open_as(username: str, **options) -> Page:
        size = {"viewport": {"width": 1440, "height": 900}}
        return mine.page(username, troubles, **size | options)

    yield open_as
    if is_afresh:
        mine.close()
    else:
        mine.forget()
    assert troubles == []
