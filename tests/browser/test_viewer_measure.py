"""The viewer's instruments on real parts, whose measures fixtures/make_step.py sets."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import number_of, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("viewer_measure")]

INCH = 25.4
READY_MS = 60_000
MOUNTS = 20
SIZES = {
    "desk": {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "reduced_motion": "reduce",
    },
}
# Where a point of the model, in mm, lies on the page, when a panel that has just
# been opened has its place.
PLACE = """async ([x, y, z]) => {
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
  const { rig, canvas } = document.querySelector("[data-viewer]").viewer.run;
  const { camera } = rig;
  camera.updateMatrixWorld();
  const through = ({ elements: m }, [x, y, z]) =>
    [0, 1, 2].map((i) => m[i] * x + m[i + 4] * y + m[i + 8] * z + m[i + 12]);
  const seen = through(camera.matrixWorldInverse, [x, y, z]);
  const [u, v] = through(camera.projectionMatrix, seen);
  const box = canvas.getBoundingClientRect();
  return [box.x + ((1 + u) * box.width) / 2, box.y + ((1 - v) * box.height) / 2];
}"""


class Viewer:
    """A part's viewer, used by mouse or finger."""

    def __init__(self, page: Page, *, has_touch: bool) -> None:
        self.page = page
        self.root = page.locator("[data-viewer]")
        self.canvas = page.locator(".viewer__canvas")
        self.hint = page.locator(".measure__hint")
        self.rows = page.locator(".measure__row")
        self._has_touch = has_touch
        expect(self.root).to_have_attribute("data-state", "ready", timeout=READY_MS)
        self.canvas.scroll_into_view_if_needed()

    def use(self, name: str) -> None:
        self._press(self.page.get_by_role("button", name=name, exact=True))

    def point(self, *place: float) -> None:
        """Press a point of the model, given in mm."""
        x, y = self.page.evaluate(PLACE, place)
        if self._has_touch:
            self.page.touchscreen.tap(x, y)
        else:
            self.page.mouse.click(x, y)

    def look(self, key: str) -> None:
        self.canvas.focus()
        self.page.keyboard.press(key)

    def _press(self, button) -> None:
        if self._has_touch:
            button.tap()
        else:
            button.click()


def _open(page: Page, name: str) -> None:
    page.goto(f"/parts/{number_of(page, name)}/")


@pytest.fixture(params=SIZES)
def show(request, browse, site):
    """Return a function that opens the page of a part, on a desk and on a phone."""
    options = SIZES[request.param]

    def open_part(name: str) -> Viewer:
        page = browse(site.members[0], **options)
        _open(page, name)
        return Viewer(page, has_touch="has_touch" in options)

    return open_part


def test_holes_and_what_lies_between_them_are_exact(show):
    viewer = show("Bearing plate")
    viewer.use("Measure")
    expect(viewer.hint).to_have_text("Press a hole, an edge, a corner or a face.")

    viewer.point(-1.5 * INCH, 0, 6.35)  # through the bore
    expect(viewer.rows).to_have_count(1)
    expect(viewer.rows).to_contain_text("⌀ 28.575 mm")
    expect(viewer.rows).to_contain_text("Depth 6.35 mm")

    viewer.point(1.375 * INCH, 0, 6.35)
    expect(viewer.rows).to_have_count(1)
    expect(viewer.rows).to_contain_text("Distance between the axes")
    expect(viewer.rows.locator("strong")).to_have_text("73.025 mm")
    expect(viewer.rows).to_contain_text("Hole ⌀ 19.05 mm")

    viewer.use("mm: millimetres or inches")
    expect(viewer.rows.locator("strong")).to_have_text("2.875 in")
    expect(viewer.rows).to_contain_text("Hole ⌀ 1.125 in")
    viewer.page.reload()
    viewer = Viewer(viewer.page, has_touch=viewer._has_touch)
    expect(viewer.page.locator(".viewer__tools")).to_contain_text("in")
    viewer.use("Measure")
    viewer.point(1.375 * INCH, 0, 6.35)
    expect(viewer.rows.locator("strong")).to_have_text("⌀ 0.75 in")


@pytest.mark.parametrize("show", ["desk"], indirect=True)
def test_faces_edges_and_points_are_exact(show):
    viewer = show("Bearing plate")
    viewer.use("Measure")

    viewer.point(0, 20, 6.35)  # the top
    expect(viewer.hint).to_contain_text("Flat face")
    viewer.look("6")
    viewer.point(0, 20, 0)  # the bottom
    sizes = viewer.rows.locator("strong")
    expect(sizes).to_have_text(["6.35 mm"])
    expect(viewer.rows).to_contain_text("Between parallel faces")

    viewer.look("5")
    viewer.point(30, -1.5 * INCH, 6.35)  # a long side, off its middle
    expect(sizes).to_have_text(["6.35 mm", "133.35 mm"])
    viewer.point(-3 * INCH, 15, 6.35)  # and a short one
    expect(sizes).to_have_text(["6.35 mm", "90°"])

    viewer.point(66.675, -1.5 * INCH, 6.35)  # where a corner's round begins
    expect(viewer.hint).to_contain_text("Corner")
    viewer.point(-66.675, -1.5 * INCH, 6.35)
    expect(sizes).to_have_text(["6.35 mm", "90°", "133.35 mm"])

    viewer.use("Remove all")
    expect(viewer.rows).to_have_count(0)


