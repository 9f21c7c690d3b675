// What measuring needs to know of each solid, found when it is first asked for: a
// tree of its triangles to shoot rays at, and its curves and faces.

import { Matrix4, Ray } from "three";
import { MeshBVH } from "three-mesh-bvh";

import { findCurves } from "./curves.js";

/** The shapes of a model's solids; equal parts share one. */
export class Shapes {
  #meshes;
  #found = new Map();

  /** @param {import("three").Mesh[]} meshes each with its `userData.solid` */
  constructor(meshes) {
    this.#meshes = meshes;
  }

  /** Return `{tree, curves, groups}` of a mesh. */
  of(mesh) {
    const { solid } = mesh.userData;
    if (!this.#found.has(solid)) {
      // Indirect: the order of the triangles is what names their faces.
      const tree = new MeshBVH(mesh.geometry, { indirect: true });
      this.#found.set(solid, { tree, ...findCurves(solid) });
    }
    return this.#found.get(solid);
  }

  /** Find all shapes, one a task, so that frames and hands come in between. */
  async prepare(signal) {
    for (const mesh of this.#meshes) {
      if (this.#found.has(mesh.userData.solid)) continue;
      await new Promise((resolve) => setTimeout(resolve));
      if (signal.aborted) return;
      this.of(mesh);
    }
  }

  /** The meshes on show. */
  visible() {
    return this.#meshes.filter(isShown);
  }

  /**
   * Return the first thing a ray meets, `{mesh, point, triangle, distance}`, or null.
   *
   * @param {Ray} ray in the world
   * @param {import("three").Plane[]} planes that cut the model; what lies behind
   *   one of them is not there
   */
  hit(ray, planes) {
    let nearest = null;
    for (const mesh of this.visible()) {
      const toLocal = new Matrix4().copy(mesh.matrixWorld).invert();
      const local = new Ray().copy(ray).applyMatrix4(toLocal);
      for (const hit of this.#hits(mesh, local, planes.length > 0)) {
        const point = hit.point.applyMatrix4(mesh.matrixWorld);
        if (planes.some((plane) => plane.distanceToPoint(point) < 0)) continue;
        const distance = point.distanceTo(ray.origin);
        if (nearest && nearest.distance <= distance) continue;
        nearest = { mesh, point, distance, triangle: hit.faceIndex };
      }
    }
    return nearest;
  }

  #hits(mesh, ray, wantsAll) {
    const { tree } = this.of(mesh);
    if (wantsAll) return tree.raycast(ray, mesh.material.side);
    const hit = tree.raycastFirst(ray, mesh.material.side);
    return hit ? [hit] : [];
  }
}

function isShown(object) {
  for (let each = object; each; each = each.parent) if (!each.visible) return false;
  return true;
}
