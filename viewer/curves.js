// The CAD edges of a solid as curves: lines, arcs and others, exact where the
// faces beside them are.

import { Vector3 } from "three";

import { isSameCylinder, NONE, traceBorders } from "./edges.js";

// How far a vertex may lie from its line or circle, in metres; exact ones show 3e-6.
const OFF = 4e-6;
const FULL_TURN = 2 * Math.PI;

/**
 * Find the curves of a solid, in its own coordinates and metres.
 *
 * Returns `{curves, groups}`. `groups` gives for each B-rep face the number of the
 * first face of its surface, for some CAD systems write every hole as two halves.
 * A curve is `{kind, points, groups, isClosed, length}`, `points` a flat array; a
 * "line" is no more than that, an "arc" has `{center, axis, radius, sweep}` as well,
 * and is exact where a face beside it is a cylinder; for an "other" curve the length
 * is that of its chords.
 *
 * @param {object} solid as `readGlb` returns it
 */
export function findCurves(solid) {
  if (!solid.faces) return { curves: [], groups: [] };
  const trace = traceBorders(solid);
  const groups = groupFaces(solid, trace);
  const chains = new Chains(solid, trace, groups);
  return { curves: chains.walk().map((chain) => fit(solid, chain)), groups };
}

function groupFaces({ faces, surfaces }, { borders, twins }) {
  const groups = Array.from(surfaces, (_, face) => face);
  const first = (face) => {
    while (groups[face] !== face) face = groups[face];
    return face;
  };
  for (let edge = 0; edge < borders.length; edge++) {
    if (twins[edge] === NONE) continue;
    const a = first(faces[borders.triangles[edge]]);
    const b = first(faces[borders.triangles[twins[edge]]]);
    if (a !== b && isSameCylinder(surfaces[a], surfaces[b])) {
      groups[Math.max(a, b)] = Math.min(a, b);
    }
  }
  return groups.map((_, face) => first(face));
}

/** Segments between the same two faces, strung together. */
class Chains {
  #solid;
  #segments = []; // { a, b: welded points, groups }
  #around = new Map(); // point -> segments that end there

  constructor(solid, { borders, points, twins }, groups) {
    this.#solid = solid;
    const groupOf = (edge) => groups[solid.faces[borders.triangles[edge]]];
    for (let edge = 0; edge < borders.length; edge++) {
      const twin = twins[edge];
      if (twin !== NONE && twin < edge) continue;
      const [a, b] = borders.ends(edge).map((vertex) => points[vertex]);
      const sides = [groupOf(edge), twin === NONE ? NONE : groupOf(twin)];
      if (a === b || sides[0] === sides[1]) continue; // a tip, or a seam
      sides.sort((one, other) => one - other);
      this.#add({ a, b, groups: sides, isUsed: false });
    }
  }

  walk() {
    const chains = [];
    for (const segment of this.#segments) {
      if (segment.isUsed) continue;
      segment.isUsed = true;
      const ahead = this.#follow(segment, segment.b);
      const isClosed = ahead.at(-1) === segment.a;
      const behind = isClosed ? [] : this.#follow(segment, segment.a).reverse();
      const points = this.#places([...behind, segment.a, segment.b, ...ahead]);
      chains.push({ points, groups: segment.groups, isClosed });
    }
    return chains;
  }

  #add(segment) {
    this.#segments.push(segment);
    for (const point of [segment.a, segment.b]) {
      if (!this.#around.has(point)) this.#around.set(point, []);
      this.#around.get(point).push(segment);
    }
  }

  /** The points beyond `point`, as far as only segments of one kind meet. */
  #follow(segment, point) {
    const found = [];
    for (;;) {
      const meeting = this.#around.get(point);
      if (meeting.length !== 2) return found;
      const next = meeting[meeting[0] === segment ? 1 : 0];
      const isSame = next.groups.every((group, i) => group === segment.groups[i]);
      if (next.isUsed || !isSame) return found;
      next.isUsed = true;
      point = next.a === point ? next.b : next.a;
      found.push(point);
      segment = next;
    }
  }

  #places(points) {
    const places = new Float32Array(3 * points.length);
    points.forEach((point, i) => {
      places.set(this.#solid.positions.subarray(3 * point, 3 * point + 3), 3 * i);
    });
    return places;
  }
}

