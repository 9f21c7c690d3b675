// What a pointer means: the corner, edge or face it is nearest to, and in sight.

import { Matrix4, Ray, Vector3 } from "three";

import { gettext } from "../static/js/words.js";
import { curveFeature, faceFeature, pointFeature } from "./features.js";
import { projector } from "./project.js";

// How near, in CSS pixels, a pointer must come. A finger covers what it points at.
const MOUSE = { point: 9, edge: 6 };
const FINGER = { point: 20, edge: 14 };
// Where several are near, a corner is meant rather than an edge that runs into it.
const HANDICAP = { vertex: 0, center: 0, middle: 2, edge: 5, arc: 6 };
const TRIES = 12; // candidates that are tested for being in sight
const MOST_STOPS = 400; // for the keyboard
const FULL = 2 * Math.PI - 1e-3;

/** Finds features under a pointer. */
export class Snap {
  #run;
  #size;
  #project;
  #stops = { key: "", found: [] };

  constructor(run) {
    this.#run = run;
    this.#project = projector(run);
  }

  /** Return the feature at `x`, `y` CSS pixels of the canvas, or null. */
  pick(x, y, isFinger = false) {
    this.#measure();
    const reach = isFinger ? FINGER : MOUSE;
    const near = this.#candidates(x, y, reach);
    near.sort((a, b) => a.score - b.score);
    for (const candidate of near.slice(0, TRIES)) {
      if (this.#isInSight(candidate.sight)) return candidate.feature();
    }
    return this.#face(x, y) ?? this.#rim(x, y);
  }

  /** The features one can step through, from the top left to the bottom right. */
  stops() {
    const { model, rig } = this.#run;
    const { projectionMatrix, matrixWorld } = rig.camera;
    const shown = this.#run.shapes.visible().map(({ id }) => id);
    const cuts = model.planes.flatMap(({ normal, constant }) => [...normal, constant]);
    const view = [...projectionMatrix.elements, ...matrixWorld.elements];
    const key = [view, shown, cuts].join(";");
    if (key !== this.#stops.key) this.#stops = { key, found: this.#findStops() };
    return this.#stops.found;
  }

  #findStops() {
    this.#measure();
    const stops = [];
    const seen = new Set();
    for (const mesh of this.#run.shapes.visible()) {
      const shape = this.#run.shapes.of(mesh);
      const project = this.#projector(mesh);
      for (const [index, curve] of shape.curves.entries()) {
        const points = samplesOf(curve);
        const sight = points.map((point) => point.applyMatrix4(mesh.matrixWorld));
        const at = sight.find((point) => this.#isInSight([point]));
        if (!at) continue;
        const feature = this.#ofCurve(mesh, curve, index, at);
        if (seen.has(feature.key)) continue;
        seen.add(feature.key);
        const [x, y] = project(mesh.worldToLocal(at.clone()));
        stops.push({ feature, x, y });
        if (stops.length >= MOST_STOPS) break;
      }
      if (stops.length >= MOST_STOPS) break;
    }
    for (const stop of this.#faceStops(seen)) stops.push(stop);
    return stops.sort((a, b) => a.y - b.y || a.x - b.x).map(({ feature }) => feature);
  }

  /** Faces that hold the middle of a coarse net over the picture. */
  *#faceStops(seen) {
    const { width, height } = this.#size;
    for (let row = 1; row < 12; row++) {
      for (let column = 1; column < 16; column++) {
        const [x, y] = [(column * width) / 16, (row * height) / 12];
        const feature = this.#face(x, y);
        if (!feature || seen.has(feature.key)) continue;
        seen.add(feature.key);
        yield { feature, x, y };
      }
    }
  }

  /** The points of a curve in the world. */
  pointsOf(mesh, { points }) {
    return Array.from({ length: points.length / 3 }, (_, i) => {
      return pointOf(points, i).applyMatrix4(mesh.matrixWorld);
    });
  }

  #measure() {
    const { clientWidth: width, clientHeight: height } = this.#run.canvas;
    this.#size = { width, height };
    this.#run.rig.camera.updateMatrixWorld();
  }

  #candidates(x, y, reach) {
    const found = [];
    for (const mesh of this.#run.shapes.visible()) {
      const project = this.#projector(mesh);
      for (const [index, curve] of this.#run.shapes.of(mesh).curves.entries()) {
        found.push(...this.#near(mesh, curve, index, { x, y, reach, project }));
      }
    }
    return found;
  }

  *#near(mesh, curve, index, { x, y, reach, project }) {
    const toWorld = (point) => point.clone().applyMatrix4(mesh.matrixWorld);
    const score = (local) => {
      const [u, v] = project(local);
      return Math.hypot(u - x, v - y);
    };
    const edge = nearest(curve.points, x, y, project);
    if (edge.distance < reach.edge) {
      const at = toWorld(edge.point);
      yield {
        score: edge.distance + HANDICAP.edge,
        sight: [at],
        feature: () => this.#ofCurve(mesh, curve, index, at),
      };
    }
    const points = [];
    if (curve.kind === "arc") {
      const name = gettext("Middle of the arc");
      const local = curve.center;
      if (curve.sweep > FULL) {
        points.push({ as: "center", local, name, sight: samplesOf(curve) });
      } else {
        points.push({ as: "arc", local, name });
      }
    } else if (curve.kind === "line") {
      const local = pointOf(curve.points, 0)
        .add(pointOf(curve.points, -1))
        .divideScalar(2);
      points.push({ as: "middle", local, name: gettext("Middle of the edge") });
    }
    if (!curve.isClosed && edge.distance < reach.point) {
      for (const end of [0, -1]) {
        const local = pointOf(curve.points, end);
        points.push({ as: "vertex", local, name: gettext("Corner") });
      }
    }
    for (const { as, local, name, sight = [local] } of points) {
      const off = score(local);
      if (off >= reach.point) continue;
      const isWhole = as === "center" && curve.sweep > FULL;
      yield {
        score: off + HANDICAP[as],
        sight: sight.map(toWorld),
        feature: () =>
          isWhole
            ? this.#ofCurve(mesh, curve, index, toWorld(sight[0]))
            : pointFeature(mesh, toWorld(local), name),
      };
    }
  }

