// The small axes in the corner. SVG over the canvas: sharp at any size, and the
// theme's colours and type come from CSS.

import { Vector3 } from "three";

import { svg } from "./dom.js";

const AXES = {
  X: new Vector3(1, 0, 0),
  Y: new Vector3(0, 1, 0),
  Z: new Vector3(0, 0, 1),
};
const ARM = 22;
const LETTER = 31;

/** Create the axes; `update(camera)` turns them. */
export function createTriad() {
  const arms = Object.entries(AXES).map(([name, axis]) => {
    const line = svg("line", { x1: 0, y1: 0 });
    const letter = svg("text", {}, name);
    return { axis, line, letter, group: svg("g", {}, line, letter) };
  });
  const element = svg(
    "svg",
    { class: "viewer__triad", viewBox: "-40 -40 80 80", "aria-hidden": "true" },
    ...arms.map(({ group }) => group),
  );
  return { element, update };

  function update(camera) {
    const view = camera.quaternion.clone().invert();
    for (const { axis, line, letter, group } of arms) {
      const { x, y, z } = axis.clone().applyQuaternion(view);
      line.setAttribute("x2", (ARM * x).toFixed(1));
      line.setAttribute("y2", (-ARM * y).toFixed(1));
      letter.setAttribute("x", (LETTER * x).toFixed(1));
      letter.setAttribute("y", (-LETTER * y).toFixed(1));
      // One that points away is fainter; one straight at us has no letter to read.
      group.dataset.way = Math.hypot(x, y) < 0.15 ? "along" : z < -0.05 ? "away" : "";
    }
  }
}