function fit({ surfaces }, chain) {
  const points = toVectors(chain.points);
  const line = chain.isClosed ? null : asLine(points);
  if (line) return { ...chain, ...line };
  const beside = chain.groups.map((group) => surfaces[group]);
  const arc = asArc(points, chain.isClosed, beside);
  return { ...chain, ...(arc ?? { kind: "other", length: lengthOf(points) }) };
}

function asLine(points) {
  const start = points[0];
  const along = points.at(-1).clone().sub(start);
  const length = along.length();
  along.divideScalar(length);
  const isStraight = points.every((point) => {
    return point.clone().sub(start).cross(along).length() < OFF;
  });
  return isStraight ? { kind: "line", length } : null;
}

function asArc(points, isClosed, beside) {
  const last = points.length - 1; // of a closed one the first again
  const shares = isClosed ? [0, 1 / 3, 2 / 3] : [0, 1 / 2, 1];
  const circle = circleThrough(
    ...shares.map((share) => points[Math.round(share * last)]),
  );
  if (!circle || !points.every((point) => isOn(circle, point))) return null;
  const exact = beside.find((surface) => isRound(surface, circle));
  if (!exact && points.length < 4) return null; // three points lie on some circle always
  if (exact) makeExact(circle, exact);
  const sweep = isClosed ? FULL_TURN : sweepOf(circle, points);
  return { kind: "arc", ...circle, sweep, length: circle.radius * sweep };
}

function circleThrough(a, b, c) {
  const u = b.clone().sub(a);
  const v = c.clone().sub(a);
  const axis = new Vector3().crossVectors(u, v);
  const area = axis.lengthSq();
  if (area < 1e-24) return null;
  const center = new Vector3()
    .crossVectors(axis, u)
    .multiplyScalar(v.lengthSq())
    .add(new Vector3().crossVectors(v, axis).multiplyScalar(u.lengthSq()))
    .divideScalar(2 * area);
  const radius = center.length();
  return { center: center.add(a), axis: axis.normalize(), radius };
}

function isOn({ center, axis, radius }, point) {
  const arm = point.clone().sub(center);
  const off = Math.max(OFF, 1e-4 * radius);
  return Math.abs(arm.length() - radius) < off && Math.abs(arm.dot(axis)) < off;
}

/** Whether the circle runs square round a cylinder. */
function isRound(surface, { center, axis, radius }) {
  if (surface?.type !== "cylinder") return false;
  const along = new Vector3(...surface.axis);
  if (Math.abs(along.dot(axis)) < 0.99999) return false;
  const arm = center.clone().sub(new Vector3(...surface.origin));
  const off = Math.max(OFF, 2e-3 * radius);
  return Math.abs(surface.radius - radius) < off && arm.cross(along).length() < off;
}

function makeExact(circle, surface) {
  const along = new Vector3(...surface.axis);
  const origin = new Vector3(...surface.origin);
  const height = circle.center.clone().sub(origin).dot(along);
  circle.center = origin.addScaledVector(along, height);
  if (along.dot(circle.axis) < 0) along.negate();
  circle.axis = along;
  circle.radius = surface.radius;
}

function sweepOf({ center }, points) {
  let sweep = 0;
  for (let i = 1; i < points.length; i++) {
    const from = points[i - 1].clone().sub(center);
    sweep += from.angleTo(points[i].clone().sub(center));
  }
  return sweep;
}

function lengthOf(points) {
  let length = 0;
  for (let i = 1; i < points.length; i++) length += points[i].distanceTo(points[i - 1]);
  return length;
}

function toVectors(places) {
  return Array.from({ length: places.length / 3 }, (_, i) => {
    return new Vector3().fromArray(places, 3 * i);
  });
}