  /** A curve, or the hole or shaft whose rim it is. */
  #ofCurve(mesh, curve, index, at) {
    if (curve.kind === "arc" && curve.sweep > FULL) {
      const { surfaces } = mesh.userData.solid;
      const round = curve.groups.find((group) => {
        const surface = surfaces[group];
        return (
          surface?.type === "cylinder" &&
          Math.abs(surface.radius - curve.radius) < 1e-4 * curve.radius
        );
      });
      if (round !== undefined) return this.#ofFace(mesh, round, at);
    }
    return curveFeature(mesh, curve, index, at);
  }

  #face(x, y) {
    const hit = this.#run.shapes.hit(this.#ray(x, y), this.#run.model.planes);
    if (!hit) return null;
    const { faces } = hit.mesh.userData.solid;
    if (!faces) return pointFeature(hit.mesh, hit.point, gettext("Point"));
    const { groups } = this.#run.shapes.of(hit.mesh);
    return this.#ofFace(hit.mesh, groups[faces[hit.triangle]], hit.point);
  }

  /** A face; of a hole or a shaft the end that looks at us stands for it. */
  #ofFace(mesh, group, at) {
    const feature = faceFeature(mesh, group, this.#run.shapes.of(mesh), at);
    if (feature.kind !== "cylinder") return feature;
    const back = new Vector3().setFromMatrixColumn(this.#run.rig.camera.matrixWorld, 2);
    const p = feature.axis.dot(back) > 0 ? feature.ends[1] : feature.ends[0];
    return { ...feature, p };
  }

  /** Who points through a hole means the hole. */
  #rim(x, y) {
    const ray = this.#ray(x, y);
    let best = null;
    for (const mesh of this.#run.shapes.visible()) {
      for (const [index, curve] of this.#run.shapes.of(mesh).curves.entries()) {
        if (curve.kind !== "arc" || curve.sweep <= FULL) continue;
        if (best && best.curve.radius <= curve.radius) continue;
        const center = curve.center.clone().applyMatrix4(mesh.matrixWorld);
        const axis = curve.axis.clone().transformDirection(mesh.matrixWorld);
        const slope = ray.direction.dot(axis);
        if (Math.abs(slope) < 0.05) continue;
        const way = center.clone().sub(ray.origin).dot(axis) / slope;
        const met = ray.at(way, new Vector3());
        const scale = mesh.matrixWorld.getMaxScaleOnAxis();
        if (met.distanceTo(center) < scale * curve.radius)
          best = { mesh, curve, index };
      }
    }
    if (!best) return null;
    const { mesh, curve, index } = best;
    const at = pointOf(curve.points, 0).applyMatrix4(mesh.matrixWorld);
    return this.#isInSight([at]) ? this.#ofCurve(mesh, curve, index, at) : null;
  }

  /** Whether nothing lies before one of these points, and no cut took it away. */
  #isInSight(points) {
    const { sphere, planes } = this.#run.model;
    const slack = 1e-3 * sphere.radius;
    return points.some((point) => {
      if (planes.some((plane) => plane.distanceToPoint(point) < -slack)) return false;
      const [x, y] = this.#project(point);
      const ray = this.#ray(x, y);
      const hit = this.#run.shapes.hit(ray, planes);
      return !hit || hit.distance > point.distanceTo(ray.origin) - slack;
    });
  }

  #ray(x, y) {
    const { width, height } = this.#size;
    const { camera } = this.#run.rig;
    const [u, v] = [(2 * x) / width - 1, 1 - (2 * y) / height];
    const origin = new Vector3(u, v, -1).unproject(camera);
    const end = new Vector3(u, v, 1).unproject(camera);
    return new Ray(origin, end.sub(origin).normalize());
  }

  /** Projects points of a mesh's own space to CSS pixels. */
  #projector(mesh) {
    const { camera } = this.#run.rig;
    const { width, height } = this.#size;
    const matrix = new Matrix4()
      .multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse)
      .multiply(mesh.matrixWorld);
    const [a, b, , , e, f, , , i, j, , , m, n] = matrix.elements;
    return ({ x, y, z }) => [
      ((1 + a * x + e * y + i * z + m) * width) / 2,
      ((1 - b * x - f * y - j * z - n) * height) / 2,
    ];
  }
}

