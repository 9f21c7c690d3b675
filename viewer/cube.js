// The cube in the corner: it shows how the model stands, and turns it. Press a
// face, an edge or a corner to look from there, drag it to turn, or use the arrow
// keys. SVG over the canvas: sharp at any size, in the theme's colours and type.

import { Vector3 } from "three";

import { gettext } from "../static/js/words.js";
import { svg } from "./dom.js";

const HALF = 34; // of the cube, in units of the drawing
const BEVEL = 0.3; // of that half, which edges and corners take
const INNER = 1 - BEVEL;
const AXIS = 1.45; // length of an axis, in halves from the far corner
const TURN = 0.012; // radians a CSS pixel dragged
const SLACK = 4; // CSS pixels a finger may move in a press
const EIGHTH = Math.PI / 4;

// Where each face looks, and which way its name runs and stands.
const FACES = [
  { word: gettext("Front"), way: [0, -1, 0], run: [1, 0, 0], rise: [0, 0, 1] },
  { word: gettext("Back"), way: [0, 1, 0], run: [-1, 0, 0], rise: [0, 0, 1] },
  { word: gettext("Left"), way: [-1, 0, 0], run: [0, -1, 0], rise: [0, 0, 1] },
  { word: gettext("Right"), way: [1, 0, 0], run: [0, 1, 0], rise: [0, 0, 1] },
  { word: gettext("Top"), way: [0, 0, 1], run: [1, 0, 0], rise: [0, 1, 0] },
  { word: gettext("Bottom"), way: [0, 0, -1], run: [1, 0, 0], rise: [0, -1, 0] },
];
const AXES = { X: [1, 0, 0], Y: [0, 1, 0], Z: [0, 0, 1] };

/** The tool: a cube for each model that is shown. */
export function addCube(viewer) {
  const cube = new Cube(() => viewer.run?.rig);
  viewer.onModel(({ box, signal }) => {
    box.append(cube.element);
    signal.addEventListener("abort", () => cube.element.remove());
  });
  viewer.onFrame((camera) => cube.update(camera));
}

class Cube {
  element = svg("svg", {
    class: "viewer__cube",
    viewBox: "-64 -64 128 128",
    role: "application",
    tabindex: 0,
    "aria-roledescription": gettext("View cube"),
  });

  #rigOf;
  #sides = directions().map(createSide);
  #names = FACES.map(createName);
  #axes = Object.entries(AXES).map(createAxis);

  constructor(rigOf) {
    this.#rigOf = rigOf;
    this.element.append(
      ...this.#axes.map(({ group }) => group),
      ...this.#sides.map(({ polygon }) => polygon),
      ...this.#names.map(({ text }) => text),
    );
    this.#addPointer();
    this.element.addEventListener("keydown", (event) => this.#step(event));
  }

  update(camera) {
    const [right, up, back] = [0, 1, 2].map((column) =>
      new Vector3().setFromMatrixColumn(camera.matrix, column),
    );
    const flat = (point) => [HALF * point.dot(right), -HALF * point.dot(up)];
    for (const { polygon, way, corners } of this.#sides) {
      const isSeen = way.dot(back) > 1e-3;
      polygon.style.display = isSeen ? "" : "none";
      if (!isSeen) continue;
      polygon.setAttribute("points", corners.map(flat).map(write).join(" "));
    }
    for (const { text, way, run, rise } of this.#names) {
      const facing = way.dot(back);
      text.style.display = facing > 0.25 ? "" : "none";
      const [x, y] = flat(way);
      const matrix = [run.dot(right), -run.dot(up), -rise.dot(right), rise.dot(up)];
      text.setAttribute("transform", `matrix(${[...matrix, x, y].map(round)})`);
    }
    for (const { line, letter, tip, end } of this.#axes) {
      const [x1, y1] = flat(ORIGIN);
      const [x2, y2] = flat(tip);
      const [x, y] = flat(end);
      const places = { x1, y1, x2, y2 };
      for (const name in places) line.setAttribute(name, round(places[name]));
      letter.setAttribute("x", round(x));
      letter.setAttribute("y", round(y));
    }
    const label = nameOf(back);
    if (this.element.getAttribute("aria-label") !== label) {
      this.element.setAttribute("aria-label", label);
    }
  }

  #addPointer() {
    const { element } = this;
    let from = null;
    let isDrag = false;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = event;
      isDrag = false;
    });
    element.addEventListener("pointermove", (event) => {
      if (!from || event.pointerId !== from.pointerId) return;
      const [x, y] = [event.clientX - from.clientX, event.clientY - from.clientY];
      if (!isDrag && Math.hypot(x, y) < SLACK) return;
      isDrag = true;
      element.setPointerCapture(event.pointerId); // not before: a press has a target
      this.#rigOf()?.turn(-x * TURN, -y * TURN);
      from = event;
    });
    element.addEventListener("pointerup", ({ target }) => {
      const side = this.#sides.find(({ polygon }) => polygon === target);
      if (from && !isDrag && side) this.#look(side.way);
      from = null;
    });
    element.addEventListener("pointercancel", () => (from = null));
  }

  #look({ x, y, z }) {
    // Straight from above or below there is no azimuth; the front is down there.
    const azimuth = x || y ? Math.atan2(y, x) : -2 * EIGHTH;
    this.#rigOf()?.look(azimuth, Math.atan2(Math.hypot(x, y), z));
  }

  /** To the next of the cube's sides, edges or corners. */
  #step(event) {
    const steps = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const step = steps[event.key];
    const rig = this.#rigOf();
    if (!step || !rig) return;
    event.preventDefault();
    const { azimuth, polar } = rig.place;
    const next = (angle, by) => EIGHTH * (Math.round(angle / EIGHTH) + by);
    const tilt = Math.max(0, Math.min(Math.PI, next(polar, step[1])));
    rig.look(next(azimuth, step[0]), tilt);
  }
}

