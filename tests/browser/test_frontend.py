"""A front end of one's own in front of the same server, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.running import serving_site

from .conftest import sign_in, watch

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("frontend")]

# What a build tool makes of a small app: two addresses, shown without a reload.
INDEX = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Our queue</title>
<link rel="icon" href="data:,">
<h1></h1><p id="count"></p><a href="/queue/7">The queue</a>
<script type="module" src="/assets/app.3f2a9c01.js"></script>
"""
SCRIPT = """
const show = () => {
  document.querySelector("h1").textContent = `You are at ${location.pathname}`;
};
addEventListener("click", (event) => {
  event.preventDefault();
  history.pushState(null, "", event.target.href);
  show();
});
show();
const headers = { "X-API-Key": localStorage.getItem("key") };
const answer = await fetch("/api/parts/", { headers });
document.querySelector("#count").textContent = `${(await answer.json()).total} parts`;
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "app.3f2a9c01.js").write_text(SCRIPT)
    return folder


@pytest.fixture(scope="module")
def site(chromium, built, shop):
    with serving_site(shop, FRONTEND_DIR=str(built)) as site:
        yield site


def test_one_server_serves_the_app_the_api_and_the_boards(chromium, site, built):
    context = chromium.new_context(base_url=site.address)
    context.add_init_script(f"localStorage.setItem('key', '{site.key}')")
    page = context.new_page()
    troubles: list[str] = []
    watch(page, troubles)

    with page.expect_response("**/assets/app.3f2a9c01.js") as script:
        page.goto("/")
    assert script.value.headers["cache-control"].endswith("immutable")
    expect(page.locator("h1")).to_have_text("You are at /")
    total = context.request.get("/api/parts/", headers={"X-API-Key": site.key}).json()
    expect(page.locator("#count")).to_have_text(f"{total['total']} parts")

    # A deep link stands a reload.
    page.get_by_role("link", name="The queue").click()
    expect(page.locator("h1")).to_have_text("You are at /queue/7")
    page.reload()
    expect(page.locator("h1")).to_have_text("You are at /queue/7")
    expect(page.locator("#count")).to_have_text(f"{total['total']} parts")

    # The boards live beside it.
    page.goto("/boards/")
    sign_in(page, site, site.lead)
    expect(page).to_have_url(f"{site.address}/boards/")
    page.get_by_role("navigation").get_by_role("link", name="Review").click()
    page.locator(".part-card a").first.click()
    expect(page).to_have_url(re.compile(rf"{site.address}/boards/parts/\d+/"))
    page.locator(".topbar__me summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{site.address}/account/login/")

    # A new build is seen at the next visit, without a restart.
    (built / "index.html").write_text(INDEX.replace("Our queue", "Our board"))
    page.goto("/")
    expect(page).to_have_title("Our board")
    context.close()
    assert troubles == []