/** The point of a polyline nearest to a place in the picture. */
function nearest(points, x, y, project) {
  let best = { distance: Infinity };
  const here = new Vector3();
  let from = null;
  for (let i = 0; i < points.length; i += 3) {
    const to = project(here.fromArray(points, i));
    if (from) {
      const [u, v] = [to[0] - from[0], to[1] - from[1]];
      const square = u * u + v * v;
      const share = square ? ((x - from[0]) * u + (y - from[1]) * v) / square : 0;
      const t = Math.max(0, Math.min(1, share));
      const distance = Math.hypot(from[0] + t * u - x, from[1] + t * v - y);
      if (distance < best.distance) best = { distance, start: i - 3, t };
    }
    from = to;
  }
  const a = new Vector3().fromArray(points, best.start ?? 0);
  const b = new Vector3().fromArray(points, (best.start ?? -3) + 3);
  return { distance: best.distance, point: a.lerp(b, best.t ?? 0) };
}

function pointOf(points, index) {
  return new Vector3().fromArray(
    points,
    index < 0 ? points.length + 3 * index : 3 * index,
  );
}

/** Some points of a curve that stand for whether it is in sight. */
function samplesOf({ points }) {
  const count = points.length / 3;
  const steps = [
    0,
    Math.floor(count / 4),
    Math.floor(count / 2),
    Math.floor((3 * count) / 4),
  ];
  const middle = count === 2 ? [pointOf(points, 0).lerp(pointOf(points, 1), 0.5)] : [];
  return [...middle, ...new Set(steps)].map((step) =>
    step.isVector3 ? step : pointOf(points, step),
  );
}