const ORIGIN = new Vector3(-1, -1, -1);

/** The 26 ways to look: faces, edges, corners. */
function directions() {
  const ways = [];
  for (const x of [-1, 0, 1]) {
    for (const y of [-1, 0, 1]) {
      for (const z of [-1, 0, 1]) if (x || y || z) ways.push([x, y, z]);
    }
  }
  return ways;
}

/** The polygon that looks along `way`: of a cube whose edges are bevelled. */
function createSide(way) {
  const fixed = [0, 1, 2].filter((axis) => way[axis]);
  const free = [0, 1, 2].filter((axis) => !way[axis]);
  const corners = [];
  // One of the coordinates the side is fixed to lies in the cube's own face.
  for (const outer of fixed) {
    const corner = way.map((sign, axis) => sign * (axis === outer ? 1 : INNER));
    corners.push(...along(corner, free, outer === fixed[1]));
  }
  const kind = ["face", "edge", "corner"][fixed.length - 1];
  const polygon = svg("polygon", { class: "viewer__side", "data-kind": kind });
  const title = svg("title", {}, nameOf(new Vector3(...way)));
  polygon.append(title);
  return {
    polygon,
    way: new Vector3(...way),
    corners: corners.map((corner) => new Vector3(...corner)),
  };
}

/** Let the free coordinates take both their ends, in the order of an outline. */
function along(corner, [one, other], isBackward) {
  if (one === undefined) return [corner];
  const place = (a, b) =>
    corner.map((value, axis) => {
      if (axis === one) return a * INNER;
      return axis === other ? b * INNER : value;
    });
  if (other === undefined) {
    const ends = [place(-1), place(1)];
    return isBackward ? ends.reverse() : ends;
  }
  return [place(-1, -1), place(1, -1), place(1, 1), place(-1, 1)];
}

function createName({ word, way, run, rise }) {
  const [a, b, c] = [way, run, rise].map((vector) => new Vector3(...vector));
  const text = svg("text", { class: "viewer__side-name" }, word);
  return { text, way: a, run: b, rise: c };
}

function createAxis([name, way]) {
  const line = svg("line", {});
  const letter = svg("text", {}, name);
  const tip = ORIGIN.clone().addScaledVector(new Vector3(...way), 1 + AXIS);
  const end = tip.clone().addScaledVector(new Vector3(...way), 0.28);
  const group = svg("g", { class: "viewer__axis" }, line, letter);
  return { line, letter, tip, end, group };
}

/** Name a way to look: "Front", or "Front, top, right" from a corner. */
function nameOf({ x, y, z }) {
  const length = Math.hypot(x, y, z);
  const isNear = (share) => Math.abs(share) / length > 0.38;
  const [front, back, left, right, top, bottom] = FACES.map(({ word }) => word);
  const words = [];
  if (isNear(y)) words.push(y < 0 ? front : back);
  if (isNear(z)) words.push(z > 0 ? top : bottom);
  if (isNear(x)) words.push(x > 0 ? right : left);
  return words.join(" · ");
}

function round(value) {
  return value.toFixed(2);
}

function write(point) {
  return point.map(round).join();
}
