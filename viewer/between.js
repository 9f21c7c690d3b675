// What lies between two features: distances and angles, exact where they are.

import { MathUtils, Vector3 } from "three";

import { gettext } from "../static/js/words.js";

const PARALLEL = 1e-6; // sine of the angle below which two directions are one
const SAME_MM = 1e-4;

/**
 * Measure between two features (features.js).
 *
 * Returns `{name, size, details, line}`; `line` holds the two ends of the dimension.
 */
export function between(a, b) {
  const [one, other] = [a, b].map(elementOf);
  const swap = RANK[one.kind] > RANK[other.kind];
  const [first, second] = swap ? [other, one] : [one, other];
  const found = PAIRS[`${first.kind}-${second.kind}`](first, second);
  return { ...found, isAbout: Boolean(one.isAbout || other.isAbout) };
}

const RANK = { point: 0, axis: 1, plane: 2 };

/** Everything is a point, a line without ends or a plane to what lies opposite. */
function elementOf(feature) {
  const { kind, p, at } = feature;
  if (kind === "plane") return { kind, p, n: feature.n, at };
  if (kind === "line") return { kind: "axis", p, d: feature.d, at };
  if (kind === "cylinder" || kind === "circle") {
    return { kind: "axis", p, d: feature.axis, at: p, isRound: true };
  }
  if (feature.axis) {
    const foot = footOnAxis(at, { p, d: feature.axis }); // of a cone, p is the tip
    return { kind: "axis", p: foot, d: feature.axis, at: foot, isRound: true };
  }
  if (kind === "other") return { kind: "point", p: at, isAbout: true };
  return { kind: "point", p };
}

const PAIRS = {
  "point-point": pointToPoint,
  "point-axis": pointToAxis,
  "point-plane": pointToPlane,
  "axis-axis": axisToAxis,
  "axis-plane": axisToPlane,
  "plane-plane": planeToPlane,
};

function pointToPoint(a, b) {
  return distance(gettext("Distance"), a.p, b.p, offsets(a.p, b.p));
}

function pointToAxis(point, axis) {
  const foot = footOnAxis(point.p, axis);
  const name = axis.isRound
    ? gettext("Distance to the axis")
    : gettext("Distance to the edge");
  return distance(name, point.p, foot);
}

function pointToPlane(point, plane) {
  return distance(
    gettext("Distance to the face"),
    point.p,
    footOnPlane(point.p, plane),
  );
}

function axisToAxis(a, b) {
  const sine = new Vector3().crossVectors(a.d, b.d).length();
  if (sine > PARALLEL) return crossing(a, b, sine);
  const from = a.isRound ? a.p : a.at;
  const to = footOnAxis(from, b);
  const name =
    a.isRound && b.isRound
      ? gettext("Distance between the axes")
      : gettext("Distance, parallel");
  return distance(name, from, to, a.isRound && b.isRound ? offsets(from, to) : []);
}

/** Two lines that are not parallel: their angle, and how far they pass each other. */
function crossing(a, b, sine) {
  const normal = new Vector3().crossVectors(a.d, b.d).divideScalar(sine);
  const gap = Math.abs(b.p.clone().sub(a.p).dot(normal));
  const details = gap > SAME_MM ? [{ name: gettext("Nearest distance"), mm: gap }] : [];
  return angle(a, b, Math.asin(Math.min(1, sine)), details);
}

function axisToPlane(axis, plane) {
  const cosine = Math.abs(axis.d.dot(plane.n));
  if (cosine < PARALLEL) {
    const from = axis.isRound ? axis.p : axis.at;
    const name = axis.isRound
      ? gettext("Axis to the face")
      : gettext("Distance, parallel");
    return distance(name, from, footOnPlane(from, plane));
  }
  const gap = { name: gettext("Middle to the face"), mm: offPlane(axis.p, plane) };
  const details = axis.isRound ? [gap] : [];
  return angle(axis, plane, Math.asin(Math.min(1, cosine)), details);
}

function planeToPlane(a, b) {
  const sine = new Vector3().crossVectors(a.n, b.n).length();
  if (sine < PARALLEL) {
    const from = a.at;
    const gap = b.p.clone().sub(a.p).dot(a.n); // exact, as `at` is not
    const to = from.clone().addScaledVector(a.n, gap);
    return distance(gettext("Between parallel faces"), from, to);
  }
  // Of the two angles the one inside the material: normals look out of it.
  const inside = Math.PI - Math.atan2(sine, a.n.dot(b.n));
  return angle(a, b, inside);
}

function distance(name, from, to, details = []) {
  return { name, size: { mm: from.distanceTo(to) }, details, line: [from, to] };
}

function angle(a, b, radians, details = []) {
  const degrees = MathUtils.radToDeg(radians);
  const name = gettext("Angle");
  const line = [a.at, b.at];
  return { name, size: { degrees }, details, line, isAngle: true };
}

/** How far along X, Y and Z, unless it is along one of them only. */
function offsets(from, to) {
  const found = ["x", "y", "z"]
    .map((axis) => ({ name: axis.toUpperCase(), mm: Math.abs(to[axis] - from[axis]) }))
    .filter(({ mm }) => mm > SAME_MM);
  return found.length > 1 ? found : [];
}

function footOnAxis(point, { p, d }) {
  return p.clone().addScaledVector(d, point.clone().sub(p).dot(d));
}

function footOnPlane(point, { p, n }) {
  return point.clone().addScaledVector(n, p.clone().sub(point).dot(n));
}

function offPlane(point, { p, n }) {
  return Math.abs(p.clone().sub(point).dot(n));
}
