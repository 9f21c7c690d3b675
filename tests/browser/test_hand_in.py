"""Handing in with a browser: the file first, and the part described from it."""

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("hand_in")]
CONVERTS = True

STEP = Path(__file__).parents[2] / "fixtures" / "step"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
CONVERSION_MS = 60_000
DROP = """([names, contents]) => {
  const data = new DataTransfer();
  contents.forEach((content, n) => {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    data.items.add(new File([bytes], names[n]));
  });
  for (const kind of ["dragover", "drop"]) {
    const init = { dataTransfer: data, bubbles: true, cancelable: true };
    const event = new DragEvent(kind, init);
    document.querySelector("main").dispatchEvent(event);
  }
}"""


def _open(page: Page) -> Page:
    page.goto("/parts/new/")
    page.locator("[data-hand-in][data-ready]").wait_for()
    return page


def _drop(page: Page, files: dict[str, bytes]) -> None:
    contents = [base64.b64encode(content).decode() for content in files.values()]
    page.evaluate(DROP, [list(files), contents])


def _rows(page: Page) -> Locator:
    return page.locator("[data-row]")


def test_a_dropped_file_describes_its_part_but_for_what_was_written(browse, site):
    page = _open(browse(site.members[0]))
    page.get_by_label("Name").fill("My own words")
    step = (STEP / "gusset_plate.step").read_bytes()
    _drop(page, {"export.step": step})
    draft = page.locator("[data-draft]")
    expect(draft).to_contain_text("export.step")
    expect(draft.get_by_role("link", name="Gusset plate 4x4")).to_be_visible()

    # The measures come while the person types.
    expect(page.get_by_label("Thickness")).to_have_value(
        "0.125 in", timeout=CONVERSION_MS
    )
    expect(draft.locator("img")).to_have_js_property("naturalWidth", 480)
    expect(draft).to_contain_text("102 × 102 × 3.18 mm")
    expect(page.get_by_label("CNC")).to_be_checked()
    way = page.locator(".field--type")
    expect(way).to_contain_text("One thickness all over, so it looks like a plate.")
    expect(page.get_by_label("Name")).to_have_value("My own words")

    # What was filled in can be taken back, and stays away.
    way.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("CNC")).not_to_be_checked()
    page.get_by_label("Hand fabrication").check()

    # Two taps and everything is there; the part has its model at once.
    page.get_by_role("button", name="6061-T6").click()
    page.get_by_label("Subsystem").fill("Arm")
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("My own words")
    expect(page.locator("[data-viewer]")).to_be_visible()


def test_several_files_are_several_parts_and_a_drawing_finds_its_own(browse, site):
    page = _open(browse(site.members[0], **PHONE))
    drawing = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
    _drop(
        page,
        {
            "spacer.pdf": drawing,
            "roller_hub.step": (STEP / "roller_hub.step").read_bytes(),
            "spacer.step": (STEP / "spacer.step").read_bytes(),
            "notes.txt": b"hello",
        },
    )
    expect(page.locator("[data-draft]")).to_have_count(3)
    expect(page.locator("[data-refused]")).to_contain_text("notes.txt: only .step")
    expect(_rows(page)).to_have_count(2)
    first, second = _rows(page).all()
    expect(first.get_by_label("Name")).to_have_value("Intake roller hub")
    expect(second.get_by_label("Name")).to_have_value("Spacer 7/8")
    expect(second.locator("[data-draft]")).to_have_count(2)
    first.get_by_label("Hand fabrication").check()
    second.get_by_label("CNC").check()
    first.get_by_label("Material").fill("Delrin")
    page.get_by_label("Subsystem").fill("Intake")
    page.get_by_role("button", name="Hand in 2 parts").tap()
    expect(
        page.get_by_text("2 parts are handed in and wait for review.")
    ).to_be_visible()


def test_what_is_wrong_with_one_does_not_hold_up_the_other(chromium, site):
    # Not by `browse`, since the answer to a form with something wrong in it is a 422.
    context = chromium.new_context(base_url=site.address, **PHONE)
    page = context.new_page()
    page.goto("/")
    sign_in(page, site, site.members[0])
    files = [STEP / "roller_hub.step", STEP / "spacer.step"]
    _open(page).get_by_label("File").set_input_files(files)
    expect(page.locator("[data-draft]")).to_have_count(2)
    first, second = _rows(page).all()
    first.get_by_label("Hand fabrication").check()
    first.get_by_label("Material").fill("Delrin")
    page.get_by_label("Subsystem").fill("Intake")
    page.get_by_role("button", name="Hand in 2 parts").tap()
    expect(page.get_by_text("These are handed in and wait for review:")).to_be_visible()
    expect(_rows(page)).to_have_count(1)
    wrong = page.locator(".field--type")
    expect(wrong).to_contain_text("Say how it is made.")
    expect(wrong.locator("input").first).to_be_focused()
    expect(page.locator("[data-draft]")).to_contain_text("spacer.step")
    expect(page.get_by_label("Material")).to_have_value("Delrin")
    page.get_by_label("CNC").check()
    page.get_by_role("button", name="Hand in").tap()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Spacer 7/8")
    context.close()


def test_a_slow_file_shows_its_progress_can_be_cancelled_and_is_waited_for(
    browse, site
):
    page = _open(browse(site.members[0]))
    slow = page.context.new_cdp_session(page)
    slow.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": 400_000,
        },
    )
    head, tail = (STEP / "spacer.step").read_bytes().split(b"ENDSEC;", 1)
    large = head + b"/*" + b" " * 2_000_000 + b"*/ENDSEC;" + tail
    _drop(page, {"large.step": large})
    sending = page.locator("[data-sending]")
    expect(sending).to_contain_text(
        re.compile(r"\d+\s%\s·\s[\d.]+\s[KM]B\sa\ssecond\s·\s\d+\sseconds?\sleft")
    )
    sending.get_by_role("button", name="Cancel").click()
    expect(sending).to_have_count(0)
    expect(page.locator("[data-said]")).to_have_text("large.step is not sent.")

    # Handed in before it is there, it goes when it is.
    _drop(page, {"large.step": large})
    page.get_by_label("Hand fabrication").check()
    page.get_by_label("Material").fill("6061-T6")
    page.get_by_label("Subsystem").fill("Arm")
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator("[data-wait]")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Spacer 7/8", timeout=CONVERSION_MS
    )
    expect(page.get_by_text("large.step").first).to_be_visible()


def test_a_file_is_removed_and_another_takes_its_place(browse, site):
    page = _open(browse(site.members[0]))
    chooser = page.get_by_label("File")
    # Whoever is about to write a name is not written into.
    page.get_by_label("Name").focus()
    chooser.set_input_files(STEP / "spacer.step")
    expect(page.locator("[data-draft] img")).to_be_visible(timeout=CONVERSION_MS)
    expect(page.get_by_label("Name")).to_have_value("")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name")).to_have_value("Spacer 7/8")
    page.get_by_role("button", name="Remove spacer.step").click()
    expect(page.locator("[data-draft]")).to_have_count(0)
    expect(page.get_by_label("Name")).to_have_value("")
    expect(chooser).to_be_focused()
    chooser.set_input_files(STEP / "roller_hub.step")
    expect(page.get_by_label("Name")).to_have_value("Intake roller hub")
    expect(_rows(page)).to_have_count(1)

    # A page that is read again finds its file.
    page.reload()
    expect(page.locator("[data-draft]")).to_contain_text("roller_hub.step")
    expect(page.get_by_label("Name")).to_have_value("Intake roller hub")
