// Dimensions over the picture, as on a technical drawing: lines with arrows, leaders
// and labels. SVG: sharp at any size, in the theme's colours and the page's type.

import { Vector3 } from "three";

import { svg } from "./dom.js";

const ARROW = 7; // CSS pixels long, and a third of it wide to either side
const LEADER = 44; // from what is measured to its label
const SHORT = 24; // room beside the label that a line needs to have it in its middle
const LABEL_HEIGHT = 22;
const CHARACTER = 7.3; // of the label's type
const TRIES = 8; // places a label is moved to, one below or above the other
const CORNERS = 48; // of a circle that is drawn

/** Draws `marks` over a canvas, anew for each camera. */
export class Drawing {
  element = svg("svg", { class: "viewer__drawing", "aria-hidden": "true" });

  #project;
  #taken = [];
  #middle;
  #size;

  /** @param {(point: Vector3) => number[]} project to CSS pixels */
  constructor(project) {
    this.#project = project;
  }

  /**
   * Draw what is in `marks`, each one of
   *
   *   {kind: "distance", from, to, text}   a line with an arrow at either end
   *   {kind: "angle", from, to, text}      a line without
   *   {kind: "leader", at, text, circle}   a label beside it, and the circle it is of
   *   {kind: "line", points, isClosed}     a stroke through points
   *   {kind: "frame", points}              a faint line from one point to another
   *   {kind: "point", at}                  a dot
   *   {kind: "center", at}                 the cross of an axis
   *   {kind: "extent", from, to, text, out, offset}   as distance, moved away
   *   {kind: "tip", x, y, text}            a label beside the pointer
   *
   * with `look` of "plain", "chosen" or "hover".
   */
  draw(marks, center) {
    const { clientWidth: width, clientHeight: height } = this.element;
    this.#size = { width, height };
    this.#taken = [];
    this.#middle = this.#project(center);
    const drawn = marks.flatMap((mark) => {
      const parts = this.#parts(mark);
      return [svg("g", { "data-look": mark.look ?? "plain" }, ...parts)];
    });
    this.element.replaceChildren(...drawn);
  }

