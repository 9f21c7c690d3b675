"""Home and the Review board: to see what waits, and to settle it there."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("home_and_review")]

DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def _section(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


def _row(page: Page, section: str, name: str) -> Locator:
    return _section(page, section).locator(".work-row").filter(has_text=name)


def _card(page: Page, name: str) -> Locator:
    return page.locator(".part-card").filter(has_text=name)


@pytest.mark.parametrize(
    ("size", "wrong", "finding", "wish", "right"),
    [
        (
            DESK,
            "Bumper bracket",
            "There is no file.",
            "Upload the STEP file.",
            "Shooter flywheel",
        ),
        (
            PHONE,
            "Intake side plate",
            "Same file as part 26-201, which is completed.",
            "It is the same file as part 26-201. Upload the right one.",
            "Camera bracket",
        ),
    ],
    ids=["desk", "phone"],
)
def test_a_lead_goes_from_home_to_what_looks_wrong_and_decides_there(
    browse, site, size, wrong, finding, wish, right
):
    page = browse(site.lead, **size)
    page.goto("/")
    gauge = page.locator(".gauge", has_text="Waiting for review")
    waiting = int(gauge.locator(".gauge__number").inner_text())
    row = _row(page, "Waiting for review", wrong)
    expect(row).to_contain_text(finding)
    row.get_by_role("link", name="Review").click()
    expect(page).to_have_url(re.compile(r"/review/#part-\d+$"))

    # A tick writes its sentence, which may be worded anew.
    card = _card(page, wrong)
    expect(card).to_be_in_viewport()
    expect(card).to_contain_text(finding)
    card.get_by_text("Send back").first.click()
    tick = card.get_by_role("checkbox", name=wish)
    expect(card.get_by_role("checkbox").first).to_be_focused()
    tick.check()
    reason = card.get_by_label("In your words")
    expect(reason).to_have_value(wish)
    tick.uncheck()
    expect(reason).to_have_value("")
    tick.check()
    reason.press_sequentially("\nAnd a drawing.")
    card.get_by_role("button", name="Send back").click()
    sent_back = _section(page, "Sent back, to be changed")
    expect(sent_back).to_contain_text(wrong)
    why = _card(page, wrong).locator(".findings__item")
    expect(why).to_have_text(f"{wish}And a drawing.")  # a line each
    expect(page.get_by_text(f"{wrong} is sent back.")).to_be_visible()

    # What is approved with a note goes, and the note is read where it is made.
    _card(page, right).locator("summary", has_text="Approve with a note").click()
    _card(page, right).get_by_label("What should whoever makes it know?").fill(
        "Deburr both sides."
    )
    _card(page, right).get_by_role("button", name="Approve").last.click()
    expect(_card(page, right)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/review/"))
    page.goto(f"/production/?search={right}")
    expect(_card(page, right)).to_contain_text("Deburr both sides.")

    page.goto("/")
    expect(gauge.locator(".gauge__number")).to_have_text(str(waiting - 2))


@pytest.mark.parametrize(
    "options",
    [PHONE, DESK | {"java_script_enabled": False}],
    ids=["phone", "no script"],
)
def test_a_member_takes_what_is_ready_from_home(browse, site, options):
    page = browse(site.members[0], **options)
    page.goto("/")
    ready = _section(page, "Ready to make").locator(".work-row")
    name = ready.first.locator("a").first.inner_text()
    ready.first.get_by_role("button", name="Take it").click()
    expect(_row(page, "In your hands", name)).to_be_visible()
    expect(_row(page, "Ready to make", name)).to_have_count(0)
    expect(page.get_by_text(f"{name} is yours.")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"^{site.address}/(#part-\d+)?$"))
