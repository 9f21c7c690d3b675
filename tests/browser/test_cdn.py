"""The pages with their static files from another origin, in a real browser."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.running import serving_site

from .conftest import number_of, sign_in, wait_until, watch
from .proxy import running_proxy

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("cdn")]


@pytest.fixture(scope="module")
def cdn():
    with running_proxy("", "/static", strips=False) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def site(chromium, shop, cdn):
    with serving_site(shop, STATIC_URL=cdn.address) as site:
        cdn.site = urlsplit(site.address).netloc
        yield site


def test_pages_work_with_static_files_from_a_cdn(chromium, site, cdn):
    context = chromium.new_context(base_url=site.address)
    page = context.new_page()
    troubles: list[str] = []
    asked: list[str] = []
    watch(page, troubles)
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    sign_in(page, site, site.lead)
    # The script and the viewer that it fetches run, and icons are drawn.
    page.goto(f"/parts/{number_of(page, 'gusset')}/")
    expect(page.locator("[data-viewer]")).to_have_attribute("data-state", "ready")
    icons = "[...document.querySelectorAll('.icon use')]"
    wait_until(page, f"{icons}.some((use) => use.getBBox().width > 0)")
    # The administration and the API's reader bring files of their own.
    page.goto("/admin/")
    page.goto("/api/docs/")
    expect(page.locator(".opblock").first).to_be_visible()
    context.close()
    assert troubles == []
    static = {url for url in asked if "/static/" in url}
    here = {url for url in static if not url.startswith(cdn.address)}
    assert len(static) > 15
    assert {urlsplit(url).path.split(".")[0] for url in here} == {"/static/img/icons"}
