// The lines in which a plane cuts a solid.

import { Line3, Matrix4, Plane, Vector3 } from "three";

/**
 * Return the segments, six numbers each, in the space of `mesh`.
 *
 * @param {import("three").Mesh} mesh
 * @param {import("three-mesh-bvh").MeshBVH} tree of its triangles
 * @param {Plane} plane in the world
 */
export function contourOf(mesh, tree, plane) {
  const toLocal = new Matrix4().copy(mesh.matrixWorld).invert();
  const cut = new Plane().copy(plane).applyMatrix4(toLocal);
  const side = new Line3();
  const met = new Vector3();
  const points = [];
  tree.shapecast({
    intersectsBounds: (box) => cut.intersectsBox(box),
    intersectsTriangle: ({ a, b, c }) => {
      const ends = [];
      for (const [from, to] of [
        [a, b],
        [b, c],
        [c, a],
      ]) {
        const isAbove = cut.distanceToPoint(from) > 0;
        if (isAbove === cut.distanceToPoint(to) > 0) continue;
        if (cut.intersectLine(side.set(from, to), met)) ends.push(met.x, met.y, met.z);
      }
      if (ends.length === 6) points.push(...ends);
    },
  });
  return new Float32Array(points);
}
