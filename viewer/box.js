// How large the model is: the box round what is on show, with its dimensions.

import { Vector3 } from "three";

import { gettext } from "../static/js/words.js";
import { html } from "./dom.js";
import { Drawing } from "./drawing.js";
import { projector } from "./project.js";

const AXES = ["x", "y", "z"];
const OFFSET = 20; // CSS pixels between the box and its dimensions
const POINTLIKE = 14; // CSS pixels; a side that is seen shorter is seen end on
const ICON = ["M4 9v11h11M4 20 20 4M20 10V4h-6", "M4 9v11h11z"];

/** The tool that draws length, width and height. */
export function addBox(viewer) {
  let isOn = false;
  let drawing = null;
  const caption = html("p", { class: "viewer__size", role: "status" });
  const button = viewer.addButton({
    name: "size",
    group: "measure",
    word: gettext("Size"),
    label: gettext("Size of the whole part"),
    icon: ICON,
    key: "b",
    toggles: true,
    use: () => turn(!isOn),
  });
  viewer.onModel(({ model, signal }) => {
    signal.addEventListener("abort", end);
    for (const type of ["shift", "hide"])
      model.addEventListener(type, () => isOn && surround());
    if (isOn) turn(true);
  });
  viewer.onFrame(() => drawing && draw(viewer.run));
  viewer.units.addEventListener("change", () => viewer.run?.stage.invalidate(), {
    signal: viewer.signal,
  });

  function turn(to) {
    isOn = to;
    button.press(isOn);
    end();
    const { run } = viewer;
    if (isOn) {
      drawing = new Drawing(projector(run));
      run.box.append(drawing.element, caption);
    }
    surround();
    run.stage.invalidate();
  }

  /** Leave room for the dimensions when all of it is fitted. */
  function surround() {
    const { rig, shapes } = viewer.run;
    rig.surround(isOn ? cornersOf(shapes.box()) : []);
  }

  function end() {
    drawing?.element.remove();
    caption.remove();
    drawing = null;
  }

  function draw({ model, shapes }) {
    const box = shapes.box();
    const size = box.getSize(new Vector3());
    const { units } = viewer;
    const words = AXES.map(
      (axis) => `${axis.toUpperCase()} ${units.number(size[axis])}`,
    );
    const text = `${words.join("  ")} ${units.name}`;
    if (caption.textContent !== text) caption.textContent = text;
    // The dimensions say it, but for a side that is seen end on.
    const found = box.isEmpty() ? [] : marks(box, projector(viewer.run), units);
    const isNeeded = found.filter(({ kind }) => kind === "extent").length < 3;
    caption.classList.toggle("visually-hidden", !isNeeded);
    const center = box.isEmpty() ? model.sphere.center : box.getCenter(new Vector3());
    drawing.draw(found, center);
  }
}

function marks(box, project, units) {
  const middle = project(box.getCenter(new Vector3()));
  const found = [];
  for (const axis of AXES) {
    const sides = sidesAlong(box, axis).map(([from, to]) =>
      side(from, to, project, middle),
    );
    const outer = sides.reduce((best, each) => (each.rank > best.rank ? each : best));
    for (const { from, to } of sides) found.push({ kind: "frame", points: [from, to] });
    if (outer.length < POINTLIKE) continue;
    const text = units.length(outer.from.distanceTo(outer.to));
    found.push({ kind: "extent", ...outer, text, offset: OFFSET });
  }
  return found;
}

/** The four sides of a box along one axis. */
function sidesAlong({ min, max }, axis) {
  const [b, c] = AXES.filter((each) => each !== axis);
  return [min, max].flatMap((atB) =>
    [min, max].map((atC) => {
      return [min, max].map((end) => {
        const corner = new Vector3();
        corner[axis] = end[axis];
        corner[b] = atB[b];
        corner[c] = atC[c];
        return corner;
      });
    }),
  );
}

function cornersOf(box) {
  return sidesAlong(box, "x").flatMap((ends) => ends.flatMap((end) => end.toArray()));
}

/** How a side lies in the picture: farther out and lower down is the better place. */
function side(from, to, project, middle) {
  const [a, b] = [project(from), project(to)];
  const [x, y] = [b[0] - a[0], b[1] - a[1]];
  const length = Math.hypot(x, y);
  const off = [(a[0] + b[0]) / 2 - middle[0], (a[1] + b[1]) / 2 - middle[1]];
  let out = length ? [-y / length, x / length] : [0, 1];
  if (out[0] * off[0] + out[1] * off[1] < 0) out = out.map((value) => -value);
  const rank = out[0] * off[0] + out[1] * off[1] + 0.2 * off[1];
  return { from, to, length, out, rank };
}
