"""No page breaks the Content-Security-Policy: Chromium would say so on its console.

Every other module here sees to the boards' pages; these are the rest.
"""

import pytest

from .conftest import number_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("policy")]

PAGES = [
    "/admin/",
    "/admin/parts/part/",
    "/admin/parts/part/add/",
    "/admin/parts/part/{part}/change/",
    "/admin/parts/partevent/",
    "/admin/accounts/user/1/change/",
    "/admin/accounts/user/1/password/",
    "/api/parts/",
    "/api/parts/{part}",
    "/api/docs/",
]


def test_admin_and_api_pages_break_no_policy(browse, site):
    page = browse(site.lead)
    part = number_of(page, "Bearing plate")
    for path in PAGES:
        answer = page.goto(path.format(part=part))
        assert "default-src 'self'" in answer.headers["content-security-policy"], path
    # The document's reader is drawn by its script.
    page.locator(".opblock").first.wait_for()


def test_a_script_in_a_page_is_not_run(chromium, site):
    context = chromium.new_context(base_url=site.address)
    page = context.new_page()
    page.goto("/account/login/")
    told = []
    page.on("console", lambda message: told.append(message.text))
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.isBroken = true";
          document.body.append(script);
          document.body.setAttribute("style", "rotate: 9deg");
        }"""
    )
    assert page.evaluate("[window.isBroken, document.body.style.rotate]") == [None, ""]
    assert len(told) == 2
    context.close()
