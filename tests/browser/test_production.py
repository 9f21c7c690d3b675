"""The site on production settings, behind nginx with TLS, in a real browser."""

import pytest
from playwright.sync_api import expect

from services import Nginx
from tests.deploy.conftest import production_site, program

from .conftest import number_of, sign_in, watch

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("production")]


def test_no_cookie_goes_out_without_tls(chromium, shop, certificate):
    program("nginx", "apt-get install nginx")
    with production_site(shop, ALLOWED_HOSTS="127.0.0.1") as site:
        port = int(site.address.rpartition(":")[2])
        with Nginx.running(
            site_port=port, media=shop / "media", certificate=certificate
        ) as nginx:
            context = chromium.new_context(
                base_url=nginx.address, ignore_https_errors=True
            )
            page = context.new_page()
            troubles: list[str] = []
            watch(page, troubles)
            page.goto("/")
            sign_in(page, site, site.lead)
            page.goto(f"/parts/{number_of(page, 'gusset')}/")
            viewer = page.locator("[data-viewer]")
            expect(viewer).to_have_attribute("data-state", "ready")
            page.locator(".topbar__me summary").click()
            page.get_by_role("button", name="Dark").click()
            expect(page.locator("html")).to_have_attribute("data-theme", "dark")
            cookies = {cookie["name"]: cookie for cookie in context.cookies()}
            context.close()
    assert troubles == []
    assert {"__Host-sessionid", "__Host-csrftoken", "theme", "zone"} <= set(cookies)
    assert [name for name, cookie in cookies.items() if not cookie["secure"]] == []
    # The last two are for scripts: a form's proof, and where this device is.
    in_reach = {name for name, cookie in cookies.items() if not cookie["httpOnly"]}
    assert in_reach == {"__Host-csrftoken", "zone"}