  #parts(mark) {
    switch (mark.kind) {
      case "distance":
        return this.#distance(mark);
      case "angle":
        return this.#angle(mark);
      case "extent":
        return this.#extent(mark);
      case "leader":
        return this.#leader(mark);
      case "line":
        return this.#line(mark);
      case "frame":
        return [line(...mark.points.map(this.#project), { "data-frame": "" })];
      case "point":
        return [dot(this.#project(mark.at), 4)];
      case "center":
        return cross(this.#project(mark.at));
      case "tip":
        return this.#label([mark.x + 14, mark.y - 20], mark.text, 1);
    }
    throw new RangeError(`no such mark: ${mark.kind}`);
  }

  #distance({ from, to, text }) {
    const [a, b] = [this.#project(from), this.#project(to)];
    return this.#dimension(a, b, text);
  }

  #angle({ from, to, text }) {
    const [a, b] = [this.#project(from), this.#project(to)];
    return [
      line(a, b, { "data-dashed": "" }),
      dot(a),
      dot(b),
      ...this.#label(mid(a, b), text),
    ];
  }

  #extent({ from, to, text, out, offset }) {
    const [a, b] = [this.#project(from), this.#project(to)];
    const away = unit(out);
    const move = ([x, y], by) => [x + away[0] * by, y + away[1] * by];
    const [c, d] = [move(a, offset), move(b, offset)];
    return [
      line(move(a, 3), move(a, offset + 5), { "data-thin": "" }),
      line(move(b, 3), move(b, offset + 5), { "data-thin": "" }),
      ...this.#dimension(c, d, text),
    ];
  }

  #leader({ at, text, circle }) {
    const parts = [];
    let tip = this.#project(at);
    let toward = [tip[0] - this.#middle[0], tip[1] - this.#middle[1]];
    if (circle) {
      const ring = ringOf(circle).map((point) => this.#project(point));
      parts.push(stroke(ring, true));
      const hub = this.#project(circle.p);
      toward = [hub[0] - this.#middle[0], hub[1] - this.#middle[1]];
      const way = unit(toward);
      tip = ring.reduce((best, point) => {
        const reach = ([x, y]) => (x - hub[0]) * way[0] + (y - hub[1]) * way[1];
        return reach(point) > reach(best) ? point : best;
      });
      parts.push(...cross(hub));
    }
    const way = unit(toward);
    const foot = [tip[0] + way[0] * LEADER, tip[1] + way[1] * LEADER];
    const label = this.#label(foot, text, way[0]);
    return [...parts, line(tip, label.anchor), arrow(tip, label.anchor), ...label];
  }

  #line({ points, isClosed }) {
    return [
      stroke(
        points.map((point) => this.#project(point)),
        isClosed,
      ),
    ];
  }

  #dimension(a, b, text) {
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
    const parts = [line(a, b)];
    const isWide = Math.abs(b[0] - a[0]) > widthOf(text) + SHORT;
    const isHigh = Math.abs(b[1] - a[1]) > LABEL_HEIGHT + SHORT;
    if (length > 2.5 * ARROW) parts.push(arrow(a, b), arrow(b, a));
    else parts.push(dot(a), dot(b));
    if (isWide || isHigh) return [...parts, ...this.#label(mid(a, b), text)];
    const way = unit([mid(a, b)[0] - this.#middle[0], mid(a, b)[1] - this.#middle[1]]);
    const foot = [mid(a, b)[0] + way[0] * LEADER, mid(a, b)[1] + way[1] * LEADER];
    const label = this.#label(foot, text, way[0]);
    return [...parts, line(mid(a, b), label.anchor, { "data-thin": "" }), ...label];
  }

  /** A label in the middle of `at`, or beside it, where no other stands. */
  #label(at, text, side = 0) {
    const width = widthOf(text);
    const shift = Math.abs(side) < 0.35 ? 0 : (Math.sign(side) * width) / 2;
    const box = this.#free({ x: at[0] + shift, y: at[1], width, height: LABEL_HEIGHT });
    this.#taken.push(box);
    const parts = [
      svg("rect", {
        x: round(box.x - width / 2),
        y: round(box.y - LABEL_HEIGHT / 2),
        width: round(width),
        height: LABEL_HEIGHT,
        rx: 2,
      }),
      svg("text", { x: round(box.x), y: round(box.y) }, text),
    ];
    parts.anchor = [box.x - shift, box.y];
    return parts;
  }

  #free(box) {
    const { width, height } = this.#size;
    const inside = {
      ...box,
      x: clamp(box.x, box.width / 2 + 2, width - box.width / 2 - 2),
      y: clamp(box.y, box.height / 2 + 2, height - box.height / 2 - 2),
    };
    for (let tries = 0; tries < TRIES; tries++) {
      const step = Math.ceil(tries / 2) * (tries % 2 ? 1 : -1) * (LABEL_HEIGHT + 2);
      const moved = { ...inside, y: inside.y + step };
      if (!this.#taken.some((other) => meet(moved, other))) return moved;
    }
    return inside;
  }
}

function ringOf({ p, axis, radius }) {
  const u = new Vector3(...(Math.abs(axis.x) < 0.9 ? [1, 0, 0] : [0, 1, 0]));
  u.cross(axis).normalize();
  const v = new Vector3().crossVectors(axis, u);
  return Array.from({ length: CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / CORNERS;
    return p
      .clone()
      .addScaledVector(u, radius * Math.cos(angle))
      .addScaledVector(v, radius * Math.sin(angle));
  });
}

function line([x1, y1], [x2, y2], attributes = {}) {
  const ends = { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2) };
  return svg("line", { ...ends, ...attributes });
}

function stroke(points, isClosed) {
  const path = points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L");
  return svg("path", { d: `M${path}${isClosed ? "Z" : ""}`, "data-stroke": "" });
}

/** The head of an arrow at `tip` of a line from `from`. */
function arrow(tip, from) {
  const [x, y] = unit([from[0] - tip[0], from[1] - tip[1]]);
  const wing = (side) =>
    `${round(tip[0] + ARROW * (x - (side * y) / 3))} ${round(tip[1] + ARROW * (y + (side * x) / 3))}`;
  return svg("path", {
    d: `M${round(tip[0])} ${round(tip[1])}L${wing(1)}L${wing(-1)}Z`,
  });
}

function dot([x, y], r = 2.5) {
  return svg("circle", { cx: round(x), cy: round(y), r });
}

function cross([x, y]) {
  return [line([x - 6, y], [x + 6, y]), line([x, y - 6], [x, y + 6])];
}

function mid([a, b], [c, d]) {
  return [(a + c) / 2, (b + d) / 2];
}

function unit([x, y]) {
  const length = Math.hypot(x, y);
  return length < 1e-6 ? [0, -1] : [x / length, y / length];
}

function widthOf(text) {
  return CHARACTER * text.length + 12;
}

function meet(a, b) {
  return (
    Math.abs(a.x - b.x) < (a.width + b.width) / 2 &&
    Math.abs(a.y - b.y) < (a.height + b.height) / 2
  );
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

function round(value) {
  return value.toFixed(1);
}
