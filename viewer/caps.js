// The faces of a section: where a plane cuts through material, a hatched surface in
// the part's colour.
//
// For each plane and colour the back faces behind the plane are counted up in the
// stencil buffer and the front faces down. What does not come out even is material.

import {
  AlwaysStencilFunc,
  BackSide,
  BufferAttribute,
  BufferGeometry,
  Color,
  DecrementWrapStencilOp,
  DoubleSide,
  FrontSide,
  Group,
  IncrementWrapStencilOp,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
  NotEqualStencilFunc,
  PlaneGeometry,
  ReplaceStencilOp,
  ShaderMaterial,
  Vector3,
} from "three";

import { contourOf } from "./contour.js";
import { isClosed } from "./edges.js";
import { BEHIND_EDGES } from "./model.js";

const LINES = 36; // of the hatching, across the model's radius
const COUNTING = {
  depthWrite: false,
  depthTest: false,
  colorWrite: false,
  stencilWrite: true,
  stencilFunc: AlwaysStencilFunc,
};

/** The caps of all planes that cut a model. */
export class Caps {
  root = new Group();

  #model;
  #shapes;
  #bodies; // [{ color, meshes }], one a colour
  #counters = []; // the meshes that count
  #contours = []; // { mesh, plane, line, key }
  #materials = [];
  #square = new PlaneGeometry();

  /** @param {import("./shapes.js").Shapes} shapes of the model */
  constructor(model, shapes) {
    this.#model = model;
    model.fine.add(this.root);
    this.#shapes = shapes;
    this.#bodies = bodiesOf(model.meshes);
  }

  /** Take the planes as they are now; how many there are is what costs. */
  fit() {
    const { planes } = this.#model;
    if (this.root.children.length !== planes.length * this.#bodies.length)
      this.#build();
    const { center, radius } = this.#model.sphere;
    for (const cap of this.root.children) {
      const { plane } = cap.userData;
      plane.projectPoint(center, cap.position);
      cap.quaternion.setFromUnitVectors(new Vector3(0, 0, 1), plane.normal);
      cap.scale.setScalar(2.2 * radius);
    }
    this.follow();
  }

  /** Draw the contours anew of what has moved, or is cut elsewhere. */
  follow() {
    for (const contour of this.#contours) {
      const { mesh, plane, line } = contour;
      const key = [
        ...plane.normal,
        plane.constant,
        ...mesh.matrixWorld.elements,
      ].join();
      if (key === contour.key) continue;
      contour.key = key;
      const points = contourOf(mesh, this.#shapes.of(mesh).tree, plane);
      line.geometry.dispose();
      line.geometry = new BufferGeometry();
      line.geometry.setAttribute("position", new BufferAttribute(points, 3));
      line.material.color = this.#model.inkColor;
    }
  }

  dispose() {
    this.#clear();
    this.#square.dispose();
  }

  #build() {
    this.#clear();
    let order = 1;
    for (const plane of this.#model.planes) {
      for (const [index, { color, meshes }] of this.#bodies.entries()) {
        this.#count(plane, meshes, order++);
        this.root.add(this.#cap(plane, color, index, order++));
      }
      this.#outline(plane);
    }
  }

  #count(plane, meshes, order) {
    for (const [side, operation] of [
      [BackSide, IncrementWrapStencilOp],
      [FrontSide, DecrementWrapStencilOp],
    ]) {
      const material = new MeshBasicMaterial({
        ...COUNTING,
        side,
        clippingPlanes: [plane],
        stencilFail: operation,
        stencilZFail: operation,
        stencilZPass: operation,
      });
      this.#materials.push(material);
      for (const mesh of meshes) {
        const counter = new Mesh(mesh.userData.geometry, material);
        counter.renderOrder = order;
        mesh.add(counter);
        this.#model.fine.add(counter);
        this.#counters.push(counter);
      }
    }
  }

  #outline(plane) {
    const material = new LineBasicMaterial({ clippingPlanes: this.#others(plane) });
    this.#materials.push(material);
    for (const mesh of this.#model.meshes) {
      const line = new LineSegments(new BufferGeometry(), material);
      mesh.add(line);
      this.#contours.push({ mesh, plane, line, key: "" });
    }
  }

  #others(plane) {
    return this.#model.planes.filter((other) => other !== plane);
  }

  #cap(plane, color, index, order) {
    const material = capMaterial(color, index % 2 ? -1 : 1, this.#others(plane));
    this.#materials.push(material);
    const cap = new Mesh(this.#square, material);
    cap.userData.plane = plane;
    cap.renderOrder = order;
    cap.onBeforeRender = () => (material.uniforms.ink.value = this.#model.inkColor);
    cap.onAfterRender = (renderer) => renderer.clearStencil();
    return cap;
  }

  #clear() {
    this.root.clear();
    for (const counter of this.#counters) {
      counter.removeFromParent();
      this.#model.fine.delete(counter);
    }
    for (const { line } of this.#contours) {
      line.removeFromParent();
      line.geometry.dispose();
    }
    for (const material of this.#materials) material.dispose();
    this.#counters = [];
    this.#contours = [];
    this.#materials = [];
  }
}

/** Meshes by colour. Open shells have no inside; the colours of one part are one body. */
function bodiesOf(meshes) {
  const bodies = new Map();
  for (const mesh of meshes) {
    const siblings = mesh.parent.children.filter((each) => meshes.includes(each));
    if (siblings.length === 1 && !isClosed(mesh.userData.solid)) continue;
    const { material } = siblings[0].userData; // not what it is marked with
    if (!bodies.has(material))
      bodies.set(material, { color: material.color, meshes: [] });
    bodies.get(material).meshes.push(mesh);
  }
  return [...bodies.values()];
}

function capMaterial(color, lean, planes) {
  return new ShaderMaterial({
    ...BEHIND_EDGES,
    side: DoubleSide,
    clipping: true,
    clippingPlanes: planes,
    stencilWrite: true,
    stencilRef: 0,
    stencilFunc: NotEqualStencilFunc,
    stencilFail: ReplaceStencilOp,
    stencilZFail: ReplaceStencilOp,
    stencilZPass: ReplaceStencilOp,
    uniforms: {
      color: { value: color.clone().lerp(new Color(1, 1, 1), 0.35) },
      ink: { value: null },
      lean: { value: lean },
      lines: { value: 2.2 * LINES },
    },
    vertexShader: `
      varying vec2 place;
      #include <clipping_planes_pars_vertex>
      void main() {
        place = uv;
        vec4 mvPosition = modelViewMatrix * vec4(position, 1.0);
        gl_Position = projectionMatrix * mvPosition;
        #include <clipping_planes_vertex>
      }`,
    fragmentShader: `
      uniform vec3 color;
      uniform vec3 ink;
      uniform float lean;
      uniform float lines;
      varying vec2 place;
      #include <clipping_planes_pars_fragment>
      void main() {
        #include <clipping_planes_fragment>
        float across = lines * (place.x + lean * place.y) / 1.4142;
        float width = fwidth(across);
        float off = abs(fract(across) - 0.5) / width;
        float line = (1.0 - smoothstep(0.2, 1.2, off)) * min(1.0, 0.25 / width);
        gl_FragColor = vec4(mix(color, ink, 0.7 * line), 1.0);
        #include <colorspace_fragment>
      }`,
  });
}
