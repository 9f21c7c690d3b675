"""Making, copying and ending an API key in a real browser."""

import re
import subprocess

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("keys")]


def _make(page: Page, name: str) -> str:
    """Make a first key, whose form stands open, and return it."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("In 90 days").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy the key now")
    return page.get_by_label("API key").input_value()


def test_a_key_is_made_copied_used_and_revoked(browse, site):
    page = browse(site.members[0])
    page.goto("/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".topbar__me > summary").click()
    page.get_by_role("link", name="API keys").click()
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("On a day").check()
    expect(page.get_by_label("Last day")).to_be_visible()

    text = _make(page, "Laser screen")
    assert re.fullmatch(r"pk_[0-9a-f]{12}_[\w-]{43}", text)
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.get_by_role("button", name="Copy the line").click()
    expect(page.get_by_role("button", name="Copied")).to_have_count(2)
    line = page.evaluate("navigator.clipboard.readText()")
    assert '"parts":' in _run(line)

    page.reload()  # sends the form again
    expect(page.get_by_role("heading", level=1)).to_have_text("API keys")
    expect(page.locator(".key__name")).to_have_text(["Laser screen"])
    assert text not in page.content()
    expect(page.locator(".key")).to_contain_text("Usable")
    page.get_by_role("link", name="Revoke Laser screen").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.locator(".key")).to_contain_text("Revoked")
    assert "Invalid API key" in _run(line)


def test_without_scripts_a_key_is_made_and_can_be_marked(browse, site):
    page = browse(site.members[1], java_script_enabled=False)
    page.goto("/account/keys/")
    text = _make(page, "No script")
    expect(page.get_by_label("API key")).to_be_focused()
    expect(page.get_by_role("button", name="Copy the key")).to_be_hidden()
    assert f'"X-API-Key: {text}"' in page.get_by_label("Try it").input_value()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator(".key__name")).to_have_text(["No script"])


def _run(line: str) -> str:
    """Run a line as somebody does who pastes it into a terminal."""
    done = subprocess.run(  # noqa: S602 - that it works in a shell is the point
        f"{line} --silent", shell=True, capture_output=True, text=True, timeout=20
    )
    return done.stdout
