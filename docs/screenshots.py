"""Take the README's pictures from a fresh demo shop: ``make screenshots``.

``python docs/screenshots.py [FOLDER]`` with a folder takes every page at three
widths in both themes into it instead, to be judged by eye.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIZES = {1440: 900, 820: 1180, 390: 844}
PAGES = {
    "review": "/review/",
    "production": "/production/",
    "completed": "/completed/",
    "part": "/parts/{part}/",
    "hand-in": "/parts/new/",
    "edit": "/parts/{part}/edit/",
    "delete": "/parts/{part}/delete/",
    "search": "/search/?search=plate",
    "empty": "/review/?search=nothing+like+it",
    "keys": "/account/keys/",
    "password": "/account/password/",
    "missing": "/parts/0/",
}
PATIENCE_SECONDS = 120


def main() -> None:
    with _site() as (address, folder), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS
        )
        if len(sys.argv) > 1:
            _take_all(browser, address, folder, Path(sys.argv[1]))
        else:
            _take_for_readme(browser, address, folder)


def _take_for_readme(browser: Browser, address: str, folder: Path) -> None:
    page = _sign_in(browser, address, folder, 1440, 900, "light")
    for name, path in (
        ("board", "/production/"),
        ("part", f"/parts/{_part(page)}/"),
    ):
        _open(page, path)
        target = ROOT / "docs" / f"{name}.png"
        page.screenshot(path=target)
        # 256 colours are enough for these pages, at a third of the size.
        Image.open(target).convert("RGB").quantize(256).save(target, optimize=True)


def _take_all(browser: Browser, address: str, folder: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for width, height in SIZES.items():
        for theme in ("light", "dark"):
            page = _sign_in(browser, address, folder, width, height, theme)
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


def _sign_in(
    browser: Browser, address: str, folder: Path, width: int, height: int, theme: str
) -> Page:
    context = browser.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        color_scheme=theme,
    )
    page = context.new_page()
    text = (folder / "demo-signin.txt").read_text()
    username, password = re.search(r"^  Lead +(\w+) +(\S+)$", text, re.M).groups()
    page.goto("/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "login" not in url)
    _wait_for_pictures(page)
    return page


def _wait_for_pictures(page: Page) -> None:
    """Wait until no card of any board is being drawn."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        waiting = 0
        for board in ("review", "production", "completed"):
            page.goto(f"/{board}/")
            waiting += page.locator("[data-converting]").count()
        if not waiting:
            return
    raise SystemExit("The demo shop's files are not converted.")


@contextmanager
def _site() -> Iterator[tuple[str, Path]]:
    """Run the site with demo data in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": folder, "PORT": str(port)},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            for line in process.stdout:
                if "This is kept in" in line:
                    break
            yield f"http://127.0.0.1:{port}", Path(folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


if __name__ == "__main__":
    main()
