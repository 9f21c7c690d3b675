// What can be measured: corners, edges and faces of the model as exact shapes in the
// world, in millimetres, each with its name and what it measures by itself.
//
// A feature is `{key, kind, name, at, size, details, mesh, group, curve}`:
//   kind      "point", "line", "circle", "plane", "cylinder", "sphere" or "other",
//             and with it `p`; `p, d, ends`; `p, axis, radius`; `p, n`;
//             `p, axis, radius, ends`; `p, radius`; `p`
//   at        where it was pointed at
//   size      `{sign, mm}` or `{degrees}`, null for what has none
//   details   more of the same, each with a `name`
//   isAbout   the size comes from chords and triangles, not from exact shapes

import { MathUtils, Vector3 } from "three";

import { gettext } from "../static/js/words.js";

const MM_PER_M = 1000;
const FULL = 2 * Math.PI - 1e-3;

/** A corner, the middle of an edge or of a circle. */
export function pointFeature(mesh, p, name) {
  const key = `${mesh.id}:${p.toArray().map((value) => value.toFixed(4))}`;
  return { key, kind: "point", name, mesh, p, at: p, size: null, details: [] };
}

/** A curve as `findCurves` finds it; `at` is where it is pointed at. */
export function curveFeature(mesh, curve, index, at) {
  const key = `${mesh.id}:curve:${index}`;
  const length = curve.length * MM_PER_M;
  const base = { key, mesh, curve, at, details: [] };
  if (curve.kind === "line") {
    const ends = endsOf(mesh, curve);
    const d = ends[1].clone().sub(ends[0]).normalize();
    const name = gettext("Edge");
    return { ...base, kind: "line", name, p: ends[0], d, ends, size: { mm: length } };
  }
  if (curve.kind === "arc") {
    const isFull = curve.sweep > FULL;
    const radius = curve.radius * MM_PER_M;
    return {
      ...base,
      kind: "circle",
      name: isFull ? gettext("Circle") : gettext("Arc"),
      p: place(mesh, curve.center),
      axis: turn(mesh, curve.axis),
      radius,
      size: isFull ? { sign: "⌀", mm: 2 * radius } : { sign: "R", mm: radius },
      details: isFull ? [] : [{ name: gettext("Length"), mm: length }],
    };
  }
  const size = { mm: length };
  return { ...base, kind: "other", name: gettext("Curve"), p: at, size, isAbout: true };
}

/** A B-rep face, joined with the others of its surface. */
export function faceFeature(mesh, group, shape, at) {
  const base = { key: `${mesh.id}:face:${group}`, mesh, group, at, details: [] };
  const surface = mesh.userData.solid.surfaces[group];
  const build = SURFACES[surface?.type];
  if (build) return { ...base, ...build(mesh, surface, shape, group) };
  return { ...base, kind: "other", name: gettext("Curved face"), p: at, size: null };
}

const SURFACES = { plane, cylinder, cone, sphere, torus };

function plane(mesh, { origin, normal }) {
  const name = gettext("Flat face");
  return {
    kind: "plane",
    name,
    p: place(mesh, origin),
    n: turn(mesh, normal),
    size: null,
  };
}

function cylinder(mesh, surface, shape, group) {
  const axis = turn(mesh, surface.axis);
  const { low, high, angle } = reach(mesh, shape.groups, group);
  const origin = place(mesh, surface.origin);
  const ends = [low, high].map((height) =>
    origin.clone().addScaledVector(axis, height),
  );
  const radius = surface.radius * MM_PER_M;
  const isFull = angle > FULL;
  const isHole = isHollow(mesh.userData.solid, group, surface);
  const length = {
    name: isHole ? gettext("Depth") : gettext("Length"),
    mm: high - low,
  };
  return {
    kind: "cylinder",
    name: nameOfCylinder(isFull, isHole),
    p: ends[0].clone().add(ends[1]).divideScalar(2),
    axis,
    radius,
    ends,
    isFull,
    size: isFull ? { sign: "⌀", mm: 2 * radius } : { sign: "R", mm: radius },
    details: [isFull ? length : { ...length, name: gettext("Length") }],
  };
}

function nameOfCylinder(isFull, isHole) {
  if (isFull) return isHole ? gettext("Hole") : gettext("Shaft");
  return isHole ? gettext("Inner round") : gettext("Outer round");
}

function cone(mesh, { apex, axis, semi_angle: half }) {
  const size = { degrees: MathUtils.radToDeg(2 * half) };
  const p = place(mesh, apex);
  return { kind: "other", name: gettext("Cone"), p, axis: turn(mesh, axis), size };
}

function sphere(mesh, surface) {
  const radius = surface.radius * MM_PER_M;
  const p = place(mesh, surface.center ?? surface.origin);
  return {
    kind: "sphere",
    name: gettext("Ball"),
    p,
    radius,
    size: { sign: "R", mm: radius },
  };
}

function torus(
  mesh,
  { center, origin, axis, minor_radius: minor, major_radius: major },
) {
  return {
    kind: "circle",
    name: gettext("Ring"),
    p: place(mesh, center ?? origin),
    axis: turn(mesh, axis),
    radius: major * MM_PER_M,
    size: { sign: "R", mm: minor * MM_PER_M },
    details: [{ name: gettext("Ring diameter"), sign: "⌀", mm: 2 * major * MM_PER_M }],
  };
}

/** How far all faces of one cylinder reach along its axis, and round it. */
function reach(mesh, groups, group) {
  const { surfaces } = mesh.userData.solid;
  const first = surfaces[group];
  const axis = new Vector3(...first.axis);
  const found = { low: Infinity, high: -Infinity, angle: 0 };
  groups.forEach((each, face) => {
    if (each !== group) return;
    const surface = surfaces[face];
    const apart = new Vector3(...surface.origin).sub(new Vector3(...first.origin));
    const way = Math.sign(axis.dot(new Vector3(...surface.axis)));
    const heights = surface.extent_height.map(
      (height) => apart.dot(axis) + way * height,
    );
    found.low = Math.min(found.low, MM_PER_M * Math.min(...heights));
    found.high = Math.max(found.high, MM_PER_M * Math.max(...heights));
    found.angle += surface.extent_angle[1] - surface.extent_angle[0];
  });
  return found;
}

/** Whether the faces of a cylinder look at its axis. */
function isHollow({ faces, index, positions, normals }, group, { origin, axis }) {
  const vertex = index[3 * faces.indexOf(group)];
  const arm = new Vector3()
    .fromArray(positions, 3 * vertex)
    .sub(new Vector3(...origin));
  const along = new Vector3(...axis);
  arm.addScaledVector(along, -arm.dot(along));
  return arm.dot(new Vector3().fromArray(normals, 3 * vertex)) < 0;
}

function endsOf(mesh, { points }) {
  return [0, points.length - 3].map((start) => {
    return new Vector3().fromArray(points, start).applyMatrix4(mesh.matrixWorld);
  });
}

function place(mesh, point) {
  return toVector(point).applyMatrix4(mesh.matrixWorld);
}

function turn(mesh, direction) {
  return toVector(direction).transformDirection(mesh.matrixWorld);
}

function toVector(value) {
  return value.isVector3 ? value.clone() : new Vector3(...value);
}
