// Where one looks from: an orthographic camera that orbits a target, Z up.
//
// Not three's OrbitControls: with an orthographic camera its zoom to the cursor
// leaves the target at another depth (r187, `newRadius`), and at the next turn
// the part swings out of view.

import { MathUtils, OrthographicCamera, Vector3 } from "three";

const QUARTER = Math.PI / 2;
const POLE = 1e-5; // radians kept from straight up, where "up" has no direction

/** Azimuth and polar angle each view is seen from, in radians. */
export const VIEWS = {
  front: [-QUARTER, QUARTER],
  back: [QUARTER, QUARTER],
  left: [Math.PI, QUARTER],
  right: [0, QUARTER],
  top: [-QUARTER, 0],
  bottom: [-QUARTER, Math.PI],
  isometric: anglesOf(new Vector3(1, -1.15, 0.85)), // as the thumbnail is drawn
};

const FILL = 0.9; // of the frame that a fitted model fills, as in the thumbnail
const FILL_AROUND = 0.8; // where something is drawn around it
const CLOSEST = 1e-3; // half the height of the view, in radii of the model
const FARTHEST = 4;
const FLIGHT_MS = 160;

/** Moves the camera; the one who knows its place. */
export class Rig {
  camera = new OrthographicCamera();

  #model;
  #onChange;
  #width = 1;
  #height = 1;
  #flight = 0;
  #isFitted = true; // nobody has moved the model since it was fitted
  #around = []; // points that a fitted view shows as well
  #place; // { azimuth, polar, target (mm), half: of the view's height (mm) }

  /**
   * @param {{sphere: import("three").Sphere, points: Float32Array}} model
   * @param {() => void} onChange the camera has moved
   */
  constructor(model, onChange) {
    this.#model = model;
    this.#onChange = onChange;
    const [azimuth, polar] = VIEWS.isometric;
    this.#place = { azimuth, polar, target: model.sphere.center.clone(), half: 1 };
  }

  /**
   * Where one looks from, for `go`: `{azimuth, polar}` in radians, and unless the
   * model is just fitted `target` and `span`, the shorter side of the frame, in mm.
   */
  get place() {
    const { azimuth, polar, target, half } = this.#place;
    if (this.#isFitted) return { azimuth, polar };
    return { azimuth, polar, target: target.toArray(), span: 2 * half * this.#narrow };
  }

  /** Look from there at once. */
  go({ azimuth, polar, target, span }) {
    this.#stop();
    this.#isFitted = !target;
    if (this.#isFitted) {
      this.#settle(this.#fitted({ azimuth, polar }));
      return;
    }
    const place = { azimuth, polar: MathUtils.clamp(polar, 0, Math.PI) };
    place.target = this.#model.sphere.clampPoint(
      new Vector3(...target),
      new Vector3(),
    );
    place.half = this.#clampHalf(span / (2 * this.#narrow));
    this.#settle(place);
  }

  /** Look along other angles, in radians, at the whole model. */
  look(azimuth, polar) {
    this.#fly({ azimuth, polar });
  }

  /** The model is larger or smaller now, or another one; somebody draws it anew. */
  refresh(model = this.#model) {
    this.#model = model;
    this.#stop();
    this.#settle(this.#isFitted ? this.#fitted(this.#place) : this.#place, false);
  }

  /** Take the size of the frame, in CSS pixels. */
  resize(width, height) {
    this.#width = width;
    this.#height = height;
    this.refresh();
  }

  /** Turn the camera round the model, by radians. */
  turn(azimuth, polar) {
    const place = this.#leave();
    const { back } = axesOf(place);
    // Turn about the depth the model's middle lies in. Along the line of sight
    // the target may move unseen.
    const depth = this.#model.sphere.center.clone().sub(place.target).dot(back);
    place.target.addScaledVector(back, depth);
    place.azimuth += azimuth;
    place.polar = MathUtils.clamp(place.polar + polar, 0, Math.PI);
    this.#settle(place);
  }

  /** Move the model, by CSS pixels right and down. */
  pan(x, y) {
    const place = this.#leave();
    const pixel = (2 * place.half) / this.#height;
    this.#shift(place, -x * pixel, y * pixel);
    this.#settle(place);
  }

  /** Magnify, and leave in its place what lies `x`, `y` CSS pixels off the middle. */
  zoom(factor, x = 0, y = 0) {
    const place = this.#leave();
    const half = this.#clampHalf(place.half / factor);
    const moved = (2 * (place.half - half)) / this.#height;
    place.half = half;
    this.#shift(place, x * moved, -y * moved);
    this.#settle(place);
  }

  /** Leave room round `points` too, three numbers each, in a view that is fitted. */
  surround(points) {
    this.#around = points;
    if (this.#isFitted) this.#fly(this.#place);
  }

  /** Show the whole model from where the camera stands. */
  fit() {
    this.#fly(this.#place);
  }

  /** Show the whole model from one of VIEWS. */
  view(name) {
    this.look(...VIEWS[name]);
  }

  dispose() {
    this.#stop();
  }

  /** The shorter side of the frame, in heights of it. */
  get #narrow() {
    return Math.min(1, this.#width / this.#height);
  }

  #clampHalf(half) {
    const { radius } = this.#model.sphere;
    return MathUtils.clamp(half, CLOSEST * radius, FARTHEST * radius);
  }

  /** Begin a move by hand: what was under way ends here. */
  #leave() {
    this.#stop();
    this.#isFitted = false;
    return { ...this.#place, target: this.#place.target.clone() };
  }

  #shift(place, x, y) {
    const { right, up } = axesOf(place);
    place.target.addScaledVector(right, x).addScaledVector(up, y);
    this.#model.sphere.clampPoint(place.target, place.target); // never out of sight
  }

