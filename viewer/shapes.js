// What measuring needs to know of each solid, found when it is first asked for: a
// tree of its triangles to shoot rays at, its curves, and how far it reaches.

import { Box3, Matrix4, Ray, Sphere, Vector3 } from "three";
import { MeshBVH } from "three-mesh-bvh";

import { findCurves } from "./curves.js";

const AXES = ["x", "y", "z"];
const MM_PER_M = 1000;

/** The shapes of a model's solids; equal parts share one. */
export class Shapes {
  #meshes;
  #found = new Map(); // solid -> Shape
  #boxes = new Map(); // mesh -> { box, matrix }

  /** @param {import("three").Mesh[]} meshes each with its `userData.solid` */
  constructor(meshes) {
    this.#meshes = meshes;
  }

  /** Return the Shape of a mesh. */
  of(mesh) {
    const { solid } = mesh.userData;
    if (!this.#found.has(solid)) this.#found.set(solid, new Shape(mesh));
    return this.#found.get(solid);
  }

  /** Find all shapes, one a task, so that frames and hands come in between. */
  async prepare(signal) {
    for (const mesh of this.#meshes) {
      const shape = this.of(mesh);
      for (const find of [() => shape.tree, () => shape.curves]) {
        await new Promise((resolve) => setTimeout(resolve));
        if (signal.aborted) return;
        find();
      }
    }
  }

  /** The meshes on show. */
  visible() {
    return this.#meshes.filter(isShown);
  }

  /** The box round the meshes on show, exact where their curves are. */
  box() {
    const whole = new Box3();
    for (const mesh of this.visible()) {
      const known = this.#boxes.get(mesh);
      if (known?.matrix.equals(mesh.matrixWorld)) {
        whole.union(known.box);
        continue;
      }
      const box = this.#boxOf(mesh);
      this.#boxes.set(mesh, { box, matrix: mesh.matrixWorld.clone() });
      whole.union(box);
    }
    return whole;
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
    const sphere = new Sphere();
    for (const mesh of this.visible()) {
      sphere.copy(this.of(mesh).sphere).applyMatrix4(mesh.matrixWorld);
      if (!ray.intersectsSphere(sphere)) continue;
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

  /** A round side often has no vertex where it reaches farthest; its arcs know. */
  #boxOf(mesh) {
    const box = new Box3();
    const point = new Vector3();
    const { attributes, index } = mesh.userData.geometry;
    for (const vertex of new Set(index.array)) {
      point.fromBufferAttribute(attributes.position, vertex);
      box.expandByPoint(point.applyMatrix4(mesh.matrixWorld));
    }
    for (const curve of this.of(mesh).curves) {
      if (curve.kind !== "arc") continue;
      for (const far of farthest(curve, mesh.matrixWorld)) box.expandByPoint(far);
    }
    return box;
  }
}

/** One solid. */
class Shape {
  #solid;
  #geometry;
  #tree = null;
  #lines = null;

  constructor({ userData: { solid, geometry } }) {
    this.#solid = solid;
    this.#geometry = geometry; // whole, while a mesh that moves may draw less
  }

  get tree() {
    // Indirect: the order of the triangles is what names their faces.
    this.#tree ??= new MeshBVH(this.#geometry, { indirect: true });
    return this.#tree;
  }

  get sphere() {
    if (!this.#geometry.boundingSphere) this.#geometry.computeBoundingSphere();
    return this.#geometry.boundingSphere;
  }

  get curves() {
    return this.#found.curves;
  }

  get groups() {
    return this.#found.groups;
  }

  get #found() {
    this.#lines ??= findCurves(this.#solid);
    return this.#lines;
  }
}

/** The points in which an arc reaches farthest along X, Y and Z of the world. */
function* farthest(arc, matrix) {
  const center = arc.center.clone().applyMatrix4(matrix);
  const axis = arc.axis.clone().transformDirection(matrix);
  const radius = arc.radius * MM_PER_M;
  const start = new Vector3().fromArray(arc.points, 0).applyMatrix4(matrix);
  const next = new Vector3().fromArray(arc.points, 3).applyMatrix4(matrix);
  const u = start.sub(center).normalize();
  const v = new Vector3().crossVectors(axis, u);
  if (next.sub(center).dot(v) < 0) v.negate();
  for (const name of AXES) {
    const way = new Vector3();
    way[name] = 1;
    way.addScaledVector(axis, -way.dot(axis));
    if (way.length() < 1e-6) continue;
    way.normalize();
    for (const arm of [way, way.clone().negate()]) {
      const angle = Math.atan2(arm.dot(v), arm.dot(u));
      const turn = angle < 0 ? angle + 2 * Math.PI : angle;
      if (turn <= arc.sweep) yield center.clone().addScaledVector(arm, radius);
    }
  }
}

function isShown(object) {
  for (let each = object; each; each = each.parent) if (!each.visible) return false;
  return true;
}
