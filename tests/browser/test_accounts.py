"""People come in, see to their account and lose nothing, on a desk and a phone."""

import re

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.running import started

from .conftest import sign_in, watch
from .test_pages import SIZES, axe

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("accounts")]
SIGNS_IN_AFRESH = True

GOOD = "correct horse battery"


@pytest.fixture
def visit(chromium, site):
    """Return a function that opens a browser of somebody who is not signed in."""
    contexts: list[BrowserContext] = []

    def open_browser(**options) -> Page:
        context = chromium.new_context(base_url=site.address, **options)
        contexts.append(context)
        return context.new_page()

    yield open_browser
    for context in contexts:
        context.close()


def _invite(page: Page, **chosen: str) -> str:
    """Make a link, as a lead, and return it."""
    page.goto("/account/people/")
    page.get_by_role("link", name="Invite").click()
    _arrive(page, "Invitations")
    if not page.locator("#new-invitation").is_visible():
        page.get_by_text("Make a link").click()
    page.get_by_label("Note").fill("Tuesday")
    page.get_by_role("button", name="Make the link").click()
    _arrive(page, "Hand on this link")
    return page.get_by_label("Link", exact=True).input_value()


def test_somebody_is_invited_joins_forgets_the_password_and_leaves(browse, visit, site):
    lead = browse(site.lead, **SIZES["desk"])
    lead.context.grant_permissions(["clipboard-read", "clipboard-write"])
    link = _invite(lead)
    lead.get_by_role("button", name="Copy the link").click()
    expect(lead.get_by_role("button", name="Copied")).to_be_visible()
    assert lead.evaluate("navigator.clipboard.readText()") == link
    assert _faults(lead) == []

    nia = visit(**SIZES["phone"])
    nia.goto(link)
    assert _faults(nia) == []
    nia.get_by_label("Your name").fill("Nia Park")
    nia.get_by_label("User name").fill("nia")
    password = nia.get_by_label("Password", exact=True)
    password.fill("12345")
    nia.get_by_role("button", name="Show the password").click()
    expect(password).to_have_attribute("type", "text")
    nia.get_by_role("button", name="Join").click()
    expect(nia.get_by_text("Nothing is saved yet.")).to_be_visible()
    expect(password).to_have_attribute("type", "password")
    password.fill(GOOD)
    nia.get_by_role("button", name="Join").click()
    expect(nia.locator(".messages")).to_contain_text("Welcome, Nia Park.")

    lead.goto("/account/people/?search=nia")
    person = lead.locator(".person")
    expect(person).to_contain_text("just now")
    person.get_by_text("Manage").click()
    assert _faults(lead) == []
    person.get_by_role("button", name="Viewer").click()
    expect(lead.locator(".messages")).to_contain_text("is now a viewer")
    person.get_by_text("Manage").click()
    person.get_by_role("button", name="New password by link").click()
    _arrive(lead, re.compile("Hand this link to"))
    link = lead.get_by_label("Link", exact=True).input_value()
    nia.goto(link)
    nia.get_by_label("Password", exact=True).fill("a longer horse battery")
    nia.get_by_role("button", name="Set it and sign in").click()
    expect(nia.locator(".messages")).to_contain_text("Your new password is set.")

    lead.goto("/account/people/?search=nia")
    person.get_by_text("Manage").click()
    person.get_by_role("link", name="Close the account").click()
    lead.get_by_role("button", name="Close the account").click()
    expect(person).to_contain_text("Closed")
    nia.goto("/")
    expect(nia).to_have_url(re.compile("/account/login/"))


