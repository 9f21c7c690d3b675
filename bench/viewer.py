"""Measure how smoothly the viewer turns a large model: ``make bench-viewer``.

It writes a model of 300 000 triangles, opens it in headless Chromium with software
rendering at 1440 × 900, and turns it for some seconds: plain, while it is measured
and while it is cut.
"""

import argparse
import http.server
import json
import os
import tempfile
import threading
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from parts.conversion import glb
from tests.browser.conftest import chromium_program

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
RINGS = (6, 5, 2)  # how many stand in a row, a column, a pile
GRID, PATCHES = 50, 5  # quads round a ring and round its tube; faces either way
SECONDS = 4
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Bench</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/css/bundle.css">
<div class="viewer" data-viewer data-src="/model.glb" data-name="Rings"
 style="--viewer-ratio: 1440 / 840; --viewer-highest: 840px"></div>
<script type="module">
import { mountViewer } from "/static/viewer/viewer.js";
window.began = performance.now();
mountViewer(document.querySelector(".viewer"));
document.addEventListener("viewer:ready", () => {
  window.took = performance.now() - began;
});
</script></html>"""
TURN = """(seconds) => new Promise((resolve) => {
  const { rig } = document.querySelector(".viewer").viewer.run;
  const began = performance.now();
  let frames = 0;
  const step = () => {
    const spent = performance.now() - began;
    if (spent > 1000 * seconds) return resolve(frames / (spent / 1000));
    frames++;
    rig.turn(0.03, 0.004);
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=SECONDS)
    seconds = arguments.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (Path(folder) / "index.html").write_text(PAGE)
        glb.write(Path(folder) / "model.glb", rings())
        (Path(folder) / "static").symlink_to(ROOT / "build" / "static")
        address = _serve(folder)
        browser = playwright.chromium.launch(
            executable_path=chromium_program(), args=FLAGS
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: print(error))  # noqa: T201
        page.goto(address)
        page.wait_for_function("window.took", timeout=60_000)
        print(json.dumps(_measure(page, seconds), indent=2))  # noqa: T201
        browser.close()


def rings() -> glb.Scene:
    """Return a scene of rings, each a shape of its own with patches for faces."""
    places = [np.array(place) for place in np.ndindex(*RINGS)]
    shapes = [_ring(f"Ring {number}", 0.03 * at) for number, at in enumerate(places)]
    nodes = [glb.Node(shape.name, None, n, []) for n, shape in enumerate(shapes)]
    palette = np.array([[0.3, 0.4, 0.6, 1.0], [0.6, 0.3, 0.2, 1.0]])
    return glb.Scene(shapes, nodes, list(range(len(nodes))), palette)


def _ring(name: str, at: np.ndarray) -> glb.Shape:
    points, normals, triangles, faces = [], [], [], []
    size = GRID // PATCHES
    for face in range(PATCHES * PATCHES):
        row, column = divmod(face, PATCHES)
        u, v = np.meshgrid(
            (row * size + np.arange(size + 1)) * 2 * np.pi / GRID,
            (column * size + np.arange(size + 1)) * 2 * np.pi / GRID,
            indexing="ij",
        )
        around = np.cos(v)
        outward = np.stack([np.cos(u) * around, np.sin(u) * around, np.sin(v)], -1)
        middle = np.stack([np.cos(u), np.sin(u), np.zeros_like(u)], -1)
        first = sum(map(len, points))
        points.append((0.01 * middle + 0.004 * outward + at).reshape(-1, 3))
        normals.append(outward.reshape(-1, 3))
        corner = np.arange(size)[:, None] * (size + 1) + np.arange(size) + first
        a, b, c, d = corner, corner + size + 1, corner + size + 2, corner + 1
        quads = [np.stack([a, b, c], -1), np.stack([a, c, d], -1)]
        triangles.append(np.concatenate([quad.reshape(-1, 3) for quad in quads]))
        faces.append(np.full(2 * size * size, face))
    count = sum(map(len, triangles))
    return glb.Shape(
        name,
        np.concatenate(points).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(faces).astype(np.int32),
        np.full(count, int(at.sum() * 1000) % 2, np.int32),
        [None] * PATCHES**2,
    )


def _measure(page: Page, seconds: float) -> dict:
    triangles = "document.querySelector('.viewer').viewer.triangles"
    found = {
        "triangles": page.evaluate(triangles),
        "ready_ms": round(page.evaluate("window.took")),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    page.wait_for_timeout(3000)  # the first picture, and what movements are drawn with
    found["turning_fps"] = round(page.evaluate(TURN, seconds), 1)
    page.locator(".viewer__canvas").focus()
    page.keyboard.press("m")
    page.mouse.move(400, 400)
    found["measuring_fps"] = round(page.evaluate(TURN, seconds), 1)
    page.keyboard.press("m")
    page.keyboard.press("s")
    page.wait_for_timeout(3000)
    found["section_fps"] = round(page.evaluate(TURN, seconds), 1)
    return found


def _serve(folder: str) -> str:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments) -> None:
            pass

    handler = partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


if __name__ == "__main__":
    main()
