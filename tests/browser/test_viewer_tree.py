"""What the 3D viewer does with a whole view: parts, cube, links, two revisions."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from .conftest import number_of
from .test_pages import axe

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("viewer_tree")]

SIZES = {
    "desk": {"reduced_motion": "reduce"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "reduced_motion": "reduce",
    },
}
LOADING_MS = 30_000
SHOWN = "root => root.viewer.run.model.bodies.map(body => body.root.visible)"
# Where a body of the model is seen, in the window.
SEEN = """(root, index) => {
  const { model, rig, canvas } = root.viewer.run;
  const { x, y } = model.bodies[index].box.getCenter(model.sphere.center.clone())
    .project(rig.camera);
  const box = canvas.getBoundingClientRect();
  return [box.x + box.width * (1 + x) / 2, box.y + box.height * (1 - y) / 2];
}"""
PLACE = "root => root.viewer.run.rig.place"


@pytest.fixture(params=SIZES)
def page(request, browse, site) -> Page:
    return browse(site.members[0], **SIZES[request.param])


def _open(page: Page, name: str, rest: str = "") -> Locator:
    return _visit(page, f"/parts/{number_of(page, name)}/{rest}")


def _visit(page: Page, address: str) -> Locator:
    page.goto(address)
    viewer = page.locator("[data-viewer]")
    expect(viewer).to_have_attribute("data-state", "ready", timeout=LOADING_MS)
    return viewer


def _gearbox(page: Page) -> Locator:
    viewer = _open(page, "gearbox")
    viewer.get_by_role("button", name="Parts of the assembly").click()
    return viewer


def _row(viewer: Locator, name: str) -> Locator:
    return viewer.locator(".viewer-tree__list > li").filter(has_text=name)


def _wait_for_both(viewer: Locator) -> None:
    legend = viewer.get_by_text("Only in revision 1")
    expect(legend).to_be_visible(timeout=LOADING_MS)


def _rest(page: Page, words: str) -> None:
    """Wait until the address tells of the view."""
    page.wait_for_url(lambda url: re.search(words, url))


def _press(page: Page, x: float, y: float) -> None:
    if page.evaluate("navigator.maxTouchPoints"):
        page.touchscreen.tap(x, y)
    else:
        page.mouse.click(x, y)


def test_the_parts_are_counted_hidden_and_isolated(page):
    viewer = _gearbox(page)
    expect(viewer.get_by_text("4 different parts · 18 pieces")).to_be_visible()
    lines = viewer.locator(".viewer-tree__list > li > .viewer-tree__line")
    assert [line.split("\n") for line in lines.all_inner_texts()] == [
        ["Gearbox plate", "×2"],
        ["Standoff 3/8 hex x 2 in", "×4"],
        ["Flanged bearing 1/2 hex", "×4"],
        ["Screw 10-32 x 1/2 SHCS", "×8"],
    ]

    viewer.get_by_role("button", name="Hide Screw 10-32 x 1/2 SHCS", exact=True).click()
    assert viewer.evaluate(SHOWN) == [True] * 10 + [False] * 8
    _rest(page, "hide=10-17@1")
    address = page.url

    # The link shows the same to somebody else.
    page.goto("/completed/")
    viewer = _visit(page, address)
    assert viewer.evaluate(SHOWN) == [True] * 10 + [False] * 8

    viewer.get_by_role("button", name="Parts of the assembly").click()
    viewer.get_by_role("button", name="Show all").click()
    assert all(viewer.evaluate(SHOWN))
    _row(viewer, "Flanged bearing").click()
    viewer.get_by_role("button", name="Isolate").click()
    assert [i for i, is_shown in enumerate(viewer.evaluate(SHOWN)) if is_shown] == [
        *range(6, 10)
    ]


def test_a_piece_pressed_in_the_picture_is_marked_in_the_list(page):
    viewer = _gearbox(page)
    viewer.locator("canvas").scroll_into_view_if_needed()
    _press(page, *viewer.evaluate(SEEN, 8))
    bearing = _row(viewer, "Flanged bearing")
    expect(bearing).to_have_attribute("aria-selected", "true")

    # Taken apart, it is found where it has gone to.
    viewer.get_by_label("Take apart").fill("100")
    _rest(page, "explode=100")
    viewer.locator("canvas").scroll_into_view_if_needed()
    _press(page, *viewer.evaluate(SEEN, 8))
    expect(bearing).to_have_attribute("aria-selected", "false")
    boxes = viewer.evaluate(
        "root => root.viewer.run.model.bodies.map(({ box: { min, max } }) =>"
        " [min.toArray(), max.toArray()])"
    )
    for i, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[:i]:
            assert any(
                high[k] < other_low[k] or other_high[k] < low[k] for k in range(3)
            )


def test_the_list_is_used_from_the_keyboard(browse, site):
    page = browse(site.members[0], **SIZES["desk"])
    viewer = _gearbox(page)
    _row(viewer, "Gearbox plate").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(
        viewer.get_by_role("treeitem", name="Standoff 3/8 hex x 2 in 1")
    ).to_be_focused()
    page.keyboard.press("Space")
    assert viewer.evaluate(SHOWN).index(False) == 2
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("i")
    assert [i for i, shown in enumerate(viewer.evaluate(SHOWN)) if shown] == [
        2,
        3,
        4,
        5,
    ]
    page.keyboard.press("a")
    assert all(viewer.evaluate(SHOWN))


def test_a_single_part_has_no_list_of_parts(browse, site):
    page = browse(site.members[0], **SIZES["desk"])
    viewer = _open(page, "Bearing plate")
    expect(viewer.get_by_role("button", name="Parts of the assembly")).to_be_hidden()


def test_the_cube_turns_the_view(page):
    viewer = _open(page, "Bearing plate")
    cube = viewer.locator(".viewer__cube")
    cube.locator("polygon", has_text=re.compile("^Top$")).click()
    assert viewer.evaluate(PLACE)["polar"] == 0
    expect(cube).to_have_attribute("aria-label", "Top")
    cube.press("ArrowDown")
    expect(cube).to_have_attribute("aria-label", "Front · Top")
    cube.press("ArrowDown")
    expect(cube).to_have_attribute("aria-label", "Front")
    cube.press("ArrowRight")
    expect(cube).to_have_attribute("aria-label", "Front · Right")


@pytest.mark.parametrize("page", ["desk"], indirect=True)
def test_a_link_keeps_the_view_and_leaves_other_anchors_alone(page):
    viewer = _open(page, "Bearing plate")
    address = page.url
    page.goto(f"{address}#main")
    _visit(page, f"{address}#main")
    canvas = viewer.locator("canvas")
    canvas.press("+")
    canvas.press("ArrowLeft")
    canvas.press("Shift+ArrowUp")
    _rest(page, "#view=[-0-9.]+,[0-9.]+,(?!0,0,)")
    place, link = viewer.evaluate(PLACE), page.url

    page.goto("/review/")
    viewer = _visit(page, link)
    again = viewer.evaluate(PLACE)
    assert again["azimuth"] == pytest.approx(place["azimuth"], abs=1e-3)
    assert again["target"] == pytest.approx(place["target"], abs=0.01)
    assert again["span"] == pytest.approx(place["span"], abs=0.01)

    # The whole part from where it is always seen needs no words.
    viewer.locator("canvas").press("7")
    page.wait_for_url(address)


def test_a_broken_link_shows_the_part_as_always(browse, site):
    page = browse(site.members[0], **SIZES["desk"])
    viewer = _open(page, "gearbox")
    address = page.url
    for words in ("", "1", "1,x", "1,2,3,4,5,0"):
        page.goto("/account/keys/")
        viewer = _visit(page, f"{address}#view={words}&hide=x.9-@1&compare=7-9")
        assert viewer.evaluate(PLACE)["polar"] == pytest.approx(1.062, abs=1e-3)
        assert all(viewer.evaluate(SHOWN))


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_the_picture_is_named_after_the_part(page):
    viewer = _open(page, "Bearing plate")
    viewer.get_by_role("button", name="Share this view").click()
    canvas = viewer.locator("canvas")
    size = canvas.evaluate("canvas => [canvas.clientWidth, canvas.clientHeight]")
    for ground, alpha in (("On paper", 255), ("Without ground", 0)):
        viewer.get_by_text(ground).click()
        with page.expect_download() as download:
            viewer.get_by_role("button", name="Save picture").click()
        assert download.value.suggested_filename == "26-301 Bearing plate.png"
        picture = Image.open(download.value.path()).convert("RGBA")
        assert list(picture.size) == [2 * length for length in size]
        assert picture.getpixel((2, 2))[3] == alpha
        middle = [length // 2 for length in picture.size]
        assert picture.getpixel(tuple(middle))[3] == 255


@pytest.mark.parametrize("page", ["desk"], indirect=True)
def test_two_revisions_over_each_other_and_side_by_side(page):
    viewer = _open(page, "Bearing plate", "?compare=1-2")
    _wait_for_both(viewer)
    # The bore has grown: what revision 1 alone has is the ring round it.
    assert _share_of(viewer, _is_orange) > 0.003
    assert _share_of(viewer, _is_teal) < 0.0003
    viewer.get_by_label("From older to newer").fill("100")
    _rest(page, "compare=1-2.100")
    assert _share_of(viewer, _is_orange) < 0.0003

    viewer.get_by_text("Side by side").click()
    _rest(page, "compare=1-2.beside")
    names = viewer.locator(".viewer-compare__names span")
    expect(names).to_have_text(["Revision 1", "Revision 2"])
    boxes = [names.nth(i).bounding_box() for i in range(2)]
    assert boxes[0]["width"] == pytest.approx(boxes[1]["width"], abs=2)

    viewer = _visit(page, page.url)
    expect(names.first).to_be_visible()
    viewer.get_by_role("button", name="Close: Compare revisions").click()
    expect(names).to_have_count(0)
    page.wait_for_url(lambda url: url.endswith("?compare=1-2#view=-48.99,60.85"))
    assert viewer.evaluate("root => root.viewer.run.model.root.visible")


def test_a_revision_that_cannot_be_loaded_says_so(browse, site):
    page = browse(site.members[0], **SIZES["desk"])
    viewer = _open(page, "Bearing plate")
    page.route("**/files/1/model*", lambda route: route.fulfill(body="no model"))
    viewer.get_by_role("button", name="Compare two revisions").click()
    expect(viewer.get_by_text("This 3D model is damaged.")).to_be_visible()
    page.unroute("**/files/1/model*")
    newer = viewer.get_by_role("combobox").last
    newer.select_option("1")
    expect(viewer.get_by_text("Choose two different revisions.")).to_be_visible()
    newer.select_option("2")
    _wait_for_both(viewer)


def test_axe_finds_nothing_in_the_panels(page):
    viewer = _gearbox(page)
    assert axe(page, "[data-viewer]") == []
    viewer.get_by_role("button", name="Share this view").click()
    assert axe(page, "[data-viewer]") == []
    viewer = _open(page, "Bearing plate", "?compare=1-2")
    _wait_for_both(viewer)
    assert axe(page, "[data-viewer]") == []


def _share_of(viewer: Locator, is_so) -> float:
    shot = viewer.locator("canvas").screenshot()
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    pixels = picture.get_flattened_data()
    return sum(is_so(*pixel) for pixel in pixels) / len(pixels)


def _is_orange(red: int, green: int, blue: int) -> bool:
    return red > 1.6 * blue and red > 1.2 * green


def _is_teal(red: int, green: int, blue: int) -> bool:
    return min(green, blue) > 1.5 * red