@pytest.mark.parametrize("show", ["phone"], indirect=True)
def test_a_counterbore_is_two_holes(show):
    viewer = show("Pillow block")
    viewer.look("5")
    viewer.use("Measure")
    viewer.point(33, 4.75, 14)  # on the rim
    expect(viewer.rows).to_contain_text("⌀ 9.5 mm")
    expect(viewer.rows).to_contain_text("Depth 5.4 mm")
    viewer.point(-33, -2.75, 8.6)  # on the rim of the narrow one
    expect(viewer.rows.locator("strong")).to_have_text("66 mm")
    expect(viewer.rows).to_contain_text("Hole ⌀ 5.5 mm")


def test_it_measures_from_the_keyboard(browse, site):
    page = browse(site.members[0], **SIZES["desk"])
    _open(page, "Bearing plate")
    viewer = Viewer(page, has_touch=False)
    viewer.look("5")
    page.keyboard.press("m")
    names = set()
    for _ in range(60):
        page.keyboard.press("n")
        names.add(viewer.hint.text_content())
        if viewer.hint.text_content() == "Hole ⌀ 28.575 mm":
            break
    assert {"Hole ⌀ 5.105 mm", "Hole ⌀ 28.575 mm"} <= names
    page.keyboard.press("Enter")
    expect(viewer.rows).to_contain_text("⌀ 28.575 mm")
    page.keyboard.press("Escape")
    expect(viewer.hint).to_have_text("Press a hole, an edge, a corner or a face.")
    page.keyboard.press("Delete")
    expect(viewer.rows).to_have_count(0)
    page.keyboard.press("m")
    expect(viewer.hint).to_be_hidden()


def test_a_section_shows_what_is_inside_and_hides_what_is_gone(show):
    viewer = show("Pillow block")
    page = viewer.page
    viewer.look("1")
    viewer.use("Section")
    number = page.get_by_label("X of the cut")
    expect(number).to_have_value("0")
    number.fill("10")
    number.press("Enter")
    expect(page.get_by_label("Where to cut X")).to_have_attribute(
        "aria-valuetext", "10 mm"
    )
    viewer.use("mm: millimetres or inches")
    expect(number).to_have_value("0.3937")
    viewer.use("in: millimetres or inches")

    viewer.use("Measure")  # on a phone it takes the place of the section's panel
    viewer.look("1")
    viewer.point(30, -12.7, 5)
    expect(viewer.hint).to_have_text("Press a hole, an edge, a corner or a face.")
    viewer.point(-30, -12.7, 5)
    expect(viewer.hint).to_contain_text("Flat face")


@pytest.mark.parametrize("show", ["desk"], indirect=True)
def test_the_size_is_that_of_the_box(show):
    viewer = show("Spacer 7/8")
    viewer.use("Size of the whole part")
    size = viewer.page.locator(".viewer__size")
    expect(size).to_have_text("X 19.05 Y 19.05 Z 22.225 mm")
    expect(viewer.page.locator(".viewer__drawing text")).to_have_text(
        ["19.05 mm", "19.05 mm", "22.225 mm"]
    )
    viewer.use("Size of the whole part")
    expect(size).to_have_count(0)


def test_what_moves_is_drawn_with_less_and_then_whole_again(browse, site):
    page = browse(site.members[0], **SIZES["desk"])
    _open(page, "Spacer 7/8")
    viewer = Viewer(page, has_touch=False)
    still = viewer.canvas.get_attribute("width")
    page.evaluate(
        """() => {
          const canvas = document.querySelector(".viewer__canvas");
          window.widths = [];
          const watch = () => widths.push(canvas.getAttribute("width"));
          new MutationObserver(watch).observe(canvas, { attributeFilter: ["width"] });
        }"""
    )
    viewer.look("ArrowLeft")
    wait_until(page, "still => window.widths.at(-1) === still", still)
    assert int(page.evaluate("window.widths[0]")) < int(still) / 2


def test_what_it_took_is_given_back(browse, site):
    page = browse(site.members[0], viewport={"width": 480, "height": 320})
    _open(page, "Pillow block")
    Viewer(page, has_touch=False)
    memory = page.context.new_cdp_session(page)
    page.evaluate(
        """() => {
          window.kept = 0;
          const get = HTMLCanvasElement.prototype.getContext;
          HTMLCanvasElement.prototype.getContext = function (...how) {
            const context = get.apply(this, how);
            if (how[0] === "webgl2") window.context = context;
            return context;
          };
        }"""
    )
    mount = """(times) => import(document.querySelector("[data-viewer]").dataset.module)
      .then(async ({ mountViewer }) => {
        const root = document.querySelector("[data-viewer]");
        for (let i = 0; i < times; i++) {
          const ready = new Promise((resolve) =>
            root.addEventListener("viewer:ready", resolve, { once: true }));
          mountViewer(root);
          await ready;
          for (const key of ["m", "s", "b"]) {
            root.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
          }
          await new Promise(requestAnimationFrame);
          root.viewer.dispose();
          if (!context.isContextLost()) kept++;
        }
      })"""

    def used() -> tuple[int, int]:
        memory.send("HeapProfiler.collectGarbage")
        heap = memory.send("Runtime.getHeapUsage")["usedSize"]
        return heap, memory.send("Memory.getDOMCounters")["nodes"]

    page.evaluate(mount, 3)  # what is made but once
    heap, nodes = used()
    page.evaluate(mount, MOUNTS)
    heap_after, nodes_after = used()
    assert heap_after - heap < 1_000_000
    assert nodes_after - nodes < 50
    assert page.evaluate("kept") == 0