  /** The place from where all of the model just fits into the frame. */
  #fitted({ azimuth, polar }) {
    const axes = axesOf({ azimuth, polar });
    const clouds = [this.#model.points, this.#around];
    const [left, right] = extent(clouds, axes.right);
    const [bottom, top] = extent(clouds, axes.up);
    const fill = this.#around.length ? FILL_AROUND : FILL;
    const aspect = this.#width / this.#height;
    const { center } = this.#model.sphere;
    const target = new Vector3()
      .addScaledVector(axes.right, (left + right) / 2)
      .addScaledVector(axes.up, (bottom + top) / 2)
      .addScaledVector(axes.back, center.dot(axes.back));
    const half = Math.max(top - bottom, (right - left) / aspect) / (2 * fill);
    return { azimuth, polar, target, half };
  }

  #fly(to) {
    this.#stop();
    const start = { ...this.#place };
    const end = this.#fitted(to);
    this.#isFitted = true;
    if (prefersStillness()) {
      this.#settle(end);
      return;
    }
    const began = performance.now();
    const step = (now) => {
      const time = MathUtils.clamp((now - began) / FLIGHT_MS, 0, 1);
      this.#settle(time < 1 ? between(start, end, 1 - (1 - time) ** 3) : end);
      this.#flight = time < 1 ? requestAnimationFrame(step) : 0;
    };
    this.#flight = requestAnimationFrame(step);
  }

  #stop() {
    cancelAnimationFrame(this.#flight);
  }

  #settle(place, isSeen = true) {
    this.#place = place;
    const { camera } = this;
    const { center, radius } = this.#model.sphere;
    const { right, up, back } = axesOf(place);
    const half = place.half;
    camera.top = half;
    camera.right = (half * this.#width) / this.#height;
    camera.bottom = -camera.top;
    camera.left = -camera.right;
    // Depth is as exact as the planes are close; they just hold the model.
    const depth = place.target.clone().sub(center).dot(back);
    camera.near = 0.99 * radius + depth;
    camera.far = 3.01 * radius + depth;
    camera.position.copy(place.target).addScaledVector(back, 2 * radius);
    camera.matrix.makeBasis(right, up, back);
    camera.quaternion.setFromRotationMatrix(camera.matrix);
    camera.updateProjectionMatrix();
    if (isSeen) this.#onChange();
  }
}

/** Right, up and back of the frame, as unit vectors in the world. */
function axesOf({ azimuth, polar }) {
  const tilt = MathUtils.clamp(polar, POLE, Math.PI - POLE);
  const back = new Vector3(
    Math.sin(tilt) * Math.cos(azimuth),
    Math.sin(tilt) * Math.sin(azimuth),
    Math.cos(tilt),
  );
  const right = new Vector3(-Math.sin(azimuth), Math.cos(azimuth), 0);
  return { right, up: new Vector3().crossVectors(back, right), back };
}

function anglesOf({ x, y, z }) {
  return [Math.atan2(y, x), Math.atan2(Math.hypot(x, y), z)];
}

function between(a, b, share) {
  const turn = MathUtils.euclideanModulo(b.azimuth - a.azimuth + Math.PI, 2 * Math.PI);
  return {
    azimuth: a.azimuth + share * (turn - Math.PI),
    polar: MathUtils.lerp(a.polar, b.polar, share),
    target: new Vector3().lerpVectors(a.target, b.target, share),
    half: a.half * (b.half / a.half) ** share,
  };
}

function extent(clouds, axis) {
  let low = Infinity;
  let high = -Infinity;
  for (const points of clouds) {
    for (let i = 0; i < points.length; i += 3) {
      const at = points[i] * axis.x + points[i + 1] * axis.y + points[i + 2] * axis.z;
      if (at < low) low = at;
      if (at > high) high = at;
    }
  }
  return [low, high];
}

function prefersStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
