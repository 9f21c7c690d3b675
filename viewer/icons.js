// The tool bar's icons: a 24 grid, lines of 1.5, drawn in the colour of the text.

import { svg } from "./dom.js";

// A cube in isometric view is a hexagon about the middle of the grid.
const TOP = "12 3";
const BOTTOM = "12 21";
const HIGH_LEFT = "4.2 7.5";
const HIGH_RIGHT = "19.8 7.5";
const LOW_LEFT = "4.2 16.5";
const LOW_RIGHT = "19.8 16.5";
const MIDDLE = "12 12";

const HEXAGON = loop(TOP, HIGH_RIGHT, LOW_RIGHT, BOTTOM, LOW_LEFT, HIGH_LEFT);
// The middle is the near corner of a cube, or the far one if we look inside.
const NEAR = star(HIGH_LEFT, HIGH_RIGHT, BOTTOM);
const FAR = star(TOP, LOW_LEFT, LOW_RIGHT);

const DRAWINGS = {
  isometric: [HEXAGON + NEAR],
  front: [HEXAGON + NEAR, loop(HIGH_LEFT, MIDDLE, BOTTOM, LOW_LEFT)],
  right: [HEXAGON + NEAR, loop(MIDDLE, HIGH_RIGHT, LOW_RIGHT, BOTTOM)],
  top: [HEXAGON + NEAR, loop(TOP, HIGH_RIGHT, MIDDLE, HIGH_LEFT)],
  back: [HEXAGON + FAR, loop(TOP, HIGH_RIGHT, LOW_RIGHT, MIDDLE)],
  left: [HEXAGON + FAR, loop(TOP, MIDDLE, LOW_LEFT, HIGH_LEFT)],
  bottom: [HEXAGON + FAR, loop(MIDDLE, LOW_RIGHT, BOTTOM, LOW_LEFT)],
  fit: ["M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9h6v6h-6z"],
  edges: ["M7 16.5 16.5 7", dot(5.5, 18) + dot(18, 5.5)],
  flip: ["M12 3v18M9 7 4 17h5zM15 7v10h5z", "M9 7 4 17h5z"],
  copy: ["M9 9h11v11H9zM5 15H4V4h11v1"],
  close: ["M6 6l12 12M18 6 6 18"],
  fullscreen: ["M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7"],
};

/**
 * Draw an icon: lines, and the face that is meant filled.
 *
 * @param {string | string[]} icon one of DRAWINGS, or a tool's own `[lines, filled]`
 */
export function createIcon(icon) {
  const [lines, filled] = typeof icon === "string" ? DRAWINGS[icon] : icon;
  const element = svg(
    "svg",
    { class: "viewer__icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: lines }),
  );
  if (filled) element.prepend(svg("path", { d: filled, "data-filled": "" }));
  return element;
}

function loop(...points) {
  return `M${points.join("L")}Z`;
}

function star(...points) {
  return points.map((point) => `M${MIDDLE}L${point}`).join("");
}

function dot(x, y) {
  return `M${x - 2} ${y}a2 2 0 1 0 4 0a2 2 0 1 0-4 0z`;
}