def test_the_account_keeps_wishes_and_signs_other_devices_out(browse, visit, site):
    user = site.members[0]
    there = visit(user_agent="Mozilla/5.0 (iPhone) Version/18.5 Safari/604.1")
    there.goto("/")
    sign_in(there, site, user)
    page = browse(user, timezone_id="Asia/Tokyo", **SIZES["phone"])
    page.goto("/account/")
    times = page.locator(".device time")
    assert times.first.get_attribute("datetime").endswith("+09:00")
    page.get_by_label("Dark").check()
    page.get_by_label("Inches").check()
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".messages")).to_contain_text("Saved.")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert times.first.get_attribute("datetime")[-6:] in {"-05:00", "-04:00"}
    page.get_by_role("link", name="Sign out Safari on iPhone").first.click()
    page.get_by_label("Your password").fill(site.passwords[user])
    page.get_by_role("button", name="Sign it out").click()
    expect(page.locator(".messages")).to_contain_text("Safari on iPhone is signed out")
    there.goto("/review/")
    expect(there).to_have_url(re.compile("/account/login/"))
    page.get_by_label("As the device").check()
    page.get_by_label("Time zone").select_option("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "auto")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_second_factor_from_the_first_code_to_the_lost_phone(
    browse, visit, site, scripts
):
    def right(page: Page) -> bool:
        return not scripts or _faults(page) == []

    user = site.members[1]
    page = visit(java_script_enabled=scripts, **SIZES["phone"])
    page.goto("/account/factor/")
    sign_in(page, site, user)
    _arrive(page, "Set up a second factor")
    secret = page.locator(".factor__secret").inner_text()
    app = pyotp.TOTP(secret.replace(" ", ""))
    assert right(page)
    page.get_by_label("Code that the app shows").fill(app.now())
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    page.get_by_label("Your password").fill(site.passwords[user])
    page.get_by_role("button", name="Turn it on").click()
    _arrive(page, "Keep these recovery codes")
    codes = page.get_by_label("Recovery codes").input_value().split()
    assert len(codes) == 10
    assert right(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 of 10 are left.")).to_be_visible()
    assert right(page)

    phone = visit(java_script_enabled=scripts, **SIZES["phone"])
    phone.goto("/review/")
    sign_in(phone, site, user)
    phone.get_by_label("Code that the app shows").fill("1")
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_text("This code is not right.")).to_be_visible()
    assert right(phone)
    phone.get_by_role("link", name="use a recovery code").click()
    phone.get_by_label("Recovery code").fill(codes[0])
    assert right(phone)
    phone.get_by_role("button", name="Sign in").click()
    expect(phone).to_have_url(re.compile("/review/$"))

    lead = browse(site.lead, **SIZES["desk"])
    lead.goto(f"/account/people/?search={user}")
    lead.locator(".person").get_by_text("Manage").click()
    expect(lead.get_by_role("link", name="Take the second factor")).to_be_visible()
    assert right(lead)
    lead.get_by_role("link", name="Take the second factor away").click()
    _arrive(lead, re.compile("second factor away"))
    assert right(lead)
    lead.get_by_label("Your password").fill(site.passwords[site.lead])
    lead.get_by_role("button", name="Take it away").click()
    expect(lead.locator(".messages")).to_contain_text("no second factor any more")
    phone.goto("/review/")
    sign_in(phone, site, user)
    expect(phone).to_have_url(re.compile("/review/$"))


@pytest.mark.parametrize("scripts", [True, False])
def test_what_was_typed_outlives_the_session(visit, site, scripts):
    page = visit(java_script_enabled=scripts)
    page.goto("/")
    sign_in(page, site, site.members[0])
    page.goto("/production/?search=Bearing+plate")
    page.locator(".part-card a").first.click()
    page.wait_for_url(re.compile(r"/parts/\d+/"))
    part = page.url
    page.goto(f"{part}edit/")
    page.get_by_label("Notes").fill("Deburr.\nTwice & <b>well</b>.")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    if scripts:
        assert _faults(page) == []
    sign_in(page, site, site.members[0])
    _arrive(page, "What you typed is still here")
    expect(page.locator(".again")).to_contain_text("Twice & <b>well</b>.")
    if scripts:
        assert _faults(page) == []
    page.get_by_role("button", name="Send it again").click()
    expect(page).to_have_url(part)
    expect(page.get_by_text("Twice & <b>well</b>.").first).to_be_visible()


def test_the_caps_lock_key_is_told(visit):
    page = visit()
    page.goto("/account/login/")
    password = page.get_by_label("Password", exact=True)
    password.focus()
    for is_on, words in ((True, "Caps Lock is on."), (False, "")):
        password.evaluate(
            """(input, isOn) => input.dispatchEvent(
              new KeyboardEvent("keydown", { key: "a", modifierCapsLock: isOn }))""",
            is_on,
        )
        expect(page.locator(".password__caps")).to_have_text(words)


def test_the_first_visitor_of_an_empty_shop_becomes_its_lead(
    chromium: Browser, tmp_path
):
    with started(tmp_path, "createsuperuser", DEMO="0") as address:
        page = chromium.new_page(base_url=address)
        troubles: list[str] = []
        watch(page, troubles)
        page.goto("/production/")
        expect(page).to_have_url(f"{address}/account/first/")
        assert _faults(page) == []
        page.get_by_label("Your name").fill("Lena")
        page.get_by_label("User name").fill("lena")
        page.get_by_label("Password", exact=True).fill(GOOD)
        page.get_by_role("button", name="Make the account").click()
        expect(page.locator(".messages")).to_contain_text("Welcome, Lena.")
        page.goto("/account/people/")
        expect(page.locator(".person")).to_have_count(1)
        page.goto("/account/first/")
        assert "/account/first/" not in page.url
        page.close()
    assert troubles == []


def _arrive(page: Page, heading: str | re.Pattern) -> None:
    """Wait for the page of this heading: a click is over before its page is there."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.wait_for_load_state("domcontentloaded")


def _faults(page: Page) -> list[str]:
    """Return what axe finds, and whether the page is wider than its window."""
    is_wide = page.evaluate(
        "() => document.documentElement.scrollWidth > innerWidth",
    )
    return axe(page) + ["too wide"] * is_wide
