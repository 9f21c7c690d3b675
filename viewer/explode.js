// How far each piece of an assembly goes when it is taken apart.

import { Vector3 } from "three";

// By how much distances from the middle grow: until no box is in another, but
// within these bounds.
const LEAST = 1.8;
const MOST = 4;
const AIR = 1.15;
const MANY = 300; // pieces; comparing each with each would take too long beyond
const CLOSE = 0.01; // of the assembly's diagonal: pieces with one middle

/**
 * Return for each body where it goes at `share` (0 together, 1 apart), as
 * `(share) => (body) => Vector3` in millimetres.
 *
 * Pieces leave the middle of the assembly they are in, and assemblies that of
 * theirs, so that what belongs together stays so. Pieces that share a middle, as
 * a shaft and the ring on it, go apart along the way the assembly is longest.
 *
 * @param {{tree: object[]}} model
 */
export function planExplosion({ tree }) {
  const ways = new Map();
  spread(tree.map(unwrap), new Vector3());
  return (share) => (body) => ways.get(body).clone().multiplyScalar(share);

  function spread(nodes, carried) {
    const pieces = nodes.map((node) => pieceOf(node));
    const whole = union(pieces.map(({ box }) => box));
    const middle = whole.getCenter(new Vector3());
    const size = whole.getSize(new Vector3());
    const near = CLOSE * size.length();
    const growth = growthOf(pieces, near) - 1;
    const along = longest(size);
    pieces.forEach(({ node, center }, i) => {
      const before = pieces.slice(0, i);
      const same = before.filter((other) => other.center.distanceTo(center) < near);
      const way = center.clone().sub(middle).multiplyScalar(growth);
      way.addScaledVector(along, same.length * size.dot(along)).add(carried);
      if (node.body) ways.set(node.body, way);
      if (node.children.length) spread(node.children.map(unwrap), way);
    });
  }
}

/** An assembly of one is that one. */
export function unwrap(node) {
  const isWrapper = !node.body && node.children.length === 1;
  return isWrapper ? unwrap(node.children[0]) : node;
}

function pieceOf(node) {
  const box = boxOf(node);
  return {
    node,
    box,
    center: box.getCenter(new Vector3()),
    size: box.getSize(new Vector3()),
  };
}

function boxOf({ body, children }) {
  const boxes = children.map(boxOf);
  return union(body ? [body.home, ...boxes] : boxes);
}

function union([first, ...others]) {
  return others.reduce((all, box) => all.union(box), first.clone());
}

function growthOf(pieces, near) {
  if (pieces.length > MANY) return LEAST;
  let growth = LEAST;
  pieces.forEach((one, i) => {
    for (const other of pieces.slice(i + 1)) {
      if (one.center.distanceTo(other.center) < near) continue;
      growth = Math.max(growth, AIR * clearance(one, other));
    }
  });
  return Math.min(growth, MOST);
}

/** By how much the distance of two boxes must grow until they just part. */
function clearance(one, other) {
  const axes = ["x", "y", "z"].map((axis) => {
    const distance = Math.abs(one.center[axis] - other.center[axis]);
    return (one.size[axis] + other.size[axis]) / 2 / distance;
  });
  return Math.min(...axes);
}

function longest({ x, y, z }) {
  if (x >= y && x >= z) return new Vector3(1, 0, 0);
  return y >= z ? new Vector3(0, 1, 0) : new Vector3(0, 0, 1);
}
