"""A real site in a folder of its own, and headless Chromium to use it with."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass(frozen=True)
class Site:
    """A running site with demo data; ``people`` maps user names to passwords."""

    address: str
    folder: Path
    lead: str
    members: list[str]
    passwords: dict[str, str]
    key: str


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


@contextmanager
def running_site(folder: Path, **variables: str) -> Iterator[Site]:
    """Run the site as ``make run`` does, gunicorn and worker, with demo data."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "log.txt").open("w+")
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(folder),
            "PORT": str(port),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        for line in process.stdout:
            if "This is kept in" in line:
                break
        else:
            pytest.fail(f"The site did not start: {(folder / 'log.txt').read_text()}")
        text = (folder / "demo-signin.txt").read_text()
        people = re.findall(r"^  (Lead|Member) +(\w+) +(\S+)$", text, re.M)
        yield Site(
            address=f"http://127.0.0.1:{port}",
            folder=folder,
            lead=people[0][1],
            members=[username for role, username, _ in people if role == "Member"],
            passwords={username: password for _, username, password in people},
            key=re.search(r"pk_\S+", text).group(),
        )
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        process.stdout.close()
        log.close()


@pytest.fixture(scope="module")
def site(chromium, tmp_path_factory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
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
